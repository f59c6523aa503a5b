"""Fingerprints follow from the secret by a public rule and avoid what clean images read."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from artfp.keys.fingerprint import (
    CONSENSUS_AT,
    Bits,
    CodecFacts,
    derive_bits,
    derive_image_bits,
    fingerprint,
    fingerprints,
    framed,
    pack,
    unpack,
)
from artfp.statistics.exact import SignedSum, scores

SHA256 = "ab" * 32


def facts(consensus: np.ndarray) -> CodecFacts:
    return CodecFacts("made-up", SHA256, len(consensus), consensus, np.zeros((4, len(consensus)), np.uint8))


def secret(index: int) -> bytes:
    return hashlib.sha256(b"secret %d" % index).digest()


def agreement(bits: Bits, codec: CodecFacts) -> float:
    """The p of a fingerprint against the clean consensus."""
    return float(SignedSum(codec.consensus).tail(scores(codec.consensus, pack(bits)[None]))[0])


def agreeing_consensus(bits: Bits) -> np.ndarray:
    """A consensus that reads exactly like the given fingerprint."""
    return (2 * bits.astype(np.int64) - 1) * 200


def test_the_rule_is_the_documented_one() -> None:
    """Golden: a changed rule would orphan every key in use."""
    fields = (b"artfp fingerprint 1", secret(0), SHA256.encode(), b"\x01drand 1", (3).to_bytes(8, "big"))
    message = b"".join(len(field).to_bytes(8, "big") + field for field in fields)
    expected = np.unpackbits(np.frombuffer(hashlib.shake_256(message).digest(13), np.uint8))[:100]
    np.testing.assert_array_equal(derive_bits(secret(0), SHA256, 100, "drand 1", 3), expected)
    assert pack(derive_bits(secret(0), SHA256, 64, None, 0)).tobytes().hex() == "005a2fe259e80155"


def test_the_rule_for_single_images_is_the_documented_one() -> None:
    """Golden: a changed rule would tell a resumed training other bits than its images carry."""
    seeds = ["00ff", "", "a seed"]
    for beacon, public in ((None, b"\x00"), ("drand 1", b"\x01drand 1")):
        found = derive_image_bits(secret(0), SHA256, 100, beacon, seeds)
        for seed, bits in zip(seeds, found, strict=True):
            fields = (b"artfp image fingerprint 1", secret(0), SHA256.encode(), public, seed.encode())
            message = b"".join(len(field).to_bytes(8, "big") + field for field in fields)
            expected = np.unpackbits(np.frombuffer(hashlib.shake_256(message).digest(13), np.uint8))[:100]
            np.testing.assert_array_equal(bits, expected)
    assert pack(derive_image_bits(secret(0), SHA256, 64, None, ["00ff"])).tobytes().hex() == "8aa7c2ea594c80b4"
    assert derive_image_bits(secret(0), SHA256, 64, None, []).shape == (0, 64)


def test_bits_of_single_images_are_balanced_and_independent() -> None:
    """20,000 fixed seeds: every mean and correlation within 5 standard deviations, and none is the key's own."""
    bits = derive_image_bits(secret(0), SHA256, 32, None, [f"{index:016x}" for index in range(20_000)])
    signs = 2.0 * bits - 1
    assert np.abs(signs.mean(axis=0)).max() < 5 / np.sqrt(20_000)
    assert np.abs(signs.T @ signs / 20_000 - np.eye(32)).max() < 5 / np.sqrt(20_000)
    assert not (bits == derive_bits(secret(0), SHA256, 32, None, 0)).all(axis=1).any()


def test_every_input_changes_the_bits() -> None:
    base = derive_bits(secret(0), SHA256, 128, None, 0)
    for other in (
        derive_bits(secret(1), SHA256, 128, None, 0),
        derive_bits(secret(0), "cd" * 32, 128, None, 0),
        derive_bits(secret(0), SHA256, 128, "", 0),
        derive_bits(secret(0), SHA256, 128, "later", 0),
        derive_bits(secret(0), SHA256, 128, None, 1),
    ):
        assert 30 < (base != other).sum() < 98  # 64 expected; fixed inputs, so no luck from run to run


def test_fewer_bits_are_the_first_of_more() -> None:
    np.testing.assert_array_equal(
        derive_bits(secret(2), SHA256, 40, None, 0), derive_bits(secret(2), SHA256, 128, None, 0)[:40]
    )


@given(st.lists(st.binary(max_size=9), max_size=4), st.lists(st.binary(max_size=9), max_size=4))
def test_no_two_lists_of_fields_look_the_same(one: list[bytes], other: list[bytes]) -> None:
    assert (framed(*one) == framed(*other)) == (one == other)


@pytest.mark.parametrize("n_bits", [1, 7, 8, 64, 100])
def test_packing_comes_back(n_bits: int) -> None:
    bits = np.random.default_rng(n_bits).integers(0, 2, (5, n_bits), np.uint8)
    np.testing.assert_array_equal(unpack(pack(bits), n_bits), bits)


def test_a_fingerprint_that_reads_like_clean_images_is_skipped() -> None:
    first = derive_bits(secret(5), SHA256, 64, None, 0)
    codec = facts(agreeing_consensus(first))
    bits, counter = fingerprint(secret(5), codec, None)
    assert agreement(first, codec) < CONSENSUS_AT
    assert counter == 1
    np.testing.assert_array_equal(bits, derive_bits(secret(5), SHA256, 64, None, 1))
    assert agreement(bits, codec) > CONSENSUS_AT


def test_disagreement_is_no_reason_to_skip() -> None:
    """The rule looks at one tail only: the opposite of the consensus is as good as any key."""
    first = derive_bits(secret(5), SHA256, 64, None, 0)
    assert fingerprint(secret(5), facts(-agreeing_consensus(first)), None)[1] == 0


def test_no_fingerprint_agrees_with_the_consensus() -> None:
    """20,000 keys; about 20 of the first draws do, and each of them moves on. Fixed secrets."""
    consensus = np.random.default_rng(0).integers(-256, 257, 64)
    codec = facts(consensus)
    bits, counters = fingerprints([(secret(index), None) for index in range(20_000)], codec)
    p = SignedSum(consensus).tail(scores(consensus, pack(bits)))
    assert p.min() > CONSENSUS_AT
    assert 5 <= (counters > 0).sum() <= 40
    skipped = int(np.flatnonzero(counters)[0])
    assert agreement(derive_bits(secret(skipped), SHA256, 64, None, 0), codec) <= CONSENSUS_AT
    np.testing.assert_array_equal(fingerprint(secret(skipped), codec, None)[0], bits[skipped])


def test_a_codec_too_short_to_agree_keeps_every_first_draw() -> None:
    codec = facts(np.full(8, 256))
    assert not fingerprints([(secret(index), None) for index in range(600)], codec)[1].any()


def test_bits_are_balanced_and_independent_of_each_other() -> None:
    """20,000 fixed keys: every mean and correlation within 5 standard deviations."""
    bits, _ = fingerprints([(secret(index), None) for index in range(20_000)], facts(np.zeros(32, np.int64)))
    signs = 2.0 * bits - 1
    assert np.abs(signs.mean(axis=0)).max() < 5 / np.sqrt(20_000)
    correlation = signs.T @ signs / 20_000 - np.eye(32)
    assert np.abs(correlation).max() < 5 / np.sqrt(20_000)
