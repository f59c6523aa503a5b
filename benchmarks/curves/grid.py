"""Every point of every curve, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from artfp.results import Record

IMAGES_SHOWN = 40_000  # to each GAN
SAMPLES = 1024  # generated and read
AS_IS = "as is"
ALL_OF_CIFAR = 50_000
SOME_OF_CIFAR = 5_000  # marking all of it for each level would take hours


@dataclass(frozen=True)
class Point(Record):
    """All that determines a row, but the key. Two curves that want the same point share it."""

    data: str = "flowers"
    count: int | None = None  # images of the data; None: all of them
    psnr: float = 38.0  # of the marked images, dB
    codec: str = "artfp-64"
    fraction: float = 1.0  # of the images is marked
    storage: str = AS_IS  # what happens to the files between marking and training
    seed: int = 0  # of the GAN, and of which images are marked
    shown: int = IMAGES_SHOWN
    samples: int = SAMPLES

    @property
    def name(self) -> str:
        """Of its row, its folder and its key: what it is, where that is not the usual."""
        parts = [self.images, f"{self.psnr:g}db", f"seed{self.seed}"]
        parts += [self.codec] if self.codec != Point.codec else []
        parts += [f"marked{100 * self.fraction:g}"] if self.fraction != 1 else []
        return "-".join(parts)

    @property
    def images(self) -> str:
        """The unmarked data: a name for each selection and storage."""
        parts = [self.data, *([str(self.count)] if self.count else []), *([self.storage] * (self.storage != AS_IS))]
        return "-".join(parts)

    @property
    def twin(self) -> str:
        """The clean twin: one for the same images, seed and images shown."""
        return f"twin-{self.images}-seed{self.seed}-shown{self.shown}"


def _psnr() -> tuple[Point, ...]:
    levels = [float(level) for level in range(32, 47, 2)]
    flowers = [Point(psnr=level, seed=seed) for seed in (0, 1, 2) for level in levels]
    return (*flowers, *(Point("cifar", SOME_OF_CIFAR, level) for level in levels))


CURVES: Mapping[str, tuple[Point, ...]] = {
    "psnr": _psnr(),
    "bits": tuple(Point(codec=codec) for codec in ("curve-32", "curve-64", "curve-96", "curve-128")),
    "fraction": tuple(Point(fraction=percent / 100) for percent in (10, 25, 50, 75, 100)),
    # no runs of its own: what the transfer monitor saw on the way
    "shown": tuple(point for point in _psnr() if point.data == "flowers" and point.seed == 0),
    "count": tuple(Point("cifar", count) for count in (500, 1000, 2000, 5000, 10_000, 20_000, ALL_OF_CIFAR)),
    "storage": tuple(Point(storage=way) for way in (AS_IS, "mirrored", "jpeg90", "jpeg75", "cropped")),
}


def points(curves: Mapping[str, tuple[Point, ...]]) -> list[Point]:
    """All points of the curves, each once."""
    return list(dict.fromkeys(point for of_curve in curves.values() for point in of_curve))
