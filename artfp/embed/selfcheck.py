"""The self-check: a sample of the files as they lie on the disk, against the source and the key."""

from __future__ import annotations

import dataclasses
import functools
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from artfp.codec.fidelity import Fidelity, measure
from artfp.data.streams import read_ahead, same_size_batches, thread_count
from artfp.data.survey import evenly_spaced
from artfp.data.writers import Staging, image_name
from artfp.embed.job import Job, Progress
from artfp.embed.records import SelfCheck
from artfp.embed.request import UNMARKED
from artfp.images import LoadedImage, load_image

CHECKED = 256  # images at most
CHECK_PIXELS = 1 << 18  # in one batch: SSIM needs a dozen copies
LEAST_ACCURACY = 0.9


@dataclass(frozen=True)
class _Checked:
    """A marked file as it lies on the disk beside its source."""

    index: int
    clean: LoadedImage
    marked: LoadedImage

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.clean.size


def self_check(job: Job, stage: Staging, bad: set[int], on_progress: Progress) -> SelfCheck | None:
    """Read marked files back from the disk and compare them with the source and the key."""
    marked = [index for index in np.flatnonzero(job.request.marking.of != UNMARKED).tolist() if index not in bad]
    sample = [marked[i] for i in evenly_spaced(len(marked), CHECKED)]
    on_progress(0, len(sample), "self-check")
    tally, done = Fidelity(), 0
    with ThreadPoolExecutor(thread_count()) as pool:
        pairs = read_ahead(pool, functools.partial(_read_back, job, stage), sample)
        for batch in same_size_batches(pairs, CHECK_PIXELS):
            clean, written = (np.stack([getattr(item, side).rgb for item in batch]) for side in ("clean", "marked"))
            tally += measure(job.request.codec, clean, written, job.bits_of([item.index for item in batch]))
            done += len(batch)
            on_progress(done, len(sample), "self-check")
    return _conclusion(tally, job.request.settings.strength) if sample else None


def _read_back(job: Job, stage: Staging, index: int) -> _Checked:
    source = job.request.source
    written = stage.dataset / image_name(index)
    return _Checked(index, load_image(source.read_at(index), source[index].name), load_image(written, str(written)))


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
