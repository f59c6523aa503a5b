"""Lists of files: what is listed stays as it was listed, whoever goes on in the folder."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from artfp.artefacts import (
    LIST,
    Provenance,
    files_below,
    folder_sha256,
    is_signed,
    read_list,
    relist,
    unlisted,
    write_list,
)
from artfp.errors import BadInputError
from artfp.files import read_json, sha256_file, write_json
from artfp.seals import sealed

MADE = Provenance("test", {"codec": "ab" * 32, "start": None}, {"seed": 3})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files, one of them in a folder, and two that are not to be listed."""
    root = tmp_path / "results"
    for name, text in {"a.json": "a", "images/b.png": "b", ".hidden": "h", "images/.b.tmp": "t"}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    write_list(root, MADE, files_below(root))
    return root


def test_a_list_names_files_and_what_they_were_made_from(folder: Path) -> None:
    listed = read_list(folder)
    assert listed is not None
    assert listed["files"] == {name: sha256_file(folder / name) for name in ("a.json", "images/b.png")}
    assert (listed["kind"], listed["made_from"], listed["facts"]) == ("test", {"codec": "ab" * 32}, {"seed": 3})
    assert read_list(folder / "images") is None


def test_what_is_listed_stays_so_and_what_is_new_is_added(folder: Path) -> None:
    before = read_json(folder / LIST)["files"]
    (folder / "a.json").write_text("damaged")
    (folder / "c.json").write_text("c")
    (folder / "images" / "b.png").unlink()
    write_list(folder, MADE, files_below(folder))
    assert read_json(folder / LIST)["files"] == before | {"c.json": sha256_file(folder / "c.json")}
    write_list(folder, MADE, files_below(folder), remade=["a.json"])
    assert read_json(folder / LIST)["files"]["a.json"] == sha256_file(folder / "a.json")


def test_a_signature_stays_where_nothing_is_new(folder: Path) -> None:
    write_json(folder / LIST, read_json(folder / LIST) | {"signature": {"value": "00"}})
    write_list(folder, MADE, files_below(folder))
    relist(folder, "a.json")
    assert is_signed(folder)
    (folder / "a.json").write_text("another page")
    relist(folder, "a.json")
    assert not is_signed(folder)
    assert read_json(folder / LIST)["files"]["a.json"] == sha256_file(folder / "a.json")


def test_a_folder_without_a_list_gets_none_by_a_new_page(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("page")
    relist(tmp_path, "report.html")
    assert not (tmp_path / LIST).exists()


def test_a_damaged_list_is_refused(folder: Path) -> None:
    listed = read_json(folder / LIST)
    for wrong, why in (
        (listed | {"kind": "other"}, "not what its digest says; remove it"),
        (sealed(listed | {"files": {"a.json": 1}}), "not a list of artefacts"),
        (sealed(listed | {"format": "artfp-artefacts/9"}), "not a list of artefacts"),
    ):
        write_json(folder / LIST, wrong)
        with pytest.raises(BadInputError, match=why):
            write_list(folder, MADE, files_below(folder))


def test_of_a_part_with_a_list_only_the_list_and_what_it_leaves_out_is_to_be_listed(folder: Path) -> None:
    assert unlisted(folder.parent, "results") == [f"results/{LIST}"]
    (folder / "timing.jsonl").write_text("1")
    assert unlisted(folder.parent, "results") == [f"results/{LIST}", "results/timing.jsonl"]
    assert unlisted(folder, "images") == ["images/b.png"]
    assert unlisted(folder, "a.json") == ["a.json"]


def test_a_folders_hash_is_that_of_what_sha256sum_prints(folder: Path) -> None:
    printed = subprocess.run(["sha256sum", "a.json", "images/b.png"], cwd=folder, capture_output=True, check=True)
    assert folder_sha256(folder) == hashlib.sha256(printed.stdout).hexdigest()
