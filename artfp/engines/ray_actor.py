"""What runs on the machines of a Ray cluster: one shard after the other. It loads torch there, not in the driver."""

from __future__ import annotations

import os
import pickle
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artfp.errors import ArtfpError, BadInputError, UsageError

if TYPE_CHECKING:
    from artfp.data.writers import Staging
    from artfp.embed.job import Job
    from artfp.embed.records import ShardRecord

PATIENCE = 120.0  # seconds: on NFS a machine that was killed keeps its locks for a minute and a half
PAUSE = 0.5


@dataclass(frozen=True)
class Orders:
    """What every actor of a run is told."""

    device: str
    threads: int  # that compute
    cpus: int  # that are reserved for it
    restarts: int  # of a shard
    attempts: Path  # a folder of this run: what an actor begins leaves a mark there until it is done
    versions: tuple[str, str]


class ShardActor:
    """Has `process_shard` do the shards whose numbers come, each in a row; a row comes back, never an exception."""

    def __init__(self, parcel: Any, orders: Orders) -> None:
        self._parcel, self._orders = parcel, orders
        self._ready: tuple[Job, Staging] | None = None

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Do one shard; its record and how many had tried before, or the error that there is in its place."""
        number = int(row["number"])
        answer = {"number": number, "images": 0, "bad": 0, "deaths": 0, "error": b""}
        try:
            with self._attempt(number) as deaths:
                record = self._shard(number)
        except Exception as error:
            from artfp.engines.sharing import sendable

            return answer | {"error": pickle.dumps(sendable(error))}
        return answer | {"images": record.images, "bad": record.bad, "deaths": deaths}

    @contextmanager
    def _attempt(self, number: int) -> Iterator[int]:
        """How many workers have died at a shard; Ray itself would not give up."""
        mark = self._orders.attempts / f"{number:05d}"
        with _same_files(), mark.open("ab") as attempts:
            attempts.write(b".")
            deaths = attempts.tell() - 1
        if deaths > self._orders.restarts:
            advice = "If memory is short, run the same command again with fewer --workers"
            raise ArtfpError(f"{deaths} workers have died at shard {number}; what is done is kept. {advice}")
        yield deaths
        mark.unlink()

    def _shard(self, number: int) -> ShardRecord:
        """Whoever was at it may be dead, and his lock may last a little longer."""
        from artfp.data.writers import BusyError
        from artfp.embed.run import process_shard

        if self._ready is None:
            self._ready = self._begun()
        job, stage = self._ready
        sharing = max(1, len(os.sched_getaffinity(0)) // max(1, self._orders.cpus))
        patience = time.monotonic() + PATIENCE
        while True:
            try:
                return process_shard(job, stage, number, sharing=sharing)
            except BusyError:
                if time.monotonic() > patience:
                    raise
            time.sleep(PAUSE)

    def _begun(self) -> tuple[Job, Staging]:
        """The job, here: the device is ours by now, whichever Ray gave us."""
        _check_versions(self._orders.versions)
        import ray

        from artfp.devices import prepare_device

        device = prepare_device(self._orders.device, self._orders.threads)
        with _same_files():
            job, stage = pickle.loads(ray.get(self._parcel))  # noqa: S301 - from whoever has the run
        job.request.codec.to(device)
        return job, stage


def versions() -> tuple[str, str]:
    """Those that bytes depend on: of artfp and of torch."""
    import torch

    from artfp import __version__

    return __version__, torch.__version__


def _check_versions(there: tuple[str, str]) -> None:
    here = versions()
    if here != there:
        raise UsageError(
            f"{socket.gethostname()}: has artfp {here[0]} and torch {here[1]}, whoever began the run has artfp "
            f"{there[0]} and torch {there[1]}; only equal versions make equal files"
        )


@contextmanager
def _same_files() -> Iterator[None]:
    """Say what it means that something is not here."""
    try:
        yield
    except (ArtfpError, OSError) as error:
        advice = "all machines of the Ray cluster must see the same files"
        raise BadInputError(f"on {socket.gethostname()}: {error}; {advice}") from error
