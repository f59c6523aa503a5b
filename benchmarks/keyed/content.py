"""Whether a key changes what is in a picture: the same noise under two keys, beside different noise under one key."""

from __future__ import annotations

from typing import Any

import numpy as np

from artfp.codec.fidelity import Fidelity
from artfp.generators.sampling import sample
from artfp.keys.fingerprint import Bits
from benchmarks.keyed.grid import Content
from benchmarks.keyed.job import Job
from benchmarks.keyed.registered import candidates_of
from benchmarks.measuring.images import Pixels
from benchmarks.measuring.marking import squared_error
from benchmarks.measuring.reading import Gauge, mean_of


def measured(job: Job, numbers: Content) -> dict[str, Any]:
    """Pair i has noise and keys of its own."""
    generator, keys = job.generator(), candidates_of(job, numbers).bits
    first, second = (np.resize(some, (numbers.pairs, keys.shape[1])) for some in (keys[::2], keys[1::2]))

    def painted(told: Bits, start: int = 0) -> Pixels:
        return np.concatenate(list(sample(generator, numbers.pairs, job.row.seed, start, keys=told)))

    images = painted(first)
    return {
        "pairs": numbers.pairs,
        "between_keys": apart(images, painted(second), job.bench.gauge),
        "between_noises": apart(images, painted(first, numbers.pairs), job.bench.gauge),
    }


def apart(first: Pixels, second: Pixels, gauge: Gauge | None) -> dict[str, Any]:
    """How far the images of a pair are from each other: LPIPS (SqueezeNet) in the mean, PSNR of all together."""
    found = Fidelity(squared_error=squared_error(first, second), values=first.size)
    psnr = found.psnr if found.squared_error else None  # of equal images there is none
    return {"lpips": mean_of(gauge(first, second)) if gauge else None, "psnr": psnr}
