"""Altered copies of some recipients as whoever meets them sees them: whom they name, and how good their images are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.keyed.job import Job
from benchmarks.keyed.tracing import Candidates, tally, traced
from benchmarks.measuring.images import Pixels
from benchmarks.measuring.reading import distance, evidence_of


def looked_at(
    job: Job, found: Sequence[Pixels], owners: Sequence[Sequence[int]], candidates: Candidates, alpha: float
) -> dict[str, Any]:
    """A folder of images for each of the owners, as many each; their Fréchet distance is that of all together."""
    softs = [job.soft([pixels]) for pixels in found]
    folders = [traced(evidence_of(candidates.n_bits, [soft]), candidates, alpha) for soft in softs]
    return tally(folders, owners, candidates) | {"frechet": _frechet(job, found)}


def _frechet(job: Job, found: Sequence[Pixels]) -> float | None:
    """To held-out images, of as many as there are of both: the first of each folder, then the second ..."""
    if (eye := job.bench.eye) is None:
        return None
    pixels = np.stack(found, axis=1).reshape(-1, *found[0].shape[1:])
    held_out = job.held_out(len(pixels))
    return distance(eye(pixels[: len(held_out)]), eye(held_out))
