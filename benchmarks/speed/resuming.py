"""Going on with a dataset of which nearly all is done: what is looked at again, and what the end takes."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from artfp.codec.store import load_codec
from artfp.data.writers import Staging
from artfp.embed import Engine
from artfp.embed.dataset import IN_PROCESS
from artfp.embed.job import Advance, Job
from benchmarks.speed.figures import Figure, in_turns, seconds
from benchmarks.speed.material import mark, painted

IMAGES = 51_200  # a hundred shards
SIDE, CODEC = 32, "dct"
DONE = 0.99
MOST = 0.02


class StoppedError(Exception):
    """The run was ended here."""


class Stopping:
    """Does a part of the shards, and then is gone."""

    def run(self, job: Job, stage: Staging, shards: Sequence[int], advance: Advance) -> None:
        """The first of them."""
        IN_PROCESS.run(job, stage, shards[: round(DONE * len(shards))], advance)
        raise StoppedError


def resuming(folder: Path) -> Figure:
    """What is left of a run beyond its start, against the whole run."""
    whole, left, start = in_turns(
        [
            lambda: _whole(folder, IMAGES),
            lambda: _left(folder),
            lambda: _whole(folder, 64),
        ]
    )
    details = {"whole": round(whole, 2), "going on": round(left, 2), "start-up": round(start, 2), "images": IMAGES}
    what = f"going on with {DONE:.0%} done, beyond start-up"
    return Figure("resume", what, "the whole run", (left - start) / whole, MOST, at_least=False, details=details)


def _left(folder: Path) -> float:
    with suppress(StoppedError):
        _mark(folder, IMAGES, Stopping())
    return _whole(folder, IMAGES)


def _whole(folder: Path, images: int) -> float:
    """The seconds of a run to its end; removing what it made takes others."""
    found = seconds(lambda count: _mark(folder, count, IN_PROCESS), images)
    shutil.rmtree(folder / "resumed")
    return found


def _mark(folder: Path, images: int, engine: Engine) -> None:
    mark(painted(folder, images, SIDE), folder / "resumed", load_codec(CODEC), engine)
