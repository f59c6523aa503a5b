"""Files that cannot be used: all of them are named, nothing is written, or they are left out on request."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from artfp.data.writers import Row, Staging
from artfp.embed import BadFilesError, BadImage, EmbedResult, run
from artfp.embed.job import Job
from artfp.errors import Exit

Embed = Callable[..., EmbedResult]


def png() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.arange(64 * 64 * 3, dtype=np.uint8).reshape(64, 64, 3)).save(buffer, "PNG")
    return buffer.getvalue()


def huge_header() -> bytes:
    data = bytearray(png())
    data[16:24] = struct.pack(">II", 60_000, 60_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


def animation() -> bytes:
    buffer = io.BytesIO()
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def tiny() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (15, 64)).save(buffer, "PNG")
    return buffer.getvalue()


BAD = {
    "truncated.png": (lambda: png()[:-900], "not a readable image"),
    "empty.jpg": (lambda: b"", "not a readable image"),
    "text.png": (lambda: b"this is a text", "not a readable image"),
    "anim.gif": (animation, "an animation or multi-page file"),
    "huge.png": (huge_header, "over the limit of 100,000,000"),
    "tiny.png": (tiny, "15 x 64 pixels are too few; 16 x 16 is the least"),
}


@pytest.fixture
def spoiled(photos: Path) -> Path:
    """24 good images, all kinds of bad ones among them."""
    for number, (name, (make, _)) in enumerate(BAD.items()):
        (photos / f"{4 * number:03d}-{name}").write_bytes(make())
    (photos / "zz.png").symlink_to("/etc/hostname")
    return photos


def expected_names() -> list[str]:
    return [f"{4 * number:03d}-{name}" for number, name in enumerate(BAD)] + ["zz.png"]


def test_all_bad_files_are_named_and_nothing_is_written(embed: Embed, spoiled: Path, tmp_path: Path) -> None:
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(BadFilesError, match="7 unusable file") as caught:
        embed(spoiled)
    assert caught.value.exit_code == Exit.BAD_INPUT
    assert [item.name for item in caught.value.bad] == expected_names()
    for item, (_, reason) in zip(caught.value.bad, BAD.values(), strict=False):
        assert reason in item.reason
        assert f"{item.name}: {item.reason}" in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_bad_file_that_only_decoding_finds_ends_the_marking_not_the_search(
    embed: Embed, thumbnails: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, whole = [], run._write

    def write(job: Job, stage: Staging, item: Any) -> Row:
        written.append(item.index)
        return whole(job, stage, item)

    monkeypatch.setattr(run, "_write", write)
    files = sorted(thumbnails.rglob("*.bmp"))
    for index in (70, 199):
        files[index].write_bytes(files[index].read_bytes()[:90])
    with pytest.raises(BadFilesError) as caught:
        embed(thumbnails)
    assert [item.index for item in caught.value.bad] == [70, 199]
    assert set(written) == set(range(128)) - {70}  # to the end of the second group, no further
    assert not (tmp_path / ".marked.artfp-partial").exists()


def test_skipping_leaves_gaps_and_tells(embed: Embed, spoiled: Path, tmp_path: Path) -> None:
    result = embed(spoiled, skip_bad=True)
    names = expected_names()
    all_names = sorted(path.name for path in spoiled.iterdir())
    gaps = [all_names.index(name) for name in names]
    assert [(item.index, item.name) for item in result.bad] == list(zip(gaps, names, strict=True))
    written = {int(path.stem[3:]) for path in (tmp_path / "marked").rglob("*.png")}
    assert written == set(range(len(all_names))) - set(gaps)
    assert (result.totals.images, result.totals.marked) == (24, 24)
    manifest = json.loads((tmp_path / "marked" / "artfp-manifest.json").read_text())
    assert [BadImage.from_dict(item) for item in manifest["bad"]] == list(result.bad)
    rows = (tmp_path / "marked" / "metadata.jsonl").read_text().splitlines()
    assert len(rows) == 24


def test_bad_members_of_a_zip_are_treated_alike(embed: Embed, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "source.zip", "w") as archive:
        archive.writestr("a.png", png())
        archive.writestr("../b.png", png())
        archive.writestr("c.png", b"text")
    with pytest.raises(BadFilesError) as caught:
        embed(tmp_path / "source.zip")
    assert [item.name for item in caught.value.bad] == ["../b.png", "c.png"]
    assert embed(tmp_path / "source.zip", skip_bad=True).totals.images == 1


def test_nothing_but_bad_files_makes_no_dataset(embed: Embed, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.png").write_bytes(b"")
    with pytest.raises(BadFilesError):
        embed(tmp_path / "src", skip_bad=True)
    assert not [path for path in tmp_path.iterdir() if "marked" in path.name]


def test_a_repaired_source_can_be_marked_under_the_same_name(embed: Embed, spoiled: Path) -> None:
    with pytest.raises(BadFilesError):
        embed(spoiled)
    for name in expected_names():
        (spoiled / name).unlink()
    assert embed(spoiled).totals.images == 24


def test_names_cannot_write_to_the_terminal() -> None:
    error = BadFilesError((BadImage(0, "a\x1b[2J\nb.png", "bad"),))
    assert r"a\x1b[2J\nb.png: bad" in str(error)


def test_a_long_list_is_cut_in_the_message_only() -> None:
    error = BadFilesError(tuple(BadImage(index, f"{index}.png", "bad") for index in range(1500)))
    assert len(error.bad) == 1500
    assert str(error).endswith("... and 500 more")
