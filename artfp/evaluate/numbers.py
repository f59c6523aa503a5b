"""From soft bits to the numbers of a row. No torch.

soft bits N x n --hard bits against the key--> matching bits of every image --> accuracy, shares over a threshold
                --the test of `verify` on all, and on drawn sets--> log10 p, images needed
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from artfp.keys.fingerprint import Bits, pack
from artfp.robustness import Control, Readout, Thresholds
from artfp.seeds import numpy_generator
from artfp.statistics.calibration import Share
from artfp.statistics.decision import MATCH_AT
from artfp.statistics.evidence import Evidence, p_values
from artfp.statistics.exact import Floats, Ints
from artfp.statistics.jackknife import Interval
from artfp.statistics.paired import bootstrapped_mean

SETS = 200  # drawn for each size of set
MAY_FAIL = 10  # of these: 5 %
EMPIRICAL_AT = 1000  # one of so many clean images may reach the empirical threshold


def matches_of(soft: Floats, bits: Bits) -> Ints:
    """In how many bits each image agrees with the key."""
    return ((soft > 0) == bits.astype(bool)).sum(axis=1, dtype=np.int64)


def readout(soft: Floats, bits: Bits, thresholds: Thresholds, seed: int) -> Readout:
    """All that is said of the images of one row."""
    matches = matches_of(soft, bits)
    return Readout(
        images=len(soft),
        matching_bits=int(matches.sum()),
        total_bits=int(soft.size),
        accuracy=accuracy(matches, len(bits), seed),
        single=reaching(matches, thresholds.theoretical),
        single_empirical=_over_empirical(matches, thresholds),
        log10_p=math.log10(p_of(soft, bits)),
        images_needed=images_needed(soft, bits, seed),
        matches=tuple(matches.tolist()),
    )


def control(soft: Floats, bits: Bits, thresholds: Thresholds) -> Control:
    """How many of the images pass for what they are not."""
    matches = matches_of(soft, bits)
    return Control(reaching(matches, thresholds.theoretical), _over_empirical(matches, thresholds))


def reaching(matches: Ints, threshold: int) -> Share:
    """The share of images that match in so many bits at least."""
    return Share.of(int((matches >= threshold).sum()), len(matches))


def _over_empirical(matches: Ints, thresholds: Thresholds) -> Share | None:
    return None if thresholds.empirical is None else reaching(matches, thresholds.empirical)


def accuracy(matches: Ints, n_bits: int, seed: int) -> Interval:
    """The share of matching bits, and where it lies at 95 % when images are drawn anew from these."""
    matching = bootstrapped_mean(matches, numpy_generator(seed, "bootstrap"))
    return Interval(matching.value / n_bits, matching.low / n_bits, matching.high / n_bits)


def p_of(soft: Floats, bits: Bits) -> float:
    """The p of these images as one set, for this key alone: what `verify` computes before it corrects for trials."""
    evidence = Evidence(len(bits))
    evidence.add(soft)
    return min(1.0, float(p_values(evidence, pack(bits[None])).combined[0]))


def images_needed(soft: Floats, bits: Bits, seed: int) -> int | None:
    """The smallest size of set of which 95 % have p <= 1e-6, when so many of these images are drawn; None: none has."""
    orders = [numpy_generator(seed, "drawn-sets", draw).permutation(len(soft)) for draw in range(SETS)]
    for size in _sizes(len(soft)):
        sets = (soft[order[:size]] for order in (orders if size < len(soft) else orders[:1]))
        if _all_but_few(p_of(chosen, bits) <= MATCH_AT for chosen in sets):
            return size
    return None


def _sizes(most: int) -> Iterator[int]:
    """1, 2, 3, 4, 6, 8, 12, 16, 24 ... and the whole."""
    power = 1
    while power < most:
        yield power
        if power > 1 and 3 * power // 2 < most:
            yield 3 * power // 2
        power *= 2
    yield most


def _all_but_few(passed: Iterator[bool]) -> bool:
    """Whether so few fail that 95 % of 200 pass; a single one has to."""
    failed = tried = 0
    for each in passed:
        tried += 1
        failed += not each
        if failed > MAY_FAIL:
            return False
    return failed < tried


def empirical_threshold(counts: Ints) -> int:
    """The fewest matching bits that at most one in a thousand reach; `counts` match in 0, 1 ... n bits."""
    reach = np.append(np.cumsum(counts[::-1])[::-1], 0)  # so many match in this many bits or more
    return int(np.argmax(reach * EMPIRICAL_AT <= counts.sum()))
