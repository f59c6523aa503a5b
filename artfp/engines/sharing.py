"""What engines have in common: how many threads compute, what is done already, errors on their way here."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Sequence

import torch

from artfp.data.writers import Staging
from artfp.embed.dataset import IN_PROCESS
from artfp.embed.job import Advance, Job
from artfp.embed.run import is_noted, shard_count
from artfp.errors import ArtfpError

RESTARTS = 2  # of a shard whose worker died: what kills three of them is no accident


def threads_each(job: Job, stage: Staging, device: str, workers: int) -> int:
    """Not by the number of workers where that would change bytes: a run may go on with another one."""
    sharing = shard_count(job, stage) if device == "cpu" else workers
    return max(1, torch.get_num_threads() // sharing)


def without_noted(job: Job, stage: Staging, shards: Sequence[int], advance: Advance) -> list[int]:
    """Those that nobody has noted as marked; of the others only the files are looked at, here."""
    noted = {number for number in shards if is_noted(job, stage, number)}
    IN_PROCESS.run(job, stage, sorted(noted), advance)
    return [number for number in shards if number not in noted]


def sendable(error: BaseException) -> BaseException:
    """The error if it survives the way to another process, or its words."""
    error.add_note("".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    except Exception:
        return ArtfpError(f"{type(error).__name__}: {error}")
    return error
