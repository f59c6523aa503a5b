"""What an attack does to the images beside what it does to the key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from artfp.evaluate.album import Pixels
from artfp.images import to_tensor
from artfp.perceptual import Perceptual, what_is_missing
from artfp.statistics.exact import Floats
from artfp.statistics.frechet import frechet_distance

BATCH = 32
PEAK = 255.0

Images = Sequence[Pixels]


def eyes_for(side: int | None, device: str) -> Perceptual | None:
    """SqueezeNet, where its weights are at hand and the images are squares that it can see."""
    return None if side is None or what_is_missing(side) else Perceptual(device)


def psnr(first: Images, second: Images) -> float | None:
    """The mean over the images that changed, in decibels; None where none did."""
    errors = [_squared_error(one, other) for one, other in zip(first, second, strict=True)]
    decibels = [10 * np.log10(PEAK**2 / error) for error in errors if error]
    return float(np.mean(decibels)) if decibels else None


def _squared_error(one: Pixels, other: Pixels) -> float:
    return float(np.square(one.astype(np.int64) - other).mean())


def lpips(eyes: Perceptual, first: Images, second: Images, device: str) -> float:
    """The mean LPIPS distance of each image to its partner."""
    pairs = zip(_batches(first), _batches(second), strict=True)
    found = [eyes.distances(*(to_tensor(batch).to(device) for batch in pair)) for pair in pairs]
    return float(np.concatenate([distances.double().cpu().numpy() for distances in found]).mean())


def features(eyes: Perceptual, images: Images, device: str) -> Floats:
    """N x 512."""
    found = [eyes.features(to_tensor(batch).to(device)) for batch in _batches(images)]
    return np.concatenate([seen.double().cpu().numpy() for seen in found])


def frechet(eyes: Perceptual, images: Images, clean: Floats, device: str) -> float | None:
    """The Fréchet distance to the clean features; None where there are too few of either to have a spread."""
    if min(len(images), len(clean)) < 2:
        return None
    return frechet_distance(features(eyes, images, device), clean)


def _batches(images: Images) -> Iterator[Pixels]:
    """N x H x W x 3."""
    for start in range(0, len(images), BATCH):
        yield np.stack(images[start : start + BATCH])
