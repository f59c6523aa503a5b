"""Lists of paths name files anywhere, in their own order, and say what is wrong with each."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from artfp.data.readers import collect, open_source
from artfp.errors import BadInputError


def put(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(os.fsencode(name))
    return root


def listed(path: Path, *lines: str) -> Path:
    path.write_bytes(b"".join(os.fsencode(line) + b"\n" for line in lines))
    return path


def test_paths_lead_anywhere_in_the_order_of_the_list(tmp_path: Path) -> None:
    put(tmp_path, "out/b.png", "lists/a.jpg", "lists/sub/no-suffix", "lists/ space .png", "lists/\udcff.png")
    (tmp_path / "lists" / "link.png").symlink_to(tmp_path / "out" / "b.png")
    lines = ("../out/b.png", "./a.jpg", "", "sub/no-suffix", " space .png", "link.png", "\udcff.png")
    path = listed(tmp_path / "lists" / "all.lst", *lines, str(tmp_path / "out" / "b.png"))
    with open_source(path) as source:
        assert [entry.name for entry in source] == [
            "../out/b.png",
            "a.jpg",
            "sub/no-suffix",
            " space .png",
            "link.png",
            "\\xff.png",
            f"{tmp_path}/out/b.png",
        ]
        assert source.refused == 0
        assert source.read_at(0) == source.read_at(4) == source.read_at(6) == b"out/b.png"
        assert source.read_at(5) == b"lists/\xff.png"


def test_a_mark_at_the_start_and_ends_of_lines_are_no_part_of_paths(tmp_path: Path) -> None:
    put(tmp_path, "é.png", "b.png")
    (tmp_path / "all.txt").write_bytes("\ufeffé.png\r\nb.png".encode())
    with open_source(tmp_path / "all.txt") as source:
        assert [(entry.name, entry.problem) for entry in source] == [("é.png", None), ("b.png", None)]


def test_what_cannot_be_read_is_listed_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARTFP_MAX_FILE_BYTES", "6")
    put(tmp_path, "a.png", "folder/b.png", "too-long.png")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "nothing.png").symlink_to("gone")
    names = ("a.png", "gone.png", "folder", "pipe.png", "nothing.png", "too-long.png", "x" * 300)
    with open_source(listed(tmp_path / "all.txt", *names)) as source:
        assert {entry.name: entry.problem for entry in source if entry.problem} == {
            "gone.png": "not readable (No such file or directory)",
            "folder": "not a file",
            "pipe.png": "not a file",
            "nothing.png": "not readable (No such file or directory)",
            "too-long.png": "12 bytes, over the limit of 6 (ARTFP_MAX_FILE_BYTES)",
            "x" * 300: "not readable (File name too long)",
        }
        with pytest.raises(BadInputError, match=r"gone\.png: not readable"):
            source.read_at(1)
        assert len(source.sha256) == 64


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a.png\n./a.png\n", r"all\.txt: names a\.png twice"),
        (b"a.png\n\0\n", r"all\.txt: not a readable list of paths \(line 2 is no path"),
        ("a.png\n".encode("utf-16"), "line 1 is no path; write one path a line, as UTF-8"),
        (b"x" * 100_000, "line 1 is no path"),
    ],
)
def test_what_is_no_list_says_so(content: bytes, message: str, tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    (tmp_path / "all.txt").write_bytes(content)
    with pytest.raises(BadInputError, match=message):
        open_source(tmp_path / "all.txt")


def test_classes_are_the_folders_below_what_the_images_have_in_common(tmp_path: Path) -> None:
    put(tmp_path, "data/cat/1.png", "data/dog/2.png", "data/dog/deep/3.png")
    lines = ("../data/dog/2.png", f"{tmp_path}/data/cat/1.png", "../data/dog/deep/3.png", "../gone.png")
    (tmp_path / "lists").mkdir()
    with open_source(listed(tmp_path / "lists" / "all.txt", *lines)) as source:
        assert [entry.class_name for entry in source] == ["dog", "cat", "dog", None]
    with open_source(listed(tmp_path / "lists" / "one.txt", "../data/cat/1.png")) as source:
        assert source.labels.origin == "none"
    with open_source(listed(tmp_path / "lists" / "none.txt", "gone.png")) as source:
        assert source.labels.origin == "none"


def test_a_list_in_a_dataset_takes_a_part_of_it(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "b.png", "c.png")
    document = {"labels": [["a.png", 0], ["b.png", 1], ["c.png", 2]]}
    (tmp_path / "dataset.json").write_text(json.dumps(document))
    (tmp_path / "metadata.jsonl").write_text(
        "".join(f'{{"file_name": "{name}.png", "n": "{name}"}}\n' for name in "abc")
    )
    with open_source(listed(tmp_path / "some.txt", "c.png", "a.png")) as source:
        assert [entry.label for entry in source] == [2, 0]
        assert [source.columns.row(index) for index in range(2)] == [{"n": "c"}, {"n": "a"}]


def test_an_image_of_a_list_and_of_its_folder_is_the_same(tmp_path: Path) -> None:
    put(tmp_path / "photos", "a.png")
    items = list(collect([str(listed(tmp_path / "all.txt", "photos/a.png")), str(tmp_path / "photos")]))
    assert items[0][0] == items[1][0] == f"{tmp_path}/photos/a.png"
