"""What marking did to images, counted: bits read back, squared error, structural similarity."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artfp.codec.base import Codec
from artfp.images import to_tensor
from artfp.keys.fingerprint import Bits
from artfp.similarity import CENTRE, centre, similarities


@dataclass(frozen=True)
class Fidelity:
    """Integer tallies (and a sum of SSIMs) over images; add them, then conclude."""

    images: int = 0
    bits_right: int = 0
    bits_total: int = 0
    squared_error: int = 0  # of 8-bit values
    values: int = 0
    ssim_sum: float = 0.0

    def __add__(self, other: Fidelity) -> Fidelity:
        return Fidelity(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    @property
    def bit_accuracy(self) -> float:
        """Share of bits read back as they were meant."""
        return self.bits_right / self.bits_total if self.bits_total else math.nan

    @property
    def psnr(self) -> float:
        """Peak signal to noise in dB, of the error pooled over all images; infinite where nothing changed."""
        return 10 * math.log10(255**2 * self.values / self.squared_error) if self.squared_error else math.inf

    @property
    def ssim(self) -> float:
        """Mean structural similarity."""
        return self.ssim_sum / self.images if self.images else math.nan


def measure(codec: Codec, clean: NDArray[np.uint8], marked: NDArray[np.uint8], bits: Bits) -> Fidelity:
    """Tallies of marked images N x H x W x 3 against the clean ones and the bits N x n that they should carry."""
    return likeness(clean, marked) + reading(codec.soft_bits(to_tensor(marked)).cpu().numpy(), bits)


def likeness(clean: NDArray[np.uint8], marked: NDArray[np.uint8], side: int = CENTRE) -> Fidelity:
    """The tallies of pixels; the similarity is that of the middle, `side` pixels at most."""
    error = clean.astype(np.int32) - marked
    return Fidelity(
        images=len(marked),
        squared_error=int((error**2).sum(dtype=np.int64)),
        values=error.size,
        ssim_sum=float(similarities(centre(clean, side), centre(marked, side)).sum()),
    )


def reading(soft: NDArray[np.floating[Any]], bits: Bits) -> Fidelity:
    """The tallies of bits, N x n as they were read and as they should be."""
    right = (soft > 0) == bits.astype(bool)
    return Fidelity(bits_right=int(right.sum()), bits_total=right.size)
