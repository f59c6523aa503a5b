"""The closed-form codec: spread transform on mid-frequency DCT coefficients. Baseline, and instant in tests.

    Y --DCT--> coefficients --project on n patterns--> h_j --push to k_j h_j >= MARGIN--> inverse --> residual
    decoding reads h_j; its sign is the bit

Informed embedding after Chen and Wornell, IEEE Trans. IT 47 (2001), with one-sided pushes: a bit that the
image already carries costs nothing. Only even horizontal frequencies are used; their cosines are symmetric,
so a mirrored image reads the same bits exactly.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
from torch import Tensor

from artfp.codec.base import Codec
from artfp.codec.calibration import calibrate
from artfp.files import sha256_bytes
from artfp.keys.fingerprint import CodecFacts
from artfp.seeds import numpy_generator

SIZE = 64
N_BITS = 64
BAND = (5, 28)  # DCT indices: above most image energy, below what halving a 64 px image removes
MARGIN = 0.16  # target of each projection, in units of the [0, 1] range; about 36 dB on photographs
MAX_PUSH = 3 * MARGIN  # bounds the residual on images of extreme texture
SHARPNESS = 8.0  # logit of a projection that sits at the margin
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


class DctCodec(Codec):
    """64 bits at 64 px, no training, no weights."""

    def __init__(self) -> None:
        self.name = "dct"
        self.n_bits = N_BITS
        self.size = self.side = SIZE
        self.flip_invariant = True
        self.sha256 = sha256_bytes(f"artfp-dct-1 {SIZE} {N_BITS} {BAND} {MARGIN} {MAX_PUSH} {SHARPNESS}".encode())
        self.card = {"name": "dct", "bits": N_BITS, "size": SIZE, "about": "closed form, not trained"}
        self._patterns = _patterns()
        self._luma = torch.tensor(LUMA).view(1, 3, 1, 1)

    def residual(self, images: Tensor, bits: Tensor) -> Tensor:
        """Push each projection to its margin; the same grey residual goes to all three channels."""
        signs = 2 * bits - 1
        push = (MARGIN - signs * self._projections(images)).clamp(0, MAX_PUSH) * signs
        grey = torch.einsum("bn,nhw->bhw", push, self._patterns)
        return grey[:, None].expand(-1, 3, -1, -1)

    def logits(self, images: Tensor) -> Tensor:
        """Projections in units of the margin."""
        return self._projections(images) * (SHARPNESS / MARGIN)

    def facts(self) -> CodecFacts:
        """Consensus and calibration on procedural images, computed once a process."""
        return _facts()

    def to(self, device: torch.device | str) -> DctCodec:
        """Move the patterns."""
        self._patterns, self._luma = self._patterns.to(device), self._luma.to(device)
        return self

    @property
    def device(self) -> torch.device:
        """Where the patterns are."""
        return self._patterns.device

    def _projections(self, images: Tensor) -> Tensor:
        grey = (images * self._luma).sum(1)
        return torch.einsum("bhw,nhw->bn", grey, self._patterns)


@functools.cache
def _facts() -> CodecFacts:
    codec = DctCodec()
    consensus, calibration = calibrate(codec, count=256)
    return CodecFacts(codec.name, codec.sha256, N_BITS, consensus, calibration)


def _patterns() -> Tensor:
    """N_BITS orthonormal images, each a signed sum of DCT basis images of its own."""
    basis = _dct_matrix(SIZE)
    low, high = BAND
    band = [(u, v) for u in range(high + 1) for v in range(0, high + 1, 2) if max(u, v) >= low]
    per_bit = len(band) // N_BITS
    random = numpy_generator("artfp-dct-1")
    order = random.permutation(len(band))[: per_bit * N_BITS].reshape(N_BITS, per_bit)
    signs = random.choice((-1.0, 1.0), size=order.shape) / math.sqrt(per_bit)
    patterns = np.zeros((N_BITS, SIZE, SIZE))
    for bit in range(N_BITS):
        for index, sign in zip(order[bit], signs[bit], strict=True):
            u, v = band[index]
            patterns[bit] += sign * np.outer(basis[u], basis[v])
    return torch.from_numpy(patterns.astype(np.float32))


def _dct_matrix(size: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Rows are the orthonormal DCT-II basis vectors."""
    index = np.arange(size)
    matrix = np.cos(np.pi * (2 * index[None] + 1) * index[:, None] / (2 * size)) * np.sqrt(2 / size)
    matrix[0] /= np.sqrt(2)
    return matrix
