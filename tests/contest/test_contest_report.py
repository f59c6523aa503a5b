"""The report reads what the runner writes."""

from __future__ import annotations

import shutil
from pathlib import Path

from outline import Outline

from artfp.report.contest_folder import read_contest
from artfp.report.contest_page import write_contest_report


def test_a_comparison_that_was_carried_out_has_a_page(made: Path, tmp_path: Path) -> None:
    for part in ("contest.json", "rows"):
        (shutil.copytree if (made / part).is_dir() else shutil.copy)(made / part, tmp_path / part)
    assert read_contest(tmp_path).missing == ()
    outline = Outline(write_contest_report(tmp_path).read_text(encoding="utf-8"))
    outline.check()
    assert (
        "Asked which of 2 generators made an image, or that it is a photograph, artfp answers rightly" in outline.text
    )
    assert "hold different images" not in outline.text
