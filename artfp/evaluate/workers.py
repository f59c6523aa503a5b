"""Who makes the pieces of a sweep: this process, or several others.

    chains of tasks --each chain in order, different chains at once--> what the tasks give, as it comes

A task computes the same wherever it runs: it is all of its images that share batches, never those of another.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from artfp.evaluate.request import Request
from artfp.evaluate.workbench import Workbench
from artfp.processes import SPAWN, begin_worker


class Task(Protocol):
    """A piece of work that any process can do."""

    def do(self, bench: Workbench) -> Any:
        """Do it; a second time does no harm."""


@dataclass(frozen=True)
class Crew:
    """Where the work is done."""

    request: Request
    folder: Path
    device: str
    threads: int = 1  # of each
    workers: int = 1


class Workers:
    """A number of processes that do tasks; one is this."""

    def __init__(self, crew: Crew, pool: ProcessPoolExecutor | None) -> None:
        self.bench = Workbench(crew.request, crew.folder, crew.device)
        self._pool = pool

    def each(self, chains: Sequence[Sequence[Task]]) -> Iterator[Any]:
        """What every task gives, as soon as it is there."""
        if self._pool is None:
            yield from (task.do(self.bench) for chain in chains for task in chain)
            return
        under_way: dict[Future[Any], Sequence[Task]] = {}
        for chain in filter(None, chains):
            under_way[self._pool.submit(_do, chain[0])] = chain[1:]
        while under_way:
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                others = under_way.pop(future)
                if others:
                    under_way[self._pool.submit(_do, others[0])] = others[1:]
                yield future.result()


@contextmanager
def hired(crew: Crew) -> Iterator[Workers]:
    """The processes, which are gone at the end, however it comes."""
    if crew.workers == 1:
        yield Workers(crew, None)
        return
    pool = ProcessPoolExecutor(crew.workers, SPAWN, _begin, (crew,))
    try:
        yield Workers(crew, pool)
        pool.shutdown()
    except BaseException:
        for process in multiprocessing.active_children():  # whole files or none: they may stop anywhere
            process.terminate()
        pool.shutdown(wait=False, cancel_futures=True)
        raise


_benches: list[Workbench] = []  # of a hired process: the one that it works at


def _begin(crew: Crew) -> None:
    begin_worker(crew.device, crew.threads)
    _benches.append(Workbench(crew.request, crew.folder, crew.device))


def _do(task: Task) -> Any:
    return task.do(_benches[0])
