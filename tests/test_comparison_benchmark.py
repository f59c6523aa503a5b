"""The Markdown of a comparison: all tables, and the README's in a line for each system."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from contest_rows import SHARES, shipped, write_contest

from artfp.report.contest_folder import read_contest
from benchmarks.comparison import BRIEF, RESULTS, brief, main, printed, tables


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_contest(tmp_path / "contest")


def lines(text: str) -> dict[str, list[str]]:
    """Cells by the first of each line."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return {first: cells for first, *cells in rows}


def test_every_column_of_the_readme_is_an_examination_of_the_shipped_comparison() -> None:
    there = {(course.name, exam.name) for course in shipped().courses for exam in course.examinations}
    asked = {(course, exam) for _, course, exam in BRIEF}
    assert asked <= there
    blind = {exam for course in shipped().courses for exam in course.blind}
    assert {exam for _, exam in asked} >= {*blind, "combined"}, "where artfp fails is no secret"


def test_the_readme_has_a_line_for_each_system_that_is_not_immunised(folder: Path) -> None:
    found = lines(printed([brief(read_contest(folder))]))
    assert list(found) == ["system", "---", "artfp", *SHARES]
    assert found["system"] == [heading for heading, *_ in BRIEF]
    artfp, dct = (dict(zip(found["system"], found[name], strict=True)) for name in ("artfp", "dct"))
    assert {heading: artfp[heading] for heading in ("detection", "open (AUROC)", "cross-loss", "8 seeds")} == {
        "detection": "100 %",
        "open (AUROC)": "1.000",
        "cross-loss": "98.0 %*",
        "8 seeds": "100 %",
    }
    assert artfp["tuned by somebody else"] == "0 %*"
    assert artfp["detection, never enrolled"] == "50.0 %"
    assert [dct[heading] for heading in ("attribution", "open (AUROC)", "cross-seed")] == ["97.0 %", ".970", "67.0 %"]


def test_the_readme_has_the_table_of_the_rows_that_are_shipped() -> None:
    readme = (RESULTS.parents[2] / "README.md").read_text().splitlines()
    assert [line for line in printed([brief(read_contest(RESULTS))]).splitlines() if line not in readme] == []


def test_under_it_stand_what_intervals_recalls_and_stars_mean(folder: Path) -> None:
    text = printed([brief(read_contest(folder))])
    assert "no 95 % interval reaches farther than 1.0 points to either side" in text
    assert (
        "\ncross-seed, cross-loss, tuned and marked again by its owner, tuned by somebody else, cross-dataset ask"
        in text
    )
    assert "\n*: artfp under 99.0 %" in text


def test_what_is_not_measured_is_a_dash(folder: Path) -> None:
    (folder / "rows/attribution-dct.json").unlink()
    found = lines(printed([brief(read_contest(folder))]))
    cells = dict(zip(found["system"], found["dct"], strict=True))
    missing = {heading for heading, course, _ in BRIEF if course == "attribution"}
    assert {heading for heading, cell in cells.items() if cell == "—"} == missing


def test_a_folder_without_rows_still_has_tables(folder: Path) -> None:
    for row in (folder / "rows").iterdir():
        row.unlink()
    found = read_contest(folder)
    assert set(lines(printed([brief(found)]))["artfp"]) == {"—"}
    assert len(list(tables(found))) == 5 + 1 + 1 + 1


def test_both_are_printed(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["comparison", str(folder)])
    main()
    text = capsys.readouterr().out
    assert text.count("\n| --- |") == len(list(tables(read_contest(folder)))) == 5 + 1 + 1 + 1 + 1 + 1
    assert "| attnet, immunised to the column's attack | — | 96.0 % (95.0 % to 97.0 %) |" in text
    monkeypatch.setattr(sys, "argv", ["comparison", str(folder), "--brief"])
    main()
    assert capsys.readouterr().out.count("\n| --- |") == 1
