"""Zips, tars, Parquet files, lists and folders that are not what they say."""

from __future__ import annotations

import os
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kinds import Sample, write_parquet, write_tar

from .images import good

Build = Callable[[Path], None]
ZEROS = bytes(1 << 20)


def zipped(*members: tuple[str, bytes], **options: Any) -> Build:
    """A builder of `in.zip`."""

    def build(world: Path) -> None:
        with warnings.catch_warnings(), zipfile.ZipFile(world / "in.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            warnings.simplefilter("ignore")  # of names that are there twice
            for name, data in members:
                archive.writestr(name, data, **options)

    return build


def nameless_zip(world: Path) -> None:
    """A member whose name is nothing in the archive's directory."""
    with zipfile.ZipFile(world / "in.zip", "w") as archive:
        archive.writestr("a.png", good())
        archive.filelist[0].filename = ""


def lying_zip(world: Path, name: str = "a.png", beside: tuple[str, bytes] | None = None) -> None:
    """A member that says 1,000 bytes, and unpacks to 128 MB."""
    with zipfile.ZipFile(world / "in.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open(name, "w") as member:
            for _ in range(128):
                member.write(ZEROS)
        if beside:
            archive.writestr(*beside)
    _patch(world / "in.zip", b"PK\x01\x02", 24, 1000)


def large_zip(world: Path) -> None:
    """A member that says 4 GB."""
    zipped(("a.png", good()))(world)
    _patch(world / "in.zip", b"PK\x01\x02", 24, 0xFFFFFFF0)


def encrypted_zip(world: Path) -> None:
    """A member whose flag says that it is encrypted."""
    zipped(("a.png", good()))(world)
    _patch(world / "in.zip", b"PK\x03\x04", 4, 1 << 16 | 20)
    _patch(world / "in.zip", b"PK\x01\x02", 6, 1 << 16 | 20)


def _patch(path: Path, mark: bytes, offset: int, number: int) -> None:
    """Another number of four bytes, so far behind the first of these marks."""
    data = bytearray(path.read_bytes())
    at = data.index(mark) + offset
    data[at : at + 4] = struct.pack("<I", number)
    path.write_bytes(data)


def cut_zip(world: Path) -> None:
    """Without its directory, which is at the end."""
    zipped(("a.png", good()))(world)
    os.truncate(world / "in.zip", 3000)


def linked_zip(world: Path) -> None:
    """A member that a program which extracts would make a link of."""
    info = zipfile.ZipInfo("a.png")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(world / "in.zip", "w") as archive:
        archive.writestr(info, "../outside/secret.png")


def tar(*members: tuple[str, bytes]) -> Build:
    """A builder of `in.tar`."""
    return lambda world: _unused(write_tar(world / "in.tar", members))


def odd_tar(*types: bytes) -> Build:
    """A tar with members of these types: links, devices, pipes."""

    def build(world: Path) -> None:
        with tarfile.open(world / "in.tar", "w") as archive:
            for number, kind in enumerate(types):
                info = tarfile.TarInfo(f"{number}.png")
                info.type, info.linkname = kind, "../outside/secret.png"
                archive.addfile(info)

    return build


def large_tar(world: Path) -> None:
    """A header that says 8 GB."""
    info = tarfile.TarInfo("a.png")
    info.size = 8 << 30
    (world / "in.tar").write_bytes(info.tobuf() + good() + bytes(1024))


def cut_tar(world: Path) -> None:
    """Without its end."""
    tar(("a.png", good()))(world)
    os.truncate(world / "in.tar", 2048)


def parquet(cut: int | None = None) -> Build:
    """A builder of `in.parquet`, of which so many bytes are left."""

    def build(world: Path) -> None:
        write_parquet(world / "in.parquet", [Sample("a.png", good(), 0, "x")])
        if cut is not None:
            os.truncate(world / "in.parquet", cut)

    return build


def listed(*paths: bytes) -> Build:
    """A builder of a list of paths."""
    return lambda world: _unused((world / "in.txt").write_bytes(b"\n".join(paths)))


def linked(name: str, target: str) -> Build:
    """A builder of a link beside a good image."""

    def build(world: Path) -> None:
        folder = world / "in"
        folder.mkdir()
        (folder / "good.png").write_bytes(good())
        (folder / name).symlink_to(target)

    return build


def folder(*names: bytes) -> Build:
    """A builder of images of these names."""

    def build(world: Path) -> None:
        for name in names:
            path = world / "in" / os.fsdecode(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(good())

    return build


def beside(table: str, content: bytes) -> Build:
    """A builder of a folder with an image and a table."""

    def build(world: Path) -> None:
        folder(b"a.png")(world)
        (world / "in" / table).write_bytes(content)

    return build


def pipe(world: Path) -> None:
    """An image that nobody will ever write."""
    folder(b"a.png")(world)
    os.mkfifo(world / "in" / "pipe.png")


def _unused(_: object) -> None:
    """Builders return nothing."""
