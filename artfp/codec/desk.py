"""Reading batch after batch with a codec that searches: unsure images wait until a whole portion can be searched.

    batch --look--> soft bits --none unsure--> out, in the order that came in
                      some unsure --> wait --PORTION of them, from any batches--> search --> out

A search takes many looks, and takes them for PORTION images at once or not at all (`alignment`): searching the few
unsure ones of each batch alone would look mostly at padding. What an image reads does not depend on how long it waited.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from artfp.codec.alignment import PORTION
from artfp.codec.base import Codec
from artfp.statistics.exact import Floats

BATCH = 64  # images in one look, always: the last batch is padded, so that an image reads the same beside any others
MOST = 64  # batches that wait; then what is there is searched, however little

Size = tuple[int, int]  # height and width


@dataclass(eq=False)
class _Batch:
    soft: Tensor
    unsure: int


@dataclass(frozen=True, eq=False)
class _Waiting:
    batch: _Batch
    place: int
    inner: Tensor
    aspect: Tensor
    logits: Tensor


class Desk:
    """One codec at work; `fast` reads every image once, in fast arithmetic, and lets none wait."""

    def __init__(self, codec: Codec, fast: bool = False) -> None:
        self.codec, self._fast = codec, fast
        self._batches: deque[_Batch] = deque()
        self._waiting: list[_Waiting] = []

    @torch.no_grad()
    def read(self, images: Sequence[Tensor], sizes: Sequence[Size]) -> list[Floats]:
        """The soft bits of batches that are done, after one more: 1 x 3 x H x W images, and the sizes that they had."""
        together = torch.cat([*images, *[images[-1]] * (BATCH - len(images))])
        if self._fast:
            self._batches.append(_Batch(self.codec.soft_bits_at_a_glance(together)[: len(images)], 0))
        else:
            self._look(together, sizes)
        while len(self._waiting) >= PORTION or (self._waiting and len(self._batches) > MOST):
            self._search()
        return list(self._done())

    @torch.no_grad()
    def rest(self) -> list[Floats]:
        """The soft bits of all that waited."""
        while self._waiting:
            self._search()
        return list(self._done())

    def _look(self, images: Tensor, sizes: Sequence[Size]) -> None:
        inner = self.codec.prepared(images)
        aspects = torch.tensor([width / height for height, width in sizes], device=inner.device)
        soft, unsure, logits = (found[: len(sizes)] for found in self.codec.look(inner))
        places = unsure.nonzero().flatten().tolist()
        batch = _Batch(soft, len(places))
        self._batches.append(batch)
        self._waiting += [_Waiting(batch, at, inner[at].clone(), aspects[at], logits[at].clone()) for at in places]

    def _search(self) -> None:
        portion, self._waiting = self._waiting[:PORTION], self._waiting[PORTION:]
        columns = ((each.inner, each.aspect, each.logits) for each in portion)
        found = self.codec.searched(*map(torch.stack, zip(*columns, strict=True)))
        for each, soft in zip(portion, found, strict=True):
            each.batch.soft[each.place] = soft
            each.batch.unsure -= 1

    def _done(self) -> Iterator[Floats]:
        while self._batches and not self._batches[0].unsure:
            yield self._batches.popleft().soft.to(torch.float64).cpu().numpy()
