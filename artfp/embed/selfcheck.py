"""The self-check: a sample of the files as they lie on the disk, against the source and the key.

pairs of files --shrink--> as many at once as `verify` reads --> bits
               --one size--> squared error of all pixels, similarity of the middle
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from artfp.codec.desk import Desk, Work, open_desks
from artfp.codec.fidelity import Fidelity, likeness, reading
from artfp.data.streams import read_ahead, same_size_batches, thread_count
from artfp.data.survey import evenly_spaced
from artfp.data.writers import Staging, image_name
from artfp.embed.job import Job, Progress
from artfp.embed.records import SelfCheck
from artfp.embed.request import UNMARKED
from artfp.images import LoadedImage, load_image
from artfp.statistics.exact import Floats
from artfp.strips import shrunk

CHECKED = 256  # images at most
MIDDLE = 256  # pixels a side that are compared by SSIM, which takes half a second of a megapixel
CHECK_PIXELS = 1 << 18  # in one batch: SSIM needs a dozen copies
LEAST_ACCURACY = 0.9


@dataclass(frozen=True)
class _Checked:
    """A marked file as it lies on the disk beside its source."""

    index: int
    clean: LoadedImage
    marked: LoadedImage
    inner: Tensor  # the marked one at the codec's size

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.clean.size


def self_check(job: Job, stage: Staging, bad: set[int], on_progress: Progress) -> SelfCheck | None:
    """Read marked files back from the disk and compare them with the source and the key."""
    marked = np.setdiff1d(np.flatnonzero(job.request.marking.of != UNMARKED), list(bad))
    sample = [int(marked[i]) for i in evenly_spaced(len(marked), CHECKED)]
    on_progress(0, len(sample), "self-check")
    tally = Fidelity()
    with ThreadPoolExecutor(thread_count()) as pool, open_desks([Work(job.request.codec)]) as (desk,):
        readings = _Readings(job, desk)
        pairs = read_ahead(pool, functools.partial(_read_back, job, stage), sample)
        for batch in same_size_batches(pairs, CHECK_PIXELS):
            clean, written = (np.stack([getattr(item, side).rgb for item in batch]) for side in ("clean", "marked"))
            tally += likeness(clean, written, MIDDLE)
            readings.add(batch)
            on_progress(tally.images, len(sample), "self-check")
        return _conclusion(tally + readings.all(), job.request.settings.strength) if sample else None


class _Readings:
    """What is read back, by a desk as `verify` has one: a search is for many images or takes as long for a few."""

    def __init__(self, job: Job, desk: Desk) -> None:
        self._job, self._desk = job, desk
        self._indices: list[int] = []
        self._soft: list[Floats] = []

    def add(self, items: Iterable[_Checked]) -> None:
        """Read these, too."""
        for item in items:
            self._indices.append(item.index)
            self._soft += self._desk.read(item.inner, item.size)

    def all(self) -> Fidelity:
        """The tallies of everything that was added."""
        soft = np.concatenate([*self._soft, *self._desk.rest()])
        return reading(soft, self._job.bits_of(self._indices))


def _read_back(job: Job, stage: Staging, index: int) -> _Checked:
    source = job.request.source
    path = stage.dataset / image_name(index)
    clean, marked = load_image(source.read_at(index), source[index].name), load_image(path, str(path))
    return _Checked(index, clean, marked, shrunk(marked.rgb, job.request.codec.size))


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
