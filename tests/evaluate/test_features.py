"""What is kept of features: the same whatever the batches, and whether it was seen now or before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from eyes import Corners, Means

from artfp.errors import BadInputError
from artfp.evaluate import features
from artfp.evaluate.features import BATCH, Seen, batches, feature_batches, kept, key_of, see
from artfp.statistics.frechet import Moments
from artfp.statistics.jackknife import GROUPS

Images = list[np.ndarray]


def noise(count: int, side: int = 8) -> Images:
    return list(np.random.default_rng(count).integers(0, 256, (count, side, side, 3), np.uint8))


def at_once(images: Images) -> np.ndarray:
    return np.concatenate(list(feature_batches(images, Corners(), "cpu")))


def equal(one: Moments, other: Moments) -> bool:
    return one.count == other.count and np.allclose(one.mean, other.mean) and np.allclose(one.scatter, other.scatter)


@pytest.mark.parametrize("block", [GROUPS, 5 * GROUPS, 100 * GROUPS])
def test_streaming_gives_what_all_at_once_would(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "BLOCK", block)
    images = noise(7 * GROUPS)
    rows, seen = at_once(images), see(iter(images), Corners(), "cpu")
    assert len(seen) == len(images)
    assert equal(seen.moments(), Moments.of(rows))
    group = np.arange(len(images)) % GROUPS
    for left_out in range(GROUPS):
        assert equal(seen.moments(left_out), Moments.of(rows[group != left_out]))
    assert np.array_equal(seen.sample, rows)


def test_of_many_images_the_features_of_the_first_alone_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "SAMPLE", 25)
    monkeypatch.setattr(features, "BLOCK", GROUPS)
    images = noise(4 * GROUPS)
    seen = see(images, Corners(), "cpu")
    assert np.array_equal(seen.sample, at_once(images)[:25])
    assert len(seen) == 40


def test_batches_are_smaller_where_images_are_larger() -> None:
    assert [len(batch) for batch in batches(noise(BATCH + 3))] == [BATCH, 3]
    large = (np.zeros((800, 700, 3), np.uint8) for _ in range(5))
    assert [len(batch) for batch in batches(large)] == [2, 2, 1]


def test_cached_equals_uncached_and_is_not_seen_again(tmp_path: Path) -> None:
    seen = see(noise(3 * GROUPS), Corners(), "cpu")
    first = kept(tmp_path / "cache", "key", lambda: seen)
    again = kept(tmp_path / "cache", "key", lambda: pytest.fail("was seen before"))
    assert first is seen
    assert np.array_equal(again.sample, seen.sample)
    assert [group.count for group in again.groups] == [group.count for group in seen.groups]
    for left_out in (None, 3):
        ours, theirs = again.moments(left_out), seen.moments(left_out)
        assert np.array_equal(ours.mean, theirs.mean)
        assert np.array_equal(ours.scatter, theirs.scatter)


def test_a_byte_an_order_a_side_or_another_network_is_another_key() -> None:
    other = Means()
    other.sha256 = "1" * 64
    keys = [
        key_of([b"ab", b"c"], Means(), None),
        key_of([b"a", b"bc"], Means(), None),
        key_of([b"c", b"ab"], Means(), None),
        key_of([b"ab", b"d"], Means(), None),
        key_of([b"ab", b"c"], Means(), 64),
        key_of([b"ab", b"c"], other, None),
    ]
    assert len(set(keys)) == len(keys)
    assert key_of([b"ab", b"c"], Means(), None) == keys[0]


def test_a_damaged_cache_is_told_not_believed(tmp_path: Path) -> None:
    (tmp_path / "key.safetensors").write_bytes(b"no tensors")
    with pytest.raises(BadInputError, match="key.safetensors"):
        kept(tmp_path, "key", lambda: Seen((), np.empty(0)))
