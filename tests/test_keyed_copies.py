"""What recipients do with their copies, each by what it must come to."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from artfp.generators.dcgan import DcganGenerator
from artfp.generators.sampling import sample
from benchmarks.keyed.content import apart
from benchmarks.keyed.copies import (
    STRATEGIES,
    Mint,
    combined,
    mean_image,
    place_of_key,
    pruned,
    put_in,
    taken_out,
)
from benchmarks.keyed.grid import IMAGES, Collusion
from benchmarks.keyed.spans import INSIDE, SWAPS, drawn, forged, span_of
from benchmarks.keyed.tables import WORDS

BITS = np.random.default_rng(1).integers(0, 2, (90, 64), np.uint8)


@pytest.fixture(scope="module")
def mint() -> Mint:
    torch.manual_seed(0)
    generator = DcganGenerator(16, 8, 8, 8, conditions=64, key_bits=64)
    return Mint(generator.requires_grad_(False).eval())


@pytest.fixture(scope="module")
def points(mint: Mint) -> Tensor:
    """W k + b of every key."""
    return torch.stack([taken_out(mint.copy(bits), ["dense.bias"]) for bits in BITS])


# Putting together


def test_a_copy_paints_what_the_keyed_generator_does(mint: Mint) -> None:
    told = np.concatenate(list(sample(mint.generator, 5, 3, 2, keys=BITS[:1])))
    painted = mint.images(mint.copy(BITS[0]), 5, 3, 2)
    assert np.abs(told.astype(int) - painted).max() <= 1


def test_copies_differ_in_one_tensor_and_their_mean_is_the_copy_of_the_mean_key(mint: Mint) -> None:
    first, second = mint.copy(BITS[0]), mint.copy(BITS[1])
    assert place_of_key(first, second) == ("dense.bias",)
    signs = torch.from_numpy(BITS[:2].astype(np.float32) * 2 - 1).mean(dim=0)
    torch.testing.assert_close(combined([first, second], "mean", 0), mint.generator.fold(signs))


def test_each_strategy_by_its_word() -> None:
    copies = [{"a": torch.tensor([0.0, 8.0, 4.0]), "b": torch.tensor([[1.0]])}, {"a": torch.tensor([4.0, 0.0, 4.0])}]
    copies[1]["b"] = torch.tensor([[3.0]])
    expected = {"mean": [2, 4, 4], "least": [0, 0, 4], "greatest": [4, 8, 4], "quarter": [1, 6, 4]}
    for strategy, numbers in expected.items():
        assert combined(copies, strategy, 0)["a"].tolist() == numbers
    whole = [combined(copies, "each tensor", seed) for seed in range(40)]
    assert {(tuple(found["a"].tolist()), found["b"].item()) for found in whole} == {
        (a, b) for a in ((0, 8, 4), (4, 0, 4)) for b in (1, 3)
    }
    mixed = {tuple(combined(copies, "each number", seed)["a"].tolist()) for seed in range(40)}
    assert mixed == {(a, b, 4) for a in (0, 4) for b in (8, 0)}
    assert {attack.strategy for attack in Collusion().attacks} == {*STRATEGIES, IMAGES}
    assert set(WORDS) < set(STRATEGIES)


def test_images_are_averaged_and_rounded() -> None:
    assert mean_image([np.array([0, 10, 255], np.uint8), np.array([1, 13, 255], np.uint8)]).tolist() == [0, 12, 255]


def test_pairs_of_images_are_apart_by_their_mean_distance_and_their_pooled_error() -> None:
    first = np.zeros((20, 32, 32, 3), np.uint8)
    second = np.stack([np.full((32, 32, 3), 1 + i % 2, np.uint8) for i in range(20)])
    found = apart(first, second, lambda one, other: np.abs(one.astype(float) - other).mean(axis=(1, 2, 3)))
    assert found["lpips"]["value"] == 1.5
    assert found["psnr"] == pytest.approx(10 * np.log10(255**2 / 2.5))
    assert apart(first, first, None) == {"lpips": None, "psnr": None}


# Where the key lies


def test_what_is_taken_out_is_put_in_again(mint: Mint) -> None:
    copy, place = mint.copy(BITS[0]), ["dense.bias", "out.weight"]
    numbers = taken_out(copy, place)
    torch.testing.assert_close(put_in(copy, place, numbers), copy)
    other = put_in(copy, place, numbers + 1)
    torch.testing.assert_close(other["out.weight"], copy["out.weight"] + 1)
    assert other["dense.weight"] is copy["dense.weight"]


def test_copies_span_a_dimension_less_than_they_are_and_with_one_more_than_bits_all_others(points: Tensor) -> None:
    found = {copies: span_of(points[:copies], points[70:]) for copies in (2, 20, 64, 65, 66)}
    assert [span["dimensions"] for span in found.values()] == [1, 19, 63, 64, 64]
    assert found[2]["outside"] > found[20]["outside"] > found[64]["outside"] > INSIDE > found[65]["outside"]


def test_a_drawn_point_lies_in_the_span_as_far_from_the_middle_as_copies_do(points: Tensor) -> None:
    point = drawn(points[:5], torch.Generator().manual_seed(3))
    assert span_of(points[:5], point[None])["outside"] < 1e-6
    far = (points - points.mean(dim=0)).norm(dim=1).mean()
    assert float((point - points[:5].mean(dim=0)).norm() / far) == pytest.approx(1, abs=0.1)


def test_with_copies_enough_any_key_is_forged_and_with_few_none(points: Tensor) -> None:
    signs = torch.from_numpy(2.0 * BITS - 1)
    whole = forged(points[:70], signs[:70], signs[80])
    torch.testing.assert_close(whole, points[80], atol=1e-4, rtol=1e-4)
    middle = points[:2].mean(dim=0)
    few = forged(points[:2], signs[:2], signs[80])
    assert float((few - points[80]).norm() / (middle - points[80]).norm()) > 0.9
    torch.testing.assert_close(forged(points[:2], signs[:2], signs[1]), points[1])


def test_what_a_place_is_overwritten_with() -> None:
    numbers, random = torch.arange(1.0, 101.0, dtype=torch.float64), torch.Generator().manual_seed(0)
    found = {name: swap(numbers, random) for name, swap in SWAPS.items()}
    assert torch.equal(found["as issued"], numbers)
    assert not found["zeros"].any()
    assert found["noise"].norm() == pytest.approx(numbers.norm())
    assert set(found["drawn again"].tolist()) < set(numbers.tolist())
    assert all(len(swapped) == 100 for swapped in found.values())


def test_pruning_takes_the_least_weights_of_all_layers_together_and_no_bias() -> None:
    weights = {"a": torch.tensor([[1.0, -5.0], [3.0, -0.5]]), "b": torch.tensor([[2.0]]), "c": torch.tensor([0.1])}
    found = pruned(weights, 0.4)
    assert found["a"].tolist() == [[0, -5], [3, 0]]
    assert (found["b"].tolist(), found["c"].tolist()) == ([[2]], weights["c"].tolist())
    assert not any(pruned(weights, 1.0)[name].any() for name in "ab")
