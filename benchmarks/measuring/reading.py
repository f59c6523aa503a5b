"""Generated images in; counts, verdicts and distances out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artfp.codec.base import Codec
from artfp.images import to_tensor
from artfp.keys.records import PairTable
from artfp.perceptual import Perceptual, what_is_missing
from artfp.statistics.calibration import matching_bits, matching_share
from artfp.statistics.decision import MATCH_AT, decide
from artfp.statistics.evidence import Evidence
from artfp.statistics.frechet import frechet_distance
from artfp.statistics.jackknife import GROUPS, intervals
from benchmarks.measuring.images import Pixels

BATCH = 64

Soft = NDArray[np.float32]  # N x n bits in [-1, 1]
Features = NDArray[np.float64]
Eye = Callable[[Pixels], Features]
Gauge = Callable[[Pixels, Pixels], NDArray[np.float64]]


def read(codec: Codec, pixels: Pixels) -> Evidence:
    """What the codec reads from the images, whatever the key."""
    return evidence_of(codec.n_bits, soft_bits(codec, pixels))


def evidence_of(n_bits: int, batches: Iterable[Soft]) -> Evidence:
    """What these soft bits say as one set."""
    evidence = Evidence(n_bits)
    for batch in batches:
        evidence.add(batch)
    return evidence


def soft_bits(codec: Codec, pixels: Pixels, *, as_they_are: bool = False) -> Iterator[Soft]:
    """What the codec reads from each image, batch by batch; `as_they_are` where they are neither cut nor turned."""
    look = codec.soft_bits_as_they_are if as_they_are else codec.soft_bits
    return (look(to_tensor(batch)).cpu().numpy() for batch in _batches(pixels))


def judged(evidence: Evidence, pairs: PairTable, codec: Codec) -> dict[str, Any]:
    """The verdict on the images for one key, counts first."""
    decision = decide([(evidence, pairs, codec.facts())])
    best, key = decision.best, pairs.packed[0]
    return {
        "images": evidence.n_images,
        "matching_bits": int(matching_bits(evidence.hard, key, codec.n_bits).sum()),
        "total_bits": evidence.n_images * codec.n_bits,
        "matching_images": matching_share(evidence.hard, key, codec.n_bits, MATCH_AT).count,  # each at p <= 1e-6
        "vote_bits": best.matches,
        "p_mean": best.p_mean,
        "p_single": best.p_single,
        "q": best.q,
        "log10_q": best.log10_q,
        "outcome": decision.outcome,
    }


def open_eye(device: str) -> Eye | None:
    """SqueezeNet's features of images; None, with a warning, where it is not at hand."""
    if (network := _squeezenet("Fréchet distances", device)) is None:
        return None

    def see(pixels: Pixels) -> Features:
        seen = [network.features(to_tensor(batch).to(device)).cpu().numpy() for batch in _batches(pixels)]
        return np.concatenate(seen).astype(np.float64)

    return see


def open_gauge(device: str) -> Gauge | None:
    """LPIPS distances of pairs of images; None, with a warning, where SqueezeNet is not at hand."""
    if (network := _squeezenet("LPIPS distances", device)) is None:
        return None

    def apart(first: Pixels, second: Pixels) -> NDArray[np.float64]:
        pairs = zip(_batches(first), _batches(second), strict=True)
        found = [network.distances(*(to_tensor(batch).to(device) for batch in pair)).cpu().numpy() for pair in pairs]
        return np.concatenate(found).astype(np.float64)

    return apart


def _squeezenet(use: str, device: str) -> Perceptual | None:
    if missing := what_is_missing():
        print(f"warning: rows will hold no {use}, which need {missing}", file=sys.stderr)
        return None
    return Perceptual(device)


def distance(generated: Features | None, reference: Features | None) -> float | None:
    """The Fréchet distance on these features, which is not FID; None where there are none."""
    return None if generated is None or reference is None else frechet_distance(generated, reference)


def mean_of(values: NDArray[np.float64]) -> dict[str, float]:
    """The mean with its interval, of as many as make groups of equal size."""
    rows = values[: len(values) // GROUPS * GROUPS, None]
    return intervals(lambda some: [some.mean()], [rows])[0].to_dict()


def _batches(pixels: Pixels) -> Iterable[Pixels]:
    return (pixels[start : start + BATCH] for start in range(0, len(pixels), BATCH))
