"""Walking a folder or a zip: every file becomes an image, a table, one of the rest, or something refused by name."""

from __future__ import annotations

import os
import re
import zipfile
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any

from artfp.data import metadata
from artfp.errors import BadInputError
from artfp.images import EXTENSIONS

LABEL_FILE = "dataset.json"
MAX_FILE_BYTES = 1 << 29  # the largest legitimate image: 100 megapixels of uncompressed RGBA, and some


class Listing:
    """What a walk over a source finds."""

    def __init__(self) -> None:
        self.images: list[tuple[str, str, Any]] = []  # name, stamp of the content, how to fetch it
        self.problems: dict[str, str] = {}
        self.tables: list[str] = []
        self.others: Counter[str] = Counter()

    def add(self, name: str, size: int, handle: Any, stamp: str = "") -> None:
        """Sort one file into images, tables and the rest."""
        base = name.rpartition("/")[2]
        suffix = PurePosixPath(base).suffix.lower()
        if suffix in EXTENSIONS:
            self.images.append((name, f"{size}{stamp}", handle))
            if size > MAX_FILE_BYTES:
                self.problems[name] = f"{size:,} bytes, over the limit of {MAX_FILE_BYTES:,}"
        elif name == LABEL_FILE or base in metadata.NAMES:
            self.tables.append(name)
        else:
            self.others[suffix or "no suffix"] += 1

    def refuse(self, name: str, why: str) -> None:
        """List something that is not to be read."""
        self.images.append((name, why, name))
        self.problems[name] = why


def walk_folder(path: Path) -> Listing:
    """Everything below a folder; links to folders are refused, links to files followed while they stay inside."""
    found = Listing()
    root = os.path.realpath(path)
    folders = [""]
    while folders:
        prefix = folders.pop()
        try:
            with os.scandir(path / prefix) as items:
                folders.extend(name for item in items if (name := _sort_in(found, item, prefix, root)))
        except OSError as error:
            raise BadInputError(f"{path / prefix}: cannot be listed ({error.strerror})") from error
    return found


def _sort_in(found: Listing, item: os.DirEntry[str], prefix: str, root: str) -> str | None:
    """Take note of one directory entry; return its name if it is a folder to look into."""
    if _is_hidden(item.name):
        return None
    name = f"{prefix}/{item.name}" if prefix else item.name
    if item.is_dir(follow_symlinks=False):
        return name
    if item.is_symlink():
        if item.is_dir():
            found.refuse(name, "a link to a folder; such links are not followed")
            return None
        if why := _link_problem(item.path, root):
            if _matters(item.name):
                found.refuse(name, why)
            return None
    if item.is_file():
        found.add(name, item.stat().st_size, name)
    return None


def _link_problem(path: str, root: str) -> str | None:
    target = os.path.realpath(path)
    if os.path.commonpath([root, target]) != root:
        return "a link that leaves the folder"
    return None if Path(target).is_file() else "a link to nothing"


def _matters(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in EXTENSIONS or name == LABEL_FILE or name in metadata.NAMES


def walk_zip(archive: zipfile.ZipFile) -> Listing:
    """Every member of an archive."""
    found = Listing()
    for info in archive.infolist():
        name = info.filename.replace("\\", "/")
        if info.is_dir():
            continue
        if name.startswith("/") or ".." in name.split("/") or re.match(r"[A-Za-z]:", name):
            found.refuse(name, "a path that leaves the archive")
        elif not any(map(_is_hidden, name.split("/"))):
            found.add(name, info.file_size, info, f" {info.CRC:08x}")
    return found


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"
