"""Exact tests of "these bits agree with this key".

    T = sum k_j w_j,  k_j = +-1 independent and uniform,  w_j integers that know nothing of the key

They hold for any images, however biased and dependent, because the key is the random variable.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

SOFT_SCALE = 256  # soft bits are rounded to 1/256, so that the exact distribution is a small table
THREADS = 2  # NumPy releases the interpreter lock inside its loops
KEY_BLOCK = 4096  # keys in a block
BLOCK = 1 << 17  # distances in a block: large against the interpreter's overhead, small enough for the caches

BYTE_SIGNS = 2 * np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.int64) - 1

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Packed = NDArray[np.uint8]  # (rows, bytes): bits packed most significant first, zero-padded


def quantise(soft_mean: ArrayLike) -> Ints:
    """Mean soft bits in [-1, 1] as integers in 1/256."""
    return np.rint(np.asarray(soft_mean, np.float64) * SOFT_SCALE).astype(np.int64)


class SignedSum:
    """The exact distribution of T = sum +-w_j over independent, uniform signs.

    By symmetry T = 2 S - W, with W = sum |w_j| and S the sum of a uniformly random subset of the |w_j|.
    """

    def __init__(self, weights: ArrayLike) -> None:
        sizes = np.sort(np.abs(np.asarray(weights, np.int64)))
        self._total = int(sizes.sum())
        self._tails = np.append(np.minimum(np.cumsum(self._subset_sums(sizes[sizes > 0])[::-1])[::-1], 1.0), 0.0)

    def _subset_sums(self, sizes: Ints) -> Floats:
        """The probability of every value of S, by dynamic programming; adds only positive terms."""
        chance = np.zeros(self._total + 1)
        chance[0], reach = 1.0, 0
        for size in sizes.tolist():
            half = chance[: reach + 1] / 2
            chance[: reach + 1] = half
            chance[size : size + reach + 1] += half
            reach += size
        return chance

    def tail(self, t: ArrayLike) -> Floats:
        """P(T >= t), elementwise."""
        subset_sum = (np.asarray(t, np.int64) + self._total + 1) // 2
        return self._tails[np.clip(subset_sum, 0, self._total + 1)]

    @property
    def floor(self) -> float:
        """The smallest p that any key can reach: 2 to the minus number of non-zero weights."""
        return float(self._tails[self._total])


def binomial_tail(matches: ArrayLike, n: int) -> Floats:
    """P(X >= matches) for X binomial with n fair coins, elementwise."""
    successes = np.asarray(matches, np.float64)
    inside = np.clip(successes, 1, n)
    tail = np.where(successes <= 0, 1.0, special.betainc(inside, n - inside + 1, 0.5))
    return np.asarray(np.where(successes > n, 0.0, tail), np.float64)


@functools.lru_cache
def binomial_tails(n: int) -> Floats:
    """P(X >= m) for m = 0 ... n."""
    return binomial_tail(np.arange(n + 1), n)


def matches_needed(n: int, alpha: float) -> int:
    """The fewest of n matching bits whose binomial tail is at most alpha; n + 1 where none is."""
    return int(np.argmax(binomial_tail(np.arange(n + 2), n) <= alpha))


def clopper_pearson(k: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """The exact two-sided interval for a rate of which k of n were seen."""
    outside = (1 - level) / 2
    low = float(special.betaincinv(k, n - k + 1, outside)) if k > 0 else 0.0
    return low, upper_bound(k, n, 1 - outside)


def upper_bound(k: int, n: int, level: float = 0.95) -> float:
    """The exact one-sided bound: 0 of n is at most about 3/n."""
    return float(special.betaincinv(k + 1, n - k, level)) if k < n else 1.0


def scores(weights: ArrayLike, packed: Packed) -> Ints:
    """T of every packed key: one table of 256 partial sums for each byte."""
    padded = np.zeros(8 * packed.shape[1], np.int64)
    padded[: np.size(weights)] = weights
    total = np.zeros(len(packed), np.int64)
    for column, eight in enumerate(padded.reshape(-1, 8)):
        total += (BYTE_SIGNS @ eight)[packed[:, column]]
    return total


@dataclass(frozen=True, eq=False)
class Comparison:
    """Every image against every key, kept only as the best of each."""

    most: NDArray[np.intp]  # (K,) the most matching bits that a key has with any image
    row: NDArray[np.intp]  # (N,) the key nearest to each image, the first of equals
    matches: NDArray[np.intp]  # (N,) the bits on which they agree


def compare(packed_images: Packed, packed_keys: Packed, n_bits: int) -> Comparison:
    """Compare every image (at least one) with every key (at least one); repeated images cost nothing."""
    images, inverse = np.unique(packed_images, axis=0, return_inverse=True)
    image_words, key_words = _words(images), _words(packed_keys)
    scan = functools.partial(_scan, image_words, key_words, n_bits)
    scans = _in_threads(scan, _starts(key_words.shape[1]))
    nearest = np.concatenate([scan[0] for scan in scans]).astype(np.intp)
    distances = np.stack([scan[2] for scan in scans])
    first = distances.argmin(axis=0)  # the first of equals: the lowest row
    row = np.take_along_axis(np.stack([scan[1] for scan in scans]), first[None], axis=0)[0]
    inverse = inverse.reshape(-1)
    return Comparison(n_bits - nearest, row[inverse], n_bits - distances.min(axis=0).astype(np.intp)[inverse])


def _words(packed: Packed) -> NDArray[np.uint64]:
    """(rows, bytes) as (words, rows) of 64 bits; the padding is the same on both sides of any comparison."""
    missing = -packed.shape[1] % 8
    padded = np.pad(packed, ((0, 0), (0, missing))) if missing else np.ascontiguousarray(packed)
    return np.ascontiguousarray(padded.view(np.uint64).T)


def _in_threads(scan: Callable[[int, int], tuple[Any, ...]], starts: Sequence[int]) -> list[tuple[Any, ...]]:
    if len(starts) == 2:  # a pool takes longer to start than a small registry to scan
        return [scan(*starts)]
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(scan, starts[:-1], starts[1:]))


def _starts(n_keys: int) -> list[int]:
    """Where each thread's share of the keys starts; small registries get one."""
    share = max(-(-n_keys // THREADS), KEY_BLOCK)
    return [*range(0, n_keys, share), n_keys]


def _scan(images: NDArray[np.uint64], keys: NDArray[np.uint64], n_bits: int, start: int, stop: int) -> tuple[Any, ...]:
    """Hamming distances in blocks: the least of each key, and for each image the nearest row and its distance."""
    kind = np.uint8 if n_bits < 255 else np.uint16
    keys_a_block = min(KEY_BLOCK, stop - start)
    images_a_block = max(1, BLOCK // keys_a_block)
    xor = np.empty((images_a_block, keys_a_block), np.uint64)
    distance = np.empty((images_a_block, keys_a_block), kind)
    n_images = images.shape[1]
    nearest = np.full(stop - start, np.iinfo(kind).max, kind)
    row, best = np.zeros(n_images, np.intp), np.full(n_images, np.iinfo(kind).max, kind)
    for first in range(start, stop, keys_a_block):
        block = keys[:, first : min(first + keys_a_block, stop)]
        least = nearest[first - start : first - start + block.shape[1]]
        for i in range(0, n_images, images_a_block):
            here = slice(i, min(i + images_a_block, n_images))
            found = _distances(images[:, here], block, xor, distance)
            np.minimum(least, found.min(axis=0), out=least)
            closest = found.min(axis=1)
            closer = np.flatnonzero(closest < best[here])
            if closer.size:
                row[i + closer] = first + found[closer].argmin(axis=1)
                best[i + closer] = closest[closer]
    return nearest, row, best


def _distances(
    images: NDArray[np.uint64], keys: NDArray[np.uint64], xor: NDArray[np.uint64], out: NDArray[Any]
) -> NDArray[Any]:
    """Differing bits of every pair of columns, in the given buffers."""
    xor, out = xor[: images.shape[1], : keys.shape[1]], out[: images.shape[1], : keys.shape[1]]
    np.bitwise_count(np.bitwise_xor(images[0][:, None], keys[0], out=xor), out=out)
    for image_word, key_word in zip(images[1:], keys[1:], strict=True):
        out += np.bitwise_count(np.bitwise_xor(image_word[:, None], key_word, out=xor))
    return out
