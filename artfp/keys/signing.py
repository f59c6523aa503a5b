"""Signatures on JSON documents (extra `sign`): Ed25519, checked offline by whoever has the public key.

    {..., "signature": {"format", "algorithm", "public_key", "fingerprint", "claimed_time", "value"}}

`value` signs the canonical form (`artfp.seals`) of the document with all of its signature but the value itself. So it
holds the time, too, which is a claim: nothing but the signer's word says that the document was signed then. Whose the
key is a document cannot say; that has to come from elsewhere, as the public key's file or its fingerprint.
"""

from __future__ import annotations

import importlib
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from artfp.errors import BadInputError, UsageError
from artfp.files import check_new_file, sha256_bytes, write_text
from artfp.seals import SIGNATURE, canonical

FORMAT = "artfp-signature/1"
ALGORITHM = "Ed25519 over RFC 8785"
VALUE = "value"


@dataclass(frozen=True)
class Signer:
    """A private key, ready to sign."""

    private: Any = field(repr=False)
    fingerprint: str


@dataclass(frozen=True)
class Signature:
    """A signature that holds: made with this key, and as it says at this time."""

    fingerprint: str
    claimed_time: str


def _part(name: str) -> Any:
    """A module of the library, which nothing else needs."""
    try:
        return importlib.import_module(f"cryptography.{name}")
    except ImportError as error:
        raise UsageError(f"signatures need the extra `sign` ({error}): pip install 'artfp[sign]'") from error


def _ed25519() -> Any:
    return _part("hazmat.primitives.asymmetric.ed25519")


def _serialization() -> Any:
    return _part("hazmat.primitives.serialization")


def _refusals() -> tuple[type[Exception], ...]:
    """What the library raises for files that are none: the last where OpenSSL refuses what it did not expect."""
    exceptions = _part("exceptions")
    return ValueError, TypeError, exceptions.UnsupportedAlgorithm, exceptions.InternalError


def fingerprint_of(public: Any) -> str:
    """SHA-256 of the public key as DER, which other programs print of it, too."""
    forms = _serialization()
    return sha256_bytes(public.public_bytes(forms.Encoding.DER, forms.PublicFormat.SubjectPublicKeyInfo))


def public_path(private: Path) -> Path:
    """Where the public half of a private key's file is written."""
    return private.with_suffix(".pub.pem")


def new_key(path: Path, passphrase: str | None = None) -> str:
    """Write a new private key, which nobody else can read, and its public half beside it; the fingerprint."""
    forms = _serialization()
    for file in (path, public_path(path)):
        check_new_file(file)
    private = _ed25519().Ed25519PrivateKey.generate()
    locked = forms.BestAvailableEncryption(passphrase.encode()) if passphrase else forms.NoEncryption()
    secret = private.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, locked)
    public = private.public_key().public_bytes(forms.Encoding.PEM, forms.PublicFormat.SubjectPublicKeyInfo)
    write_text(path, secret.decode(), mode=0o600)
    write_text(public_path(path), public.decode())
    return fingerprint_of(private.public_key())


def is_open_to_others(path: Path) -> bool:
    """Whether other users can read a file."""
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def has_passphrase(path: Path) -> bool:
    """Whether a private key's file is encrypted."""
    return b"BEGIN ENCRYPTED" in _read(path)


def load_signer(path: Path, passphrase: str | None = None) -> Signer:
    """The private key in a file; errors repeat nothing of it."""
    secret = None if passphrase is None else passphrase.encode()
    try:
        private = _serialization().load_pem_private_key(_read(path), secret)
    except _refusals():
        raise BadInputError(f"{path}: not a private key that can be read, or another passphrase") from None
    if not isinstance(private, _ed25519().Ed25519PrivateKey):
        raise BadInputError(f"{path}: a private key of another kind; `artfp sign new-key` makes one")
    return Signer(private, fingerprint_of(private.public_key()))


def load_public(path: Path) -> str:
    """The fingerprint of the public key in a file."""
    try:
        public = _serialization().load_pem_public_key(_read(path))
    except _refusals():
        raise BadInputError(f"{path}: not a public key (a PEM file as `artfp sign new-key` writes)") from None
    if not isinstance(public, _ed25519().Ed25519PublicKey):
        raise BadInputError(f"{path}: a public key of another kind than Ed25519")
    return fingerprint_of(public)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInputError(f"{path}: not readable ({error.strerror})") from error


def signed(document: Mapping[str, Any], signer: Signer) -> dict[str, Any]:
    """The document with a signature, in the place of an earlier one."""
    forms = _serialization()
    public = signer.private.public_key().public_bytes(forms.Encoding.Raw, forms.PublicFormat.Raw)
    head = {
        "format": FORMAT,
        "algorithm": ALGORITHM,
        "public_key": public.hex(),
        "fingerprint": signer.fingerprint,
        "claimed_time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    value = signer.private.sign(canonical({**document, SIGNATURE: head}))
    return {**document, SIGNATURE: {**head, VALUE: value.hex()}}


def check_signature(document: Mapping[str, Any]) -> Signature | None:
    """The signature of a document, if it is of just this content; None where there is none, an error otherwise."""
    if SIGNATURE not in document:
        return None
    block = document[SIGNATURE]
    if not isinstance(block, dict) or block.get("format") != FORMAT or block.get("algorithm") != ALGORITHM:
        raise BadInputError(f"its signature is not one of {FORMAT}, {ALGORITHM}")
    public_bytes, value = _hex(block, "public_key", 32), _hex(block, VALUE, 64)
    head = {name: entry for name, entry in block.items() if name != VALUE}
    ed25519, refused = _ed25519(), _part("exceptions").InvalidSignature
    try:
        public = ed25519.Ed25519PublicKey.from_public_bytes(public_bytes)
        public.verify(value, canonical({**document, SIGNATURE: head}))
    except (ValueError, refused):
        raise BadInputError("its signature is not of this content: one of the two was changed") from None
    if block.get("fingerprint") != fingerprint_of(public):
        raise BadInputError("its signature tells the fingerprint of another key than its own")
    return Signature(str(block["fingerprint"]), str(block.get("claimed_time")))


def _hex(block: Mapping[str, Any], name: str, length: int) -> bytes:
    """Bytes as they are written here: one text for each value, so that no other text passes for it."""
    text = block.get(name)
    try:
        value = bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError:
        value = b""
    if len(value) != length or value.hex() != text:
        raise BadInputError(f"its signature has no readable {name}")
    return value
