"""How far apart sets of images are as a network sees them, with jackknifed intervals, beside a twin's.

    fd, fid            Fréchet distance, of all images                      0 where nothing differs; biased upwards
    kd, kid            kernel distance, of a sample                         0 on average where nothing differs
    precision, recall  share of images, of real images within the others'   of a sample

The twin is of as many images, and all sets fall into groups together: what the real images do to both distances, and
in a model and twin that saw the same noise the noise, is not in the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from artfp.evaluate.features import Seen
from artfp.perceptual import Inception
from artfp.quality import Measure
from artfp.seeds import numpy_generator
from artfp.statistics.exact import Floats, Ints
from artfp.statistics.frechet import Moments, frechet_between
from artfp.statistics.halves import from_halves
from artfp.statistics.jackknife import GROUPS, Interval, intervals, leaving_out
from artfp.statistics.kernel import kernel_distance_in_order
from artfp.statistics.neighbours import Neighbours
from artfp.statistics.paired import beside

PUBLISHED = {Inception.name: ("fid", "kid")}  # the names that belong to that network alone
OWN = ("fd", "kd")

S = TypeVar("S")
T = TypeVar("T")


def measured(sets: Sequence[Seen], extractor: str, seed: int) -> list[Measure]:
    """All measures of (images, real) or (images, twin, real)."""
    frechet, kernel = PUBLISHED.get(extractor, OWN)
    sample = min(len(seen.sample) for seen in sets) // GROUPS * GROUPS
    samples = [seen.sample[:sample] for seen in sets]
    shares = _shares(samples, numpy_generator(seed, "quality-halves"))
    return [
        Measure(f"{frechet}-{extractor}", len(sets[0]), len(sets[-1]), *_frechet(sets)),
        Measure(f"{kernel}-{extractor}", sample, sample, *intervals(_statistic(_kernel, samples), samples)),
        Measure(f"precision-{extractor}", sample, sample, *shares[::2]),
        Measure(f"recall-{extractor}", sample, sample, *shares[1::2]),
    ]


def _frechet(sets: Sequence[Seen]) -> list[Interval]:
    statistic = _statistic(_between, sets)
    parts = [statistic(*(seen.moments(group) for seen in sets)) for group in range(GROUPS)]
    return leaving_out(statistic(*(seen.moments() for seen in sets)), parts)


def _shares(samples: Sequence[Floats], random: np.random.Generator) -> list[Interval]:
    """Precision and recall of the images; of the twin; the differences."""
    *others, real = samples
    neighbours = [Neighbours.of(other, real) for other in others]
    statistic = _statistic(_at, samples)
    found = from_halves(lambda places: statistic(*neighbours, places), len(real), random)
    lowest = [0.0, 0.0, 0.0, 0.0, -1.0, -1.0]
    return [
        Interval(share.value, max(least, share.low), min(1.0, share.high))
        for share, least in zip(found, lowest, strict=False)
    ]


def _statistic(measure: Callable[[S, T], Sequence[float]], sets: Sequence[object]) -> Callable[..., Sequence[float]]:
    """Of the images alone, or beside a twin's."""
    return measure if len(sets) == 2 else beside(measure)


def _between(first: Moments, second: Moments) -> tuple[float]:
    return (frechet_between(first, second),)


def _kernel(first: Floats, second: Floats) -> tuple[float]:
    return (kernel_distance_in_order(first, second),)


def _at(neighbours: Neighbours, places: Ints) -> tuple[float, float]:
    return neighbours.at(places).precision_and_recall()
