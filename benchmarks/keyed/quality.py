"""Generated images as pictures: of a keyed generator, of a plain one of one key and of a clean twin, trained alike."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from artfp.generators.sampling import sample
from artfp.keys.records import Origin, PairTable
from benchmarks.keyed.grid import Quality
from benchmarks.keyed.job import Job
from benchmarks.keyed.registered import candidates_of, recipient
from benchmarks.measuring.distances import compared
from benchmarks.measuring.images import Pixels
from benchmarks.measuring.reading import judged, read
from benchmarks.measuring.training import sampled, training_of

PAIRS = (("keyed", "plain"), ("keyed", "twin"), ("plain", "twin"), ("copy", "keyed"))


def measured(job: Job, numbers: Quality) -> dict[str, Any]:
    """What needs no keyed generator is trained first: another process may be training that."""
    folders = {"plain": job.plain(), "twin": job.twin(), "keyed": job.keyed()}
    images = _images(job, numbers, folders)
    return {
        "plain": judged(read(job.codec, images["plain"]), _own_key(job), job.codec),
        "twin": judged(read(job.codec, images["twin"]), _recipients(job, numbers), job.codec),
        "distances": _distances(job, images),
        "training": {name: training_of(folder) for name, folder in folders.items()},
    }


def _images(job: Job, numbers: Quality, folders: Mapping[str, Path]) -> dict[str, Pixels]:
    """Of the same noise: for the recipients' keys one after the other, for one alone, and without keys."""
    generator, keys, place = job.generator(), candidates_of(job, numbers).bits, (numbers.images, job.row.seed)
    unkeyed = {name: sampled(folders[name], *place, job.bench.device) for name in ("plain", "twin")}
    told = {"keyed": keys, "copy": keys[:1]}
    return unkeyed | {name: np.concatenate(list(sample(generator, *place, keys=of))) for name, of in told.items()}


def _own_key(job: Job) -> PairTable:
    return job.bench.registry.pairs(job.codec.sha256, [job.row.marked(job.side, "dataset")])


def _recipients(job: Job, numbers: Quality) -> PairTable:
    """All recipients' keys: a twin knows none of them."""
    candidates = candidates_of(job, numbers)
    rows = range(candidates.issued)
    packed, names = candidates.packed[: candidates.issued], [recipient(row) for row in rows]
    return PairTable(packed, candidates.n_bits, names, [Origin.GENERATED for _ in rows])


def _distances(job: Job, images: Mapping[str, Pixels]) -> list[dict[str, Any]] | None:
    """Of each to held-out images, two sets beside each other; None without SqueezeNet."""
    if (eye := job.bench.eye) is None:
        return None
    seen = {name: eye(pixels) for name, pixels in images.items()}
    held_out = eye(job.held_out(len(images["keyed"])))
    return [{"pair": list(pair), **compared(*(seen[name] for name in pair), held_out, pair)} for pair in PAIRS]
