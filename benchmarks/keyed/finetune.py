"""A copy in the hands of somebody who wants its key gone: trained on with clean images, or pruned.

The clean images are the very originals of those that the keyed generator was trained on; nobody could have better ones.
A copy comes without a discriminator, so a fresh one teaches it.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from artfp.generators.base import Generator
from artfp.generators.folder import FILE
from artfp.generators.sampling import load_generator, sample, save_generator
from artfp.generators.settings import GanRecipe
from artfp.generators.transfer import Monitor
from benchmarks.keyed.copies import Mint, pruned
from benchmarks.keyed.grid import FineTune
from benchmarks.keyed.job import Job
from benchmarks.keyed.looking import looked_at
from benchmarks.keyed.registered import candidates_of, recipient
from benchmarks.keyed.tracing import Candidates
from benchmarks.measuring.images import Pixels
from benchmarks.measuring.training import series_of

COPY = 0  # the recipient who fine-tunes


def measured(job: Job, numbers: FineTune) -> dict[str, Any]:
    """As issued, then after each share of images, and after each share of weights; each is kept when it is done."""
    mint, candidates = Mint(job.generator()), candidates_of(job, numbers)
    asked = numbers.to_dict() | {"shares": None, "pruned": None}

    def tuned(share: float) -> dict[str, Any]:
        return job.kept(f"tuned-{share:g}", asked, lambda: _tuned(job, mint, candidates, share, numbers))

    def cut(share: float) -> dict[str, Any]:
        return job.kept(f"pruned-{share:g}", asked, lambda: _pruned(job, mint, candidates, share, numbers))

    return {
        "alpha": numbers.alpha,
        "tuned": [tuned(share) for share in (0, *numbers.shares)],
        "pruned": [cut(share) for share in (0, *numbers.pruned)],
    }


def _tuned(job: Job, mint: Mint, candidates: Candidates, share: float, numbers: FineTune) -> dict[str, Any]:
    folder = trained_on(job, mint.generator, candidates, share) if share else None
    if folder:
        images = np.concatenate(list(sample(load_generator(folder).to(job.bench.device), numbers.images, job.row.seed)))
    else:
        images = mint.images(mint.copy(candidates.bits[COPY]), numbers.images, job.row.seed)
    found = looked_at(job, [images], [[COPY]], candidates, numbers.alpha)
    return {"share": share, "shown": shown(job.recipe, share), "looks": series_of(folder) if folder else []} | found


def trained_on(job: Job, generator: Generator, candidates: Candidates, share: float) -> Path:
    """The copy, trained on with clean images, and watched for its key as it goes."""
    folder, bits = job.folder / "finetune", candidates.bits[COPY]
    folder.mkdir(exist_ok=True)
    copy = folder / FILE
    save_generator(copy, generator.folded(bits), job.recipe.family, {})
    monitor = Monitor(job.codec, bits, recipient(COPY))
    recipe = dataclasses.replace(job.unkeyed, start=copy, images=shown(job.recipe, share))
    return job.trained(recipe, job.prepared("image").clean, folder / f"share-{share:g}", monitor)


def shown(recipe: GanRecipe, share: float) -> int:
    """Images, as a share of those that the keyed training showed."""
    return round(share * recipe.images)


def _pruned(job: Job, mint: Mint, candidates: Candidates, share: float, numbers: FineTune) -> dict[str, Any]:
    rows = range(numbers.pruners)
    images = [_painted(job, mint, candidates, row, share, numbers.pruned_images) for row in rows]
    return {"share": share} | looked_at(job, images, [[row] for row in rows], candidates, numbers.alpha)


def _painted(job: Job, mint: Mint, candidates: Candidates, row: int, share: float, count: int) -> Pixels:
    copy = mint.copy(candidates.bits[row])
    return mint.images(pruned(copy, share) if share else copy, count, job.row.seed, row * count)
