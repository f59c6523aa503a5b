"""Freshly issued keys: what is read of them, and whom images of one recipient name.

The keyed generator is told the keys; that a folded copy makes the same images is checked on some. Images are read as
`artfp verify` reads them, with its search for cuts and turns.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from artfp.errors import ArtfpError
from artfp.generators.base import Generator
from artfp.generators.sampling import sample
from artfp.keys.fingerprint import Bits
from artfp.statistics.calibration import Share, matching_bits
from artfp.statistics.evidence import Evidence
from benchmarks.keyed.grid import Keys
from benchmarks.keyed.job import Job
from benchmarks.keyed.registered import candidates_of
from benchmarks.keyed.tracing import NOBODY, Candidates, named_alone, needed, tally, traced
from benchmarks.measuring.reading import Soft, evidence_of, mean_of
from benchmarks.measuring.training import training_of

ONE_LEVEL = 1  # of 255: the last digit of a sum may round an image's value the other way


def measured(job: Job, numbers: Keys) -> dict[str, Any]:
    """All recipients, some images of each."""
    generator, candidates = job.generator(), candidates_of(job, numbers)
    difference = largest_difference(generator, candidates.bits[: numbers.folded], numbers.images, job.row.seed)
    told = np.repeat(candidates.bits, numbers.images, axis=0)
    soft = job.soft(sample(generator, len(told), job.row.seed, keys=told), as_they_are=False)
    return {
        **read_of(soft, candidates, numbers),
        "folded": {"copies": numbers.folded, "largest_difference": difference},
        "embedding": job.prepared("image").embedding,
        "training": training_of(job.keyed()),
    }


def largest_difference(generator: Generator, keys: Bits, images: int, seed: int) -> int:
    """Between the folded copies' images and those of the generator that is told the keys, in 8-bit levels."""
    found = 0
    for number, bits in enumerate(keys):
        place = images, seed, number * images
        pairs = zip(sample(generator, *place, keys=bits[None]), sample(generator.folded(bits), *place), strict=True)
        found = max(found, *(int(np.abs(one.astype(int) - other).max()) for one, other in pairs))
    if found > ONE_LEVEL:
        raise ArtfpError(f"a folded copy's images differ from those of its key by {found} of 255 levels")
    return found


def read_of(soft: Soft, candidates: Candidates, numbers: Keys) -> dict[str, Any]:
    """What images say of whom they came from: recipient after recipient, as many of each."""
    n_bits, keys = candidates.n_bits, candidates.packed[: candidates.issued]
    folders = [evidence_of(n_bits, [own]) for own in np.split(soft, candidates.issued)]
    found = [traced(folder, candidates, numbers.alpha) for folder in folders]
    right = [matching_bits(folder.hard, key, n_bits).mean() for folder, key in zip(folders, keys, strict=True)]
    rates = np.array(right) / n_bits
    return {
        "alpha": numbers.alpha,
        "bits": mean_of(rates),
        "least": float(rates.min()),  # of any recipient
        "folders": tally(found, [[row] for row in range(len(keys))], candidates),
        "single": _single(evidence_of(n_bits, [soft]), candidates, numbers),
    }


def _single(images: Evidence, candidates: Candidates, numbers: Keys) -> dict[str, Any]:
    """Whom every image names on its own."""
    found = named_alone(images, candidates.packed, numbers.alpha)
    right = found == np.repeat(np.arange(candidates.issued), numbers.images)
    return {
        "keys": len(candidates.packed),
        "needed": needed(candidates.packed, candidates.n_bits, numbers.alpha),
        "traced": Share.of(int(right.sum()), len(found)).to_dict(),
        "innocents": int((~right & (found != NOBODY)).sum()),
    }
