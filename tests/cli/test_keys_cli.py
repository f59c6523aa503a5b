"""`artfp key`: what each command prints, writes and refuses, and its exit code."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from artfp.cli.main import artfp
from artfp.codec.dct import DctCodec
from artfp.keys.registry import Registry

Run = Callable[..., Result]


@pytest.fixture
def run(registry_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `artfp key ...` on this test's registry; stdout and stderr come apart."""
    monkeypatch.setenv("ARTFP_REGISTRY", str(registry_path))

    def invoke(*arguments: object, code: int = 0) -> Result:
        result = CliRunner().invoke(artfp, ["key", *map(str, arguments)])
        assert result.exit_code == code, result.output
        return result

    return invoke


def said(result: Result) -> str:
    """What stderr says, without the line breaks of a narrow terminal."""
    return " ".join(result.stderr.split())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def commands() -> list[str]:
    return sorted(artfp.get_command(None, "key").commands)  # type: ignore[attr-defined]


def test_these_are_all_commands() -> None:
    assert commands() == ["beacon", "check", "commit", "export", "import", "list", "new", "open", "show"]


@pytest.mark.parametrize("command", commands())
def test_every_command_and_option_has_help(command: str) -> None:
    found = artfp.get_command(None, "key").commands[command]  # type: ignore[attr-defined]
    assert found.help
    for parameter in found.params:
        assert parameter.param_type_name == "argument" or parameter.help
    assert CliRunner().invoke(artfp, ["key", command, "--help"]).exit_code == 0


class TestNewListShow:
    def test_a_new_key_creates_a_private_registry(self, run: Run, registry_path: Path) -> None:
        result = run("new", "acme")
        assert "made key acme" in result.stdout
        assert mode(registry_path) == 0o600

    def test_json_is_all_there_is_on_stdout(self, run: Run) -> None:
        made = json.loads(run("new", "acme", "--json").stdout)
        assert made["name"] == "acme"
        assert made["origin"] == "generated"
        assert json.loads(run("list", "--json").stdout) == [made]
        assert json.loads(run("show", "acme", "--json").stdout) == made | {"codecs": [], "image_codecs": []}

    def test_list_cuts_neither_names_nor_ids(self, run: Run) -> None:
        run("new", "a-rather-long-name")
        key_id = json.loads(run("show", "a-rather-long-name", "--json").stdout)["key_id"]
        listed = run("list").stdout
        assert key_id in listed
        assert "…" not in listed

    def test_show_tells_what_is_public(self, run: Run, registry_path: Path, dct: DctCodec) -> None:
        run("new", "acme")
        digest = run("commit", "acme").stdout.strip()
        run("beacon", "acme", "drand [7]")
        with Registry(registry_path) as registry:
            registry.pair("acme", dct.facts())
        shown = run("show", "acme").stdout
        for text in ("generated", digest, "drand [7]", f"dct ({dct.sha256[:12]})"):
            assert text in shown

    def test_nothing_prints_a_secret(self, run: Run, registry_path: Path, dct: DctCodec, tmp_path: Path) -> None:
        results = [run("new", "acme"), run("commit", "acme"), run("beacon", "acme", "x")]
        with Registry(registry_path) as registry:
            bits = "".join(map(str, registry.pair("acme", dct.facts()).bits))
            document = registry.export("acme")
        results += [run("show", "acme"), run("show", "acme", "--json"), run("list"), run("list", "--json")]
        results += [run("export", "acme", tmp_path / "k.json"), run("open", "acme", tmp_path / "o.json")]
        results += [run("import", tmp_path / "k.json", code=2)]
        digest = document["commitment"]["digest"]
        results += [run("check", tmp_path / "o.json", "--commitment", digest, "--json")]
        printed = "".join(result.output for result in results)
        for hidden in (document["secret"], document["commitment"]["salt"], bits):
            assert hidden not in printed

    def test_refusals(self, run: Run) -> None:
        assert "no key registry here; `artfp key new NAME`" in said(run("list", code=2))
        run("new", "acme")
        assert "'acme' exists already" in said(run("new", "acme", code=2))
        assert "no name for a key" in said(run("new", "a b", code=2))
        assert "no key 'other': the latest are acme" in said(run("show", "other", code=2))

    def test_a_corrupt_registry_is_unreadable_input(self, run: Run, registry_path: Path) -> None:
        registry_path.parent.mkdir()
        registry_path.write_bytes(b"nonsense" * 1000)
        assert "not a key registry, or a damaged one" in said(run("list", code=4))

    def test_one_open_to_others_gives_a_warning(self, run: Run, registry_path: Path) -> None:
        run("new", "acme")
        registry_path.chmod(0o644)
        assert "other users could read this registry" in said(run("list"))
        assert mode(registry_path) == 0o600


class TestExportImport:
    def test_a_key_moves_to_another_machine(self, run: Run, tmp_path: Path) -> None:
        made = json.loads(run("new", "acme", "--json").stdout)
        file, elsewhere = tmp_path / "acme.json", tmp_path / "elsewhere.sqlite"
        result = run("export", "acme", file)
        assert result.stdout == ""
        assert "can mark images in this key's name" in said(result)
        assert mode(file) == 0o600
        imported = json.loads(run("import", file, "--registry", elsewhere, "--json").stdout)
        assert imported["key_id"] == made["key_id"]
        assert imported["origin"] == "imported-secret"

    def test_stdout_only_where_asked_for(self, run: Run) -> None:
        run("new", "acme")
        document = json.loads(run("export", "acme", "-").stdout)
        assert (document["kind"], document["version"]) == ("artfp-key", 1)
        run("export", "acme", code=2)

    def test_a_verifier_gets_bits_without_the_secret(self, run: Run, tmp_path: Path, dct: DctCodec) -> None:
        run("new", "acme")
        file, elsewhere = tmp_path / "bits.json", tmp_path / "elsewhere.sqlite"
        run("export", "acme", file, "--codec", "dct")
        document = json.loads(file.read_text())
        assert "secret" not in document
        result = run("import", file, "--registry", elsewhere)
        assert "chosen by their owner" in result.stdout
        with Registry(elsewhere) as registry:
            assert registry.codecs() == [dct.sha256]

    def test_a_secret_can_be_recorded_with_a_codec_as_it_comes(
        self, run: Run, tmp_path: Path, registry_path: Path, dct: DctCodec
    ) -> None:
        run("new", "acme")
        run("export", "acme", tmp_path / "acme.json")
        registry_path.unlink()
        run("import", tmp_path / "acme.json", "--codec", "dct")
        with Registry(registry_path) as registry:
            assert registry.codecs(["acme"]) == [dct.sha256]

    def test_a_moved_key_is_tried_where_it_was_used(
        self, run: Run, tmp_path: Path, registry_path: Path, dct: DctCodec
    ) -> None:
        run("new", "acme")
        with Registry(registry_path) as registry:
            registry.pair("acme", dct.facts())
        run("export", "acme", tmp_path / "acme.json")
        registry_path.unlink()
        run("import", tmp_path / "acme.json")
        with Registry(registry_path) as registry:
            assert registry.codecs(["acme"]) == [dct.sha256]

    def test_a_codec_that_did_not_move_along_is_told(self, run: Run, tmp_path: Path, registry_path: Path) -> None:
        run("new", "acme")
        run("export", "acme", tmp_path / "acme.json")
        document = json.loads((tmp_path / "acme.json").read_text())
        document["codecs"] = [{"name": "private", "sha256": "ab" * 32}]
        (tmp_path / "moved.json").write_text(json.dumps(document))
        registry_path.unlink()
        assert "abababababab" in run("import", tmp_path / "moved.json").stderr

    @pytest.mark.parametrize("value", ["01" * 32, [0, 1] * 32, {"name": "mine", "bits": "01" * 32}])
    def test_bare_bits_are_imported_for_one_codec(
        self, run: Run, tmp_path: Path, registry_path: Path, dct: DctCodec, value: Any
    ) -> None:
        file = tmp_path / "bits.json"
        file.write_text(json.dumps(value))
        run("import", "--bits", file, "--codec", "dct", *([] if isinstance(value, dict) else ["--name", "mine"]))
        with Registry(registry_path) as registry:
            assert registry.get("mine").origin == "imported-bits"
            assert registry.pairs(dct.sha256).bits(0).tolist() == [0, 1] * 32

    def test_no_export_overwrites_a_file(self, run: Run, tmp_path: Path) -> None:
        run("new", "acme")
        file = tmp_path / "acme.json"
        file.write_text("precious")
        assert "it is not overwritten" in said(run("export", "acme", file, code=2))
        assert file.read_text() == "precious"
        assert "no such folder" in said(run("export", "acme", tmp_path / "no" / "k.json", code=2))

    def test_refusals_of_documents(self, run: Run, tmp_path: Path) -> None:
        run("new", "acme")
        file, broken = tmp_path / "acme.json", tmp_path / "broken.json"
        run("export", "acme", file)
        assert "'acme' exists already" in said(run("import", file, code=2))
        document = json.loads(file.read_text())
        for content, words in (
            ("{", "not readable as JSON"),
            ("{}", "broken.json: field 'kind'"),
            (json.dumps(document | {"secret": "00" * 32}), "broken.json: field 'key_id'"),
            (json.dumps(document | {"version": 9}), "broken.json: field 'version'"),
        ):
            broken.write_text(content)
            assert words in said(run("import", broken, code=4))
        assert "not readable as JSON" in said(run("import", tmp_path / "missing.json", code=4))
        assert "no codec" in said(run("import", file, "--codec", "nonsense", code=2))
        assert "no codec" in said(run("export", "acme", tmp_path / "x.json", "--codec", "nonsense", code=2))

    def test_refusals_of_options(self, run: Run, tmp_path: Path) -> None:
        run("new", "acme")
        secret, bits, bare = tmp_path / "acme.json", tmp_path / "bits.json", tmp_path / "bare.json"
        run("export", "acme", secret)
        run("export", "acme", bits, "--codec", "dct")
        bare.write_text('"0101"')
        assert "either FILE or --bits" in said(run("import", code=2))
        assert "either FILE or --bits" in said(run("import", secret, "--bits", bare, code=2))
        assert "--bits needs --codec" in said(run("import", "--bits", bare, code=2))
        assert "add --name" in said(run("import", "--bits", bare, "--codec", "dct", code=2))
        assert "carries 64 bits, not 4" in said(run("import", "--bits", bare, "--codec", "dct", "--name", "x", code=4))
        assert "--name goes with --bits" in said(run("import", secret, "--name", "x", code=2))
        assert "names its own codec" in said(run("import", bits, "--codec", "dct", code=2))
        bare.write_text('"012"')
        assert "bare.json: field 'bits'" in said(run("import", "--bits", bare, "--codec", "dct", "--name", "x", code=4))


class TestCommitments:
    def test_publish_today_open_in_a_dispute(self, run: Run, tmp_path: Path) -> None:
        run("new", "acme")
        digest = run("commit", "acme").stdout.strip()
        assert run("commit", "acme").stdout.strip() == digest
        assert json.loads(run("commit", "acme", "--json").stdout)["commitment"] == digest
        file = tmp_path / "opening.json"
        result = run("open", "acme", file)
        assert "reveals the secret" in said(result)
        assert mode(file) == 0o600
        assert "opens the commitment (acme, id " in run("check", file, "--commitment", digest).stdout
        assert "does not open" in run("check", file, "--commitment", "0" * 64, code=1).stdout
        assert json.loads(run("check", file, "--commitment", digest, "--json").stdout)["opens"] is True
        assert json.loads(run("check", file, "--commitment", "0" * 64, "--json", code=1).stdout)["opens"] is False
        assert json.loads(run("open", "acme", "-").stdout) == json.loads(file.read_text())

    def test_whoever_gets_the_opening_can_verify_with_it(self, run: Run, tmp_path: Path, dct: DctCodec) -> None:
        run("new", "acme")
        digest = run("commit", "acme").stdout.strip()
        run("beacon", "acme", "drand 7")
        file, court = tmp_path / "opening.json", ["--registry", tmp_path / "court.sqlite"]
        run("open", "acme", file)
        assert "not recorded with any codec" in said(run("import", file, "--registry", tmp_path / "too-early.sqlite"))
        run("export", "acme", tmp_path / "bits.json", "--codec", "dct")  # the first use
        run("open", "acme", tmp_path / "later.json")
        assert "not recorded" not in said(run("import", tmp_path / "later.json", *court))
        shown = json.loads(run("show", "acme", "--json", *court).stdout)
        assert (shown["origin"], shown["commitment"]["digest"]) == ("imported-secret", digest)
        assert (shown["beacon"], [use["name"] for use in shown["codecs"]]) == ("drand 7", ["dct"])
        assert "made elsewhere" in said(run("beacon", "acme", "another", *court, code=2))
        assert "announced: drand 7" in run("check", file, "--commitment", digest).stdout
        bits = [run("export", "acme", "-", "--codec", "dct", *where).stdout for where in ([], court)]
        assert json.loads(bits[0])["bits"] == json.loads(bits[1])["bits"]

    def test_a_stranger_checks_an_opening_without_any_registry(
        self, run: Run, tmp_path: Path, registry_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One command, the published hash and the file: nothing else is read, and nothing is made."""
        run("new", "acme")
        digest = run("commit", "acme").stdout.strip()
        file, home = tmp_path / "opening.json", tmp_path / "stranger"
        run("open", "acme", file)
        registry_path.unlink()
        home.mkdir()
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.chdir(home)
        assert "opens the commitment (acme" in run("check", file, "--commitment", digest).stdout
        document = json.loads(file.read_text())
        for field, value in (("name", "other"), ("secret", "00" * 32)):
            (home / "changed.json").write_text(json.dumps(document | {field: value}))
            assert "does not open" in run("check", home / "changed.json", "--commitment", digest, code=1).stdout
        assert not registry_path.exists()
        assert [path.name for path in home.iterdir()] == ["changed.json"]

    def test_refusals(self, run: Run, tmp_path: Path) -> None:
        run("new", "acme")
        file = tmp_path / "opening.json"
        assert "no commitment" in said(run("open", "acme", file, code=2))
        assert not file.exists()
        run("commit", "acme")
        run("open", "acme", file)
        assert "64 hexadecimal digits" in said(run("check", file, "--commitment", "12", code=2))
        file.write_text("{}")
        assert "opening.json: field 'kind'" in said(run("check", file, "--commitment", "0" * 64, code=4))
        run("check", file, code=2)

    def test_a_beacon_is_set_between_commitment_and_first_use(
        self, run: Run, registry_path: Path, dct: DctCodec
    ) -> None:
        run("new", "acme")
        assert "has no commitment" in said(run("beacon", "acme", "drand 7", code=2))
        run("commit", "acme")
        assert json.loads(run("beacon", "acme", "drand 7", "--json").stdout)["beacon"] == "drand 7"
        assert "has a beacon already" in said(run("beacon", "acme", "drand 8", code=2))
        run("new", "used")
        run("commit", "used")
        with Registry(registry_path) as registry:
            registry.pair("used", dct.facts())
        assert "has been used with a codec" in said(run("beacon", "used", "drand 7", code=2))

    def test_the_help_of_beacon_says_why(self, run: Run) -> None:
        words = " ".join(run("beacon", "--help").stdout.split())
        assert "nobody could know when the commitment was published" in words
