"""The self-check: a sample of the files as they lie on the disk, against the source and the key.

pairs of files --threads--> squared error of all pixels, similarity of the middle
               --shrink--> as many at once as `verify` reads --> bits
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from artfp.codec.desk import Desk, Size, Task, open_desks
from artfp.codec.fidelity import Fidelity, likeness, reading
from artfp.data.streams import read_ahead, thread_count
from artfp.data.survey import evenly_spaced
from artfp.data.writers import Staging, image_name
from artfp.devices import computing_on
from artfp.embed.job import Job, Progress
from artfp.embed.records import SelfCheck
from artfp.embed.request import UNMARKED, Marking
from artfp.images import load_image
from artfp.processes import side_by_side
from artfp.statistics.exact import Floats
from artfp.strips import shrunk

CHECKED = 256  # images at most
MIDDLE = 256  # pixels a side that are compared by SSIM, which takes half a second of a megapixel
LEAST_ACCURACY = 0.9


@dataclass(frozen=True)
class _Checked:
    """A marked file as it lies on the disk, compared with its source."""

    index: int
    size: Size
    likeness: Fidelity
    inner: Tensor  # at the codec's size


def self_check(job: Job, stage: Staging, bad: set[int], on_progress: Progress) -> SelfCheck | None:
    """Read marked files back from the disk and compare them with the source and the key."""
    sample = sampled(job.request.marking, bad)
    on_progress(0, len(sample), "self-check")
    tally = Fidelity()
    with open_desks([Task(job.request.codec)]) as (desk,), computing_on(1), side_by_side(thread_count()) as pool:
        readings = _Readings(job, desk)
        for item in read_ahead(pool, functools.partial(_read_back, job, stage), sample):
            tally += item.likeness
            readings.add(item)
            on_progress(tally.images, len(sample), "self-check")
        return _conclusion(tally + readings.all(), job.request.settings.strength) if sample else None


def sampled(marking: Marking, bad: set[int]) -> list[int]:
    """Some of the images that are marked, evenly spread over them; a list of all would be the peak of a large run."""
    is_marked = marking.of != UNMARKED
    is_marked[list(bad)] = False
    places = set(evenly_spaced(int(is_marked.sum()), CHECKED))
    marked = itertools.compress(range(len(is_marked)), is_marked)
    return [index for place, index in enumerate(marked) if place in places]


class _Readings:
    """What is read back, by a desk as `verify` has one: a search is for many images or takes as long for a few."""

    def __init__(self, job: Job, desk: Desk) -> None:
        self._job, self._desk = job, desk
        self._indices: list[int] = []
        self._soft: list[Floats] = []

    def add(self, item: _Checked) -> None:
        """Read one more."""
        self._indices.append(item.index)
        self._soft += self._desk.read(item.inner, item.size)

    def all(self) -> Fidelity:
        """The tallies of all of them."""
        soft = np.concatenate([*self._soft, *self._desk.rest()])
        return reading(soft, self._job.bits_of(self._indices))


def _read_back(job: Job, stage: Staging, index: int) -> _Checked:
    source = job.request.source
    path = stage.dataset / image_name(index)
    clean, marked = load_image(source.read_at(index), source[index].name).rgb, load_image(path, str(path)).rgb
    return _Checked(
        index, marked.shape[:2], likeness(clean[None], marked[None], MIDDLE), shrunk(marked, job.request.codec.size)
    )


def _conclusion(tally: Fidelity, strength: float) -> SelfCheck:
    return SelfCheck(
        **dataclasses.asdict(tally),
        bit_accuracy=tally.bit_accuracy,
        psnr=tally.psnr if math.isfinite(tally.psnr) else None,
        ssim=tally.ssim,
        passed=tally.bit_accuracy >= LEAST_ACCURACY if strength >= 1 else None,
    )


def doubts(check: SelfCheck | None) -> list[str]:
    """A loud warning if the files do not carry what they should."""
    if check is None or check.passed is not False:
        return []
    return [
        f"SELF-CHECK FAILED: only {check.bit_accuracy:.3f} of the bits can be read back from the files; "
        "a generator trained on them will not carry the key. Try another codec"
    ]
