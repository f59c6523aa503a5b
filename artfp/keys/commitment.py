"""Commitments: a hash to publish today, and the opening that proves in a dispute what it stood for.

    commitment = SHA-256(domain, salt, secret, name), every field behind its length

The salt keeps a commitment from saying anything about its key; the name stops anyone from opening it as another's.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field

from artfp.errors import UsageError
from artfp.keys.fingerprint import framed

DOMAIN = b"artfp commitment 1"
SALT_BYTES = 32


@dataclass(frozen=True)
class Commitment:
    """What may be published: the hash, and when it was made."""

    digest: str
    created: str


def new_salt() -> bytes:
    """Randomness that keeps a commitment from saying anything about its key."""
    return secrets.token_bytes(SALT_BYTES)


def commitment_digest(salt: bytes, secret: bytes, name: str) -> str:
    """The commitment to a secret under a name, in hexadecimal."""
    return hashlib.sha256(framed(DOMAIN, salt, secret, name.encode())).hexdigest()


def check_digest(text: str, what: str = "commitment", printed_by: str = "artfp key commit") -> str:
    """A published commitment, or another SHA-256, as it was typed or pasted: 64 hexadecimal digits."""
    digest = text.strip().lower()
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise UsageError(f"{text!r} is no {what}: it must be 64 hexadecimal digits, as `{printed_by}` prints")
    return digest


@dataclass(frozen=True)
class Opening:
    """What a commitment stood for; it reveals the key."""

    name: str
    secret: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    beacon: str | None

    def opens(self, digest: str) -> bool:
        """Whether the published commitment stood for exactly this secret under this name."""
        return commitment_digest(self.salt, self.secret, self.name) == check_digest(digest)
