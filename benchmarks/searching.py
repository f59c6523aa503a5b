"""What the decoder's search costs in fast arithmetic and in full precision, and whether both find the same.

    python -m benchmarks.searching DATA [--codec artfp-64] [--images 128]

Marks images of DATA (a folder or zip of squares), alters them, and reads each set both ways, in one process, one after
the other. One JSON line for each alteration: bits right, the share of images whose soft bits differ at all, and the
ratio of seconds. Where the processor has no fast arithmetic both are the same.
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

from artfp.codec import alignment
from artfp.codec.base import Codec
from artfp.codec.store import load_codec
from artfp.data.survey import evenly_spaced
from artfp.images import to_tensor
from artfp.perturb.image import PERTURBATIONS
from artfp.reading import silent
from artfp.seeds import numpy_generator
from benchmarks.measuring.images import at_side
from benchmarks.measuring.machine import prepare

ALTERED = (("centre-crop", 0.86), ("rotate", 3.0), ("jpeg", 50.0), ("noise", 0.11))


def main() -> None:
    """Print a line for each set of images."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--codec", default="artfp-64")
    parser.add_argument("--images", type=int, default=128)
    options = parser.parse_args()
    prepare("cpu", 1)
    codec = load_codec(options.codec)
    pixels = at_side(options.data, codec.side, silent)
    clean = to_tensor(pixels[evenly_spaced(len(pixels), options.images)])
    for row in rows(codec, clean):
        print(json.dumps({"codec": codec.name, "images": len(clean), **row}), flush=True)


def rows(codec: Codec, clean: Tensor) -> Iterator[dict[str, Any]]:
    """Marked images, altered ones, and clean ones."""
    bits = torch.from_numpy(numpy_generator("searching").integers(0, 2, (len(clean), codec.n_bits)))
    marked = codec.embed(clean, bits)
    yield {"images are": "marked", **both(codec, marked, bits)}
    for name, strength in ALTERED:
        altered = PERTURBATIONS[name](marked, strength, numpy_generator("searching", name))
        yield {"images are": f"{name} {strength:g}", **both(codec, altered, bits)}
    yield {"images are": "clean", **both(codec, clean, bits)}


def both(codec: Codec, images: Tensor, bits: Tensor) -> dict[str, Any]:
    """The same images read in both ways."""
    fast, fast_seconds = timed(codec, images)
    with patch.object(alignment, "fast_arithmetic", lambda _device: nullcontext()):
        full, full_seconds = timed(codec, images)
    return {
        "bits right": {"fast": right(fast, bits), "full": right(full, bits)},
        "images that differ": round(float((fast != full).any(dim=1).float().mean()), 4),
        "times as fast": round(full_seconds / fast_seconds, 2),
    }


@torch.no_grad()
def timed(codec: Codec, images: Tensor) -> tuple[Tensor, float]:
    """Soft bits, and the seconds of the second of two readings."""
    codec.soft_bits(images[:16])
    began = time.perf_counter()
    return codec.soft_bits(images), time.perf_counter() - began


def right(soft: Tensor, bits: Tensor) -> float:
    """The share of bits."""
    return round(float(((soft > 0) == (bits > 0)).double().mean()), 4)


if __name__ == "__main__":
    main()
