"""`artfp issue`, `artfp trace` and `artfp ledger`: from a keyed generator to the name behind an image, and every error.

Keys are fixed, so is luck; over keys an innocent is named with a chance of 1e-6.
"""

from __future__ import annotations

import json
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from artfp.cli.main import artfp
from artfp.keys.ledger import Ledger
from artfp.keys.registry import Registry

Run = Callable[..., Result]
PLAIN = {"COLUMNS": "200"}


@pytest.fixture
def run(registry_path: Path, fixed_secrets: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A command in tmp_path, with this test's registry."""
    monkeypatch.chdir(tmp_path)

    def invoke(*words: object, **options: Any) -> Result:
        return CliRunner().invoke(artfp, list(map(str, words)), env={"ARTFP_REGISTRY": str(registry_path)}, **options)

    return invoke


@pytest.fixture
def keyed(painter: Callable[..., Path], tmp_path: Path) -> Path:
    """The folder of a keyed generator."""
    return painter(tmp_path / "keyed")


@pytest.fixture
def leaked(run: Run, keyed: Path) -> Callable[..., Path]:
    """Images of the copy that was issued to a recipient."""

    def sample(name: str, count: int = 4) -> Path:
        done = run("sample", f"issued/{name}", f"leaked-{name}", "--count", count, "--seed", 3)
        assert done.exit_code == 0, done.stderr
        return Path(f"leaked-{name}").absolute()

    return sample


def test_a_leaked_image_leads_to_its_recipient(run: Run, keyed: Path, leaked: Callable[..., Path]) -> None:
    done = run("issue", keyed, "--to", "acme", "--to", "bits", "--check", 16)
    assert done.exit_code == 0, done.stderr
    assert "issued/acme  (issued)" in done.stdout
    assert "acme, entry 1 of the ledger" in done.stdout
    assert "made now" in done.stdout
    assert "16 of 16 name the recipient by themselves, at 1e-12" in done.stdout
    assert done.stderr.count("warning") == 0
    assert sorted(path.name for path in Path("issued/bits").iterdir()) == [
        "README.md",
        "artefacts.json",
        "generator.safetensors",
    ]
    found = run("trace", leaked("bits"))
    assert found.exit_code == 0, found.stderr
    assert found.stdout.startswith("NAMED\nThese 4 images carry the key of bits: made by a copy that was issued with")
    assert "acme" not in found.stdout
    one = run("trace", leaked("acme") / "img00000002.png", "--json")
    result = json.loads(one.stdout)
    assert (one.exit_code, result["outcome"], result["trials"], result["n_images"]) == (0, "named", 2, 1)
    [named] = result["recipients"]
    assert (named["recipient"], [entry["number"] for entry in named["entries"]]) == ("acme", [1])
    assert run("verify", "leaked-acme").exit_code == 0


def test_a_folder_of_several_sources_is_counted(
    run: Run, keyed: Path, leaked: Callable[..., Path], tmp_path: Path
) -> None:
    run("issue", keyed, "--to-file", "-", "--check", 0, "--json", input="acme\n\n  bits \n")
    both = (leaked("acme", 3), leaked("bits", 5))
    found = run("trace", *both, "--each-image")
    assert found.exit_code == 0, found.stderr
    rows = [line.split() for line in found.stdout.splitlines() if line.endswith((" acme", " bits"))]
    assert [(row[2], row[-1]) for row in rows[:2]] == [("5", "bits"), ("3", "acme")]
    assert "8 of 8 images name someone by themselves" in found.stdout
    listed = run("trace", "-", "--each-image", "--json", input="leaked-acme\nleaked-bits\n")
    assert {recipient["images"] for recipient in json.loads(listed.stdout)["recipients"]} == {3, 5}


def test_nobody_is_exit_1_and_an_error_beyond_reach_exit_3(
    run: Run, keyed: Path, tmp_path: Path, clean_pixels: Any, write_pngs: Callable[..., list[Path]]
) -> None:
    run("issue", keyed, "--to", "acme", "--check", 0)
    write_pngs(tmp_path / "clean", clean_pixels[:4])
    nobody = run("trace", "clean")
    assert nobody.exit_code == 1
    assert nobody.stdout.startswith("NOBODY\nNo evidence of the key tried in these 4 images")
    beyond = run("trace", "clean", "--error", "1e-20")
    assert (beyond.exit_code, beyond.stdout[:12]) == (3, "INCONCLUSIVE")
    assert run("trace", "clean", "--error", "0").exit_code == 2
    (tmp_path / "clean" / "torn.png").write_bytes(b"\x89PNG")
    torn = run("trace", "clean", "--json")
    assert torn.exit_code == 4
    assert [file["name"] for file in json.loads(torn.stdout)["bad_files"]] == ["clean/torn.png"]
    assert "skipped" in run("trace", "clean", "--skip-bad").stderr


def test_the_copy_goes_where_it_is_told(run: Run, keyed: Path, tmp_path: Path) -> None:
    done = run("issue", keyed / "generator.safetensors", "--to", "acme", "--out", "for-acme", "--check", 8, "--json")
    [copy] = json.loads(done.stdout)["issued"]
    assert (copy["folder"], copy["state"], copy["key_is_new"]) == ("for-acme", "issued", True)
    assert copy["check"]["images"] == 8
    assert "were not read" not in done.stderr
    several = run("issue", keyed, "--to", "b/c", "--to", "d", "--out", "many", "--check", 0, "--name", "tulips")
    again = run("issue", keyed, "--to", "b/c", "--to", "d", "--out", "many", "--check", 0, "--json")
    assert all("were not read (--check 0)" in shown.stderr for shown in (several, again))
    assert sorted(path.name for path in Path("many").iterdir()) == ["b-c", "d"]
    assert "# tulips" in Path("many/d/README.md").read_text()


def test_issuing_again_leaves_what_is_there_and_goes_on_where_something_is_left(run: Run, keyed: Path) -> None:
    run("issue", keyed, "--to", "acme", "--check", 0)
    again = run("issue", keyed, "--to", "acme", "--check", 0)
    assert again.exit_code == 0
    assert "issued/acme  (there already)" in again.stdout
    assert "entry 1 of the ledger" in again.stdout
    more = run("issue", keyed, "--to", "acme", "--to", "bits", "--check", 0)
    assert more.exit_code == 0
    assert "issued/acme  (there already)" in more.stdout
    Path("issued/bits").rename("away")
    assert "issued/bits  (written again)" in run("issue", keyed, "--to", "bits", "--check", 0).stdout


def test_a_copy_that_does_not_match_is_exit_1(run: Run, painter: Callable[..., Path], tmp_path: Path) -> None:
    done = run("issue", painter(tmp_path / "deaf", 0.0), "--to", "acme", "--check", 16)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "nothing is issued to acme" in done.stderr
    assert not Path("issued/acme").exists()


def test_a_copy_that_is_hard_to_trace_is_warned_of(run: Run, painter: Callable[..., Path], tmp_path: Path) -> None:
    for form in ((), ("--json",)):
        name = f"acme{len(form)}"
        done = run("issue", painter(tmp_path / f"faint-{name}", 0.25), "--to", name, "--check", 32, *form)
        assert done.exit_code == 0
        assert f"warning: {name}: only " in done.stderr
        assert " of 32 samples would name the recipient by themselves" in done.stderr


@pytest.mark.parametrize(
    ("stop", "code"), [(KeyboardInterrupt(), 130), (OSError(28, "No space left on device", "bits"), 5)]
)
def test_whatever_stops_the_others_the_record_tells_what_was_issued(
    run: Run, keyed: Path, monkeypatch: pytest.MonkeyPatch, stop: BaseException, code: int
) -> None:
    honest = Ledger.record

    def record(ledger: Ledger, given: Any) -> Any:
        if given.recipient == "bits":
            raise stop
        return honest(ledger, given)

    monkeypatch.setattr(Ledger, "record", record)
    done = run("issue", keyed, "--to", "acme", "--to", "bits", "--check", 0, "--json")
    assert done.exit_code == code
    assert [copy["entry"]["recipient"] for copy in json.loads(done.stdout)["issued"]] == ["acme"]
    assert "were not read (--check 0)" in done.stderr


def test_what_is_wrong_is_said(run: Run, keyed: Path, tmp_path: Path) -> None:
    def refused(code: int, words: str, *arguments: object) -> None:
        done = run(*arguments)
        assert (done.exit_code, done.stdout) == (code, ""), done.stdout
        assert words in done.stderr

    refused(2, "to whom? Name recipients with --to", "issue", keyed)
    refused(2, "is no name for a key", "issue", keyed, "--to", "a b")
    refused(2, "names of the same folder", "issue", keyed, "--to", "a/b", "--to", "a-b")
    refused(2, "exists; choose a new folder", "issue", keyed, "--to", "acme", "--out", keyed)
    refused(2, "not of artfp-64", "issue", keyed, "--to", "acme", "--codec", "artfp-64")
    refused(4, "no such checkpoint", "issue", "absent", "--to", "acme")
    assert "were not read" not in run("issue", "absent", "--to", "acme", "--check", 0).stderr
    refused(2, "no ledger here; `artfp issue GENERATOR --to NAME` makes one", "ledger", "list", "--ledger", "x.sqlite")
    refused(2, "nothing has been issued yet", "trace", keyed)
    run("issue", keyed, "--to", "acme", "--check", 0)
    refused(2, "not a keyed generator", "issue", "issued/acme", "--to", "bits")
    refused(2, "no such file or folder", "trace", "absent")
    refused(2, "no codec 'nothing'", "trace", keyed, "--codec", "nothing")


def test_the_ledger_lies_beside_the_registry_or_where_it_is_told(
    run: Run, keyed: Path, registry_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run("issue", keyed, "--to", "acme", "--check", 0)
    path = registry_path.with_name("ledger.sqlite")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    monkeypatch.setenv("ARTFP_LEDGER", str(tmp_path / "own.sqlite"))
    run("issue", keyed, "--to", "bits", "--check", 0)
    listed = json.loads(run("ledger", "list", "--json").stdout)
    assert [entry["recipient"] for entry in listed] == ["bits"]
    assert [entry["recipient"] for entry in json.loads(run("ledger", "list", "--ledger", path, "--json").stdout)] == [
        "acme"
    ]


def test_the_ledger_is_listed_checked_and_exported(run: Run, keyed: Path, registry_path: Path) -> None:
    run("issue", keyed, "--to", "acme", "--to", "bits", "--check", 0)
    with Ledger(registry_path.with_name("ledger.sqlite")) as ledger:
        first, last = ledger.entries()
    lines = run("ledger", "list").stdout.splitlines()
    assert (lines[0].split()[0], lines[1].split()[-1], lines[2].split()[-1]) == ("entry", "acme", "bits")
    assert run("ledger", "check").stdout == f"2 entries, sound; the last digest is {last.digest}\n"
    checked = run("ledger", "check", "--since", first.digest, "--json")
    assert json.loads(checked.stdout) == {"entries": 2, "digest": last.digest}
    assert run("ledger", "check", "--since", "0" * 63 + "1").exit_code == 4
    assert run("ledger", "check", "--since", first.digest[:12]).exit_code == 2
    assert run("ledger", "export", "ledger.json").exit_code == 0
    assert stat.S_IMODE(Path("ledger.json").stat().st_mode) == 0o600
    document = json.loads(Path("ledger.json").read_text())
    assert (document["kind"], document["entries"]) == ("artfp-ledger", [first.to_dict(), last.to_dict()])
    assert document["digest"] == last.digest
    assert run("ledger", "export", "ledger.json").exit_code == 2
    assert json.loads(run("ledger", "export", "-").stdout) == document
    with Registry(registry_path) as registry:
        assert registry.export("acme")["secret"] not in json.dumps(document)


def test_an_altered_ledger_is_exit_4(run: Run, keyed: Path, registry_path: Path, leaked: Callable[..., Path]) -> None:
    run("issue", keyed, "--to", "acme", "--check", 0)
    images = leaked("acme")
    connection = sqlite3.connect(registry_path.with_name("ledger.sqlite"), isolation_level=None)
    connection.execute("DROP TRIGGER no_change")
    connection.execute("UPDATE entries SET recipient = 'innocent'")
    connection.close()
    for words in (("ledger", "check"), ("ledger", "export", "-"), ("trace", images)):
        done = run(*words)
        assert (done.exit_code, done.stdout) == (4, "")
        assert "entry 1 does not have the digest of its content" in done.stderr


@pytest.mark.parametrize(
    ("command", "exits"), [("issue", "1 some got none, as their samples do not match"), ("trace", "3 inconclusive")]
)
def test_help_says_the_exit_codes(command: str, exits: str) -> None:
    words = " ".join(CliRunner().invoke(artfp, [command, "--help"], env=PLAIN).stdout.split())
    assert exits in words
    assert "--ledger" in words
