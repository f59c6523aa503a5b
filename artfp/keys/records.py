"""What a registry hands out: keys, pairs of key and codec, and tables of pairs. None of them shows a secret."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray

from artfp.errors import UsageError
from artfp.keys.commitment import Commitment
from artfp.keys.fingerprint import Bits, pack, unpack

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,127}")
NAMES = "1 to 128 letters, digits and . _ / -, starting with a letter or digit"


class Origin(StrEnum):
    """Where a key came from; every verdict on it says so."""

    GENERATED = "generated"
    IMPORTED_SECRET = "imported-secret"  # noqa: S105 - the word, not one
    IMPORTED_BITS = "imported-bits"

    @property
    def meaning(self) -> str:
        """What the origin lets a verdict claim."""
        return _MEANINGS[self]


_MEANINGS = {
    Origin.GENERATED: "drawn here from the operating system's randomness",
    Origin.IMPORTED_SECRET: "a secret made elsewhere: the p-value holds only if it was drawn at random",
    Origin.IMPORTED_BITS: "bits chosen by their owner: the p-value holds only if they were drawn at random",
}


def check_name(name: str) -> str:
    """The name of a key, or an error that says what names look like."""
    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a key: {NAMES}")
    return name


@dataclass(frozen=True)
class Key:
    """A named secret, without the secret."""

    name: str
    key_id: str  # public: a hash of the secret
    created: str
    origin: Origin
    beacon: str | None = None
    commitment: Commitment | None = None


@dataclass(frozen=True, eq=False)
class Pair:
    """A key's fingerprint for one codec."""

    key: str
    codec_sha256: str
    bits: Bits = field(repr=False)
    counter: int
    origin: Origin


@dataclass(frozen=True, eq=False)
class PairTable:
    """All recorded fingerprints of one codec, packed; names are read only for the rows that are asked for.

    One that comes from a registry reads its names there: ask while the registry is open.
    """

    packed: NDArray[np.uint8] = field(repr=False)  # (K, bytes)
    n_bits: int
    names: Sequence[str] = field(repr=False)
    origins: Sequence[str] = field(repr=False)

    def __len__(self) -> int:
        return len(self.packed)

    def bits(self, row: int) -> Bits:
        """The fingerprint in one row."""
        return unpack(self.packed[row], self.n_bits)

    @classmethod
    def of(cls, pairs: Sequence[Pair], n_bits: int) -> Self:
        """A table of the given pairs."""
        bits = np.array([pair.bits for pair in pairs], np.uint8).reshape(len(pairs), n_bits)
        return cls(pack(bits), n_bits, [pair.key for pair in pairs], [pair.origin for pair in pairs])
