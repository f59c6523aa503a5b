"""Folders and zips are listed in a fixed order, read lazily, and never trusted."""

from __future__ import annotations

import json
import os
import struct
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from kinds import part_of_several

from artfp.data import listing
from artfp.data.manifest import read_manifest
from artfp.data.readers import collect, open_source
from artfp.errors import BadInputError, UsageError


def put(root: Path, *names: str) -> Path:
    """Files whose content is their name."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(os.fsencode(name))
    return root


def archive(path: Path, *names: str, **contents: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        for name in names:
            made.writestr(name, name)
        for name, content in contents.items():
            made.writestr(name, content)
    return path


WEIRD = (
    "a.b.c.png",
    "a.b.d.png",
    "A.PNG",
    "a.png",
    "deep/er/and deeper/x.jpeg",
    "new\nline.png",
    "Ünï/日本.webp",
)


@pytest.mark.parametrize("make", [put, archive], ids=["folder", "zip"])
def test_any_name_at_any_depth_is_an_image_of_its_own(make: Callable[..., Path], tmp_path: Path) -> None:
    with open_source(make(tmp_path / "source.zip", *WEIRD)) as source:
        assert [entry.name for entry in source.entries] == sorted(WEIRD)
        assert [entry.index for entry in source] == list(range(len(WEIRD)))
        assert [source.read(entry).decode() for entry in source] == sorted(WEIRD)


@pytest.mark.parametrize("make", [put, archive], ids=["folder", "zip"])
def test_hidden_files_do_not_exist_and_others_are_counted(make: Callable[..., Path], tmp_path: Path) -> None:
    names = ("a.png", ".b.png", ".hidden/c.png", "__MACOSX/d.png", ".DS_Store", "notes.txt", "x/more.txt", "LICENSE")
    with open_source(make(tmp_path / "source.zip", *names)) as source:
        assert [entry.name for entry in source] == ["a.png"]
        assert source.others == {".txt": 2, "no suffix": 1}


def test_a_name_that_is_no_unicode_is_readable_and_printable(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/\xff\xfe.png"
    Path(os.fsdecode(raw)).write_bytes(b"content")
    put(tmp_path, "a.png")
    with open_source(tmp_path) as source:
        assert list(source.names) == ["a.png", "\\xff\\xfe.png"]
        assert source.read(source[1]) == b"content"
        assert len(source.sha256) == 64


def test_links_are_followed_inside_the_folder_only(tmp_path: Path) -> None:
    outside, root = put(tmp_path / "outside", "o.png", "d/p.png", "metadata.jsonl"), put(tmp_path / "root", "a.png")
    (root / "inside.png").symlink_to("a.png")
    (root / "outside.png").symlink_to(outside / "o.png")
    (root / "folder").symlink_to(outside / "d")
    (root / "nothing.png").symlink_to("gone.png")
    (root / "text.txt").symlink_to("/etc/hostname")
    (root / "metadata.jsonl").symlink_to(outside / "metadata.jsonl")
    with open_source(root) as source:
        problems = {entry.name: entry.problem for entry in source if entry.problem}
        assert problems == {
            "outside.png": "a link that leaves the folder",
            "folder": "a link to a folder; such links are not followed",
            "nothing.png": "a link to nothing",
            "metadata.jsonl": "a link that leaves the folder",
        }
        assert source.refused == 4
        assert source.columns.columns == []
        by_name = {entry.name: entry for entry in source}
        assert source.read(by_name["inside.png"]) == b"a.png"
        with pytest.raises(BadInputError, match=r"outside\.png: a link that leaves the folder"):
            source.read(by_name["outside.png"])


@pytest.mark.parametrize("name", ["../up.png", "a/../../up.png", "/abs.png", "..\\up.png", "C:\\abs.png"])
def test_zip_members_that_leave_the_archive_are_refused_by_name(name: str, tmp_path: Path) -> None:
    with open_source(archive(tmp_path / "z.zip", "ok.png", name)) as source:
        (bad,) = [entry for entry in source if entry.problem]
        assert bad.problem == "a path that leaves the archive"
        with pytest.raises(BadInputError, match="leaves the archive"):
            source.read(bad)


def test_absurd_declared_sizes_are_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive(tmp_path / "z.zip", "a.png")
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02") + 24  # uncompressed size in the central directory
    data[at : at + 4] = struct.pack("<I", 0xFFFFFFF0)
    path.write_bytes(data)
    with open_source(path) as source, pytest.raises(BadInputError, match="bytes, over the limit"):
        source.read(source[0])
    monkeypatch.setenv("ARTFP_MAX_FILE_BYTES", "3")
    with open_source(put(tmp_path / "folder", "long.png")) as source:
        assert source.refused == 1


def test_damaged_and_encrypted_members_are_bad_by_name(tmp_path: Path) -> None:
    path = archive(tmp_path / "z.zip", "a.png", "b.png")
    data = bytearray(path.read_bytes())
    data[data.index(b"a.pnga.png") + 7] ^= 1  # content, so the checksum is wrong
    data[data.rindex(b"PK\x01\x02") + 8] |= 1  # b.png claims to be encrypted
    path.write_bytes(data)
    with open_source(path) as source:
        for entry in source:
            with pytest.raises(BadInputError, match=rf"{entry.name}: not readable"):
                source.read(entry)


def test_what_is_no_source_says_so(tmp_path: Path) -> None:
    (tmp_path / "cut.zip").write_bytes(b"PK\x03\x04 and then nothing")
    (tmp_path / "note.doc").write_text("hello")
    with pytest.raises(BadInputError, match="not a readable zip"):
        open_source(tmp_path / "cut.zip")
    with pytest.raises(UsageError, match="neither a folder nor a zip"):
        open_source(tmp_path / "note.doc")
    with pytest.raises(UsageError, match="no such folder or zip"):
        open_source(tmp_path / "gone")


def test_a_file_that_vanishes_is_bad_by_name(tmp_path: Path) -> None:
    with open_source(put(tmp_path, "a.png")) as source:
        (tmp_path / "a.png").unlink()
        with pytest.raises(BadInputError, match=r"a\.png: not readable \(No such file"):
            source.read(source[0])


def test_threads_read_a_zip_together(tmp_path: Path) -> None:
    names = [f"{index:04d}.png" for index in range(300)]
    with open_source(archive(tmp_path / "z.zip", *names)) as source, ThreadPoolExecutor(8) as pool:
        assert [data.decode() for data in pool.map(source.read_at, range(300))] == names


def test_a_slice_of_a_source_is_a_list_of_entries(tmp_path: Path) -> None:
    with open_source(put(tmp_path, "a.png", "b.png", "c.png")) as source:
        assert [entry.name for entry in source[1:]] == ["b.png", "c.png"]
        assert source[-1].index == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda root: put(root, "new.png"),
        lambda root: (root / "a.png").rename(root / "c.png"),
        lambda root: (root / "a.png").write_bytes(b"longer than before"),
        lambda root: (root / "dataset.json").write_text('{"labels": null}'),
        lambda root: (root / "metadata.jsonl").write_text('{"file_name": "a.png", "x": 2}\n'),
    ],
    ids=["added", "renamed", "resized", "labels", "metadata"],
)
def test_the_hash_follows_names_sizes_and_tables(change: Callable[[Path], object], tmp_path: Path) -> None:
    put(tmp_path, "a.png", "b.png", "notes.txt")
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "a.png", "x": 1}\n')
    with open_source(tmp_path) as source:
        before = source.sha256
    put(tmp_path, "notes.txt", "other.txt")
    with open_source(tmp_path) as source:
        assert source.sha256 == before
    change(tmp_path)
    with open_source(tmp_path) as source:
        assert source.sha256 != before


def test_labels_of_a_zip_are_attached_to_its_entries(tmp_path: Path) -> None:
    document = {"labels": [["b/x.png", 1], ["a.png", 0]], "classes": ["cat", "dog"]}
    path = archive(tmp_path / "z.zip", "a.png", "b/x.png", **{"dataset.json": json.dumps(document).encode()})
    with open_source(path) as source:
        assert [(e.name, e.label, e.class_name) for e in source] == [("a.png", 0, "cat"), ("b/x.png", 1, "dog")]


def test_a_broken_dataset_json_is_bad_input(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    (tmp_path / "dataset.json").write_text("{")
    with (
        open_source(tmp_path) as source,
        pytest.raises(BadInputError, match=r"dataset\.json is not readable \(Expecting"),
    ):
        _ = source.labels


def test_damaged_tables_are_bad_input(tmp_path: Path) -> None:
    path = archive(tmp_path / "z.zip", "a.png", **{"metadata.jsonl": b'{"file_name": "a.png"}\n'})
    path.write_bytes(path.read_bytes().replace(b'{"file_name": "a', b'{"file_name": "b'))
    with open_source(path) as source, pytest.raises(BadInputError, match=r"metadata\.jsonl is not readable \(Bad CRC"):
        _ = source.columns
    put(tmp_path / "folder", "a.png")
    (tmp_path / "folder" / "metadata.jsonl").write_bytes(b'{"file_name": "a.png", "text": "\xff"}\n')
    with open_source(tmp_path / "folder") as source, pytest.raises(BadInputError, match=r"metadata\.jsonl"):
        _ = source.columns


def test_collect_takes_files_folders_zips_and_patterns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "f", "x.png", "sub/y.jpg", "note.txt", "odd.bin")
    archive(tmp_path / "z.zip", "m.png")
    monkeypatch.chdir(tmp_path)
    assert [name for name, _ in collect(["f", "z.zip", "f/odd.bin", "f/*.png", "f/**"])] == [
        "f/sub/y.jpg",
        "f/x.png",
        "z.zip/m.png",
        "f/odd.bin",
        "f/x.png",
        "f/sub/y.jpg",
        "f/x.png",
    ]
    assert [read() for _, read in list(collect(["z.zip", "f/x.png"]))] == [b"m.png", b"x.png"]


def test_collect_prefers_a_name_that_exists_to_a_pattern(tmp_path: Path) -> None:
    put(tmp_path, "a[1].png", "a1.png")
    assert [name for name, _ in collect([f"{tmp_path}/a[1].png"])] == [f"{tmp_path}/a[1].png"]


def test_collect_says_what_matches_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no-\*\.png: no such file or folder, and no pattern that matches"):
        list(collect([str(tmp_path / "no-*.png")]))


def test_collect_reads_late_and_names_what_it_cannot_read(tmp_path: Path) -> None:
    put(tmp_path, "x.png")
    ((_, read),) = collect([str(tmp_path / "x.png")])
    (tmp_path / "x.png").unlink()
    with pytest.raises(BadInputError, match=r"x\.png: not readable"):
        read()


def test_the_hash_of_folders_and_zips_is_what_it_always_was(tmp_path: Path) -> None:
    """Manifests and unfinished runs name it."""
    tables = {"metadata.jsonl": '{"file_name": "a.png", "x": 1}\n', "dataset.json": '{"labels": [["a.png", 1]]}'}
    root = put(tmp_path / "folder", "a.png", "b/c.jpg", "notes.txt")
    for name, text in tables.items():
        (root / name).write_text(text)
    (root / "gone.png").symlink_to("nothing")
    with open_source(root) as source:
        assert source.sha256 == "9b6eb06527c311e28b7c491bfefff0acf720f6e1e0461179c69b27376caa9e91"
    contents = {name: text.encode() for name, text in tables.items()} | {"../up.png": b"x"}
    with open_source(archive(tmp_path / "z.zip", "a.png", "b/c.jpg", "notes.txt", **contents)) as source:
        assert source.sha256 == "27568f6469224fc87b737ad4275be9411c699a52cb0b9354cd68bc56ff34c817"


def test_one_of_several_parts_of_a_zip_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "images.txt"
    path.write_bytes(part_of_several())
    with pytest.raises(BadInputError, match=r"images\.txt: .*span multiple disks"):
        open_source(path)
    assert read_manifest(path) is None


@pytest.mark.parametrize("run", [1, 2, 3, 100])
def test_folders_of_any_number_of_files_are_put_in_order(
    run: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "RUN", run)
    names = ["b.png", "a/2.png", "a/1.png", "a.png", "a/c/1.png", "a-b.png", "c.png", "B.png", "é.png"]
    put(tmp_path, *names)
    with open_source(tmp_path) as source:
        assert [entry.name for entry in source] == sorted(names)
