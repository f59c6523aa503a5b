"""Tars: headers as tarfile reads them, samples as WebDataset has them, and nothing that a stranger's file can do."""

from __future__ import annotations

import io
import itertools
import json
import os
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from kinds import write_tar

from artfp.data.readers import collect, open_source
from artfp.data.tar import BLOCK, MAX_HEADER, Member, members
from artfp.errors import BadInputError, UsageError

PER_FILE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
NAMES = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1, max_size=300)


def listed(path: Path) -> list[Member]:
    with path.open("rb") as stream:
        return list(members(stream.fileno(), path.stat().st_size))


def header(name: bytes = b"a.png", size: bytes = b"00000000001\0", kind: bytes = b"0") -> bytes:
    """A block with a right checksum, whatever else it says."""
    block = bytearray(name.ljust(100, b"\0").ljust(BLOCK, b"\0"))
    block[124:136], block[156:157], block[257:265] = size, kind, b"ustar\x0000"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def crafted(path: Path, *blocks: bytes) -> Path:
    """An archive of these, each filled up to whole blocks, with an end mark."""
    filled = (block.ljust(-(-len(block) // BLOCK) * BLOCK, b"\0") for block in blocks)
    path.write_bytes(b"".join(filled) + bytes(2 * BLOCK))
    return path


def pax(**records: str) -> tuple[bytes, bytes]:
    """An extended header."""
    content = b""
    for keyword, value in records.items():
        rest = f" {keyword}={value}\n".encode()
        length = next(n for n in itertools.count(len(rest) + 1) if n == len(str(n)) + len(rest))
        content += str(length).encode() + rest
    return header(b"x", b"%011o\0" % len(content), b"x"), content


@PER_FILE
@given(
    files=st.lists(st.tuples(NAMES, st.binary(max_size=1500)), max_size=6),
    form=st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
def test_headers_are_read_as_tarfile_reads_them(tmp_path: Path, files: list[tuple[str, bytes]], form: int) -> None:
    path = tmp_path / "x.tar"
    try:
        write_tar(path, files, format=form)
    except ValueError:  # the oldest format cannot say every name
        assume(False)
    with tarfile.open(path) as archive:
        expected = [Member(info.name, info.offset_data, info.size, "") for info in archive if not info.isdir()]
    assert listed(path) == expected


@PER_FILE
@given(data=st.data())
def test_damage_is_an_error_or_harmless(tmp_path: Path, data: st.DataObject) -> None:
    path = write_tar(tmp_path / "x.tar", [("a" * 120 + ".png", b"x" * 700), ("ü.png", b"y"), ("c.cls", b"1")])
    content = bytearray(path.read_bytes())
    end = data.draw(st.integers(0, len(content)))
    for at in data.draw(st.lists(st.integers(0, 7 * BLOCK), max_size=4)):
        content[at] = data.draw(st.integers(0, 255))
    path.write_bytes(content[:end])
    try:
        found = listed(path)
    except ValueError:
        return
    assert all(0 < member.offset <= member.offset + member.size <= end for member in found)


def test_no_cut_goes_unnoticed(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "x.tar", [("a.png", b"x" * 700), ("b.png", b"y")])
    content = path.read_bytes()
    end = 5 * BLOCK  # two headers, two blocks and one
    for cut in range(end):
        path.write_bytes(content[:cut])
        with pytest.raises(BadInputError, match=r"x\.tar: not a readable tar \(cut short"):
            open_source(path)


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ((header(size=b"\xff" * 12),), "no number of a header"),
        ((header(size=b"-0000001000\0"),), "no number of a header"),
        ((header(size=b"\x80" + b"\xff" * 11),), "goes on beyond its end"),
        ((header(size=b"77777777777\0", kind=b"L"),), r"a header of 8,589,934,591 bytes, over"),
        ((header(size=b"77777777777\0", kind=b"g"),), "cut short"),
        ((*pax(size="-512"), header()), "'-512' is no size"),
        ((*pax(size="9" * 5000), header()), "is no size"),
        ((header(b"x", b"00000000010\0", b"x"), b"999 a=b\n"), "an extended header is none"),
        ((header(b"x", b"00000000010\0", b"x"), b"0 a=bcd\n"), "an extended header is none"),
        ((header()[:-1] + b"!",), "damaged at byte 0: the checksum"),
        ((b"hello, world",), "no number of a header|checksum"),
        ((header(), b"x", bytes(BLOCK), header(b"b.png"), b"y"), "goes on after its end mark"),
    ],
)
def test_impossible_archives_are_refused_by_name(tmp_path: Path, blocks: tuple[bytes, ...], message: str) -> None:
    path = crafted(tmp_path / "x.tar", *blocks)
    with pytest.raises(BadInputError, match=message) as caught:
        open_source(path)
    assert str(path) in str(caught.value)


def test_what_is_no_archive_at_all_is_refused(tmp_path: Path) -> None:
    with open_source(crafted(tmp_path / "nothing-in-it.tar")) as source:
        assert len(source) == 0
    (tmp_path / "empty.tar").write_bytes(b"")
    (tmp_path / "holes.tar").touch()
    os.truncate(tmp_path / "holes.tar", 1 << 40)
    for name, message in (("empty", "cut short"), ("holes", "goes on after its end mark")):
        with pytest.raises(BadInputError, match=message):
            open_source(tmp_path / f"{name}.tar")


def test_chains_and_crowds_of_headers_take_no_time(tmp_path: Path) -> None:
    """On the first tarfile can spend hours; on the second it runs out of stack."""
    digits = header(b"x", b"%011o\0" % MAX_HEADER, b"x"), b"1" * MAX_HEADER
    chain = (header(b"x", b"00000000002\0", b"L"), b"n\0") * 5000
    records = b"5 a=\n" * (MAX_HEADER // 5)
    crowd = header(b"x", b"%011o\0" % len(records), b"x"), records
    started = time.process_time()
    with pytest.raises(BadInputError):
        open_source(crafted(tmp_path / "a.tar", *digits))
    for blocks in (chain, crowd):
        assert len(open_source(crafted(tmp_path / "b.tar", *blocks, header(), b"x"))) in (0, 1)
    assert time.process_time() - started < 5


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def test_only_regular_files_inside_the_archive_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, kind, target in (
            ("link.png", tarfile.SYMTYPE, "/etc/passwd"),
            ("hard.png", tarfile.LNKTYPE, "good.png"),
            ("pipe.png", tarfile.FIFOTYPE, ""),
            ("disk.png", tarfile.BLKTYPE, ""),
            ("metadata.csv", tarfile.SYMTYPE, "good.png"),
            ("notes.txt", tarfile.SYMTYPE, "/etc/passwd"),
            ("folder.png", tarfile.DIRTYPE, ""),
        ):
            archive.addfile(special(name, kind, target))
        for name in ("../up.png", "a/../../up.png", "/abs.png", "..\\up.png", "C:\\abs.png", "./.hidden/a.png"):
            archive.addfile(special(name, tarfile.REGTYPE))
        sparse = special("holes.png", tarfile.REGTYPE)
        sparse.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.name": "real.png"}
        archive.addfile(sparse)
        good = special("./sub//./good.png", tarfile.REGTYPE)
        good.size = 4
        archive.addfile(good, io.BytesIO(b"good"))
    with open_source(path) as source:
        problems = {entry.name: entry.problem for entry in source if entry.problem}
        assert problems == {
            **dict.fromkeys(("link.png", "hard.png", "metadata.csv"), "a link; links in archives are not followed"),
            **dict.fromkeys(("pipe.png", "disk.png"), "no regular file"),
            **dict.fromkeys(
                ("../up.png", "a/../../up.png", "/abs.png", "..\\up.png", "C:\\abs.png"),
                "a path that leaves the archive",
            ),
            "real.png": "a file with holes, which cannot be read in place",
        }
        assert source.refused == len(problems)
        assert [source.read(entry) for entry in source if not entry.problem] == [b"good"]
        assert [entry.name for entry in source if not entry.problem] == ["sub/good.png"]
        assert source.others == {}
        assert source.columns.columns == []
        assert len(source.sha256) == 64
        with pytest.raises(BadInputError, match=r"link\.png: a link"):
            source.read_at([entry.name for entry in source].index("link.png"))


def test_old_gnu_files_with_holes_are_passed_over(tmp_path: Path) -> None:
    first = bytearray(header(b"holes.png", b"00000000003\0", b"S"))
    first[482] = 1
    first[148:156] = b" " * 8
    first[148:156] = b"%06o\0 " % sum(first)
    maps = [bytes(504) + b"\1" + bytes(7), bytes(BLOCK)]
    path = crafted(tmp_path / "x.tar", bytes(first), *maps, b"abc", header(b"z.png"), b"z")
    with open_source(path) as source:
        assert [(entry.name, bool(entry.problem)) for entry in source] == [("holes.png", True), ("z.png", False)]
        assert source.read_at(1) == b"z"


def test_what_an_archive_has_twice_is_not_guessed_at(tmp_path: Path) -> None:
    twice = [("a.png", b"1"), ("b.png", b"2"), ("./a.png", b"3")]
    with open_source(write_tar(tmp_path / "x.tar", twice)) as source:
        assert {entry.name for entry in source if entry.problem} == {"a.png"}
        with pytest.raises(BadInputError, match=r"a\.png: in the archive twice"):
            source.read_at(0)
    labels = [("a.png", b""), ("a.cls", b"1"), ("a.CLS", b"2")]
    with open_source(write_tar(tmp_path / "y.tar", labels)) as source, pytest.raises(BadInputError, match="twice"):
        _ = source.labels
    tables = [("a.png", b""), ("metadata.csv", b""), ("metadata.csv", b"")]
    with open_source(write_tar(tmp_path / "z.tar", tables)) as source, pytest.raises(BadInputError, match="twice"):
        _ = source.columns


def test_names_that_are_no_unicode_and_absurd_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARTFP_MAX_FILE_BYTES", "3")
    path = write_tar(
        tmp_path / "x.tar",
        [("\udcff.png", b"ok"), ("\udcff.cls", b"7"), ("long.png", b"long")],
        format=tarfile.GNU_FORMAT,
    )
    with open_source(path) as source:
        assert [(entry.name, entry.label) for entry in source] == [("\\xff.png", 7), ("long.png", None)]
        assert source.read_at(0) == b"ok"
        with pytest.raises(BadInputError, match="over the limit of 3"):
            source.read_at(1)


def test_samples_have_their_label_and_columns_beside_them(tmp_path: Path) -> None:
    described = {"caption": "é", "file_name": "x", "mask_file_name": "m"}
    files = {
        "s/01.png": b"one",
        "s/01.depth.png": b"deep",
        "s/01.CLS": b" 3\n",
        "s/01.json": json.dumps(described).encode(),
        "s/01.txt": "\ufeffa cat".encode(),
        "s/02.jpg": b"two",
        "s/02.cls": b"0",
        "s/02.json": b"[1, 2]",
        "s/03.png": b"three",
        "README.txt": b"hello",
        "s/01.npy": b"array",
    }
    with open_source(write_tar(tmp_path / "x.tar", files.items())) as source:
        assert [(entry.name, entry.label) for entry in source] == [
            ("s/01.depth.png", 3),
            ("s/01.png", 3),
            ("s/02.jpg", 0),
            ("s/03.png", None),
        ]
        assert source.labels.origin == ".cls files"
        row = {
            "caption": "é",
            "file_name_in_source": "x",
            "mask_file_name_in_source": "m",
            "txt": "a cat",
            "json": None,
        }
        assert source.columns.row(0) == source.columns.row(1) == row
        assert source.columns.row(2) == dict.fromkeys(row) | {"json": [1, 2]}
        assert source.others == {".txt": 1, ".npy": 1}


@pytest.mark.parametrize(
    ("labels", "told", "names"),
    [
        ("020", ["cat", "dog", "cow"], ["cat", "dog", "cat"]),
        ("02", ["cat", "cat"], ["0", "2"]),
        ("02", ["cat", None], ["0", "2"]),
        ("02", ["cat", ["dog"]], ["0", "2"]),
        (["0", str(1 << 20)], ["cat", "dog"], ["0", str(1 << 20)]),
    ],
)
def test_classes_are_called_what_the_first_image_of_each_says(
    labels: Sequence[str], told: list[Any], names: list[str], tmp_path: Path
) -> None:
    members = []
    for index, (label, name) in enumerate(zip(labels, told, strict=True)):
        row = json.dumps({"class_name": name}).encode()
        members += [(f"{index}.png", b""), (f"{index}.cls", label.encode()), (f"{index}.json", row)]
    with open_source(write_tar(tmp_path / "x.tar", members)) as source:
        assert [entry.class_name for entry in source] == names


def test_names_of_classes_that_cannot_be_read_are_none(tmp_path: Path) -> None:
    members = [("a.png", b""), ("a.cls", b"7"), ("a.json", b"{")]
    with open_source(write_tar(tmp_path / "x.tar", members)) as source:
        assert (source[0].label, source[0].class_name) == (7, "7")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.cls", b"cat", r"a\.cls holds 'cat'; a label is a whole number from 0"),
        ("a.cls", b"-1", "a whole number"),
        ("a.cls", b"9" * 30, "a whole number"),
        ("a.cls", "٣".encode(), "a whole number"),
        ("a.cls", b"\xff", r"a\.cls is no UTF-8 text"),
        ("a.json", b"{", r"a\.json is no JSON"),
        ("a.json", b"[" * 100_000, r"a\.json is no JSON"),
        ("a.txt", b"\xff", r"a\.txt is no UTF-8 text"),
        ("a.txt", b"long enough", r"a\.txt: 11 bytes, over the limit of 10"),
    ],
)
def test_broken_labels_and_columns_are_bad_input(
    name: str, content: bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARTFP_MAX_FIELD_BYTES", "10" if name == "a.txt" else "1000000")
    path = write_tar(tmp_path / "x.tar", [("a.png", b"x"), (name, content)])
    with open_source(path) as source, pytest.raises(BadInputError, match=message):
        _ = source.labels, source.columns


def test_a_tar_of_a_stylegan_dataset_keeps_its_tables(tmp_path: Path) -> None:
    document = {"labels": [["00000/a.png", 1]], "classes": ["x", "y"]}
    files = [
        ("00000/a.png", b"x"),
        ("00000/a.cls", b"9"),
        ("dataset.json", json.dumps(document).encode()),
        ("metadata.jsonl", b'{"file_name": "00000/a.png", "n": 1}\n'),
    ]
    with open_source(write_tar(tmp_path / "x.tar", files)) as source:
        assert (source[0].label, source[0].class_name, source.labels.origin) == (1, "y", "dataset.json")
        assert source.columns.row(0) == {"n": 1}


def test_a_single_root_folder_is_looked_through_in_every_shard(tmp_path: Path) -> None:
    for number, name in enumerate(("cat", "dog")):
        write_tar(tmp_path / f"s-{number}.tar", [(f"photos/{name}/1.png", b"x")])
    with open_source(tmp_path) as source:
        assert [(entry.name, entry.class_name) for entry in source] == [
            ("s-0.tar/photos/cat/1.png", "cat"),
            ("s-1.tar/photos/dog/1.png", "dog"),
        ]


def test_an_archive_that_changes_is_not_read_at_old_places(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "x.tar", [("a.png", b"one"), ("b.png", b"two")])
    with open_source(path) as source:
        write_tar(path, [("b.png", b"something else"), ("a.png", b"one")])
        with pytest.raises(BadInputError, match=r"a\.png: not readable \(the archive has changed since"):
            source.read_at(0)
        path.unlink()
        with pytest.raises(BadInputError, match=r"a\.png: not readable \(No such file"):
            source.read_at(0)


@pytest.mark.parametrize(("mode", "suffix"), [("w:gz", "tar.gz"), ("w:bz2", "tar"), ("w:xz", "tar.xz")])
def test_compressed_archives_are_refused_with_advice(mode: Any, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.{suffix}"
    with tarfile.open(path, mode) as archive:
        archive.addfile(special("a.png", tarfile.REGTYPE))
    for attempt in (lambda: open_source(path), lambda: list(collect([str(path)]))):
        with pytest.raises(UsageError, match=r"is compressed, so .* decompress it first"):
            attempt()


def test_a_folder_of_images_stays_one_whatever_tars_lie_in_it(tmp_path: Path) -> None:
    write_tar(tmp_path / "backup.tar", [("b.png", b"x")])
    (tmp_path / "a.png").write_bytes(b"a")
    with open_source(tmp_path) as source:
        assert [entry.name for entry in source] == ["a.png"]
        assert (source.kind, source.others) == ("folder", {".tar": 1})


def test_shards_that_a_folder_only_links_to_are_not_followed(tmp_path: Path) -> None:
    write_tar(tmp_path / "elsewhere.tar", [("b.png", b"x")])
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "s-0.tar").symlink_to(tmp_path / "elsewhere.tar")
    with pytest.raises(BadInputError, match=r"s-0\.tar: a link that leaves the folder; give the files themselves"):
        open_source(tmp_path / "data")
    with open_source(tmp_path / "data" / "s-*.tar") as source:
        assert source.read_at(0) == b"x"


def test_patterns_that_are_no_dataset(tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", [("b.png", b"x")])
    (tmp_path / "a.parquet").write_bytes(b"")
    for path in (tmp_path, tmp_path / "a.*"):
        with pytest.raises(UsageError, match="tars and Parquet files together are no dataset"):
            open_source(path)
    with pytest.raises(UsageError, match="no such folder or zip, tar"):
        open_source(tmp_path / "b*.tar")
    os.mkfifo(tmp_path / "pipe.tar")
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        open_source(tmp_path / "pipe.tar")
