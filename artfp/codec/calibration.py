"""What a codec reads from images that carry nothing: its consensus and its single-image bits."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from artfp.codec.alignment import certainty
from artfp.codec.base import Codec
from artfp.codec.learned import LearnedCodec
from artfp.data.procedural import generate
from artfp.images import to_tensor
from artfp.keys.fingerprint import Bits
from artfp.seeds import numpy_generator
from artfp.statistics.exact import quantise

BATCH = 64
MARKED = 256
CALIBRATION_KIND = "photo-like"
CALIBRATION_SEED = 20_077_457  # the paper's arXiv number; no training recipe uses it


def calibrate(codec: Codec, count: int) -> tuple[NDArray[np.int64], Bits]:
    """Mean soft bits in 1/256 and hard bits of `count` clean procedural images."""
    images = np.stack(list(generate(CALIBRATION_KIND, count, codec.size, CALIBRATION_SEED)))
    soft = np.concatenate([_soft(codec, images[i : i + BATCH]) for i in range(0, count, BATCH)])
    return quantise(soft.mean(axis=0)), (soft > 0).astype(np.uint8)


@torch.no_grad()
def usual_certainty(codec: LearnedCodec) -> float:
    """How sure the decoder is of all but a tenth of marked images: surer ones need no second look."""
    images = to_tensor(np.stack(list(generate(CALIBRATION_KIND, MARKED, codec.size, CALIBRATION_SEED))))
    bits = torch.from_numpy(numpy_generator("usual certainty", CALIBRATION_SEED).integers(0, 2, (MARKED, codec.n_bits)))
    portions = [slice(start, start + BATCH) for start in range(0, MARKED, BATCH)]
    found = [certainty(codec.logits(codec.embed(images[portion], bits[portion]))) for portion in portions]
    return float(torch.cat(found).quantile(0.1))


def _soft(codec: Codec, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    return codec.soft_bits(to_tensor(pixels)).to(torch.float64).cpu().numpy()
