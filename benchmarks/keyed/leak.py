"""What copies tell of where keys lie, and what can be done with it.

Whoever has m copies can go to any point of their span (`drawn`). The codec is public, so they also know the bits of
each of their copies, and of a victim's images, and can make for the victim's key (`forged`). Whoever has one copy can
overwrite what he takes for the key's place (`swaps`); with several, by their mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from artfp.generators.base import signs_of
from artfp.keys.fingerprint import unpack
from artfp.seeds import derive_seed, numpy_generator
from benchmarks.keyed.copies import Mint, place_of_key, put_in, taken_out
from benchmarks.keyed.grid import Leak
from benchmarks.keyed.job import Job
from benchmarks.keyed.looking import looked_at
from benchmarks.keyed.registered import candidates_of
from benchmarks.keyed.spans import INSIDE, SWAPS, drawn, forged, span_of
from benchmarks.keyed.tracing import Traced, tally, traced
from benchmarks.measuring.images import Pixels
from benchmarks.measuring.reading import evidence_of


def measured(job: Job, numbers: Leak) -> dict[str, Any]:
    """Spans, points in them, and keys overwritten; each is kept when it is done."""
    study = Study(job, numbers)
    spans = [span_of(study.points[:copies], study.points[-numbers.others :]) for copies in numbers.ranks]
    return {
        "alpha": numbers.alpha,
        "place": {"tensors": list(study.place), "numbers": study.points.shape[1]},
        "spans": spans,
        "needed": next((span["copies"] for span in spans if span["outside"] < INSIDE), None),
        "drawn": [study.kept("drawn", copies, study.drawn) for copies in numbers.copies],
        "forged": [study.kept("forged", copies, study.forged) for copies in numbers.copies],
        "swaps": [study.kept("swap", name, study.swapped) for name in SWAPS]
        + [study.kept("mean", copies, study.averaged) for copies in numbers.means],
    }


class Study:
    """All issued copies at the place of their keys, and those who have some of them."""

    def __init__(self, job: Job, numbers: Leak) -> None:
        self.job, self.numbers = job, numbers
        self.mint, self.candidates = Mint(job.generator()), candidates_of(job, numbers)
        keys = self.candidates.bits
        self.place = place_of_key(self.mint.copy(keys[0]), self.mint.copy(1 - keys[0]))
        self.points = torch.stack([taken_out(self.mint.copy(bits), self.place) for bits in keys])
        self.base = self.mint.copy(keys[0])  # at all other places any copy is like the others
        self.vote = cache(self._vote)

    def kept(self, name: str, what: int | str, work: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        """A part that is not made again."""
        settings = self.numbers.to_dict() | {"ranks": None, "copies": None, "means": None}
        found: dict[str, Any] = self.job.kept(f"leak-{name}-{what}".replace(" ", "-"), settings, lambda: work(what))
        return found

    def drawn(self, copies: int) -> dict[str, Any]:
        """Points in the spans of several copies, and whom they name."""
        groups = [self._group("drawn", copies, number) for number in range(self.numbers.attackers)]
        points = [drawn(self.points[group], self._random("drawn", copies, i)) for i, group in enumerate(groups)]
        return {"copies": copies} | tally(self._traced(points), groups, self.candidates)

    def forged(self, copies: int) -> dict[str, Any]:
        """Made for the key of somebody else, the last of each group, of whom there are images alone."""
        groups = [self._group("forged", copies + 1, number) for number in range(self.numbers.attackers)]
        owners, victims = [group[:-1] for group in groups], [group[-1:] for group in groups]
        found = self._traced([self._forged(own, victim[0]) for own, victim in zip(owners, victims, strict=True)])
        return {
            "copies": copies,
            "victim": tally(found, victims, self.candidates),
            "owners": tally(found, owners, self.candidates),
        }

    def _forged(self, owners: Sequence[int], victim: int) -> Tensor:
        read = torch.stack([self.vote(row) for row in owners])
        return forged(self.points[list(owners)], read, self.vote(victim))

    def swapped(self, name: str) -> dict[str, Any]:
        """The key's place overwritten in single copies."""
        rows = range(self.numbers.swappers)
        points = [SWAPS[name](self.points[row], self._random("swap", name, row)) for row in rows]
        return {"swap": name} | self._looked_at(points, [[row] for row in rows])

    def averaged(self, copies: int) -> dict[str, Any]:
        """Overwritten by the mean of several copies."""
        groups = [self._group("mean", copies, number) for number in range(self.numbers.swappers)]
        points = [self.points[group].mean(dim=0) for group in groups]
        return {"swap": f"mean of {copies}"} | self._looked_at(points, groups)

    def _looked_at(self, points: Sequence[Tensor], owners: Sequence[Sequence[int]]) -> dict[str, Any]:
        images = [self._images(point, self.numbers.swapped_images, number) for number, point in enumerate(points)]
        return looked_at(self.job, images, owners, self.candidates, self.numbers.alpha)

    def _group(self, name: str, size: int, number: int) -> list[int]:
        random = numpy_generator("keyed-leak", self.job.row.name, name, size, number)
        return random.choice(self.candidates.issued, size, replace=False).tolist()

    def _random(self, *parts: int | str) -> torch.Generator:
        return torch.Generator().manual_seed(derive_seed("keyed-leak", self.job.row.name, *parts))

    def _traced(self, points: Sequence[Tensor]) -> list[Traced]:
        images = (self._images(point, self.numbers.images, number) for number, point in enumerate(points))
        evidences = (evidence_of(self.candidates.n_bits, [self.job.soft([pixels])]) for pixels in images)
        return [traced(evidence, self.candidates, self.numbers.alpha) for evidence in evidences]

    def _images(self, point: Tensor, count: int, number: int) -> Pixels:
        """What a copy with these numbers at the key's place paints, of noise of its own."""
        return self.mint.images(put_in(self.base, self.place, point), count, self.job.row.seed, number * count)

    def _vote(self, row: int) -> Tensor:
        """The bits, +-1, that the codec reads from a copy's images."""
        soft = self.job.soft([self._images(self.points[row], self.numbers.images, row)])
        vote = evidence_of(self.candidates.n_bits, [soft]).vote
        return signs_of(unpack(vote, self.candidates.n_bits)).double()
