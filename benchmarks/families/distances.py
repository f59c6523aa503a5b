"""How far images are from held-out ones in SqueezeNet's features, marked beside unmarked, with intervals.

Neither is a published-FID- or KID-comparable number, since those are of Inception's features.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from artfp.statistics.frechet import frechet_distance
from artfp.statistics.jackknife import GROUPS, intervals
from artfp.statistics.kernel import kernel_distance
from benchmarks.measuring.reading import Features

DISTANCES: Mapping[str, Callable[[Features, Features], float]] = {
    "frechet": frechet_distance,  # biased upwards by an amount that depends on the number of images: equal everywhere
    "kernel": kernel_distance,
}


def compared(marked: Features, clean: Features, held_out: Features) -> dict[str, Any]:
    """Each distance of both to the held-out images, and by how much that of the marked is larger.

    Of as many images each, grouped together: what the held-out images do to both distances is not in the difference.
    """
    images = min(map(len, (marked, clean, held_out))) // GROUPS * GROUPS
    sets = [features[:images] for features in (marked, clean, held_out)]
    found: dict[str, Any] = {"images": images}
    for name, distance in DISTANCES.items():
        marked_at, clean_at, difference = intervals(_beside(distance), sets)
        found[name] = {"marked": marked_at, "clean": clean_at, "difference": difference}
        found[name] = {kind: interval.to_dict() for kind, interval in found[name].items()}
    return found


def _beside(distance: Callable[[Features, Features], float]) -> Callable[..., tuple[float, float, float]]:
    def both(marked: Features, clean: Features, held_out: Features) -> tuple[float, float, float]:
        one, other = distance(marked, held_out), distance(clean, held_out)
        return one, other, one - other

    return both
