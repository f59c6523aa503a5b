"""Photographs of one history: no trace of a file's format is left to tell them by."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.fft import dctn

from artfp.contest.photographs import Photograph, photographs
from artfp.contest.settings import Images
from artfp.data.procedural import generate
from artfp.data.readers import open_source
from artfp.data.writers import image_name
from artfp.errors import UsageError
from artfp.passive.classes import part_of


def album(folder: Path, size: int, kind: str, count: int = 12) -> Path:
    folder.mkdir()
    for index, pixels in enumerate(generate("photo-like", count, size, 3)):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, kind, **({"quality": 60} if kind == "JPEG" else {}))
        (folder / f"{index:02d}.{'jpg' if kind == 'JPEG' else 'png'}").write_bytes(file.getvalue())
    return folder


def shown(folder: Path, size: int = 32, **settings: int) -> list[Photograph]:
    with open_source(folder) as source:
        return list(photographs(source, Images(count=100, **settings), size, 0))


def small_coefficients(pixels: np.ndarray, offset: int) -> float:
    """The share of nearly vanishing high frequencies of 8 x 8 blocks on a grid that is moved by so many pixels."""
    grey = pixels.astype(float).mean(axis=-1)[:, offset:, offset:]
    rows, columns = (length // 8 for length in grey.shape[1:])
    blocks = grey[:, : 8 * rows, : 8 * columns].reshape(len(grey), rows, 8, columns, 8).swapaxes(2, 3)
    found = np.abs(dctn(blocks, axes=(3, 4), norm="ortho"))
    high = np.add.outer(np.arange(8), np.arange(8)) >= 8
    return float((found[..., high] < 1).mean())


def grid(pixels: np.ndarray) -> float:
    """How much more of them vanish on a JPEG file's own grid than off it."""
    return small_coefficients(pixels, 0) - float(np.mean([small_coefficients(pixels, offset) for offset in (3, 4, 5)]))


def test_the_grid_of_a_jpeg_file_is_gone(tmp_path: Path) -> None:
    folder = album(tmp_path / "jpeg", 128, "JPEG")
    with open_source(folder) as source:
        files = np.stack([np.asarray(Image.open(io.BytesIO(source.read_at(i)))) for i in range(len(source))])
    squares = np.stack([each.pixels for each in shown(folder, crops=8)])
    assert grid(files) > 0.2
    assert abs(grid(squares)) < 0.02


def test_lossy_files_that_are_too_small_to_lose_it_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"00\.jpg: 48 x 48 pixels; needed are 64 of a side"):
        shown(album(tmp_path / "jpeg", 48, "JPEG"))
    assert len(shown(album(tmp_path / "png", 48, "PNG"))) == 12


def test_all_squares_of_a_photograph_belong_to_one_part_and_have_numbers_of_their_own(tmp_path: Path) -> None:
    found = shown(album(tmp_path / "png", 64, "PNG", 30), crops=3)
    assert len({each.number for each in found}) == len(found) == 90
    parts = [part_of(image_name(each.number)) for each in found]
    assert [parts[start : start + 3] for start in range(0, 90, 3)] == [[parts[start]] * 3 for start in range(0, 90, 3)]
    assert len(set(parts)) == 3
    assert all(each.pixels.shape == (32, 32, 3) for each in found)


def test_squares_differ_and_are_the_same_every_time(tmp_path: Path) -> None:
    folder = album(tmp_path / "png", 64, "PNG", 4)
    first, again = shown(folder, crops=2), shown(folder, crops=2)
    assert all((a.pixels == b.pixels).all() for a, b in zip(first, again, strict=True))
    assert (first[0].pixels != first[1].pixels).any()


def test_the_count_bounds_them(tmp_path: Path) -> None:
    folder = album(tmp_path / "png", 40, "PNG", 120)
    assert len(shown(folder)) == 100
    assert len(shown(folder, crops=4)) == 100
