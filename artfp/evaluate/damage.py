"""What an attack does to the images beside what it does to the key."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from artfp.evaluate.album import Pixels
from artfp.evaluate.features import batches, feature_batches
from artfp.images import to_tensor
from artfp.perceptual import Perceptual, what_is_missing
from artfp.similarity import decibels, squared_errors
from artfp.statistics.exact import Floats
from artfp.statistics.frechet import frechet_distance

Images = Sequence[Pixels]


def eyes_for(side: int | None, device: str) -> Perceptual | None:
    """SqueezeNet, where its weights are at hand and the images are squares that it can see."""
    return None if side is None or what_is_missing(side) else Perceptual(device)


def psnr(first: Images, second: Images) -> float | None:
    """The mean over the images that changed, in decibels; None where none did."""
    pairs = zip(first, second, strict=True)
    errors = np.array([squared_errors(one[None], other[None])[0] for one, other in pairs])
    return float(decibels(errors[errors > 0]).mean()) if errors.any() else None


def lpips(eyes: Perceptual, first: Images, second: Images, device: str) -> float:
    """The mean LPIPS distance of each image to its partner."""
    pairs = zip(batches(first), batches(second), strict=True)
    found = [eyes.distances(*(to_tensor(batch).to(device) for batch in pair)) for pair in pairs]
    return float(np.concatenate([distances.double().cpu().numpy() for distances in found]).mean())


def features(eyes: Perceptual, images: Images, device: str) -> Floats:
    """N x 512."""
    return np.concatenate(list(feature_batches(images, eyes, device)))


def frechet(eyes: Perceptual, images: Images, clean: Floats, device: str) -> float | None:
    """The Fréchet distance to the clean features; None where there are too few of either to have a spread."""
    if min(len(images), len(clean)) < 2:
        return None
    return frechet_distance(features(eyes, images, device), clean)
