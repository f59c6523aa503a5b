"""A request and its keys: what the loop and the self-check work from."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from artfp.embed.request import UNMARKED, Request
from artfp.keys.fingerprint import Bits
from artfp.keys.registry import Registry

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Job:
    """A request with its keys: everything the loop needs."""

    request: Request
    key_ids: tuple[str, ...]
    bits: Bits  # (keys, n)

    def key_of(self, index: int) -> str | None:
        """The public id of the key an image carries."""
        position = self.request.marking.of[index]
        return self.key_ids[position] if position != UNMARKED else None

    def bits_of(self, indices: Sequence[int]) -> Bits:
        """One row of bits for each image."""
        return self.bits[self.request.marking.of[list(indices)]]


def with_keys(request: Request, registry: Registry) -> Job:
    """Make the keys that are missing and record every pair of key and codec."""
    names = request.marking.names
    registry.new_many([name for name, known in zip(names, request.key_ids, strict=True) if known is None])
    key_ids = tuple(registry.get(name).key_id for name in names)
    pairs = registry.pair_many(names, request.codec.facts())
    bits = np.array([pair.bits for pair in pairs], np.uint8).reshape(len(names), request.codec.n_bits)
    return Job(dataclasses.replace(request, key_ids=key_ids), key_ids, bits)
