"""What others' decoders read of a codec's marks, as they are and through a line fitted to images of known keys.

    python -m benchmarks.privacy MINE OTHER ... [--data FOLDER] [--images 1000]

Every image has its own random key and the side that MINE is made for. The attacker of a row has OTHER's decoder and
`--images` marked images whose keys it knows, and fits a line from the decoder's log-odds (`Codec.logits`, which hold
more than soft bits do) to them; it then reads as many fresh keys. It may look a few pixels beside the marks, too, and
is given the better look and the best penalty in hindsight. MINE itself is the first row. One JSON line for each
decoder, and one file for all in benchmarks/results/privacy.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from artfp import __version__
from artfp.attacks.linear import best_share
from artfp.codec.base import Codec
from artfp.codec.pool import squares
from artfp.codec.store import load_codec
from artfp.data.procedural import generate
from artfp.devices import prepare_device
from artfp.errors import ArtfpError
from artfp.files import write_json
from artfp.images import resize, to_tensor
from artfp.seeds import numpy_generator

RESULTS = Path(__file__).parent / "results" / "privacy"
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
    """Log-odds of every image, moved a little; a decoder has them at its own size."""
    inner = (codec.size, codec.size)
    rows = [codec.logits(resize(batch.roll(look, (-2, -1)), inner)) for batch in batches]
    return torch.cat(rows).to(torch.float64).numpy()


def readings(mine: Codec, others: Sequence[Codec], data: Path | None, images: int) -> Iterator[dict[str, Any]]:
    """What each decoder reads of fresh keys, MINE's own first."""
    keys = numpy_generator("privacy").integers(0, 2, (2 * images, mine.n_bits))
    batches = marked(mine, images_of(data, 2 * images, mine.side), keys)
    wanted, known, fresh = 2.0 * keys - 1, slice(images), slice(images, None)
    for codec in (mine, *others):
        looks = [read(codec, batches, look) for look in LOOKS]
        through = [best_share((seen[known], wanted[known]), (seen[fresh], wanted[fresh])) for seen in looks]
        same = codec.n_bits == mine.n_bits
        as_they_are = float(((looks[0][fresh] > 0) == keys[fresh]).mean()) if same else None
        yield {
            "decoder": codec.name,
            "sha256": codec.sha256,
            "as_they_are": as_they_are,
            "through_a_line": max(through),
        }


def measured(codecs: Sequence[Codec], data: Path | None, images: int) -> dict[str, Any]:
    """All of it, as its file holds it; told line by line as it comes."""
    found = []
    for row in readings(codecs[0], codecs[1:], data, images):
        print(json.dumps(row), flush=True)
        found.append(row)
    names = " ".join(codec.name for codec in codecs)
    flags = f"{f' --data {data.name}' if data else ''} --images {images}"
    return {
        "marks": codecs[0].name,
        "sha256": codecs[0].sha256,
        "data": data.name if data else "photo-like",
        "images": images,
        "command": f"python -m benchmarks.privacy {names}{flags}",
        "decoders": found,
        "made_with": {"artfp": __version__, "torch": torch.__version__},
    }


def main() -> None:
    """Measure, and keep the row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mine")
    parser.add_argument("others", nargs="+", metavar="OTHER")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    prepare_device("cpu", args.threads)
    try:
        codecs = [load_codec(name) for name in (args.mine, *args.others)]
        row = measured(codecs, args.data, args.images)
    except ArtfpError as error:
        parser.error(str(error))
    args.out.mkdir(parents=True, exist_ok=True)
    write_json(args.out / f"{'-'.join([*(codec.name for codec in codecs), Path(row['data']).stem])}.json", row)


if __name__ == "__main__":
    main()
