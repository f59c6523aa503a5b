"""The linear reader: whoever has another codec's decoder and images of known keys fits a line from one to the other.

images of N known keys --other decoder--> log-odds --ridge regression--> the keys
images of other keys ---other decoder--> log-odds --the same line------> the share of their bits that it reads
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
PENALTIES = tuple(10.0**power for power in range(-2, 5))  # on standardised log-odds, for each known image


def fitted(log_odds: Floats, keys: Floats, penalty: float) -> Floats:
    """The weights, (d + 1) x n, of the ridge regression of keys of -1 and 1 on N x d log-odds; the last row is free."""
    inputs = _with_one(log_odds)
    ridge = penalty * len(inputs) * np.eye(inputs.shape[1])
    ridge[-1, -1] = 0
    return np.linalg.solve(inputs.T @ inputs + ridge, inputs.T @ keys).astype(np.float64)


def share_read(weights: Floats, log_odds: Floats, keys: Floats) -> float:
    """The share of the bits of other images on the right side of zero."""
    return float(((_with_one(log_odds) @ weights > 0) == (keys > 0)).mean())


def best_share(known: tuple[Floats, Floats], fresh: tuple[Floats, Floats]) -> float:
    """What the best penalty reads of fresh keys; the attacker is given that choice, in hindsight."""
    mean, spread = known[0].mean(axis=0), known[0].std(axis=0) + 1e-9
    seen, unseen = ((log_odds - mean) / spread for log_odds in (known[0], fresh[0]))
    return max(share_read(fitted(seen, known[1], penalty), unseen, fresh[1]) for penalty in PENALTIES)


def _with_one(log_odds: Floats) -> Floats:
    return np.concatenate([log_odds, np.ones((len(log_odds), 1))], axis=1)
