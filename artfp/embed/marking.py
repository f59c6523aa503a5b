"""Which images of a dataset are marked, and what the key of a class is called."""

from __future__ import annotations

import hashlib
import re

import numpy as np
from numpy.typing import NDArray

from artfp.errors import UsageError
from artfp.seeds import derive_seed


def choose_marked(seed: int, count: int, fraction: float) -> NDArray[np.bool_]:
    """Exactly round(fraction * count) images: those whose hash of (seed, index) ranks lowest."""
    if not 0 <= fraction <= 1:
        raise UsageError(f"fraction must lie between 0 and 1, not {fraction}")
    wanted = round(fraction * count)
    if wanted in (0, count):
        return np.full(count, wanted == count and count > 0)
    hashes = np.fromiter((derive_seed(seed, "marked", index) for index in range(count)), np.int64, count)
    chosen = np.zeros(count, np.bool_)
    chosen[np.argsort(hashes, kind="stable")[:wanted]] = True
    return chosen


def class_key(name: str, class_name: str) -> str:
    """NAME/CLASS; what key names do not allow becomes `-`, and a hash keeps such classes apart."""
    allowed = re.sub(r"[^A-Za-z0-9._-]+", "-", class_name)[:64]
    if allowed != class_name:
        allowed += "-" + hashlib.sha256(class_name.encode()).hexdigest()[:8]
    return f"{name}/{allowed}"
