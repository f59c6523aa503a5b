"""A point from its data to its row; run again, it goes on where it stopped.

runs/curves/keys.sqlite   flowers.zip, cifar-500.zip, flowers-jpeg75.zip ...  unmarked   twin-...   clean twins
runs/curves/POINT/        strength.json   marked.zip   stored.zip   model/
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from artfp import recipe as recipes
from artfp.codec.base import Codec
from artfp.data.readers import open_source
from artfp.data.survey import evenly_spaced
from artfp.files import working_alone
from artfp.generators import training
from artfp.generators.settings import GanRecipe
from artfp.generators.transfer import Monitor
from artfp.keys.registry import Registry
from artfp.shipped import find_recipe
from artfp.statistics.evidence import Evidence
from benchmarks.curves.grid import AS_IS, Point
from benchmarks.curves.images import SIDE, originals, pixels_of, stored
from benchmarks.measuring.images import Pixels
from benchmarks.measuring.marking import Marks, mark
from benchmarks.measuring.progress import Tell
from benchmarks.measuring.reading import Eye, Features, distance, judged, read
from benchmarks.measuring.training import made_with, sampled, seconds_of, series_of

RECIPE = "gan-32"
MARKED = "marked.zip"
READ = 256  # of the images that the generator is shown, where they are not as they were marked
REFERENCE = 4096  # images at most, of all the data, that generated ones are compared with


@dataclass(frozen=True, eq=False)
class Bench:
    """What every point needs; what several points read alike is read once."""

    sources: Mapping[str, Path]  # the zip of each data
    scratch: Path
    registry: Registry
    device: str
    eye: Eye | None
    tell: Callable[[str], Tell]  # for a stage, a function of (done, total, note)
    recipe: GanRecipe = field(default_factory=lambda: recipes.load(find_recipe(RECIPE), GanRecipe))
    evidence: dict[tuple[str, int, str], Evidence] = field(default_factory=dict)  # of a twin's samples, by a codec
    features: dict[str, Features] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """A point at work."""

    point: Point
    bench: Bench
    codec: Codec
    folder: Path

    def tell(self, stage: str) -> Tell:
        """Progress of a stage."""
        return self.bench.tell(f"{self.point.name}, {stage}")


def row_of(point: Point, codec: Codec, bench: Bench) -> dict[str, Any]:
    """Carry out a point, or go on with it."""
    folder = bench.scratch / point.name
    folder.mkdir(parents=True, exist_ok=True)
    if point.name not in bench.registry.names():
        bench.registry.new(point.name)
    with working_alone(folder):
        return _row(Job(point, bench, codec.to(bench.device), folder))


def _row(job: Job) -> dict[str, Any]:
    point, codec, bench = job.point, job.codec, job.bench
    clean = _clean(job, AS_IS)
    embedding = mark(_marks(point), clean, job.folder, codec, bench.registry, job.tell("mark"))
    unmarked = _clean(job, point.storage)
    marked = stored(job.folder / MARKED, point.storage, job.folder / "stored.zip", job.tell("store"))
    _train(job, marked, _model(job), _monitor(job))
    _train(job, unmarked, _twin(job), None)
    with open_source(clean) as source:
        data = {"file": bench.sources[point.data].name, "images_sha256": source.sha256}
    return {
        "point": point.name,
        "settings": point.to_dict(),
        "data": data,
        "codec": {"name": codec.name, "sha256": codec.sha256, "n_bits": codec.n_bits},
        "key_id": bench.registry.get(point.name).key_id,
        "embedding": embedding,
        **({} if marked == job.folder / MARKED else {"stored": _judged(job, _read_data(job, marked))}),
        "generated": _read_model(job),
        "twin": _read_twin(job),
        "transfer": series_of(_model(job)),
        "gan": recipes.to_dict(_recipe(job)),
        "seconds": {"training": seconds_of(_model(job)), "twin": seconds_of(_twin(job))},
        "made_with": made_with(bench.device),
    }


def _marks(point: Point) -> Marks:
    return Marks(point.name, SIDE, point.psnr, point.fraction, point.seed)


def _clean(job: Job, storage: str) -> Path:
    """The unmarked data of the point, stored in one way."""
    point, scratch = dataclasses.replace(job.point, storage=AS_IS), job.bench.scratch
    source = originals(job.bench.sources[point.data], point.count, scratch / f"{point.images}.zip", job.tell("data"))
    changed = dataclasses.replace(point, storage=storage)
    return stored(source, storage, scratch / f"{changed.images}.zip", job.tell("store"))


def _model(job: Job) -> Path:
    return job.folder / f"model-shown{job.point.shown}"


def _twin(job: Job) -> Path:
    return job.bench.scratch / job.point.twin


def _recipe(job: Job) -> GanRecipe:
    return dataclasses.replace(job.bench.recipe, seed=job.point.seed, images=job.point.shown)


def _monitor(job: Job) -> Monitor:
    """Stored data have lost their manifest, so the monitor is told what to look for."""
    pair = job.bench.registry.pair(job.point.name, job.codec.facts())
    return Monitor(job.codec, pair.bits, job.bench.registry.get(job.point.name).key_id)


def _train(job: Job, data: Path, out: Path, monitor: Monitor | None) -> None:
    """The twin has no monitor: it serves every key."""
    name = "twin" if monitor is None else "model"
    training.train(_recipe(job), data, out, monitor, job.tell(f"train {name}"), job.bench.device, twin=monitor is None)


def _sampled(job: Job, folder: Path) -> Pixels:
    return sampled(folder, job.point.samples, job.point.seed, job.bench.device)


def _read_data(job: Job, data: Path) -> Evidence:
    """What the codec still reads from the data after they were stored."""
    found = pixels_of(data, job.tell("read data"))
    return read(job.codec, found[evenly_spaced(len(found), READ)])


def _read_model(job: Job) -> dict[str, Any]:
    job.tell("read model")(0, job.point.samples, "")
    pixels = _sampled(job, _model(job))
    features = job.bench.eye(pixels) if job.bench.eye else None
    return _judged(job, read(job.codec, pixels)) | {"frechet": distance(features, _reference(job))}


def _read_twin(job: Job) -> dict[str, Any]:
    """The same codec and key on the twin's images."""
    job.tell("read twin")(0, job.point.samples, "")
    point, bench, pixels = job.point, job.bench, _sampled(job, _twin(job))
    known = (point.twin, point.samples, job.codec.sha256)
    if known not in bench.evidence:
        bench.evidence[known] = read(job.codec, pixels)
    features = _remembered(job, f"{point.twin}-{point.samples}", lambda: pixels)
    return _judged(job, bench.evidence[known]) | {"frechet": distance(features, _reference(job))}


def _judged(job: Job, evidence: Evidence) -> dict[str, Any]:
    pairs = job.bench.registry.pairs(job.codec.sha256, [job.point.name])
    return judged(evidence, pairs, job.codec)


def _reference(job: Job) -> Features | None:
    """Of all the data as they are, whatever part of them was trained on: one yardstick for all points of the data."""
    source = job.bench.sources[job.point.data]

    def pixels() -> Pixels:
        found = pixels_of(source, job.tell("reference"))
        return found[evenly_spaced(len(found), REFERENCE)]

    return _remembered(job, job.point.data, pixels)


def _remembered(job: Job, name: str, pixels: Callable[[], Pixels]) -> Features | None:
    bench = job.bench
    if bench.eye and name not in bench.features:
        bench.features[name] = bench.eye(pixels())
    return bench.features.get(name)
