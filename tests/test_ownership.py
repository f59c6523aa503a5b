"""A folder belongs to one run: which are taken, and which refused with which words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from artfp.errors import BadInputError, UsageError
from artfp.files import write_json
from artfp.ownership import check_owner

SETTINGS: dict[str, Any] = {"seed": 1, "data": None, "gan": {"images": 5, "sizes": [1, 2]}, "version": "1"}


def check(folder: Path, settings: dict[str, Any] = SETTINGS) -> None:
    check_owner(folder, "run.json", settings, "a run", apart=("version",))


def test_a_new_an_empty_and_the_same_folder_are_taken(tmp_path: Path) -> None:
    check(tmp_path / "new")
    check(tmp_path)
    (tmp_path / ".run.json.x1.tmp").write_text("half")
    check(tmp_path)
    write_json(tmp_path / "run.json", SETTINGS)
    (tmp_path / "results.txt").write_text("mine")
    check(tmp_path)
    check(tmp_path, SETTINGS | {"version": "2"})


@pytest.mark.parametrize("name", ["thesis.tmp", "samples", ".hidden", "photo.png"])
def test_a_folder_of_something_else_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(UsageError, match="exists and is not a run"):
        check(tmp_path)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    with pytest.raises(UsageError, match="exists and is not a run"):
        check(tmp_path / "file")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 2}, r"\(seed: 1, now 2\)"),
        ({"gan": {"images": 6, "sizes": [1, 2]}}, r"\(gan.images: 5, now 6\)"),
        ({"data": {"path": "x"}}, r"\(data.path: None, now x\)"),
        ({"seed": 3, "gan": {"images": 5, "sizes": [1]}}, r"\(gan.sizes: \[1, 2\], now \[1\]; seed: 1, now 3\)"),
        ({"data": "a" * 30}, r"\(data: None, now a{17}\.\.\.\)"),
    ],
)
def test_other_settings_are_named(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    write_json(tmp_path / "run.json", SETTINGS)
    with pytest.raises(UsageError, match=f"holds a run with other settings {words}"):
        check(tmp_path, SETTINGS | change)


def test_a_secret_setting_is_named_and_not_told(tmp_path: Path) -> None:
    write_json(tmp_path / "run.json", SETTINGS | {"seed": 271828})
    with pytest.raises(UsageError, match=r"\(seed: another\)"):
        check_owner(tmp_path, "run.json", SETTINGS | {"seed": 314159}, "a run", untold=("seed",))


@pytest.mark.parametrize("text", ["[1]", "{"])
def test_settings_that_cannot_be_read_are_unreadable_input(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(BadInputError, match="run.json"):
        check(tmp_path)
