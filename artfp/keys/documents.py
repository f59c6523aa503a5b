"""The JSON documents of keys: a secret, the bits for one codec, the opening of a commitment.

Errors name the field that is wrong and never repeat what it holds.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from artfp.errors import BadInputError
from artfp.keys.commitment import SALT_BYTES, Commitment, Opening, commitment_digest
from artfp.keys.fingerprint import Bits, framed
from artfp.keys.records import NAME, NAMES, Key

SECRET_KIND, BITS_KIND, OPENING_KIND = "artfp-key", "artfp-key-bits", "artfp-key-opening"
VERSION = 1
SECRET_BYTES = 32
ID_DOMAIN = b"artfp key id 1"


def public_id(secret: bytes) -> str:
    """What may be shown of a secret: it tells keys apart and leads back to none."""
    return hashlib.sha256(framed(ID_DOMAIN, secret)).hexdigest()[:16]


@dataclass(frozen=True)
class SecretDocument:
    """A whole key, ready to be stored."""

    name: str
    secret: bytes = field(repr=False)
    created: str
    beacon: str | None = None
    salt: bytes | None = field(default=None, repr=False)
    committed: str | None = None


@dataclass(frozen=True, eq=False)
class BitsDocument:
    """One fingerprint without its secret."""

    name: str
    codec_name: str
    codec_sha256: str
    bits: Bits = field(repr=False)
    created: str


def write_secret(key: Key, secret: bytes, salt: bytes | None, codecs: list[tuple[str, str]]) -> dict[str, Any]:
    """The document of a key and of the codecs (name, sha256) that it was used with."""
    promise = key.commitment
    return {
        "kind": SECRET_KIND,
        "version": VERSION,
        "name": key.name,
        "key_id": key.key_id,
        "created": key.created,
        "secret": secret.hex(),
        "beacon": key.beacon,
        "commitment": None if promise is None or salt is None else _committed(promise, salt),
        "codecs": _used(codecs),
    }


def _committed(promise: Commitment, salt: bytes) -> dict[str, str]:
    return {"digest": promise.digest, "created": promise.created, "salt": salt.hex()}


def write_bits(name: str, codec_name: str, codec_sha256: str, bits: Bits, created: str) -> dict[str, Any]:
    """The document of a fingerprint for one codec."""
    return {
        "kind": BITS_KIND,
        "version": VERSION,
        "name": name,
        "created": created,
        "codec": {"name": codec_name, "sha256": codec_sha256},
        "n_bits": len(bits),
        "bits": "".join(map(str, bits.tolist())),
    }


def write_opening(key: Key, secret: bytes, salt: bytes, codecs: list[tuple[str, str]]) -> dict[str, Any]:
    """The document that shows what the key's commitment stood for, and with which codecs it was used."""
    return {
        "kind": OPENING_KIND,
        "version": VERSION,
        "name": key.name,
        "key_id": key.key_id,
        "beacon": key.beacon,
        "secret": secret.hex(),
        "commitment": None if key.commitment is None else _committed(key.commitment, salt),
        "codecs": _used(codecs),
    }


def _used(codecs: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "sha256": sha256} for name, sha256 in codecs]


def read_key(document: Any) -> SecretDocument | BitsDocument:
    """A document that `write_secret`, `write_bits` or `write_opening` made, checked in every field."""
    kind = _kind(document, SECRET_KIND, BITS_KIND, OPENING_KIND)
    if kind == BITS_KIND:
        return _read_bits(document)
    if kind == SECRET_KIND:
        return _read_secret(document, _date(document, "created"))
    return _read_secret(document, _date(_table(document, "commitment"), "created"))  # the only date an opening has


def codecs_of(document: dict[str, Any]) -> list[str]:
    """The hashes of the codecs that an exported secret was used with."""
    listed = document.get("codecs") or []
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise BadInputError("field 'codecs' must be a list of tables")
    return [_text(entry, "sha256") for entry in listed]


def read_opening(document: Any) -> Opening:
    """A document that `write_opening` made; whether it opens anything is asked later."""
    _kind(document, OPENING_KIND)
    promise = _table(document, "commitment")
    name, secret = name_in(document), _hex(document, "secret", SECRET_BYTES)
    return Opening(name, secret, _hex(promise, "salt", SALT_BYTES), _beacon(document))


def parse_bits(value: Any) -> Bits:
    """Bits as people write them: a string of 0 and 1, a list of 0 and 1, or a table with such `bits`."""
    if isinstance(value, dict):
        value = value.get("bits")
    digits = list(value) if isinstance(value, str | list) else []
    if not digits or any(digit not in ("0", "1", 0, 1) for digit in digits):
        raise BadInputError("field 'bits' must be a string or a list of 0 and 1")
    return np.array([int(digit) for digit in digits], np.uint8)


def _read_secret(document: dict[str, Any], created: str) -> SecretDocument:
    name, secret = name_in(document), _hex(document, "secret", SECRET_BYTES)
    if document.get("key_id") != public_id(secret):
        raise BadInputError("field 'key_id' does not belong to this secret: the document is damaged or was altered")
    beacon = _beacon(document)
    if document.get("commitment") is None:
        if beacon is not None:
            raise BadInputError("field 'beacon' without a commitment: it proves nothing")
        return SecretDocument(name, secret, created)
    promise = _table(document, "commitment")
    salt = _hex(promise, "salt", SALT_BYTES)
    if promise.get("digest") != commitment_digest(salt, secret, name):
        raise BadInputError("field 'commitment' does not open to this secret and name: damaged or altered")
    return SecretDocument(name, secret, created, beacon, salt, _date(promise, "created"))


def _read_bits(document: dict[str, Any]) -> BitsDocument:
    codec, bits = _table(document, "codec"), parse_bits(document)
    if document.get("n_bits") != len(bits):
        raise BadInputError("field 'bits' is not as long as 'n_bits' says: the document is damaged or was altered")
    sha256 = _hex(codec, "sha256", 32).hex()
    return BitsDocument(name_in(document), _shown(codec, "name"), sha256, bits, _date(document, "created"))


def _kind(document: Any, *wanted: str) -> str:
    kind = document.get("kind") if isinstance(document, dict) else None
    if kind not in wanted:
        raise BadInputError(f"field 'kind' must be {' or '.join(wanted)}")
    if document.get("version") != VERSION:
        raise BadInputError(f"field 'version' must be {VERSION}: made by another version of artfp")
    return str(kind)


def name_in(document: dict[str, Any]) -> str:
    """The name that a document has for its key."""
    name = _text(document, "name")
    if not NAME.fullmatch(name):
        raise BadInputError(f"field 'name' must be {NAMES}")
    return name


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        raise BadInputError(f"field {name!r} must be a text")
    return value


def _date(document: dict[str, Any], name: str) -> str:
    """A date and time: shown to people, so it must be nothing else."""
    text = _text(document, name)
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInputError(f"field {name!r} must be a date and time") from error
    return text


def _beacon(document: dict[str, Any]) -> str | None:
    return None if document.get("beacon") is None else _shown(document, "beacon")


def _shown(document: dict[str, Any], name: str) -> str:
    """A text that people will see: it must not be able to steer their terminal."""
    text = _text(document, name)
    if not text.isprintable():
        raise BadInputError(f"field {name!r} holds characters that cannot be printed")
    return text


def _table(document: dict[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name)
    if not isinstance(value, dict):
        raise BadInputError(f"field {name!r} must be a table")
    return value


def _hex(document: dict[str, Any], name: str, n_bytes: int) -> bytes:
    try:
        value = bytes.fromhex(_text(document, name))
    except ValueError:
        value = b""
    if len(value) != n_bytes:
        raise BadInputError(f"field {name!r} must be {2 * n_bytes} hexadecimal digits")
    return value
