"""Who does the work of `embed-dataset`: the options that say so, the engine and the share that they mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, ParamSpec

import rich_click as click

from artfp.cli.console import threads_option, warn
from artfp.errors import UsageError

if TYPE_CHECKING:
    from artfp.embed import Engine, Share

EngineName = Literal["local", "ray"]
P = ParamSpec("P")

OPTIONS = (
    click.option(
        "--engine",
        "engine_name",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="local: processes on this machine. ray: actors on a Ray cluster (extra ray); see below.",
    ),
    click.option(
        "--ray-address",
        metavar="HOST:PORT|auto",
        help="The Ray cluster; auto: the one on this machine [default: RAY_ADDRESS, else one of its own].",
    ),
    click.option(
        "--workers",
        type=click.IntRange(1),
        help="Processes on this machine [default: one for each CPU; one on a GPU], or actors on all of a Ray cluster "
        "[default: as many as there is room for].",
    ),
    threads_option,
    click.option(
        "--shard-index",
        type=int,
        metavar="I",
        help="With --shard-count: do shards I, I + N ... only, from 0. See below.",
    ),
    click.option(
        "--shard-count", type=int, metavar="N", help="How many runs of this command share the work, on any machines."
    ),
)


def engine_options(command: Callable[P, None]) -> Callable[P, None]:
    """All of them, in this order."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def engine_for(
    name: EngineName, device: str, workers: int | None, threads: int | None, ray_address: str | None
) -> tuple[Engine, str]:
    """The engine, and what a plan calls it. Ray is not started, but must be installed."""
    if name == "ray":
        from artfp.engines.ray import RayEngine

        ray = RayEngine(device, workers, threads, ray_address, warn)
        return ray, f"ray, {f'the cluster at {ray.where}' if ray.where else 'a cluster of its own on this machine'}"
    if ray_address is not None:
        raise UsageError("--ray-address is for --engine ray")
    from artfp.engines.local import LocalEngine
    from artfp.processes import usual_workers

    processes = workers or usual_workers(device)
    return LocalEngine(device, processes, threads, warn), f"local, {processes} workers at most"


def share_for(index: int | None, count: int | None) -> Share | None:
    """What is for this run alone; nothing in the environment has a say in it."""
    from artfp.embed import Share

    if (index is None) != (count is None):
        raise UsageError("give both --shard-index and --shard-count, or neither")
    return None if index is None or count is None else Share(index, count)
