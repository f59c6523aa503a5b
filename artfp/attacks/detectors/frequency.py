"""Spectra: how much there is of each frequency, in the whole image and in blocks of 8.

    image --luma and two colour differences--> DCT --log |coefficient|, means over cells of a grid--> 3 x 16 x 16
    luma ------blocks of 8 x 8---------------> DCT --of each of 64: log mean |.|, log mean square--> 2 x 64

Frank et al., ICML 2020 (arXiv 2003.08685), give the logarithms to a linear classifier, too; the grid is so coarse that
some hundred examples do.
"""

from __future__ import annotations

import numpy as np
from scipy.fft import dctn

from artfp.attacks.adversary import Pixels
from artfp.statistics.exact import Floats

LUMA = np.array((0.299, 0.587, 0.114))  # ITU-R BT.601
GRID = 16  # cells on a side: images of 16 pixels have one coefficient in each
BLOCK = 8
FAINT = 1.0  # added to magnitudes of 8-bit values before the logarithm: rounding alone makes such


def features(pixels: Pixels) -> Floats:
    """N x 896 for images N x H x W x 3."""
    luma = pixels @ LUMA
    planes = (luma, pixels[..., 0] - luma, pixels[..., 2] - luma)
    spectra = [_gridded(_log_magnitude(dctn(plane, axes=(1, 2), norm="ortho"))) for plane in planes]
    return np.concatenate([*(spectrum.reshape(len(pixels), -1) for spectrum in spectra), _of_blocks(luma)], axis=1)


def _log_magnitude(coefficients: Floats) -> Floats:
    found: Floats = np.log(np.abs(coefficients) + FAINT)
    return found


def _gridded(values: Floats) -> Floats:
    """Means over GRID x GRID cells as equal as can be."""
    for axis in (1, 2):
        starts = np.arange(GRID) * values.shape[axis] // GRID
        sizes = np.diff(starts, append=values.shape[axis])
        values = np.add.reduceat(values, starts, axis=axis) / np.expand_dims(sizes, tuple({0, 1, 2} - {axis}))
    return values


def _of_blocks(luma: Floats) -> Floats:
    """Whole blocks alone, from the upper left corner."""
    rows, columns = (side // BLOCK for side in luma.shape[1:])
    blocks = luma[:, : rows * BLOCK, : columns * BLOCK].reshape(len(luma), rows, BLOCK, columns, BLOCK)
    found = np.abs(dctn(blocks, axes=(2, 4), norm="ortho"))
    size, energy = found.mean(axis=(1, 3)), np.square(found).mean(axis=(1, 3))
    return np.concatenate([np.log(each + FAINT).reshape(len(luma), -1) for each in (size, energy)], axis=1)
