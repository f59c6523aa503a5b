"""Fingerprints: the bits that a key becomes for one codec."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from artfp.statistics.exact import SignedSum, scores

Bits = NDArray[np.uint8]  # (..., n) of 0 and 1

DOMAIN = b"artfp fingerprint 1"
IMAGE_DOMAIN = b"artfp image fingerprint 1"
CONSENSUS_AT = 1e-3  # a fingerprint that agrees this well with clean images is skipped; p is then divided by .999


@dataclass(frozen=True)
class CodecFacts:
    """All that keys and statistics need to know of a codec; no network, no torch."""

    name: str
    sha256: str
    n_bits: int
    consensus: NDArray[np.int64]  # (n,) mean soft bits on clean images, in 1/256
    calibration: Bits  # (M, n) hard bits of single clean images


def pack(bits: Bits) -> NDArray[np.uint8]:
    """Bits to bytes, most significant bit first; the last byte is zero-padded."""
    return np.packbits(bits, axis=-1)


def unpack(packed: NDArray[np.uint8], n_bits: int) -> Bits:
    """The first `n_bits` of each row of bytes."""
    return np.unpackbits(packed, axis=-1, count=n_bits)


def framed(*fields: bytes) -> bytes:
    """The fields behind their lengths, so that no two lists of fields give the same bytes."""
    return b"".join(len(field).to_bytes(8, "big") + field for field in fields)


def derive_bits(secret: bytes, codec_sha256: str, n_bits: int, beacon: str | None, counter: int) -> Bits:
    """The first bits of SHAKE-256 over domain, secret, codec, beacon (none differs from an empty one) and counter."""
    return unpack(np.frombuffer(_digest(secret, codec_sha256, n_bits, beacon, counter), np.uint8), n_bits)


def derive_image_bits(secret: bytes, codec_sha256: str, n_bits: int, beacon: str | None, seeds: Sequence[str]) -> Bits:
    """The bits (N, n) of single images: the first of SHAKE-256 over a domain, secret, codec, beacon and public seed.

    The seeds tell nothing of the bits without the secret. The counter rule of `fingerprints` has no place
    here: it keeps verdicts right about keys that look like clean images, and no verdict is ever about such bits. What
    they must be for a generator that learns to follow any key is uniform, as first draws are.
    """
    begun = hashlib.shake_256(framed(IMAGE_DOMAIN, secret, codec_sha256.encode(), _public(beacon)))
    digests = bytearray()
    for seed in seeds:
        message = begun.copy()
        message.update(framed(seed.encode()))
        digests += message.digest(-(-n_bits // 8))
    return unpack(np.frombuffer(bytes(digests), np.uint8).reshape(len(seeds), -(-n_bits // 8)), n_bits)


def _digest(secret: bytes, codec_sha256: str, n_bits: int, beacon: str | None, counter: int) -> bytes:
    message = framed(DOMAIN, secret, codec_sha256.encode(), _public(beacon), counter.to_bytes(8, "big"))
    return hashlib.shake_256(message).digest(-(-n_bits // 8))


def _public(beacon: str | None) -> bytes:
    """The beacon as a field; none differs from an empty one."""
    return b"\x00" if beacon is None else b"\x01" + beacon.encode()


def fingerprint(secret: bytes, facts: CodecFacts, beacon: str | None) -> tuple[Bits, int]:
    """The bits of one key for a codec, and the counter at which its clean consensus no longer agrees."""
    bits, counters = fingerprints([(secret, beacon)], facts)
    return bits[0], int(counters[0])


def fingerprints(keys: Sequence[tuple[bytes, str | None]], facts: CodecFacts) -> tuple[Bits, NDArray[np.int64]]:
    """The bits (K, n) and counters (K,) of many (secret, beacon), by the counter rule.

    A key that looks like what the codec reads from clean images would be found everywhere; at most one
    in a thousand does, so p-values that take fingerprints for uniform need only be divided by .999.
    """
    consensus = SignedSum(facts.consensus)
    bits = np.zeros((len(keys), facts.n_bits), np.uint8)
    counters = np.zeros(len(keys), np.int64)
    pending = np.arange(len(keys))
    while pending.size:
        tried = zip(pending.tolist(), counters[pending].tolist(), strict=True)
        digests = b"".join(_digest(keys[i][0], facts.sha256, facts.n_bits, keys[i][1], counter) for i, counter in tried)
        bits[pending] = unpack(np.frombuffer(digests, np.uint8).reshape(len(pending), -1), facts.n_bits)
        agreement = consensus.tail(scores(facts.consensus, pack(bits[pending])))
        pending = pending[agreement <= CONSENSUS_AT]
        counters[pending] += 1
    return bits, counters
