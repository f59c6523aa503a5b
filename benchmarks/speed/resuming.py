"""Going on with a dataset of which nearly all is done: what is looked at again, and what the end takes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from artfp.codec.base import Codec
from artfp.codec.store import load_codec
from artfp.data.writers import Staging
from artfp.embed import Engine
from artfp.embed.dataset import IN_PROCESS
from artfp.embed.job import Advance, Job
from benchmarks.speed.figures import Figure, in_turns
from benchmarks.speed.material import mark, painted

IMAGES = 51_200  # a hundred shards
SIDE, CODEC = 64, "artfp-64"
QUICKEST = 32, "dct"  # the least work that a run can be
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
    """What is left of a run beyond its start, once: a run takes minutes."""
    quickest, _ = _left(folder, *QUICKEST)
    share, details = _left(folder, SIDE, CODEC)
    details |= {"of the quickest codec": round(quickest, 4), "images": IMAGES}
    what = f"going on with {DONE:.0%} done, beyond start-up"
    return Figure("resume", what, "the whole run", share, MOST, at_least=False, details=details)


def _left(folder: Path, side: int, codec: str) -> tuple[float, dict[str, Any]]:
    """As a share of the whole run, which is both parts of it; with the seconds of each."""
    few, all_of_them, marker = painted(folder, 64, side), painted(folder, IMAGES, side), load_codec(codec)
    _seconds(folder, few, marker)  # what is slower in a process's first run
    first = _seconds(folder, all_of_them, marker, Stopping())
    left = _seconds(folder, all_of_them, marker)
    (start,) = in_turns([lambda: _seconds(folder, few, marker)])
    found = {"until it was stopped": first, "going on": left, "start-up": start}
    return (left - start) / (first + left - start), {name: round(value, 2) for name, value in found.items()}


def _seconds(folder: Path, source: Path, codec: Codec, engine: Engine = IN_PROCESS) -> float:
    """Of a run, to its end or to where it is stopped; removing what it made takes others."""
    began, target = time.perf_counter(), folder / "resumed"
    with suppress(StoppedError):
        mark(source, target, codec, engine)
    found = time.perf_counter() - began
    if target.exists():
        shutil.rmtree(target)
    return found
