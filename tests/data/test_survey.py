"""What a look at a few images finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from artfp.data.survey import typical_side


@pytest.mark.parametrize(
    ("shapes", "side"),
    [([(40, 60), (60, 40), (40, 90), (200, 200)], 40), ([(128, 130), (64, 64), (150, 129)], 128), ([], None)],
)
def test_the_typical_side_is_the_median_shorter_one(tmp_path: Path, shapes: list[tuple[int, int]], side: int) -> None:
    for index, shape in enumerate(shapes):
        Image.fromarray(np.zeros((*shape, 3), np.uint8)).save(tmp_path / f"{index}.png")
    (tmp_path / "broken.png").write_bytes(b"no image")
    assert typical_side(tmp_path) == side


def test_nothing_readable_has_no_side(tmp_path: Path) -> None:
    assert typical_side(tmp_path / "gone") is None
