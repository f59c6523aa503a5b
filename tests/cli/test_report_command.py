"""`artfp report`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from contest_rows import write_contest
from sweeps import alterations, write_sweep

from artfp.cli.main import artfp
from artfp.robustness import GENERATED, IMAGE


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The least that a page can be made of."""
    (tmp_path / "run.json").write_text('{"name": "least"}')
    return tmp_path


def test_the_path_of_the_page_is_the_result(run: Path) -> None:
    done = CliRunner().invoke(artfp, ["report", str(run)])
    assert (done.exit_code, done.stdout) == (0, f"{run}/report.html\n")
    assert (run / "report.html").read_text().startswith("<!doctype html>")


def test_json(run: Path) -> None:
    done = CliRunner().invoke(artfp, ["report", str(run), "--json"])
    assert json.loads(done.stdout) == {
        "report": f"{run}/report.html",
        "bytes": (run / "report.html").stat().st_size,
    }


def test_the_folder_of_a_sweep_has_a_page_of_its_own(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, alterations(IMAGE, GENERATED))
    done = CliRunner().invoke(artfp, ["report", str(sweep)])
    assert (done.exit_code, done.stdout) == (0, f"{sweep}/report.html\n")
    assert "robustness report" in (sweep / "report.html").read_text()


def test_the_folder_of_a_comparison_has_a_page_of_its_own(tmp_path: Path) -> None:
    contest = write_contest(tmp_path)
    done = CliRunner().invoke(artfp, ["report", str(contest)])
    assert (done.exit_code, done.stdout) == (0, f"{contest}/report.html\n")
    assert "comparison of systems" in (contest / "report.html").read_text()


def test_what_is_wrong_is_said(run: Path) -> None:
    absent = CliRunner().invoke(artfp, ["report", str(run / "absent")])
    assert absent.exit_code == 2
    assert "no such run folder" in absent.stderr
    (run / "run.json").write_text("{")
    corrupt = CliRunner().invoke(artfp, ["report", str(run)])
    assert corrupt.exit_code == 4
    assert "run.json: not readable as JSON" in corrupt.stderr


def test_help_describes_every_part() -> None:
    words = CliRunner().invoke(artfp, ["report", "--help"]).stdout
    assert "RUN/report.html" in words
    assert "--json" in words
