"""Walking a folder or a zip: every file becomes an image, a table, one of the rest, or something refused by name."""

from __future__ import annotations

import heapq
import os
import re
import stat
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import Any, Self

from artfp.data import metadata
from artfp.data.texts import Texts
from artfp.errors import BadInputError
from artfp.images import EXTENSIONS
from artfp.limits import ENTRIES, FILE_BYTES, TABLE_BYTES

LABEL_FILE = "dataset.json"
RUN = 1 << 16  # names that are put in order at once
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # bzip2 and LZMA take a gigabyte for what 4 KB say
OTHER_PACKING = "packed in another way than deflate; make the zip again"
SHARDS = frozenset({".tar", ".parquet"})  # files that are datasets, or parts of one, themselves


Found = tuple[str, str, Any]  # an image: its name, a stamp of the content, how to fetch it


class Listing:
    """What a walk over a source finds."""

    def __init__(self) -> None:
        self.images: list[Found] | Packed = []
        self.problems: dict[str, str] = {}
        self.tables: list[str] = []
        self.shards: dict[str, str] = {}  # and why one must not be read
        self.others: Counter[str] = Counter()
        self._most, self._largest = ENTRIES.value, FILE_BYTES.value  # asked for once: there may be millions

    def add(self, name: str, size: int, handle: Any, stamp: str = "") -> None:
        """Sort one file into images, tables and the rest."""
        base = name.rpartition("/")[2]
        suffix = PurePosixPath(base).suffix.lower()
        if suffix in EXTENSIONS:
            self.note(name, f"{size}{stamp}", handle)
            if size > self._largest:
                self.problems[name] = f"{size:,} bytes, {FILE_BYTES.words}"
        elif is_table(name):
            self.tables.append(name)
        else:
            self.others[suffix or "no suffix"] += 1
            if suffix in SHARDS:
                self.shards[name] = ""

    def refuse(self, name: str, why: str) -> None:
        """List something that is not to be read."""
        self.note(name, why, name)
        self.problems[name] = why

    def note(self, name: str, stamp: str, handle: Any) -> None:
        """List an image."""
        self.images.append((name, stamp, handle))
        self.limit(0)

    def limit(self, left: int) -> None:
        """Refuse more images, and what may be some, than there may be."""
        if (count := len(self.images) + left) > self._most:
            raise ValueError(f"{count:,} images is {ENTRIES.words}")

    def refuse_twins(self) -> None:
        """Of two images of an archive with one name, nobody can say which is meant; after they were put in order."""
        twins = {a for (a, _, _), (b, _, _) in pairwise(self.images) if a == b}
        self.problems |= dict.fromkeys(twins, "in the archive twice")

    def by_name(self) -> Self:
        """The same with its images in the order of their names as strings."""
        self.images = sorted(self.images, key=itemgetter(0))
        return self

    @property
    def names(self) -> Sequence[str]:
        """What each image is called."""
        if isinstance(self.images, Packed) and self.images.all_unicode:
            return self.images.names
        return Texts(unicode_name(name) for name, _, _ in self.images)

    @property
    def handles(self) -> Sequence[Any]:
        """How to fetch each image."""
        return self.images.names if isinstance(self.images, Packed) else [handle for _, _, handle in self.images]


class Packed:
    """Images that are fetched by their names, in little memory."""

    def __init__(self) -> None:
        self.names, self._stamps = Texts(), Texts()
        self.all_unicode = True

    def append(self, found: Found) -> None:
        """One more."""
        name, stamp, _ = found
        self.names.append(name)
        self.all_unicode &= unicode_name(name) == name
        self._stamps.append(stamp)

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Found]:
        for name, stamp in zip(self.names, self._stamps, strict=True):
            yield name, stamp, name


def is_table(name: str) -> bool:
    """Whether a file holds labels or columns of others."""
    return name == LABEL_FILE or name.rpartition("/")[2] in metadata.NAMES


def check_table(path: Path, name: str, size: int) -> None:
    """Refuse a table of an archive that would fill the memory."""
    if size > TABLE_BYTES.value:
        raise BadInputError(f"{path}: {name}: {size:,} bytes, {TABLE_BYTES.words}")


def matters(name: str) -> bool:
    """Whether a file that must not be read would be missed."""
    return PurePosixPath(name).suffix.lower() in EXTENSIONS or is_table(name)


def is_hidden(name: str) -> bool:
    """Whether files and folders of this name do not exist for us."""
    return name.startswith(".") or name == "__MACOSX"


def inside(member: str) -> bool:
    """Whether the path of an archive's member stays in the archive."""
    name = member.replace("\\", "/")
    return not (name.startswith("/") or ".." in name.split("/") or re.match(r"[A-Za-z]:", name))


def unicode_name(name: str) -> str:
    """A file name that is no UTF-8, as text that is."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def walk_folder(path: Path) -> Listing:
    """Everything below a folder, in the order of the names as strings.

    Links to folders are refused, links to files followed while they stay inside.
    """
    found = Listing()
    found.images = Packed()
    root = os.path.realpath(path)
    open_folders = [_in_order(_inside(path, "", found))]
    while open_folders:
        name = next(open_folders[-1], None)
        if name is None:
            open_folders.pop()
        elif name.endswith("/"):
            open_folders.append(_in_order(_inside(path, name, found)))
        else:
            _sort_in(found, path, name, root)
    return found


def _inside(path: Path, folder: str, found: Listing) -> Iterator[str]:
    """What is in a folder, told with all folders before it; folders have a slash behind them."""
    try:
        with os.scandir(path / folder) as items:
            for count, item in enumerate((item for item in items if not is_hidden(item.name)), start=1):
                found.limit(count)
                yield f"{folder}{item.name}" + "/" * item.is_dir(follow_symlinks=False)
    except OSError as error:
        raise BadInputError(f"{path / folder}: cannot be listed ({error.strerror})") from error


def _in_order(names: Iterator[str]) -> Iterator[str]:
    """Names in their order. Of a million in one folder only some are in memory, the others compressed."""
    runs: list[Iterable[str]] = []
    while run := sorted(islice(names, RUN)):
        runs.append(Texts(run) if len(run) == RUN else run)
    return heapq.merge(*runs)


def _sort_in(found: Listing, path: Path, name: str, root: str) -> None:
    """Take note of one directory entry that is no folder."""
    place = f"{path}/{name}"
    told = os.lstat(place)
    if stat.S_ISLNK(told.st_mode):
        if os.path.isdir(place):  # noqa: PTH112 - asked otherwise, links that go round raise
            found.refuse(name, "a link to a folder; such links are not followed")
            return
        if why := _link_problem(place, root):
            if matters(name):
                found.refuse(name, why)
            elif PurePosixPath(name).suffix.lower() in SHARDS:
                found.shards[name] = why
            return
        told = os.stat(place)  # noqa: PTH116 - as text
    if stat.S_ISREG(told.st_mode):
        found.add(name, told.st_size, name)


def _link_problem(path: str, root: str) -> str | None:
    target = os.path.realpath(path)
    if os.path.commonpath([root, target]) != root:
        return "a link that leaves the folder"
    return None if Path(target).is_file() else "a link to nothing"


def member_name(info: zipfile.ZipInfo) -> str:
    """What a member of a zip is called; some programs write the backslashes of their system."""
    return info.filename.replace("\\", "/")


def walk_zip(archive: zipfile.ZipFile) -> Listing:
    """Every member of an archive."""
    found = Listing()
    for info in archive.infolist():
        name = member_name(info)
        if info.is_dir():
            continue
        if not inside(name):
            found.refuse(name, "a path that leaves the archive")
        elif any(map(is_hidden, name.split("/"))):
            continue
        elif matters(name) and not is_table(name) and info.compress_type not in PACKINGS:
            found.refuse(name, OTHER_PACKING)
        else:
            found.add(name, info.file_size, info, f" {info.CRC:08x}")
    return found
