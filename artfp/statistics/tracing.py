"""Which recipients a set of images points to: everyone whose key agrees too well with it, not the nearest alone.

    T_k = sum_j k_j s_j      for the key k of each recipient; s are the mean soft bits of the images

Given the images, the key of an innocent is still uniform, so the tail of T_k is known exactly (`exact.SignedSum`); with
K keys tried, naming all with p K <= error names any innocent with at most that probability, however images came about.

T is the symmetric score of Tardos' codes (Skoric, Katzenbeisser and Celik, Designs, Codes and Cryptography 46, 2008)
for bits that are 1 with probability 1/2, where all its weights are 1; and it is soft: bits that are not clearly read
hardly count. That finds colluders. Two who average their copies agree in half of their bits, which the images carry;
in the others they cancel and s is near 0. So T of each is half of what it would be alone, made of bits that are nearly
all right, where hard bits would be right in three quarters, as if badly read. Whatever the two put where they differ,
T_1 + T_2 is twice the sum over the bits in which they agree, so one of them has at least half of it. Of c who average,
each has about sqrt(n / c) standard deviations. Tardos draws bits with other probabilities, too, against three or more
who read each bit and take what the fewest of them have: at 1/2 that brings their T to 0. Averaging is no such choice.

Beside T the best single image counts, at half of the error each, as in every verdict on a set: it finds one recipient's
few images among many others. One image is tested in both ways, too: its hard bits alone would not tell colluders.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from artfp.statistics.decision import corrected
from artfp.statistics.evidence import Evidence, both_p_values
from artfp.statistics.exact import Floats, Packed


@dataclass(frozen=True, eq=False)
class Suspects:
    """The keys of one codec that are named, the surest first."""

    rows: NDArray[np.intp]  # of the keys
    q: Floats  # p corrected for the counter rule and all keys tried
    least: float  # the least q of all keys, named or not
    floor: float  # the least q that any key could reach


def suspects(evidence: Evidence, packed_keys: Packed, trials: int, error: float) -> Suspects:
    """Everyone whose key agrees with the images to q <= error; `trials` counts the keys of all codecs tried."""
    test = both_p_values(evidence, packed_keys)
    q = corrected(test.combined, trials)
    rows = np.flatnonzero(q <= error)
    rows = rows[np.lexsort((-test.score[rows], q[rows]))]
    return Suspects(rows, q[rows], float(q.min()), float(corrected(test.floor, trials)))
