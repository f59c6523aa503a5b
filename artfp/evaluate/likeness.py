"""How alike the images of pairs are: PSNR, SSIM, MS-SSIM and LPIPS, means over pairs with bootstrapped intervals.

    pairs of files --batches of one size--> numbers of each pair --> means

SSIM, MS-SSIM and LPIPS are of the middle 1,024 pixels of larger images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from artfp.data.streams import same_size_batches
from artfp.errors import CannotError
from artfp.evaluate.pairs import Pairs
from artfp.images import to_tensor
from artfp.perceptual import MIN_SIDE, Perceptual
from artfp.quality import Measure
from artfp.seeds import numpy_generator
from artfp.similarity import (
    SCALES_SIDE,
    WINDOW,
    centre,
    decibels,
    similarities,
    similarities_over_scales,
    squared_errors,
)
from artfp.statistics.exact import Floats
from artfp.statistics.paired import bootstrapped_mean

PSNR, SSIM, MS_SSIM, LPIPS = "psnr", "ssim", "ms-ssim", "lpips-squeeze"
SMALLEST = {PSNR: 1, SSIM: WINDOW, MS_SSIM: SCALES_SIDE, LPIPS: MIN_SIDE}  # pixels of the shorter side
PAIR_PIXELS = 1 << 18  # of a batch: LPIPS holds seven layers of both images, half a kilobyte a pixel and more

Pixels = NDArray[np.uint8]
Gauge = Callable[[Pixels, Pixels], Floats]


@dataclass(frozen=True, eq=False)
class _Pair:
    image: Pixels
    original: Pixels

    @property
    def size(self) -> tuple[int, int]:
        return self.image.shape[0], self.image.shape[1]


def measured(
    pairs: Pairs, eyes: Perceptual | None, device: str, seed: int, advance: Callable[[int, int, str], None]
) -> tuple[list[Measure], list[str]]:
    """Each measure of those pairs that are large enough for it, and why others are missing."""
    gauges = _gauges(eyes, device)
    values: dict[str, list[Floats]] = {name: [] for name in gauges}
    done = 0
    for batch in same_size_batches(_loaded(pairs), PAIR_PIXELS):
        images, originals = (np.stack([getattr(pair, side) for pair in batch]) for side in ("image", "original"))
        for name, gauge in gauges.items():
            if min(batch[0].size) >= SMALLEST[name]:
                values[name].append(gauge(images, originals))
        done += len(batch)
        advance(done, len(pairs.images), "")
    return _concluded(values, seed)


def _gauges(eyes: Perceptual | None, device: str) -> Mapping[str, Gauge]:
    gauges: dict[str, Gauge] = {
        PSNR: _decibels,
        SSIM: lambda *pair: similarities(*map(centre, pair)),
        MS_SSIM: lambda *pair: similarities_over_scales(*map(centre, pair)),
    }
    return gauges if eyes is None else {**gauges, LPIPS: lambda *pair: _lpips(eyes, pair, device)}


def _decibels(images: Pixels, originals: Pixels) -> Floats:
    """Of the pairs that differ: the others' would be infinite."""
    errors = squared_errors(images, originals)
    return decibels(errors[errors > 0])


def _lpips(eyes: Perceptual, pair: Iterable[Pixels], device: str) -> Floats:
    return eyes.distances(*(to_tensor(centre(pixels)).to(device) for pixels in pair)).double().cpu().numpy()


def _loaded(pairs: Pairs) -> Iterator[_Pair]:
    whole = slice(None)
    loaded = zip(pairs.images.names, pairs.images.images(whole), pairs.originals.images(whole), strict=True)
    for name, image, original in loaded:
        if image.shape != original.shape:
            sizes = (f"{pixels.shape[1]} x {pixels.shape[0]}" for pixels in (image, original))
            raise CannotError(f"{name}: {' pixels, its original '.join(sizes)}: pairs have one size")
        yield _Pair(image, original)


def _concluded(values: Mapping[str, list[Floats]], seed: int) -> tuple[list[Measure], list[str]]:
    found, left_out = [], []
    for name, parts in values.items():
        of_pairs = np.concatenate([np.empty(0), *parts])
        if len(of_pairs) > 1:
            interval = bootstrapped_mean(of_pairs, numpy_generator(seed, "quality-bootstrap", name))
            found.append(Measure(name, len(of_pairs), len(of_pairs), interval))
        else:
            left_out.append(f"{name}: {_why_none(name)}")
    return found, left_out


def _why_none(name: str) -> str:
    if name == PSNR:
        return "infinite, or of a single pair: fewer than two pairs differ"
    return f"takes two pairs at least, and {SMALLEST[name]} pixels of the shorter side"
