"""`artfp passive compare`, as people and programs call it."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from contests import CONTEST, written

from artfp.cli.main import artfp
from artfp.data.procedural import generate
from artfp.errors import Exit
from artfp.images import LoadedImage, encode_png

GUIDE = (Path(__file__).parents[2] / "docs" / "comparison.md").read_text()


def call(*words: object) -> Result:
    return CliRunner().invoke(artfp, ["passive", "compare", *map(str, words)])


def test_a_plan_names_rows_and_work_and_writes_nothing(tmp_path: Path) -> None:
    asked = call(
        written(tmp_path / "recipes"), "--out", tmp_path / "run", "--only", "detection-*", "--dry-run", "--json"
    )
    assert asked.exit_code == Exit.OK, asked.stderr
    found = json.loads(asked.stdout)
    assert found["rows"] == {"detection-residual": False}
    assert {"train-one-clean", "sample-two-clean", "store-one-clean@jpeg", "teach-detection-residual"} <= set(
        found["pieces"]
    )
    assert not any("marked" in name for name in found["pieces"])
    assert not (tmp_path / "run").exists()


def test_the_shipped_comparison_can_be_planned_without_any_data(tmp_path: Path) -> None:
    asked = call("--out", tmp_path / "run", "--dry-run")
    assert asked.exit_code == Exit.OK, asked.stderr
    assert "attribution-artfp" in asked.stdout
    assert "to do" in asked.stdout


def test_a_finished_comparison_is_told_and_its_page_written(made: Path) -> None:
    asked = call(made.parent / "recipes" / "contest.toml", "--out", made)
    assert asked.exit_code == Exit.OK, asked.stderr
    assert "to do" not in asked.stdout.replace("of which 0 to do", "")
    page = (made / "report.html").read_text()
    assert "attribution" in page
    assert "residual" in page


def test_what_is_wrong_is_told(made: Path, tmp_path: Path) -> None:
    broken = call(written(tmp_path, CONTEST.replace('"residual"]', '"ghost"]')), "--out", tmp_path / "run")
    assert broken.exit_code == Exit.USAGE
    assert "no system ghost" in broken.stderr
    nothing = call(made.parent / "recipes" / "contest.toml", "--out", made, "--only", "ghost-*")
    assert nothing.exit_code == Exit.USAGE
    assert "no row is called so" in nothing.stderr


def test_the_commands_of_the_guide_run_as_plans(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("flowers128.zip", "photos256.zip"):
        (tmp_path / name).mkdir()  # a folder serves as well as a zip
        for index, pixels in enumerate(generate("photo-like", 4, 32, 5)):
            (tmp_path / name / f"{index}.png").write_bytes(encode_png(LoadedImage(pixels)))
    (block,) = re.findall(r"```sh\n(.*?)```", GUIDE, flags=re.S)
    (tmp_path / "runs").mkdir()
    for words in (shlex.split(line, comments=True)[1:] for line in block.splitlines()):
        if words[0] == "report":
            (tmp_path / "runs" / "comparison").symlink_to(made)
        plan = [] if words[0] == "report" or "--dry-run" in words else ["--dry-run"]
        done = CliRunner().invoke(artfp, [*words, *plan])
        assert done.exit_code == Exit.OK, (words, done.stderr)


def test_the_guide_names_every_course() -> None:
    asked = call("--dry-run", "--json")
    courses = {name.rpartition("-")[0].partition("+")[0] for name in json.loads(asked.stdout)["rows"]}
    assert courses
    assert all(f"`{course}`" in GUIDE for course in courses)
