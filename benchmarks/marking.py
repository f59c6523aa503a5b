"""What marking costs in fast arithmetic and in full precision, and whether both mark alike.

    python -m benchmarks.marking DATA [--codec artfp-64] [--images 256]

Marks images of DATA (a folder or zip of squares) in both ways, in one process, one after the other. One JSON line for
each way: loudness, the bits that are read right as they are and after alterations, and milliseconds of processor time
for each image; and one on how far the two differ. Where the processor has no fast arithmetic both are the same.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from artfp.codec import learned
from artfp.codec.base import Codec
from artfp.codec.store import load_codec
from artfp.data.survey import evenly_spaced
from artfp.images import to_tensor
from artfp.perturb.image import PERTURBATIONS
from artfp.reading import silent
from artfp.seeds import numpy_generator
from benchmarks.measuring.images import at_side
from benchmarks.measuring.machine import prepare

BATCH = 64  # as `embed-dataset` has of small images
ALTERED = (("jpeg", 80.0), ("jpeg", 50.0), ("noise", 0.05))


def main() -> None:
    """Print a line for each way, and one for the difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--codec", default="artfp-64")
    parser.add_argument("--images", type=int, default=256)
    options = parser.parse_args()
    prepare("cpu", 1)
    codec = load_codec(options.codec)
    pixels = at_side(options.data, codec.side, silent)
    clean = to_tensor(pixels[evenly_spaced(len(pixels), options.images)])
    for row in rows(codec, clean):
        print(json.dumps({"codec": codec.name, "images": len(clean), **row}), flush=True)


def rows(codec: Codec, clean: Tensor) -> Iterator[dict[str, Any]]:
    """Full precision first."""
    bits = torch.from_numpy(numpy_generator("marking").integers(0, 2, (len(clean), codec.n_bits)))
    with patch.object(learned, "fast_arithmetic", lambda _device: nullcontext()):
        full, full_seconds = timed(codec, clean, bits)
    fast, fast_seconds = timed(codec, clean, bits)
    for way, marked, seconds in (("full", full, full_seconds), ("fast", fast, fast_seconds)):
        loudness = -10 * torch.log10((marked - clean).square().mean())
        spent = {"psnr": round(float(loudness), 3), "milliseconds": round(1000 * seconds / len(clean), 2)}
        yield {"arithmetic": way, **spent, "bits right": dict(read(codec, marked, bits))}
    steps = 255 * (full - fast).abs()
    differing = {
        "values that differ": round(float((steps > 0.5).float().mean()), 4),
        "at most": round(float(steps.max())),
    }
    yield {**differing, "times as fast": round(full_seconds / fast_seconds, 2)}


def timed(codec: Codec, clean: Tensor, bits: Tensor) -> tuple[Tensor, float]:
    """Marked images, and the processor's seconds; a first batch is not counted."""
    codec.embed(clean[:BATCH], bits[:BATCH])
    began = time.process_time()
    batches = [codec.embed(*batch) for batch in zip(clean.split(BATCH), bits.split(BATCH), strict=True)]
    return torch.cat(batches), time.process_time() - began


def read(codec: Codec, marked: Tensor, bits: Tensor) -> Iterator[tuple[str, float]]:
    """The share of bits that are right, by what was done to the images; read in full precision and without a search."""
    yield "as they are", right(codec, marked, bits)
    for name, strength in ALTERED:
        altered = PERTURBATIONS[name](marked, strength, numpy_generator("marking", name))
        yield f"{name} {strength:g}", right(codec, altered, bits)


def right(codec: Codec, images: Tensor, bits: Tensor) -> float:
    """The share of bits."""
    return round(float(((codec.soft_bits_as_they_are(images) > 0) == (bits > 0)).double().mean()), 4)


if __name__ == "__main__":
    main()
