"""Signatures: what they hold for, what breaks them, and that no private key gets out."""

from __future__ import annotations

import base64
import json
import stat
import subprocess
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from artfp.errors import ArtfpError, BadInputError, UsageError
from artfp.keys import signing
from artfp.keys.signing import check_signature, load_public, load_signer, new_key, public_path, signed
from artfp.seals import canonical, sealed

needs_cryptography = pytest.mark.skipif(not find_spec("cryptography"), reason="needs pip install 'artfp[sign]'")
VERDICT = sealed({"outcome": "match", "q": 1.1e-19, "images": [{"name": "ä.png", "sha256": "ab" * 32}]})


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """The file of a new private key."""
    pytest.importorskip("cryptography", reason="needs pip install 'artfp[sign]'")
    new_key(tmp_path / "signer.pem")
    return tmp_path / "signer.pem"


def test_a_signature_names_its_key_and_a_time(key: Path) -> None:
    signer = load_signer(key)
    document = signed(VERDICT, signer)
    found = check_signature(json.loads(json.dumps(document, indent=7)))
    assert found is not None
    assert found.fingerprint == signer.fingerprint == load_public(public_path(key))
    assert found.claimed_time == document["signature"]["claimed_time"]
    assert {name: value for name, value in document.items() if name != "signature"} == VERDICT
    assert check_signature(VERDICT) is None


def test_a_private_key_is_private_and_is_shown_nowhere(key: Path) -> None:
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    secret = "".join(key.read_text().splitlines()[1:-1])
    told = [repr(load_signer(key)), json.dumps(signed(VERDICT, load_signer(key)))]
    key.write_text(key.read_text().replace("PRIVATE KEY", "PRIVATE KEYS"))
    with pytest.raises(BadInputError, match="not a private key") as refusal:
        load_signer(key)
    raw = base64.b64decode(secret)[-32:]
    for text in (*told, str(refusal.value), str(refusal.value.__cause__)):
        assert secret not in text
        assert raw.hex() not in text


def test_no_key_overwrites_a_file(key: Path) -> None:
    before = key.read_bytes()
    with pytest.raises(UsageError, match="not overwritten"):
        new_key(key)
    key.unlink()
    with pytest.raises(UsageError, match=r"signer\.pub\.pem: exists already"):
        new_key(key)
    assert not key.exists()
    assert before


def test_a_passphrase_locks_the_key(tmp_path: Path, key: Path) -> None:
    locked = tmp_path / "locked.pem"
    fingerprint = new_key(locked, "a long one")
    assert load_signer(locked, "a long one").fingerprint == fingerprint
    for wrong in (None, "another", ""):
        with pytest.raises(BadInputError, match="or another passphrase"):
            load_signer(locked, wrong)
    assert signing.has_passphrase(locked)
    assert not signing.has_passphrase(key)


@needs_cryptography
def test_keys_of_other_kinds_are_refused(tmp_path: Path) -> None:
    ec, forms = signing._part("hazmat.primitives.asymmetric.ec"), signing._serialization()
    other = ec.generate_private_key(ec.SECP256R1())
    pem, public = tmp_path / "ec.pem", tmp_path / "ec.pub.pem"
    pem.write_bytes(other.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption()))
    info = forms.PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(other.public_key().public_bytes(forms.Encoding.PEM, info))
    with pytest.raises(BadInputError, match="of another kind"):
        load_signer(pem)
    with pytest.raises(BadInputError, match="of another kind"):
        load_public(public)
    for path in (pem, tmp_path / "missing.pem"):
        with pytest.raises(BadInputError):
            load_public(path)


def test_every_changed_value_breaks_a_signature(key: Path) -> None:
    """Of the document, and of every field of the signature itself."""
    document = signed(VERDICT, load_signer(key))
    changed: list[dict[str, Any]] = [document | {"q": 1.2e-19}, document | {"more": None}]
    changed += [{name: value for name, value in document.items() if name != "q"}]
    for field, value in document["signature"].items():
        wrong = value[:-1] + ("0" if value[-1] != "0" else "1")
        for other in (wrong, value.upper() if value.upper() != value else None, 7):
            changed.append(document | {"signature": document["signature"] | {field: other}})
    changed += [document | {"signature": document["signature"] | {"note": "x"}}, document | {"signature": None}]
    for each in changed:
        with pytest.raises(BadInputError, match="its signature"):
            check_signature(each)
    assert len(changed) == 3 + 3 * 6 + 2


def test_another_key_cannot_pass_for_the_signers(tmp_path: Path, key: Path) -> None:
    new_key(tmp_path / "other.pem")
    ours, theirs = (signed(VERDICT, load_signer(path)) for path in (key, tmp_path / "other.pem"))
    for field in ("fingerprint", "public_key", "value"):
        mixed = theirs | {"signature": theirs["signature"] | {field: ours["signature"][field]}}
        with pytest.raises(BadInputError):
            check_signature(mixed)
    assert check_signature(theirs) != check_signature(ours)


@pytest.mark.skipif(which("openssl") is None, reason="needs openssl")
def test_openssl_checks_the_same_bytes(key: Path, tmp_path: Path) -> None:
    """As docs/integrity.md says: the canonical form without the value, the signature, the public key."""
    document = signed(VERDICT, load_signer(key))
    head = {name: value for name, value in document["signature"].items() if name != "value"}
    (tmp_path / "message").write_bytes(canonical(document | {"signature": head}))
    (tmp_path / "value").write_bytes(bytes.fromhex(document["signature"]["value"]))
    files = ["-inkey", public_path(key), "-in", tmp_path / "message", "-sigfile", tmp_path / "value"]
    done = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-rawin", *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", public_path(key), "-outform", "DER"], capture_output=True, check=True
    )
    assert signing.sha256_bytes(der.stdout) == document["signature"]["fingerprint"]


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(signing.importlib, "import_module", missing)
    for use in (
        lambda: new_key(tmp_path / "k.pem"),
        lambda: check_signature({"signature": {"format": signing.FORMAT, "algorithm": signing.ALGORITHM}}),
    ):
        with pytest.raises(ArtfpError):
            use()
    with pytest.raises(UsageError, match=r"extra `sign` .*pip install 'artfp\[sign\]'"):
        new_key(tmp_path / "k.pem")
