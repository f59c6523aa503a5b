"""Sketches of images: dark lines on white where the luminance changes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.measuring.images import Pixels

LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601
GAIN = 3.0  # a change of a third within a pixel's neighbours is black


def sketch(pixels: Pixels) -> Pixels:
    """One image H x W x 3 as its sketch: the gradient's length, blurred by 1-2-1 both ways, inverted."""
    gradient = np.gradient(pixels @ np.array(LUMINANCE) / 255)
    lines = _blurred(_blurred(np.hypot(*gradient)).T).T
    grey = np.rint(255 * (1 - (GAIN * lines).clip(0, 1))).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _blurred(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Along the first axis; beyond the edge lies the edge again."""
    wide = np.pad(rows, ((1, 1), (0, 0)), mode="edge")
    return (wide[:-2] + 2 * wide[1:-1] + wide[2:]) / 4
