"""The process that talks to Ray, in a session of its own: shard numbers through a pool of actors, rows back.

Ray changes the process that starts it: its group, its handlers of signals, its logs, its environment. Here that is
nobody's loss. What Ray prints goes to a file; a cluster of one's own lives and dies with this process.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from secrets import token_hex
from typing import Any

from artfp.engines.ray_actor import Orders, ShardActor
from artfp.engines.ray_pool import Pool, Wish, pool_for
from artfp.errors import ArtfpError, UsageError

LOG = "driver.log"
OBJECTS = 100_000_000  # bytes that a cluster of one's own keeps beside the job: a little more than Ray's least
AHEAD = 2  # shards that an actor has been given: the next one waits beside it
SILENT = {"RAY_USAGE_STATS_ENABLED": "0"}  # nobody is called
# A cluster of one's own. The first is Ray's way, beside what it is named for, to have all processes listen on 127.0.0.1
# alone; the token, which nobody else gets to know, keeps out the other users of this machine. The actors are the work
# itself: Ray would have them stand back behind everything else.
OWN = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token", "RAY_worker_niceness": "0"}


@dataclass(frozen=True)
class Plan:
    """What the driver is told at its start."""

    address: str | None  # None: a cluster of one's own
    shards: Sequence[int]
    wish: Wish
    restarts: int
    parcel: bytes  # the pickled job and staging folder
    attempts: Path
    versions: tuple[str, str]
    environment: dict[str, str]  # that bytes depend on; for the actors
    folder: Path  # for what Ray writes; nobody else may look into it


def drive(line: Connection, plan: Plan) -> None:
    """The life of the driver: a row for each shard, at last None; or an error."""
    _begin(plan.folder)
    try:
        with _connected(plan) as pool:
            for row in _rows(plan, pool):
                line.send(row)
        line.send(None)
    except ArtfpError as error:
        line.send(error)
    except Exception as error:
        line.send(ArtfpError(f"Ray: {_words(error)}"))


def _begin(folder: Path) -> None:
    """On our own, so that whoever started us can end all of us at once; Ctrl-C is his business."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_outlive_nobody, daemon=True).start()
    handle = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(handle, stream)
    os.close(handle)


def _outlive_nobody() -> None:
    """End with whoever started us, and all that we have started with us."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os.killpg(0, signal.SIGKILL)


@contextmanager
def _connected(plan: Plan) -> Iterator[Pool]:
    """What there is room for on the cluster, while we are connected to it."""
    os.environ.update(SILENT)
    if plan.address is None:
        _start(plan)
    else:
        _join(plan.address)
    import ray

    try:
        yield pool_for(plan.wish, [node["Resources"] for node in ray.nodes() if node["Alive"]])
    finally:
        if plan.address is not None:  # ours is ended with this process, which is quicker
            ray.shutdown()


def _start(plan: Plan) -> None:
    """A cluster of our own on this machine. Ray opens its folder to everyone, so it lies in one that is not open."""
    os.environ.update(OWN, RAY_AUTH_TOKEN=token_hex(32))
    import ray

    ray.init(
        address="local",
        num_cpus=plan.wish.own_cpus,
        include_dashboard=False,
        object_store_memory=OBJECTS + 2 * len(plan.parcel),
        log_to_driver=False,
        _temp_dir=str(plan.folder / "ray"),
    )


def _join(address: str) -> None:
    """Somebody's cluster."""
    import ray

    try:
        ray.init(address=address, log_to_driver=False)
    except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
        raise UsageError(f"no Ray cluster at {address}: {_words(error)}") from error


def _rows(plan: Plan, pool: Pool) -> Iterator[dict[str, Any]]:
    """A row for each shard, as they come. Ray starts dead actors anew, and gives them what they had in hand."""
    import ray
    from ray.data import ActorPoolStrategy, DataContext

    DataContext.get_current().enable_progress_bars = False
    threads = plan.wish.threads or max(1, pool.cpus)
    orders = Orders(plan.wish.device, threads, pool.cpus, plan.restarts, plan.attempts, plan.versions)
    shards = [{"number": number} for number in plan.shards]
    marked = ray.data.from_items(shards, override_num_blocks=len(shards)).map(
        ShardActor,
        fn_constructor_args=(ray.put(plan.parcel), orders),
        compute=ActorPoolStrategy(size=min(pool.actors, len(shards)), max_tasks_in_flight_per_actor=AHEAD),
        num_cpus=pool.cpus,
        num_gpus=pool.gpus,
        runtime_env={"env_vars": plan.environment} if plan.environment else None,
    )
    yield from marked.iter_rows()


def _words(error: BaseException) -> str:
    """What it is, in a line: of Ray's long stories the beginning and the end."""
    first, *others = f"{type(error).__name__}: {error}".strip().splitlines()
    return f"{first} ... {others[-1].strip()}" if others else first
