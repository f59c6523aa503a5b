"""`embed-dataset`: images a second, two workers against one, and going on with what is nearly done."""

from __future__ import annotations

import shutil
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path
from statistics import fmean

from artfp.codec.store import load_codec, suitable_for
from artfp.data.manifest import MANIFEST, TABLES
from artfp.embed import Engine
from artfp.engines.local import LocalEngine
from benchmarks.speed.bare import decoded_and_encoded
from benchmarks.speed.figures import ROUNDS, Figure, in_turns, rate
from benchmarks.speed.material import DISTINCT, mark, painted

# Side: images of the short and the long run, and what is to be reached of Pillow's rate. Shards have 512 images.
SIDES = {64: (2048, 6144, 0.3), 128: (1024, 4096, 0.35), 256: (1024, 4096, 0.5), 1024: (1024, 2048, 0.75)}
LARGE = 1024  # pixels a side, from which on a round takes minutes, and one is enough
TWO = 1.8
PLACES = count()


def marking(side: int, folder: Path, workers: int) -> Figure:
    """Against Pillow, with as many workers."""
    few, many, target = SIDES[side]
    for images in (few, many):
        painted(folder, images, side)  # before any time is taken
    rounds = 1 if side >= LARGE else ROUNDS
    with ProcessPoolExecutor(workers) as pool:
        ours, bare = in_turns(
            [
                lambda: rate(partial(marked, folder, side, LocalEngine("cpu", workers)), few, many),
                lambda: rate(partial(_bare, folder, side, pool), few, many),
            ],
            rounds=rounds,
        )
    rates = {"images a second": round(ours, 1), "Pillow's": round(bare, 1), "workers": workers, "rounds": rounds}
    details = rates | _bytes(folder, side)
    what = f"embed-dataset, {side} px PNG in, PNG out"
    return Figure(f"embed-{side}", what, "Pillow, decode and encode", ours / bare, target, details=details)


def two_workers(folder: Path) -> Figure:
    """Against one."""
    few, many, _ = SIDES[64]
    engines = [LocalEngine("cpu", workers) for workers in (1, 2)]
    one, two = in_turns([partial(rate, partial(marked, folder, 64, engine), few, many) for engine in engines])
    details = {"one, images a second": round(one, 1), "two": round(two, 1)}
    return Figure("two-workers", "two workers, 64 px", "one worker", two / one, TWO, details=details)


def marked(folder: Path, side: int, engine: Engine, images: int) -> None:
    """So many images of this side, marked as the command does."""
    shutil.rmtree(_marked(folder, side, engine, images))


def _bytes(folder: Path, side: int) -> dict[str, int]:
    """Of a file, before and after, and of its lines in the tables; what a manifest says of the whole does not grow."""
    target, images = _marked(folder, side, LocalEngine("cpu", 1), DISTINCT), DISTINCT
    files = [
        [path.stat().st_size for path in place.rglob("*.png")] for place in (painted(folder, images, side), target)
    ]
    before, after = (round(fmean(sizes)) for sizes in files)
    lines = sum((target / name).stat().st_size for name in TABLES if name != MANIFEST and (target / name).exists())
    shutil.rmtree(target)
    return {"bytes in": before, "bytes out": after, "bytes in tables": round(lines / images)}


def _marked(folder: Path, side: int, engine: Engine, images: int) -> Path:
    target = folder / f"marked-{next(PLACES)}"
    return mark(painted(folder, images, side), target, load_codec(suitable_for(side)), engine)


def _bare(folder: Path, side: int, pool: ProcessPoolExecutor, images: int) -> None:
    target = folder / f"bare-{next(PLACES)}"
    decoded_and_encoded(painted(folder, images, side), target, pool)
    shutil.rmtree(target)
