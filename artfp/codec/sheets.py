"""Sample sheets: original, marked, and ten times the difference, row by row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from artfp.codec.base import Codec
from artfp.files import atomic_open
from artfp.images import LoadedImage, encode_png, to_pixels, to_tensor
from artfp.seeds import numpy_generator

AMPLIFIED = 10


def write_sheet(path: Path, codec: Codec, originals: NDArray[np.uint8], seed: int) -> None:
    """A PNG of three rows: originals, the same marked with one random fingerprint, the difference."""
    images = to_tensor(originals)
    bits = numpy_generator(seed, "sheet").integers(0, 2, codec.n_bits)
    marked = codec.embed(images, torch.from_numpy(bits)).cpu()
    difference = (0.5 + AMPLIFIED * (marked - images)).clamp(0, 1)
    rows = [np.concatenate(list(to_pixels(row)), axis=1) for row in (images, marked, difference)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_open(path, durable=False) as stream:
        stream.write(encode_png(LoadedImage(np.concatenate(rows))))
