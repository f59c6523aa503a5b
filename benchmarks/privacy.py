"""What others' decoders read of a codec's marks, as they are and through a line fitted to images of known keys.

    python benchmarks/privacy.py MINE OTHER ... [--data FOLDER] [--images 1000]

Every image has its own random key. The attacker of a row has OTHER's decoder and `--images` marked images whose keys it
knows; it then reads as many fresh keys. It may look a few pixels beside the marks, too, and is given the better look
and the best penalty in hindsight. MINE itself is the first row. One JSON line for each decoder.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from artfp.attacks.linear import best_share
from artfp.codec.base import Codec
from artfp.codec.pool import squares
from artfp.codec.store import load_codec
from artfp.data.procedural import generate
from artfp.devices import prepare_device
from artfp.images import to_tensor
from artfp.seeds import numpy_generator

BATCH = 64
PAINTED_SEED = 990_003  # no training recipe uses it
LOOKS = ((0, 0), (1, 0), (1, 1))  # pixels beside the marks

Pixels = NDArray[np.uint8]


def images_of(data: Path | None, count: int, side: int) -> Pixels:
    """Photographs cut to squares, used again from the start where they are too few, or painted images."""
    if data is None:
        return np.stack(list(generate("photo-like", count, side, PAINTED_SEED)))
    found = squares(data, side, count, seed=0)
    return np.resize(found, (count, *found.shape[1:]))


@torch.no_grad()
def marked(codec: Codec, pixels: Pixels, keys: NDArray[np.int64]) -> list[torch.Tensor]:
    """Batches of the images, each with its key."""
    portions = [slice(start, start + BATCH) for start in range(0, len(pixels), BATCH)]
    return [codec.embed(to_tensor(pixels[part]), torch.from_numpy(keys[part])) for part in portions]


@torch.no_grad()
def read(codec: Codec, batches: list[torch.Tensor], look: tuple[int, int]) -> NDArray[np.float64]:
    """Log-odds of every image, moved a little."""
    rows = [codec.logits(batch.roll(look, (-2, -1))) for batch in batches]
    return torch.cat(rows).to(torch.float64).numpy()


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mine")
    parser.add_argument("others", nargs="+", metavar="OTHER")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--threads", type=int)
    args = parser.parse_args()
    prepare_device("cpu", args.threads)
    mine = load_codec(args.mine)
    keys = numpy_generator("privacy").integers(0, 2, (2 * args.images, mine.n_bits))
    batches = marked(mine, images_of(args.data, 2 * args.images, mine.size), keys)
    wanted, known = 2.0 * keys - 1, slice(args.images)
    fresh = slice(args.images, None)
    for name in (args.mine, *args.others):
        other = load_codec(name)
        if other.size != mine.size:
            parser.error(f"{name} reads images of {other.size} pixels, {args.mine} marks them at {mine.size}")
        looks = [read(other, batches, look) for look in LOOKS]
        through = [best_share((seen[known], wanted[known]), (seen[fresh], wanted[fresh])) for seen in looks]
        same = other.n_bits == mine.n_bits
        as_they_are = float(((looks[0][fresh] > 0) == keys[fresh]).mean()) if same else None
        row = {"marks": args.mine, "decoder": name, "images": args.images, "data": str(args.data or "photo-like")}
        print(json.dumps(row | {"as_they_are": as_they_are, "through_a_line": max(through)}), flush=True)


if __name__ == "__main__":
    main()
