"""A row from its data to its JSON; run again, it goes on where it stopped.

runs/families/keys.sqlite   flowers-64px-36.5db/ ...  data (preparing.py)
runs/families/ROW/          model/   twin/   *.seconds.jsonl  seconds of each process that trained
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from artfp import recipe as recipes
from artfp.codec.base import Codec
from artfp.data.readers import open_source
from artfp.errors import UsageError
from artfp.files import read_json, working_alone
from artfp.generators import training
from artfp.generators.folder import CARD
from artfp.generators.settings import GanRecipe
from artfp.generators.transfer import Monitor
from artfp.seeds import numpy_generator
from artfp.statistics.calibration import random_key_share
from artfp.statistics.decision import NO_MATCH_ABOVE
from artfp.statistics.evidence import Evidence
from benchmarks.families.grid import Row
from benchmarks.measuring.bench import Bench
from benchmarks.measuring.distances import compared
from benchmarks.measuring.images import Pixels
from benchmarks.measuring.marking import Marks
from benchmarks.measuring.preparing import Prepared, first_images, prepare
from benchmarks.measuring.progress import Tell
from benchmarks.measuring.reading import judged, read
from benchmarks.measuring.training import made_with, processor_seconds, sampled, seconds_of, series_of, timed

RANDOM_KEYS = 10_000  # tried on a twin's images


@dataclass(frozen=True)
class Job:
    """A row at work."""

    row: Row
    bench: Bench
    codec: Codec
    recipe: GanRecipe
    side: int
    prepared: Prepared

    @property
    def folder(self) -> Path:
        """Of the row."""
        return self.bench.scratch / self.row.name

    @property
    def key(self) -> str:
        """The name of its data's key."""
        return self.row.marked(self.side)

    def tell(self, stage: str) -> Tell:
        """Progress of a stage."""
        return self.bench.tell(f"{self.row.name}, {stage}")


def row_of(row: Row, codec: Codec, bench: Bench) -> dict[str, Any]:
    """Carry out a row, or go on with it."""
    folder = bench.scratch / row.name
    folder.mkdir(parents=True, exist_ok=True)
    with working_alone(folder):
        return _row(_job(row, codec.to(bench.device), bench))


def _job(row: Row, codec: Codec, bench: Bench) -> Job:
    recipe, collection = bench.recipe(row.recipe), bench.collections[row.data]
    if recipe.size is None:
        raise UsageError(f"recipe {row.recipe}: must name its size, to which the images are brought before marking")
    if (recipe.family == "cut") != collection.sketched:
        raise UsageError(f"{row.name}: {recipe.family} on {row.data}; sketches are for the family that translates")
    marks = Marks(row.marked(recipe.size), recipe.size, row.psnr)
    tell = bench.tell(f"{marks.key}, data")
    source = bench.data / collection.file
    prepared = prepare(source, row.data, collection, marks, bench.scratch, codec, bench.registry, tell)
    recipe = dataclasses.replace(recipe, seed=row.seed, source=prepared.sketches)
    return Job(row, bench, codec, recipe, recipe.size or 0, prepared)


def _row(job: Job) -> dict[str, Any]:
    row, codec, bench, prepared = job.row, job.codec, job.bench, job.prepared
    model, twin = job.folder / "model", job.folder / "twin"
    _train(job, prepared.marked, model, _monitor(job))
    _train(job, prepared.clean, twin, None)
    generated, twins = _sampled(job, model), _sampled(job, twin)
    evidence = read(codec, twins)
    return {
        "row": row.name,
        "settings": row.to_dict(),
        "side": job.side,
        "data": _data(job),
        "codec": {"name": codec.name, "sha256": codec.sha256, "n_bits": codec.n_bits},
        "key_id": bench.registry.get(job.key).key_id,
        "embedding": prepared.embedding,
        "generated": _judged(job, read(codec, generated)),
        "twin": _judged(job, evidence) | {"random_keys": _random_keys(job, evidence)},
        "distances": _distances(job, generated, twins),
        "transfer": series_of(model),
        "parameters": read_json(model / CARD)["parameters"],
        "recipe": recipes.to_dict(dataclasses.replace(job.recipe, source=None)),
        "seconds": {"training": seconds_of(model), "twin": seconds_of(twin), "processor": _processor(job)},
        "made_with": made_with(bench.device),
    }


def _monitor(job: Job) -> Monitor:
    pair = job.bench.registry.pair(job.key, job.codec.facts())
    return Monitor(job.codec, pair.bits, job.bench.registry.get(job.key).key_id)


def _train(job: Job, data: Path, out: Path, monitor: Monitor | None) -> None:
    """The twin has no monitor: there is nothing to see."""
    tell, device = job.tell(f"train {out.name}"), job.bench.device
    with timed(out):
        training.train(job.recipe, data, out, monitor, tell, device, twin=monitor is None)


def _processor(job: Job) -> dict[str, int]:
    return {name: processor_seconds(job.folder / name) for name in ("model", "twin")}


def _sampled(job: Job, folder: Path) -> Pixels:
    """Images of noise, or a translation of each held-out sketch."""
    job.tell(f"read {folder.name}")(0, job.row.samples, "")
    sketches, count = None, job.row.samples
    if path := job.prepared.held_out_sketches:
        sketches = first_images(path, job.side, count, job.tell("sketches"))
        count = len(sketches)
    return sampled(folder, count, job.row.seed, job.bench.device, sketches)


def _judged(job: Job, evidence: Evidence) -> dict[str, Any]:
    return judged(evidence, job.bench.registry.pairs(job.codec.sha256, [job.key]), job.codec)


def _random_keys(job: Job, evidence: Evidence) -> dict[str, Any]:
    """How many keys that have marked nothing would not have been refused: for measuring, so from a seed."""
    random = numpy_generator("families-random-keys", job.row.name)
    return {"p": NO_MATCH_ABOVE} | random_key_share(evidence, NO_MATCH_ABOVE, RANDOM_KEYS, random).to_dict()


def _distances(job: Job, generated: Pixels, twins: Pixels) -> dict[str, Any] | None:
    """Of generated images to held-out ones, and of the data trained on; None without SqueezeNet."""
    if (eye := job.bench.eye) is None:
        return None

    def seen(path: Path) -> Pixels:
        return first_images(path, job.side, len(generated), job.tell("distances"))

    held_out = eye(seen(job.prepared.held_out))
    data = compared(eye(seen(job.prepared.marked)), eye(seen(job.prepared.clean)), held_out)
    return {"features": "SqueezeNet", "generated": compared(eye(generated), eye(twins), held_out), "data": data}


def _data(job: Job) -> dict[str, Any]:
    """What was trained on and compared with."""
    collection = job.bench.collections[job.row.data]
    with open_source(job.prepared.clean) as clean, open_source(job.prepared.held_out) as held_out:
        found = {"file": collection.file, "images_sha256": clean.sha256, "classes": clean.labels.count()}
        return found | {"images": len(clean), "held_out": len(held_out), "sketched": collection.sketched}
