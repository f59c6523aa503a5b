"""Stable seeds: the same (recipe seed, stage, index) gives the same randomness everywhere."""

from __future__ import annotations

import hashlib

import numpy as np


def derive_seed(*parts: int | str) -> int:
    """A 63-bit seed from a hash of the parts; independent of platform, process and Python version."""
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def numpy_generator(*parts: int | str) -> np.random.Generator:
    """NumPy's generator at the seed of the parts."""
    return np.random.Generator(np.random.PCG64(derive_seed(*parts)))
