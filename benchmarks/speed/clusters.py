"""`embed-dataset --engine ray` on a cluster of its own: what Ray costs while it runs."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from artfp.engines.local import LocalEngine
from artfp.engines.ray import RayEngine
from artfp.errors import UsageError
from benchmarks.speed.embedding import marked
from benchmarks.speed.figures import Figure, SkippedError, in_turns, rate

IMAGES = 200_000
SIDE = 64
LEAST = 0.8


def ray(folder: Path, workers: int, images: int) -> Figure:
    """Against as many processes, each without its start; once, since so many images take long."""
    try:
        engines = [RayEngine("cpu", workers, 1), LocalEngine("cpu", workers, 1)]
    except UsageError as error:
        raise SkippedError(str(error)) from error
    works = [partial(marked, folder, SIDE, engine) for engine in engines]
    ours, others = in_turns([partial(rate, work, images // 50, images) for work in works], rounds=1)
    details = {"Ray, images a second": round(ours, 1), "local": round(others, 1), "images": images, "workers": workers}
    what = f"embed-dataset --engine ray, {SIDE} px, {images:,} images"
    return Figure("ray", what, "--engine local", ours / others, LEAST, details=details)
