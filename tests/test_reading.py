"""What images a judgement reads; that it reads them rightly, its judgements show (`test_verify`, `test_trace`)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from artfp.data.readers import collect
from artfp.errors import UsageError
from artfp.reading import each_once, listed

Pixels = np.ndarray


def test_a_path_counts_once_however_it_is_spelled(tmp_path: Path, clean_pixels: Pixels, write_pngs: Callable) -> None:
    paths = write_pngs(tmp_path / "a", clean_pixels[:2])
    (tmp_path / "link").symlink_to(tmp_path / "a")
    spellings = [str(tmp_path / "a"), str(paths[0]), f"{tmp_path}/link/../a/001.png", str(tmp_path / "link")]
    assert len(list(each_once(collect(spellings)))) == 2


def test_at_least_one_image_is_needed() -> None:
    with pytest.raises(UsageError, match="no images: give image files, folders, zips or patterns"):
        listed([])
    assert len(listed([("a.png", bytes), ("b.png", bytes), ("a.png", bytes)])) == 2
