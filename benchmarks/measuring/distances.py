"""How far images are from held-out ones in SqueezeNet's features, two sets beside each other, with intervals.

Neither is a published-FID- or KID-comparable number, since those are of Inception's features.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from artfp.statistics.frechet import frechet_distance
from artfp.statistics.jackknife import GROUPS, intervals
from artfp.statistics.kernel import kernel_distance
from artfp.statistics.paired import beside
from benchmarks.measuring.reading import Features

DISTANCES: Mapping[str, Callable[[Features, Features], float]] = {
    "frechet": frechet_distance,  # biased upwards by an amount that depends on the number of images: equal everywhere
    "kernel": kernel_distance,
}


def compared(
    first: Features, second: Features, held_out: Features, names: tuple[str, str] = ("marked", "clean")
) -> dict[str, Any]:
    """Each distance of both to the held-out images, and by how much that of the first is larger.

    Of as many images each, grouped together: what the held-out images do to both distances is not in the difference.
    """
    images = min(map(len, (first, second, held_out))) // GROUPS * GROUPS
    sets = [features[:images] for features in (first, second, held_out)]
    found: dict[str, Any] = {"images": images}
    for name, distance in DISTANCES.items():
        measured = zip((*names, "difference"), intervals(beside(_alone(distance)), sets), strict=True)
        found[name] = {kind: interval.to_dict() for kind, interval in measured}
    return found


def _alone(distance: Callable[[Features, Features], float]) -> Callable[[Features, Features], tuple[float]]:
    return lambda first, second: (distance(first, second),)
