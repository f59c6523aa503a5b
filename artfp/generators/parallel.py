"""One training in several processes (torchrun): each takes its share of every batch, and all average their gradients.

    torchrun --nproc-per-node 2 -m artfp train-gan dcgan-cpu --data marked/

The first process writes and tells; the others only compute. What looks at a whole batch (batch normalisation, the
spread within a batch) looks at a share.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn

from artfp.devices import own_device
from artfp.errors import UsageError

PATIENCE = timedelta(minutes=30)  # the others wait while the first decodes, samples and saves
TOLD = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")  # by torchrun, beside WORLD_SIZE


@contextmanager
def together(device: str) -> Iterator[None]:
    """Join the processes that torchrun started, if it did."""
    if _started() == 1:
        yield
        return
    # Its functions take the group of the day as a default argument when it is first imported (optimisers do so), and
    # then hold it beyond its end: the group's threads would let go of tensors while Python leaves, which aborts.
    importlib.import_module("torch.distributed.nn.functional")
    backend = "gloo"
    if device.startswith("cuda"):
        backend = "nccl"
        torch.cuda.set_device(own_device(device))
    dist.init_process_group(backend, timeout=PATIENCE)
    try:
        yield
        dist.barrier()  # else who is done first takes its connections away from under the others
    finally:
        dist.destroy_process_group()


def processes() -> int:
    """How many there are."""
    return dist.get_world_size() if dist.is_initialized() else 1


def is_first() -> bool:
    """Whether this process is the one that writes and tells, also before and after they are together."""
    return _started() == 1 or int(os.environ["RANK"]) == 0


def wait() -> None:
    """Until all are here."""
    if dist.is_initialized():
        dist.barrier()


def check_shares(batch: int, parts: int) -> None:
    """Refuse a batch that the processes cannot share, and take in so many parts."""
    if batch % (processes() * parts):
        raise UsageError(f"batch = {batch}: must be a multiple of {processes()} processes x {parts} parts")


def share(whole: Tensor) -> Tensor:
    """What belongs to this process, of something that has a row for every image of the batch."""
    return whole.chunk(processes())[dist.get_rank()] if dist.is_initialized() else whole


def average_gradients(network: nn.Module) -> None:
    """Of the processes' shares, which are equal, the mean: the gradient of the whole batch."""
    if not dist.is_initialized():
        return
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    _average(flat)
    for gradient, mean in zip(gradients, torch.split(flat, [g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def averaged(numbers: Mapping[str, float]) -> dict[str, float]:
    """The means over all processes, as a state holds them."""
    values = torch.tensor(list(numbers.values()), dtype=torch.float32, device=_device())
    if dist.is_initialized():
        _average(values)
    return dict(zip(numbers, values.tolist(), strict=True))


def _started() -> int:
    """How many processes torchrun started."""
    count = os.environ.get("WORLD_SIZE", "1")
    if count != "1" and (missing := [name for name in TOLD if not os.environ.get(name)]):
        raise UsageError(
            f"WORLD_SIZE is {count}, but {', '.join(missing)} not set: start the processes with torchrun, or unset it"
        )
    return int(count)


def _average(values: Tensor) -> None:
    dist.all_reduce(values)
    values.div_(processes())


def _device() -> str:
    return "cuda" if dist.is_initialized() and dist.get_backend() == "nccl" else "cpu"
