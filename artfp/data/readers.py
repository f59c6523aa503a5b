"""Opening whatever a user names as images: folders, archives, tables, lists, shards of a dataset, single files.

    a folder     its images, at any depth; without any, its shards      `data/*.tar`   a pattern: the shards it matches
    .zip, .tar   `archives.py`     .parquet   `parquet.py`              .txt, .lst     `lists.py`
    hf://...     a dataset of the Hugging Face hub: `hub.py`

The order is that of the names as strings; of lists and Parquet files their own. Hidden files and `__MACOSX` do not
exist; other files are counted by suffix.
"""

from __future__ import annotations

import functools
import glob
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from artfp.data.archives import TarSource, ZipSource
from artfp.data.hub import HubSource, is_on_hub
from artfp.data.listing import SHARDS, Listing, unicode_name, walk_folder
from artfp.data.lists import LISTS, ListSource
from artfp.data.parquet import ParquetSource
from artfp.data.source import Entry, Source, naming
from artfp.data.zips import is_zip
from artfp.errors import BadInputError, UsageError
from artfp.images import EXTENSIONS
from artfp.limits import FILE_BYTES

__all__ = ["Entry", "FolderSource", "Source", "collect", "is_there", "open_source"]

MISSING = "no such folder or zip, tar, Parquet file, list of paths, or pattern of such files (nor hf://OWNER/NAME)"
PACKED = frozenset({".zip", *SHARDS})
SHRUNK = frozenset({".gz", ".tgz", ".bz2", ".xz", ".zst"})
COMPRESSED = {
    b"\x1f\x8b": "gunzip",
    b"BZh": "bunzip2",
    b"\xfd7zXZ\0": "unxz",
    b"\x28\xb5\x2f\xfd": "unzstd",
}


class FolderSource(Source):
    """A folder and everything below it."""

    kind = "folder"

    def _list(self) -> Listing:
        with naming(self.path, self.kind):
            found = walk_folder(self.path)
        self.shards = found.shards
        return found

    def _fetch(self, handle: Any) -> bytes:
        return (self.path / str(handle)).read_bytes()

    def _open_table(self, name: str) -> IO[bytes]:
        return (self.path / name).open("rb")


class _Sharded(Protocol):
    """A kind of source that may lie in several files."""

    def __call__(self, path: Path, shards: Mapping[str, Path] | None = None) -> Source: ...


SHARDED: Mapping[str, _Sharded] = {".tar": TarSource, ".parquet": ParquetSource}


def open_source(path: Path) -> Source:
    """The dataset at a path, in the shards that a pattern matches, or of the hub."""
    if is_on_hub(path):
        return HubSource(path)
    if path.is_dir():
        return _open_folder(path)
    if path.is_file():
        return _open_file(path)
    if path.exists():
        raise UsageError(f"{path}: neither a file nor a folder")
    if shards := _matching(path):
        return _open_shards(path, shards)
    raise UsageError(f"{path}: {MISSING}")


def is_there(path: Path) -> bool:
    """Whether a path, or what it matches as a pattern, exists; what is on the hub shows when it is opened."""
    return is_on_hub(path) or path.exists() or bool(_matching(path))


def shards_at(path: Path) -> dict[str, Path]:
    """The shards that a path names itself, or matches as a pattern, by the names that they have as one dataset."""
    if path.is_file():
        return {path.name: path} if path.suffix.lower() in SHARDS else {}
    return {} if path.exists() else _matching(path)


def _open_folder(path: Path) -> Source:
    source = FolderSource(path)
    if len(source) or not source.shards:
        return source
    for name, why in source.shards.items():
        if why:
            raise BadInputError(f"{path / name}: {why}; give the files themselves, as a pattern")
    return _open_shards(path, {name: path / name for name in sorted(source.shards)})


def _open_file(path: Path) -> Source:
    suffix = path.suffix.lower()
    _refuse_compressed(path)
    if suffix in SHARDED:
        return SHARDED[suffix](path)
    if suffix == ".zip" or is_zip(path):
        return ZipSource(path)
    if suffix in LISTS:
        return ListSource(path)
    raise UsageError(f"{path}: neither a folder nor a zip, tar, Parquet file (.parquet) or list of paths (.txt, .lst)")


def _refuse_compressed(path: Path) -> None:
    try:
        with path.open("rb") as stream:
            start = stream.read(8)
    except OSError as error:
        raise BadInputError(f"{path}: not readable ({error.strerror})") from error
    for magic, command in COMPRESSED.items():
        if start.startswith(magic):
            raise UsageError(
                f"{path}: is compressed, so no image in it can be reached without all before it; decompress it first "
                f"({command}). Images hardly shrink anyway"
            )


def _matching(pattern: Path) -> dict[str, Path]:
    """The shards that a pattern matches, by their names below the folder that they have in common."""
    matches = (Path(name) for name in glob.glob(str(pattern), recursive=True))  # noqa: PTH207 - it may be absolute
    found = sorted(path for path in matches if path.suffix.lower() in SHARDS and path.is_file())
    root = os.path.commonpath([path.parent for path in found]) if found else ""
    return {path.relative_to(root).as_posix(): path for path in found}


def _open_shards(path: Path, shards: Mapping[str, Path]) -> Source:
    kinds = {shard.suffix.lower() for shard in shards.values()}
    if len(kinds) > 1:
        raise UsageError(f"{path}: tars and Parquet files together are no dataset; give one kind, as a pattern")
    return SHARDED[kinds.pop()](path, shards)


def collect(paths: Sequence[str]) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Every image under files, folders, archives, tables, lists and patterns: its name and a function that reads it."""
    for text in paths:
        if is_on_hub(Path(text)) or os.path.lexists(text):
            yield from _images_at(Path(text))
            continue
        matches = [Path(name) for name in sorted(glob.glob(text, recursive=True))]  # noqa: PTH207 - the pattern may be absolute
        files = [path for path in matches if path.is_file() and path.suffix.lower() in {*EXTENSIONS, *PACKED}]
        usable = files or [path for path in matches if path.is_dir()]  # `**` matches the files' own folders too
        if not usable:
            raise UsageError(f"{text}: no such file or folder, and no pattern that matches an image")
        for path in usable:
            yield from _images_at(path)


def _images_at(path: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    if not (is_on_hub(path) or path.is_dir() or path.suffix.lower() in PACKED | LISTS | SHRUNK):
        yield unicode_name(str(path)), functools.partial(_read_file, path)
        return
    source = open_source(path)
    for index in range(len(source)):
        yield source.place(index), functools.partial(source.read_at, index)


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(FILE_BYTES.value + 1)  # a pipe or a device does not say how much there is
    except OSError as error:
        raise BadInputError(f"{path}: not readable ({error.strerror})") from error
    if len(data) > FILE_BYTES.value:
        raise BadInputError(f"{path}: {len(data):,} bytes or more, {FILE_BYTES.words}")
    return data
