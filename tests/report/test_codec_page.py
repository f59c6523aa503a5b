"""A codec's table as a page: every row, every set of images, nothing that runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from outline import Outline

from artfp.report.codec_page import codec_section, write_codec_page


def evaluation(matching: int = 900, lpips: float | None = 0.01, size: int | None = 64) -> dict[str, Any]:
    rows = [
        {"label": label, "matching": count, "bits": 1000}
        for label, count in (("unperturbed", 1000), ("JPEG", matching))
    ]
    measured = {
        "psnr": 38.04,
        "ssim": 0.98,
        "lpips": lpips,
        "clean_bias": 0.05,
        "images": 1234,
        "view": "resized",
        "size": size,
    }
    return {"codec": "artfp-64", "sha256": "ab" * 32, "rows": rows, **measured}


def test_every_row_and_every_set_is_on_the_page(tmp_path: Path) -> None:
    write_codec_page(tmp_path / "page.html", {"a & b.zip": evaluation(), "kodak": evaluation(450, None, None)})
    page = (tmp_path / "page.html").read_text()
    pieces = (
        "a &amp; b.zip: 1,234 images, resized to 64 px",
        "kodak: 1,234 images, own sizes",
        "38.04 dB",
        "unperturbed",
        "90.0 %",
    )
    for piece in (*pieces, "45.0 %", "LPIPS", "—", "0.050", "abab"):
        assert piece in page
    Outline(page).check()


@pytest.mark.parametrize(("matching", "bar"), [(1000, 100.0), (750, 50.0), (500, 0.0), (400, 0.0)])
def test_bars_begin_at_chance(matching: int, bar: float) -> None:
    section = codec_section({"x": evaluation(matching)})
    assert section["attacks"][1].cells[0].bar == bar
