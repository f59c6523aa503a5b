"""`verify`: images a second of marked images, of clean ones, where the decoder searches, and with `--fast`."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from artfp.codec.store import load_codec, suitable_for
from artfp.data.readers import collect
from artfp.verify import verify
from benchmarks.speed.bare import decoded
from benchmarks.speed.figures import Figure, in_turns, rate
from benchmarks.speed.material import KEY, keys_in, mark, painted

# Side: images of the short and the long run, and what is to be reached of Pillow's rate
SIDES = {64: (512, 4096, 0.15), 128: (512, 3072, 0.2), 256: (256, 1536, 0.4), 1024: (64, 256, 0.6)}
CLEAN = (128, 512)  # a search takes fifteen looks


def judging(side: int, folder: Path, workers: int) -> Figure:
    """Against Pillow in as many processes; `verify` is one, with all its threads."""
    few, many, target = SIDES[side]
    for images in (few, many):
        _marked(folder, images, side)
    with ProcessPoolExecutor(workers) as pool:
        marked, fast, clean, bare = in_turns(
            [
                lambda: rate(lambda images: _verified(folder, _marked(folder, images, side), side), few, many),
                lambda: rate(lambda images: _verified(folder, _marked(folder, images, side), side, True), few, many),
                lambda: rate(lambda images: _verified(folder, painted(folder, images, side), side), *CLEAN),
                lambda: rate(lambda images: decoded(_marked(folder, images, side), pool), few, many),
            ]
        )
    rates = {"images a second": marked, "with --fast": fast, "clean images": clean, "Pillow's": bare}
    details = {name: round(value, 1) for name, value in rates.items()}
    what = f"verify a folder of {side} px"
    return Figure(f"verify-{side}", what, "Pillow, decode", marked / bare, target, details=details)


def _marked(folder: Path, images: int, side: int) -> Path:
    target = folder / f"verify-{side}px-{images}"
    if not target.is_dir():
        mark(painted(folder, images, side), target, load_codec(suitable_for(side)))
    return target


def _verified(folder: Path, images: Path, side: int, fast: bool = False) -> None:
    codec = load_codec(suitable_for(side))
    with keys_in(folder) as registry:
        verify(collect([str(images)]), registry, [codec], KEY, fast=fast)
