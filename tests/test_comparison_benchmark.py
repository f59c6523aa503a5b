"""The Markdown of a comparison: all tables, and the README's in a line for each system."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from contest_rows import SHARES, shipped, write_contest

from artfp.report.contest_folder import read_contest
from benchmarks.comparison import BRIEF, brief, main, printed, tables


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_contest(tmp_path / "contest")


def lines(text: str) -> dict[str, list[str]]:
    """Cells by the first of each line."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return {first: cells for first, *cells in rows}


def test_every_column_of_the_readme_is_an_examination_of_the_shipped_comparison() -> None:
    there = {(course.name, exam.name) for course in shipped().courses for exam in course.examinations}
    assert {(course, exam) for _, course, exam in BRIEF} <= there


def test_the_readme_has_a_line_for_each_system_that_is_not_immunised(folder: Path) -> None:
    found = lines(printed([brief(read_contest(folder))]))
    assert list(found) == ["system", "---", "artfp", *SHARES]
    assert found["system"] == [heading for heading, *_ in BRIEF]
    assert found["artfp"] == ["100 %", "100 %", "1.000", "100 %", "98.0 %*", *["100 %"] * 5]
    assert found["dct"] == [*["97.0 %"] * 2, ".970", *["67.0 %"] * 4, *["97.0 %"] * 3]


def test_under_it_stand_what_intervals_recalls_and_stars_mean(folder: Path) -> None:
    text = printed([brief(read_contest(folder))])
    assert "no 95 % interval reaches farther than 1.0 points to either side" in text
    assert "\ncross-seed, cross-loss, cross-finetune, cross-dataset ask about some" in text
    assert "\n*: artfp under 99.0 %" in text


def test_what_is_not_measured_is_a_dash(folder: Path) -> None:
    (folder / "rows/attribution-dct.json").unlink()
    found = lines(printed([brief(read_contest(folder))]))
    assert found["dct"] == ["97.0 %", *["—"] * 6, *["97.0 %"] * 3]


def test_a_folder_without_rows_still_has_tables(folder: Path) -> None:
    for row in (folder / "rows").iterdir():
        row.unlink()
    found = read_contest(folder)
    assert set(lines(printed([brief(found)]))["artfp"]) == {"—"}
    assert len(list(tables(found))) == 4 + 1 + 1 + 1


def test_both_are_printed(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["comparison", str(folder)])
    main()
    text = capsys.readouterr().out
    assert text.count("\n| --- |") == len(list(tables(read_contest(folder)))) == 4 + 1 + 1 + 1 + 1
    assert "| attnet, immunised to the column's attack | — | 96.0 % (95.0 % to 97.0 %) |" in text
    monkeypatch.setattr(sys, "argv", ["comparison", str(folder), "--brief"])
    main()
    assert capsys.readouterr().out.count("\n| --- |") == 1
