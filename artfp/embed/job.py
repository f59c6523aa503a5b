"""A request and its keys: what the loop and the self-check work from, in this process or in another."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from artfp.embed.request import UNMARKED, Request
from artfp.keys.fingerprint import Bits
from artfp.keys.registry import Registry
from artfp.seeds import derive_seed

Progress = Callable[[int, int, str], None]
Advance = Callable[[int, int], None]  # so many more images are done with, and so many of them cannot be used


@dataclass(frozen=True)
class Job:
    """A request with its keys: everything the loop needs. It can be pickled, and opens the source anew then."""

    request: Request
    key_ids: tuple[str, ...]
    bits: Bits  # (keys, n); with a key per image (images, n)

    def key_of(self, index: int) -> str | None:
        """The public id of the key an image carries."""
        position = self.request.marking.of[index]
        return self.key_ids[position] if position != UNMARKED else None

    def mark_of(self, index: int) -> dict[str, str | None]:
        """The manifest's columns on how an image is marked."""
        key_id = self.key_of(index)
        if self.request.settings.key_per != "image":
            return {"key_id": key_id}
        return {"key_id": key_id, "key_seed": None if key_id is None else image_seed(self.request, index)}

    def bits_of(self, indices: Sequence[int]) -> Bits:
        """One row of bits for each image."""
        rows = list(indices)
        return self.bits[rows if self.request.settings.key_per == "image" else self.request.marking.of[rows]]


def with_keys(request: Request, registry: Registry) -> Job:
    """Make the keys that are missing and record every use of a key with the codec."""
    names = request.marking.names
    if None in request.key_ids:
        registry.ensure(names)
    key_ids = tuple(registry.get(name).key_id for name in names)
    request = dataclasses.replace(request, key_ids=key_ids)
    if request.settings.key_per == "image":
        seeds = [image_seed(request, index) for index in range(len(request.source))]
        return Job(request, key_ids, registry.image_bits(names[0], request.codec.facts(), seeds))
    pairs = registry.pair_many(names, request.codec.facts())
    bits = np.array([pair.bits for pair in pairs], np.uint8).reshape(len(names), request.codec.n_bits)
    return Job(request, key_ids, bits)


def image_seed(request: Request, index: int) -> str:
    """What tells an image's bits from those of all others, of this source and of any other; public."""
    return f"{derive_seed(request.source.sha256, request.settings.seed, 'image key', index):016x}"
