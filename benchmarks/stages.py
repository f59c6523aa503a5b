"""Where the time of `embed-dataset` and `verify` goes: milliseconds of one core for an image, stage by stage.

    python -m benchmarks.stages [--sides 64 128 256 1024] [--json FILE]

One process, one thread, painted PNG files as for `make bench`; each stage alone, over the same images, the least of
three rounds. What a bare Pillow takes for the same files, to decode them and (`embed-dataset`) to encode them again,
over the sum of the stages is about the best ratio that `make bench` could show. What is left out: hashes, journals,
threads that wait.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from artfp.codec.base import Codec
from artfp.codec.desk import BATCH, Task, open_desks
from artfp.codec.store import load_codec, suitable_for
from artfp.data.procedural import generate
from artfp.files import write_json
from artfp.images import LoadedImage, encode_png, load_image
from artfp.strips import Pixels, shrunk, with_residual
from benchmarks.measuring.machine import prepare
from benchmarks.measuring.tables import ruled

SIDES = (64, 128, 256, 1024)
ROUNDS = 3
IMAGES, FEW, LARGE = 256, 64, 512  # few of so many pixels a side
PILLOW = "what Pillow takes"

Times = dict[str, float]


def main() -> None:
    """Print a line for each stage, a column for each side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", type=int, nargs="+", default=SIDES)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    prepare("cpu", 1)
    found = {side: stages(side) for side in options.sides}
    if options.json:
        write_json(options.json, {str(side): times for side, times in found.items()})
    print(ruled(("ms of one core for an image", *(f"{side:,} px" for side in found)), list(_lines(found))))


@torch.no_grad()
def stages(side: int) -> dict[str, Times]:
    """Of both commands."""
    codec, images = load_codec(suitable_for(side)), painted(side)
    files = [_by_pillow(pixels) for pixels in images]
    bits = torch.from_numpy(np.random.default_rng(0).integers(0, 2, (len(images), codec.n_bits)))
    small = torch.cat([shrunk(pixels, codec.size) for pixels in images])
    residuals = codec.residuals(small, bits)
    marked = [with_residual(pixels, residual) for pixels, residual in zip(images, residuals, strict=True)]
    decode = milliseconds(partial(_each, lambda file: load_image(file, "image"), files), len(files))
    bare = milliseconds(partial(_each, _read_by_pillow, files), len(files))
    again = milliseconds(partial(_each, partial(_by_pillow, compress_level=1), marked), len(images))
    shrink = milliseconds(partial(_each, lambda pixels: shrunk(pixels, codec.size), images), len(images))
    return {
        "embed-dataset": {
            "decode": decode,
            "make small": shrink,
            "the networks": milliseconds(lambda: codec.residuals(small, bits), len(images)),
            "add the residual": milliseconds(
                partial(_each, lambda i: with_residual(images[i], residuals[i]), range(len(images))), len(images)
            ),
            "encode": milliseconds(partial(_each, lambda pixels: encode_png(LoadedImage(pixels)), marked), len(images)),
            PILLOW: bare + again,
        },
        "verify": {"decode": decode, "make small": shrink, **reading(codec, marked), PILLOW: bare},
    }


def reading(codec: Codec, marked: Sequence[Pixels]) -> Times:
    """The one look that all images get, and the search that some get."""
    small = [shrunk(pixels, codec.size) for pixels in marked]
    sizes = [pixels.shape[:2] for pixels in marked]
    batches = codec.prepared(torch.cat(small)).split(BATCH)
    look = milliseconds(partial(_each, codec.look, batches), len(small))
    return {
        "one look": look,
        "the search": max(0.0, milliseconds(lambda: _read(codec, small, sizes), len(small)) - look),
    }


def _read(codec: Codec, small: Sequence[torch.Tensor], sizes: Sequence[tuple[int, int]]) -> None:
    with open_desks([Task(codec)]) as (desk,):
        for image, size in zip(small, sizes, strict=True):
            desk.read(image, size)
        desk.rest()


def painted(side: int) -> list[Pixels]:
    """Whole batches: a search is made for a portion of one, or not at all."""
    return list(generate("photo-like", FEW if side >= LARGE else IMAGES, side, seed=1))


def milliseconds(work: Callable[[], Any], images: int) -> float:
    """Of processor time for an image, the least of some rounds."""
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        found.append(1000 * (time.process_time() - began) / images)
    return round(min(found), 3)


def _each(work: Callable[[Any], Any], items: Sequence[Any]) -> None:
    for item in items:
        work(item)


def _lines(found: dict[int, dict[str, Times]]) -> Iterator[tuple[str, ...]]:
    commands = next(iter(found.values()))
    for command, stages_of in commands.items():
        for stage in stages_of:
            yield f"{command}: {stage}", *(f"{times[command][stage]:.2f}" for times in found.values())
        yield f"{command}: the best ratio", *(_ratio(times[command]) for times in found.values())


def _ratio(times: Times) -> str:
    return f"{times[PILLOW] / sum(each for stage, each in times.items() if stage != PILLOW):.2f}"


def _read_by_pillow(file: bytes) -> None:
    with Image.open(io.BytesIO(file)) as image:
        image.convert("RGB")


def _by_pillow(pixels: Pixels, **options: Any) -> bytes:
    Image.fromarray(pixels).save(file := io.BytesIO(), "PNG", **options)
    return file.getvalue()


if __name__ == "__main__":
    main()
