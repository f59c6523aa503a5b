"""Painted images: one contract for every kind, and what the pieces promise."""

from __future__ import annotations

import numpy as np
import pytest

from artfp.data import procedural
from artfp.data.procedural import KINDS, generate, generate_all
from artfp.errors import UsageError
from artfp.seeds import numpy_generator

PIECES = ("dead_leaves", "spectral_noise", "weave", "gradient", "graphics")


def test_both_kinds_are_covered() -> None:
    assert sorted(KINDS) == ["horizons", "photo-like"]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_image_depends_on_kind_size_seed_and_index_alone(kind: str) -> None:
    images = list(generate(kind, 6, 32, 7))
    assert [(image.shape, image.dtype) for image in images] == [((32, 32, 3), np.uint8)] * 6
    np.testing.assert_array_equal(images[4], next(generate(kind, 1, 32, 7, start=4)))
    assert not np.array_equal(images[0], images[1])
    assert not np.array_equal(images[0], next(generate(kind, 1, 32, 8)))


def test_several_processes_paint_the_same_images() -> None:
    np.testing.assert_array_equal(
        generate_all("photo-like", 20, 16, 3, workers=2), generate_all("photo-like", 20, 16, 3)
    )


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="known: photo-like, horizons"):
        next(generate("portraits", 1, 32, 0))


@pytest.mark.parametrize("piece", PIECES)
def test_every_piece_paints_colours_that_vary(piece: str) -> None:
    paint = getattr(procedural, piece)
    images = np.stack([paint(numpy_generator("piece", piece, index), 32) for index in range(8)])
    assert images.shape == (8, 32, 32, 3)
    assert np.isfinite(images).all()
    assert images.std(axis=(1, 2, 3)).max() > 0.02


def test_the_photo_like_mix_spans_flat_and_busy_images() -> None:
    """Codecs learn from both; a hundred images without either would come about once in e^5 seeds at worst."""
    images = np.stack(list(generate("photo-like", 100, 32, 11))).astype(float).mean(axis=3)
    detail = np.abs(np.diff(images, axis=2)).mean(axis=(1, 2))
    assert detail.min() < 3
    assert detail.max() > 20
