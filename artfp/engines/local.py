"""Several processes on this machine, each with one shard at a time.

    here   ------- job, staging folder, the number of a shard ------>  worker: process_shard
           <--- images done with, at last the record, or an error ---

The files go to the staging folder and no image comes back. A worker that dies loses the group that it was at:
another one goes on with its shard.
"""

from __future__ import annotations

import pickle
import signal
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from artfp.data.writers import Staging
from artfp.devices import computing_on
from artfp.embed.dataset import IN_PROCESS
from artfp.embed.job import Advance, Job
from artfp.embed.records import ShardRecord
from artfp.embed.run import process_shard
from artfp.engines.sharing import RESTARTS, sendable, threads_each, without_noted
from artfp.errors import ArtfpError
from artfp.processes import SPAWN, begin_worker, interrupts_held

READY = "ready"


def _silent(message: str) -> None:
    """Nobody is told."""


@dataclass(frozen=True)
class LocalEngine:
    """So many processes; one is this. `threads` are those of each; the same number of them gives the same bytes."""

    device: str
    workers: int
    threads: int | None = None
    tell: Callable[[str], None] = _silent

    def run(self, job: Job, stage: Staging, shards: Sequence[int], advance: Advance) -> None:
        """Do the shards, any of them in any of the processes."""
        threads = self.threads or threads_each(job, stage, self.device, self.workers)
        with computing_on(threads):
            left = without_noted(job, stage, shards, advance)
            workers = min(self.workers, len(left))
            if workers <= 1:
                IN_PROCESS.run(job, stage, left, advance)
                return
        crew = _Crew(pickle.dumps((job, stage)), (self.device, threads, workers), self.tell)
        try:
            crew.work(left, advance, workers)
        finally:
            crew.end()


class _Worker:
    """A process, the line to it, the shard that it is at and what it has said of it."""

    def __init__(self, settings: tuple[str, int, int]) -> None:
        self.line, there = SPAWN.Pipe()
        self.process = SPAWN.Process(target=_serve, args=(there, *settings), daemon=True)
        with interrupts_held():
            self.process.start()
        there.close()  # the other end is the worker's alone, so that its death ends the line
        self.shard: int | None = None
        self.images = self.bad = 0

    def send(self, message: Any) -> None:
        """Say something; of its death we hear on the line."""
        with suppress(OSError):
            self.line.send(message)

    def cause_of_death(self) -> str:
        """In words; waits until nothing of it is left, its lock on the shard neither."""
        self.process.join()
        code = self.process.exitcode or 0
        return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


class _Crew:
    """The workers, and the shards that wait for them."""

    def __init__(self, parcel: bytes, settings: tuple[str, int, int], tell: Callable[[str], None]) -> None:
        self._parcel, self._settings, self._tell = parcel, settings, tell
        self._workers: list[_Worker] = []
        self._leaving: list[_Worker] = []
        self._waiting: deque[int] = deque()
        self._deaths: Counter[int | None] = Counter()

    def work(self, shards: Sequence[int], advance: Advance, workers: int) -> None:
        """Have all shards done."""
        self._waiting.extend(shards)
        for _ in range(workers):
            self._workers.append(_Worker(self._settings))
        while self._workers:
            ready = wait([worker.line for worker in self._workers])
            for worker in [worker for worker in self._workers if worker.line in ready]:
                try:
                    message = worker.line.recv()
                except (EOFError, OSError):
                    self._replace(worker, advance)
                else:
                    self._hear(worker, message, advance)
        for worker in self._leaving:
            worker.process.join()

    def end(self) -> None:
        """At once: files are whole and noted, or they do not count."""
        for worker in [*self._workers, *self._leaving]:
            worker.process.kill()
            worker.process.join()
            worker.line.close()

    def _hear(self, worker: _Worker, message: Any, advance: Advance) -> None:
        if isinstance(message, BaseException):
            raise message
        if isinstance(message, tuple):
            images, bad = message
            worker.images, worker.bad = worker.images + images, worker.bad + bad
            advance(images, bad)
            return
        if message == READY:
            worker.send(self._parcel)
        self._give(worker)

    def _give(self, worker: _Worker) -> None:
        """The next shard, or leave to go."""
        worker.shard = self._waiting.popleft() if self._waiting else None
        worker.images = worker.bad = 0
        worker.send(worker.shard)
        if worker.shard is None:
            self._workers.remove(worker)
            self._leaving.append(worker)

    def _replace(self, worker: _Worker, advance: Advance) -> None:
        """One that has died, by one that does its shard first."""
        self._workers.remove(worker)
        worker.line.close()
        cause, shard = worker.cause_of_death(), worker.shard
        where = "at its start" if shard is None else f"at shard {shard}"
        self._deaths[shard] += 1
        if self._deaths[shard] > RESTARTS:
            raise ArtfpError(
                f"{self._deaths[shard]} workers have died {where}, the last one {cause}; what is done is kept. "
                "If memory is short, run the same command again with fewer --workers"
            )
        self._tell(f"a worker {cause} {where}; another one goes on there")
        if shard is not None:
            advance(-worker.images, -worker.bad)  # its successor tells of them again
            self._waiting.appendleft(shard)
        if self._waiting:
            self._workers.append(_Worker(self._settings))


def _serve(line: Connection, device: str, threads: int, sharing: int) -> None:
    """The life of a worker."""
    begin_worker(device, threads)
    line.send(READY)
    try:
        job, stage = pickle.loads(line.recv())  # noqa: S301 - from whoever started us
        while (number := line.recv()) is not None:
            line.send(_shard(job, stage, number, line, sharing))
    except BaseException as error:
        line.send(sendable(error))


def _shard(job: Job, stage: Staging, number: int, line: Connection, sharing: int) -> ShardRecord:
    return process_shard(job, stage, number, lambda images, bad: line.send((images, bad)), sharing)
