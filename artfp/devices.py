"""Which device computes, and how many threads: decided once, before the first tensor."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch

from artfp.errors import UsageError


def prepare_device(spec: str, threads: int | None = None) -> str:
    """The device called `spec` ("auto" takes a GPU where there is one), with repeatable arithmetic switched on."""
    if threads is not None:
        torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    if spec == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(spec)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"--device {spec}: not available here ({str(error).splitlines()[0]})") from error
    return spec


def has_bf16(device: str) -> bool:
    """Whether the device multiplies in bf16 faster than in float32."""
    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported()
    return bool(torch.cpu._is_avx512_bf16_supported())


def fast_arithmetic(device: str) -> AbstractContextManager[None]:
    """Autocast to bf16 where the device has it."""
    return torch.autocast(torch.device(device).type, torch.bfloat16, enabled=has_bf16(device))
