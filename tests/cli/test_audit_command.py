"""`artfp audit` and `artfp sign`: what they print, write and refuse, and their exit codes."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flips import flipped

from artfp.artefacts import LIST
from artfp.cli.main import artfp
from artfp.cli.signing import PASSPHRASE_AT
from artfp.files import read_json, sha256_file, write_json
from artfp.seals import sealed

Call = Callable[..., Result]


@pytest.fixture
def call() -> Call:
    """Runs `artfp ...` and holds it to its exit code; stdout and stderr come apart."""

    def invoke(*words: object, code: int = 0, typed: str | None = None) -> Result:
        done = CliRunner().invoke(artfp, [str(word) for word in words], input=typed)
        assert done.exit_code == code, done.output
        return done

    return invoke


@pytest.fixture
def run(small_run: Path, tmp_path: Path) -> Path:
    """A run of this test's own."""
    shutil.copytree(small_run, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def key(call: Call, tmp_path: Path) -> Path:
    """The file of a key that signs; its public half lies beside it as signer.pub.pem."""
    pytest.importorskip("cryptography", reason="needs pip install 'artfp[sign]'")
    call("sign", "new-key", tmp_path / "signer.pem")
    return tmp_path / "signer.pem"


def public(key: Path) -> Path:
    return key.with_suffix(".pub.pem")


def said(done: Result) -> str:
    return " ".join(done.stderr.split())


class TestAudit:
    def test_exit_codes_say_how_it_is(self, call: Call, run: Path) -> None:
        assert "HOLDS run" in call("audit", run).stdout
        assert "is not here; --with PATH" in call("audit", run / "data" / "marked", code=3).stdout
        call("audit", run / "data" / "marked", "--with", run / "data" / "original")
        with flipped(run / "strips" / "marked-0.png", 70):
            told = call("audit", run, code=4).stdout
        assert "strips/marked-0.png" in told
        assert "BROKEN run" in told
        assert "neither a file" in said(call("audit", run / "none", code=2))

    def test_json_has_every_finding(self, call: Call, run: Path) -> None:
        (run / "verdicts" / "model.json").unlink()
        found = json.loads(call("audit", run, "--json", code=3).stdout)
        assert (found["kind"], found["outcome"], found["path"]) == ("run", "inconclusive", str(run))
        missing = [each for each in found["findings"] if each["state"] == "missing"]
        assert [each["what"] for each in missing] == ["files"]
        assert missing[0]["note"] == "1 of 25, the first verdicts/model.json"
        assert set(missing[0]) == {"what", "state", "file", "note"}

    def test_it_changes_nothing(self, call: Call, run: Path) -> None:
        def hashes() -> dict[Path, str]:
            return {path: sha256_file(path) for path in run.rglob("*") if path.is_file()}

        before = hashes()
        call("audit", run)
        assert hashes() == before

    def test_going_on_takes_no_damaged_file_for_the_original(self, call: Call, run: Path, tmp_path: Path) -> None:
        """The same command on a finished run neither lists it anew nor repairs it."""
        from small_runs import carry_out

        with flipped(run / "generated" / "model" / "img00000003.png", 60), flipped(run / "embed.json", 30):
            carry_out(run)
            call("audit", run, code=4)
        carry_out(run)
        call("audit", run)
        call("report", run)
        call("audit", run)


class TestSign:
    def test_a_new_key_is_private_and_its_public_half_is_not(self, call: Call, key: Path, tmp_path: Path) -> None:
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        assert b"PUBLIC KEY" in public(key).read_bytes()
        made = json.loads(call("sign", "new-key", tmp_path / "other.pem", "--json").stdout)
        assert made["public"] == str(tmp_path / "other.pub.pem")
        assert len(made["fingerprint"]) == 64
        assert "not overwritten" in said(call("sign", "new-key", key, code=2))

    def test_a_verdict_is_signed_as_it_is_made_and_checked_by_whoever_has_the_key(
        self, call: Call, key: Path, run: Path, tmp_path: Path
    ) -> None:
        images, registry = run / "data" / "marked", ["--registry", run / "keys.sqlite"]
        plain = json.loads(call("verify", images, *registry, "--json").stdout)
        assert all(len(image["sha256"]) == 64 for image in plain["images"])
        file = tmp_path / "verdict.json"
        file.write_text(call("verify", images, *registry, "--json", "--sign", key).stdout)
        assert {name: value for name, value in read_json(file).items() if name != "signature"} == plain
        checked = ["sign", "check", file, "--public-key", public(key)]
        assert "unchanged; its signer says that it was at 20" in call(*checked).stdout
        assert json.loads(call(*checked, "--json").stdout)["signed"] is True
        call("audit", file, "--public-key", public(key))

        call("sign", "new-key", tmp_path / "other.pem")
        told = call("sign", "check", file, "--public-key", tmp_path / "other.pub.pem", code=1).stdout
        assert f"signed by {read_json(file)['signature']['fingerprint']}, not by" in told
        call("audit", file, "--public-key", tmp_path / "other.pub.pem", code=4)
        write_json(file, read_json(file) | {"outcome": "no match"})
        assert "its signature is not of this content" in said(call(*checked, code=4))
        write_json(file, plain)
        assert "not signed by" in call(*checked, code=1).stdout
        assert "is not signed" in call("audit", file, "--public-key", public(key), code=3).stdout
        file.write_text("{")
        assert "not readable as JSON" in said(call(*checked, code=4))

    def test_several_verdicts_are_one_signed_document(self, call: Call, key: Path, run: Path) -> None:
        words = ["--each", "--registry", run / "keys.sqlite", "--json", "--sign", key]
        document = json.loads(call("verify", run / "data" / "marked", run / "data" / "original", *words, code=1).stdout)
        assert [verdict["outcome"] for verdict in document["verdicts"]] == ["match", "no match"]
        assert {"digest", "signature"} < document.keys()

    def test_signing_fails_before_anything_is_read(self, call: Call, key: Path, tmp_path: Path) -> None:
        assert "--sign goes with --json" in said(call("verify", "none.png", "--sign", key, code=2))
        key.write_text("nonsense")
        assert "not a private key" in said(call("verify", "none.png", "--sign", key, "--json", code=4))

    def test_a_run_is_signed_by_its_list(self, call: Call, key: Path, run: Path, tmp_path: Path) -> None:
        with flipped(run / "strips" / "marked-0.png", 70):
            assert "1 broken" in said(call("sign", "document", run, "--key", key, code=4))
        call("sign", "document", run, "--key", key)
        call("sign", "check", run, "--public-key", public(key))
        call("audit", run, "--public-key", public(key))
        assert "whose it is, --public-key tells" in call("audit", run).stdout
        listed = read_json(run / LIST)
        verdict = run / "verdicts" / "model.json"
        write_json(verdict, sealed(read_json(verdict) | {"outcome": "match"}))
        listed["files"]["verdicts/model.json"] = sha256_file(verdict)
        write_json(run / LIST, sealed(listed) | {"signature": listed["signature"]})  # whoever changes both cannot sign
        call("audit", run, code=4)
        assert "changed" in said(call("sign", "check", run, "--public-key", public(key), code=4))

    def test_a_document_on_a_list_is_signed_elsewhere(self, call: Call, key: Path, run: Path, tmp_path: Path) -> None:
        verdict = run / "verdicts" / "model.json"
        assert "sign that folder" in said(call("sign", "document", verdict, "--key", key, code=2))
        call("sign", "document", verdict, "--key", key, "--out", tmp_path / "signed.json")
        call("sign", "check", tmp_path / "signed.json", "--public-key", public(key))
        call("sign", "document", tmp_path / "signed.json", "--key", key)  # again, in its place
        write_json(tmp_path / "signed.json", read_json(verdict) | {"outcome": "other"})
        assert "it is not signed" in said(call("sign", "document", tmp_path / "signed.json", "--key", key, code=4))
        assert "no such file" in said(call("sign", "document", tmp_path, "--key", key, code=2))

    def test_a_new_page_needs_a_new_signature(self, call: Call, key: Path, run: Path) -> None:
        call("sign", "document", run, "--key", key)
        assert "warning" not in call("report", run).stderr
        write_json(run / "verdicts" / "more.json", read_json(run / "verdicts" / "model.json"))
        assert "sign it again" in said(call("report", run))

    def test_a_key_that_others_can_read_is_warned_of(self, call: Call, key: Path, run: Path) -> None:
        key.chmod(0o644)
        assert "other users can read this private key" in said(call("sign", "document", run, "--key", key))

    def test_a_passphrase_is_typed_or_in_the_environment(
        self, call: Call, key: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        locked = tmp_path / "locked.pem"
        call("sign", "new-key", locked, "--passphrase", typed="a long one\na long one\n")
        words = ["sign", "document", run, "--key", locked]
        assert f"put it into {PASSPHRASE_AT}" in said(call(*words, code=2))
        monkeypatch.setenv(PASSPHRASE_AT, "another")
        told = call(*words, code=4)
        assert "another passphrase" in said(told)
        monkeypatch.setenv(PASSPHRASE_AT, "a long one")
        assert "a long one" not in call(*words).output

    def test_checking_loads_no_torch(self, call: Call, key: Path, run: Path) -> None:
        call("sign", "document", run, "--key", key)
        probe = (
            "import sys\nfrom artfp.cli.main import artfp\n"
            f"try: artfp(['sign', 'check', {str(run)!r}, '--public-key', {str(public(key))!r}])\n"
            "except SystemExit as end: print(end.code, {'torch', 'scipy', 'numpy'} & set(sys.modules))"
        )
        done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
        assert "unchanged" in done.stdout
        assert done.stdout.endswith("0 set()\n")
