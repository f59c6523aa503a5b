"""A Ray cluster: a dataset of shard numbers through a pool of actors (Ray Data), on any number of machines.

    here ---job, numbers---> driver (`ray_driver.py`) ---a number--->  actor (`ray_actor.py`): process_shard
         <--records, errors--                         <--its record--

No image goes through Ray: an actor reads its shard from the file system, decodes and encodes on threads of its own,
and the shard's journal is the durable note of what is done. A stage of CPU tasks that decode would take a quarter of
their work off these threads, since encoding costs three times as much (LAB.md), and give each group two owners; what a
GPU needs is CPUs beside it, so its actor reserves some, and several actors may share it.
"""

from __future__ import annotations

import importlib.util
import os
import pickle
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from secrets import token_hex
from typing import Any

from artfp.data.writers import Staging
from artfp.devices import computing_on
from artfp.embed.job import Advance, Job
from artfp.engines.ray_actor import versions
from artfp.engines.ray_driver import LOG, Plan, drive
from artfp.engines.ray_pool import Wish
from artfp.engines.sharing import RESTARTS, threads_each, without_noted
from artfp.errors import ArtfpError, UsageError
from artfp.limits import LIMITS
from artfp.processes import SPAWN, interrupts_held, usual_workers

NEEDED = ("ray", "pandas", "pyarrow")  # of which Ray Data consists
# `artfp` sets the first two for the arithmetic, the user may set the others; so must actors
CARRIED = ("OMP_WAIT_POLICY", "CUBLAS_WORKSPACE_CONFIG", *(limit.variable for limit in LIMITS))
ANSWER = 10.0  # seconds at most until a cluster answers
FAREWELL = 10.0  # seconds at most until what was ended is gone


def _silent(message: str) -> None:
    """Nobody is told."""


@dataclass(frozen=True)
class RayEngine:
    """The cluster at `address`, or else that of RAY_ADDRESS, or else one of our own, which ends with the run.

    `workers` are actors, on all machines together: as many as there is room for, unless given. `threads` are those of
    each; on a CPU the same number of them gives the same bytes.
    """

    device: str
    workers: int | None = None
    threads: int | None = None
    address: str | None = None
    tell: Callable[[str], None] = _silent

    def __post_init__(self) -> None:
        missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
        if missing:
            raise UsageError(f"needs the extra `ray` (there is no {missing[0]}): pip install 'artfp[ray]'")
        if ":" in self.device:
            raise UsageError(f"--device {self.device}: Ray gives each worker its GPU; --device cuda")
        _check_address(self.where or "")

    @property
    def where(self) -> str | None:
        """The cluster; None: our own."""
        return self.address or os.environ.get("RAY_ADDRESS") or None

    def run(self, job: Job, stage: Staging, shards: Sequence[int], advance: Advance) -> None:
        """Do the shards, any of them anywhere."""
        threads = self.threads or threads_each(job, stage, self.device, self.workers or 1)
        with computing_on(threads):
            left = without_noted(job, stage, shards, advance)
        if not left:
            return
        attempts = stage.root.absolute() / f"attempts-{token_hex(4)}"
        attempts.mkdir()
        try:
            with _private_folder() as folder:
                _driven(self._plan(job, stage, left, threads, attempts, folder), advance, self.tell)
        except BaseException:
            _await_locks(stage, left)
            raise
        finally:
            shutil.rmtree(attempts, ignore_errors=True)

    def _plan(
        self, job: Job, stage: Staging, shards: Sequence[int], threads: int, attempts: Path, folder: Path
    ) -> Plan:
        """What the driver is told; on a GPU no thread count decides about bytes."""
        kind = job.request.codec.device.type
        on_gpu = kind == "cuda"
        return Plan(
            address=self.where,
            shards=shards,
            wish=Wish(kind, self.threads if on_gpu else threads, self.workers, usual_workers("cpu")),
            restarts=RESTARTS,
            parcel=_parcel(job, stage),
            attempts=attempts,
            versions=versions(),
            environment={name: os.environ[name] for name in CARRIED if name in os.environ},
            folder=folder,
        )


@contextmanager
def _private_folder() -> Iterator[Path]:
    """That only we can enter, for as long. The paths of sockets must be short, which $TMPDIR often is not."""
    place = os.environ.get("RAY_TMPDIR", "/tmp")  # noqa: S108 - Ray's own choice; the name is new and unpredictable
    with tempfile.TemporaryDirectory(prefix="artfp-ray-", dir=place, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _check_address(address: str) -> None:
    """Somebody must listen there: Ray itself would try for minutes."""
    if "://" in address:
        raise UsageError(f"{address}: run artfp on a machine of the cluster, with --ray-address HOST:PORT or auto")
    host, colon, port = address.rpartition(":")
    try:
        if colon:
            socket.create_connection((host.strip("[]"), int(port)), ANSWER).close()
    except (OSError, ValueError) as error:
        raise UsageError(f"no Ray cluster at {address}: {error}") from error


def _parcel(job: Job, stage: Staging) -> bytes:
    """Both, as a machine without this one's devices can open them."""
    codec = job.request.codec
    device = codec.device
    codec.to("cpu")
    try:
        return pickle.dumps((job, stage))
    finally:
        codec.to(device)


def _driven(plan: Plan, advance: Advance, tell: Callable[[str], None]) -> None:
    """Have the driver have the shards done, in a process of its own."""
    line, there = SPAWN.Pipe()
    driver = SPAWN.Process(target=drive, args=(there, plan), daemon=True)
    with interrupts_held():
        driver.start()
    there.close()  # the other end is the driver's alone, so that its death ends the line
    try:
        while (message := _received(line, plan.folder / LOG)) is not None:
            _hear(message, advance, tell)
    finally:
        _end(driver)
        line.close()


def _received(line: Connection, log: Path) -> Any:
    try:
        return line.recv()
    except (EOFError, OSError) as error:
        words = log.read_text(errors="replace").splitlines()[-1:] if log.exists() else []
        raise ArtfpError(f"Ray's driver has died; its last words: {' '.join(words) or 'none'}") from error


def _hear(message: Any, advance: Advance, tell: Callable[[str], None]) -> None:
    if isinstance(message, BaseException):
        raise message
    if message["error"]:
        raise pickle.loads(message["error"])  # noqa: S301 - from our own actor
    if message["deaths"]:
        tell(f"{message['deaths']} worker(s) died at shard {message['number']}; another one has done it")
    advance(message["images"], message["bad"])


def _end(driver: SpawnProcess) -> None:
    """At once, and a cluster of our own with it: files are whole and noted, or they do not count."""
    driver.kill()
    with suppress(ProcessLookupError):  # it had no time to become the first of a group
        os.killpg(driver.pid or 0, signal.SIGKILL)
    driver.join()


def _await_locks(stage: Staging, shards: Sequence[int]) -> None:
    """Whoever goes on at once shall find nobody at work: actors elsewhere learn a moment later that it is over."""
    patience = time.monotonic() + FAREWELL
    for number in shards:
        while stage.is_busy(number) and time.monotonic() < patience:
            time.sleep(0.05)
