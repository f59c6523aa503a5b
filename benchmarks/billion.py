"""What a billion images cost: hours of processors and graphics cards, and bytes, at 64, 256 and 1,024 pixels.

    make bench                                                      # measures what this counts with
    python -m benchmarks.billion [runs/speed.json] [--tflops 100]   # prints a Markdown table

Hours of a core are its share of the images that `make bench` handled a second: all of a machine's cores decode, compute
and encode at once, and nothing is waited for. Bytes are those of the painted PNG files there; tables are what a dataset
has beside its images. Hours of a graphics card
are counted, not measured: the multiplications and additions of the networks for one image (torch's counter, over
painted images, with the touch-up and the search as they come) at the rate that `--tflops` says is reached; its
processor still decodes and encodes, which is the line of Pillow. Nothing of this was run on a billion.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from artfp.codec.base import Codec
from artfp.codec.store import load_codec, suitable_for
from artfp.data.procedural import generate
from artfp.files import read_json
from artfp.images import to_tensor
from benchmarks.measuring.tables import ruled

SIDES, KINDS = (64, 256, 1024), ("embed", "verify")
IMAGES, HOUR = 1e9, 3600
COUNTED = 64  # images of which operations are counted
SPEED = Path("runs/speed.json")

Details = Mapping[str, Any]


def main() -> None:
    """A line for each resource, a column for each side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speed", type=Path, nargs="?", default=SPEED)
    parser.add_argument("--tflops", type=float, default=100.0, help="10^12 operations a second that are reached")
    options = parser.parse_args()
    figures = {each["name"]: each["details"] for each in read_json(options.speed)["figures"]}
    if missing := sorted({f"{kind}-{side}" for kind in KINDS for side in SIDES} - set(figures)):
        parser.error(f"{options.speed}: has no figures {', '.join(missing)}; make bench measures all")
    header = ("for 10^9 images", *(f"{side:,} px" for side in SIDES))
    print(ruled(header, ((name, *cells) for name, cells in lines(figures, options.tflops))))


def lines(figures: Mapping[str, Details], tflops: float) -> Iterator[tuple[str, list[str]]]:
    """What there is to pay for."""
    embed, verify = ([figures[f"{kind}-{side}"] for side in SIDES] for kind in KINDS)
    cores = [each["workers"] for each in embed]
    for name, details, rate in (
        ("core hours, decode and encode alone (Pillow)", embed, "Pillow's"),
        ("core hours, `embed-dataset`", embed, "images a second"),
        ("core hours, `verify`, marked images", verify, "images a second"),
        ("core hours, `verify --fast`", verify, "with --fast"),
        ("core hours, `verify`, clean images", verify, "clean images"),
    ):
        yield name, [hours(n / each[rate]) for n, each in zip(cores, details, strict=True)]
    for name, of in (("marking", _marking), ("reading marked images", _reading)):
        counted = (operations(load_codec(suitable_for(side)), of) for side in SIDES)
        yield f"GPU hours at {tflops:g} TFLOP/s, {name} (counted)", [hours(each / (tflops * 1e12)) for each in counted]
    for name in ("bytes in", "bytes out", "bytes in tables"):
        yield f"{name.replace('bytes', 'terabytes', 1)}", [f"{IMAGES * each[name] / 1e12:,.2f}" for each in embed]


def hours(seconds: float) -> str:
    """Of a billion images, of each of which so many seconds are known."""
    return f"{IMAGES * seconds / HOUR:,.0f}"


def operations(codec: Codec, work: Callable[[Codec, torch.Tensor], object]) -> float:
    """Additions and multiplications for an image, in the mean of a batch."""
    images = to_tensor(np.stack(list(generate("photo-like", COUNTED, codec.side, seed=1))))
    prepared = _marking(codec, images) if work is _reading else images
    with FlopCounterMode(display=False) as counter:
        work(codec, prepared)
    return counter.get_total_flops() / COUNTED


def _marking(codec: Codec, images: torch.Tensor) -> torch.Tensor:
    bits = torch.from_numpy(np.random.default_rng(0).integers(0, 2, (len(images), codec.n_bits)))
    return codec.embed(images, bits)


def _reading(codec: Codec, images: torch.Tensor) -> torch.Tensor:
    return codec.soft_bits(images)


if __name__ == "__main__":
    main()
