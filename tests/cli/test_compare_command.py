"""`artfp compare`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sweeps import alterations, write_sweep

from artfp.cli.main import artfp
from artfp.robustness import DATA, GENERATED, IMAGE


@pytest.fixture
def two(tmp_path: Path) -> tuple[str, str]:
    """Two sweeps, of which the second reads fewer bits."""
    for name, lowered in (("a", 0.0), ("b", 0.05)):
        write_sweep(tmp_path / name, alterations(IMAGE, GENERATED, lowered), thumbs=False, name=name)
    return str(tmp_path / "a"), str(tmp_path / "b")


def run(*words: str) -> Result:
    return CliRunner().invoke(artfp, ["compare", *words])


def test_the_table_is_the_result(two: tuple[str, str]) -> None:
    done = run(*two)
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["B", "−", "A,", "points", "95", "%", "interval", "A", "B", "row"]
    assert any(line.startswith("−4.7") and line.endswith("95.3 %   90.6 %   image/jpeg/90/generated") for line in lines)
    assert lines[-1].startswith("Of 17 rows, B reads more bits in 0")
    assert "A: a, artfp-64, 64 bits, 32 images" in done.stderr


def test_json_has_every_pair(two: tuple[str, str]) -> None:
    found = json.loads(run(*two, "--json").stdout)
    assert len(found["pairs"]) == 17
    assert found["pairs"][0]["difference"]["value"] == pytest.approx(-3 / 64)
    assert found["pairs"][0]["paired"] is True
    assert found["a"]["name"] == "a"
    assert sum(found["counts"].values()) == 17


def test_the_page_is_a_new_file(two: tuple[str, str], tmp_path: Path) -> None:
    page = tmp_path / "compare.html"
    assert run(*two, "--out", str(page)).exit_code == 0
    assert page.read_text().startswith("<!doctype html>")
    again = run(*two, "--out", str(page))
    assert again.exit_code == 2
    assert "exists already" in again.stderr
    nowhere = run(*two, "--out", str(tmp_path / "no/such/page.html"))
    assert nowhere.exit_code == 2
    assert "no such folder" in nowhere.stderr


def test_what_cannot_be_compared_is_said(two: tuple[str, str], tmp_path: Path) -> None:
    absent = run(two[0], str(tmp_path / "absent"))
    assert absent.exit_code == 2
    assert "no robustness sweep here" in absent.stderr
    other = write_sweep(tmp_path / "other", alterations(IMAGE, DATA), thumbs=False)
    apart = run(two[0], str(other))
    assert apart.exit_code == 2
    assert "no row in common" in apart.stderr
    (tmp_path / "b/sweep.json").write_text("{")
    corrupt = run(*two)
    assert corrupt.exit_code == 4
    assert "sweep.json: not readable as JSON" in corrupt.stderr
