"""Which device computes, and how many threads: decided once, before the first tensor."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch

from artfp.errors import UsageError

ONE_AT_A_TIME = threading.RLock()  # torch's number of threads is the process's; who has it may set it again


def prepare_device(spec: str, threads: int | None = None) -> str:
    """The device called `spec` ("auto" takes a GPU where there is one), with repeatable arithmetic switched on."""
    if threads is not None:
        torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("warn")  # `use_deterministic_algorithms` loads torch's compiler: seconds
    if spec == "auto":
        spec = "cuda" if torch.cuda.is_available() else "cpu"
    device = own_device(spec)
    try:
        torch.empty(0, device=torch.device(device))
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"--device {device}: not available here ({str(error).splitlines()[0]})") from error
    return device


@contextmanager
def computing_on(threads: int) -> Iterator[int]:
    """So many threads compute until the end; how many it were before. Other threads that ask for it wait meanwhile.

    It is so here and in threads that begin to compute meanwhile, which keep it.
    """
    with ONE_AT_A_TIME:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            yield before
        finally:
            torch.set_num_threads(before)


def own_device(spec: str) -> str:
    """Of several processes under torchrun each has the GPU of its number: plain "cuda" would be the first for all."""
    rank = os.environ.get("LOCAL_RANK")
    return f"cuda:{rank}" if spec == "cuda" and rank is not None else spec


def has_bf16(device: str) -> bool:
    """Whether the device multiplies in bf16 faster than in float32."""
    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported()
    return bool(torch.cpu._is_avx512_bf16_supported())


def fast_arithmetic(device: str) -> AbstractContextManager[None]:
    """Autocast to bf16 where the device has it."""
    return torch.autocast(torch.device(device).type, torch.bfloat16, enabled=has_bf16(device))
