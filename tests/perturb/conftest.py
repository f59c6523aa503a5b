"""Painted images."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from artfp.data.procedural import generate
from artfp.images import to_tensor


@pytest.fixture(scope="session")
def batch() -> torch.Tensor:
    """Six of 32 px, as photographs are."""
    return to_tensor(np.stack(list(generate("photo-like", 6, 32, 5))))
