"""Opponent colours: there and back, and where known colours lie."""

from __future__ import annotations

import pytest
import torch

from artfp.generators.colours import AMPLIFIED, to_opponent, to_rgb


def test_there_and_back_is_the_same_image() -> None:
    images = torch.rand(3, 3, 5, 7, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(to_rgb(to_opponent(images)), images)


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [
        ((0.5, 0.5, 0.5), (0, 0, 0)),
        ((1, 1, 1), (3**0.5, 0, 0)),
        ((1, 0, 0.5), (0, 0, AMPLIFIED * 2**0.5)),
        ((0, 0, 1), (-1 / 3**0.5, -AMPLIFIED * 4 / 6**0.5, 0)),
    ],
    ids=["grey", "white", "red against green", "blue"],
)
def test_known_colours_by_hand(rgb: tuple[float, ...], expected: tuple[float, ...]) -> None:
    seen = to_opponent(torch.tensor(rgb, dtype=torch.float32).view(1, 3, 1, 1)).flatten()
    torch.testing.assert_close(seen, torch.tensor([float(x) for x in expected]), atol=1e-5, rtol=1e-5)


def test_what_no_image_holds_is_clamped() -> None:
    images = to_rgb(torch.full((1, 3, 2, 2), 100.0))
    assert (images >= 0).all()
    assert (images <= 1).all()
