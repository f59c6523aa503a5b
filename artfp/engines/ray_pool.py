"""How many actors a Ray cluster gets, and what each of them reserves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from artfp.errors import UsageError

READERS = 16  # CPUs at most beside a GPU, for the threads that decode and encode

Machine = Mapping[str, float]  # its resources by Ray's names


@dataclass(frozen=True)
class Wish:
    """What a run asks for."""

    device: str  # "cpu" or "cuda"
    threads: int | None  # that compute in each actor; None on a GPU: as many as it reserves CPUs
    workers: int | None  # None: as many as there is room for
    usual: int  # workers on this machine

    @property
    def own_cpus(self) -> int | None:
        """The CPUs that a cluster of one's own says it has; None: those that Ray finds."""
        return (self.workers or self.usual) * (self.threads or 1) if self.device == "cpu" else None


@dataclass(frozen=True)
class Pool:
    """So many actors, each with its share of a machine."""

    actors: int
    cpus: int
    gpus: float = 0.0


def pool_for(wish: Wish, machines: Sequence[Machine]) -> Pool:
    """All that there is room for now, or as many as are asked for, some of which may have to wait for a machine."""
    return _on_gpus(wish, machines) if wish.device == "cuda" else _on_cpus(wish, machines)


def _on_cpus(wish: Wish, machines: Sequence[Machine]) -> Pool:
    cpus = wish.threads or 1
    room = sum(int(machine.get("CPU", 0) // cpus) for machine in machines)
    if not room:
        raise UsageError(f"no machine of the Ray cluster has {cpus} CPUs for a worker: give fewer --threads")
    return Pool(wish.workers or room, cpus)


def _on_gpus(wish: Wish, machines: Sequence[Machine]) -> Pool:
    """One actor for each GPU; where more are asked for, they share: reading keeps a fast GPU waiting."""
    able = [machine for machine in machines if machine.get("GPU", 0) >= 1]
    gpus = sum(int(machine["GPU"]) for machine in able)
    if not gpus:
        raise UsageError("no machine of the Ray cluster has a GPU: give --device cpu")
    actors = wish.workers or gpus
    on_each = -(-actors // gpus)
    cpus = min(int(machine.get("CPU", 0) // (machine["GPU"] * on_each)) for machine in able)
    return Pool(actors, min(READERS, cpus), 1 / on_each)
