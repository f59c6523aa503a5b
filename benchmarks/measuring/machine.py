"""Settings of the machine that must stand before torch is loaded."""

from __future__ import annotations

import os


def prepare(device: str, threads: int | None) -> str:
    """Choose the device; torch's threads sleep while they wait (LAB.md), and cuBLAS becomes repeatable."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    from artfp.devices import prepare_device

    return prepare_device(device, threads)
