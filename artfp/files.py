"""Files that appear whole or not at all, and their hashes."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import IO, Any

from artfp.errors import BadInputError, UsageError

LONE = "backslashreplace"  # for half characters, which a stranger's JSON can spell: in our JSON this spells them, too
PLAIN_LIST = re.compile(r'\[\n\s+([^\[\]{}"]+)\n\s+\]')  # in JSON, whose strings hold no newline as such


@contextmanager
def atomic_open(path: Path, *, mode: int = 0o666, durable: bool = True) -> Iterator[IO[bytes]]:
    """Write to a temporary name beside `path`; rename on success, remove on any failure.

    `mode` is what the file is open to at most: the user's umask closes it further. `durable` waits for the disk, so
    that a marker written afterwards never outlives its data.
    """
    stage = path.with_name(f".{path.name}.{token_hex(4)}.tmp")
    handle = os.open(stage, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        stage.replace(path)
    except BaseException:
        stage.unlink(missing_ok=True)
        raise


def check_new(folder: Path) -> None:
    """Refuse to write where something is, and where nothing can be."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder}: exists; choose a new folder")
    nearest = next(parent for parent in folder.absolute().parents if parent.exists())
    if not (nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)):
        raise UsageError(f"{folder}: nothing can be written there: {nearest} is no folder of yours")


def check_new_file(path: Path) -> None:
    """Refuse to write where something is, and where there is no folder."""
    if path.exists():
        raise UsageError(f"{path}: exists already; it is not overwritten")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent}: no such folder")


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder to fill, which appears as `folder` at the end, whole, or not at all."""
    check_new(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    stage = folder.with_name(f".{folder.name}.new-{token_hex(4)}")
    stage.mkdir()
    try:
        yield stage
        _appear(stage, folder)
    except BaseException:
        shutil.rmtree(stage, ignore_errors=True)
        raise


def _appear(stage: Path, folder: Path) -> None:
    try:
        stage.rename(folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise
        raise UsageError(f"{folder}: appeared meanwhile; choose a new folder") from error


@contextmanager
def working_alone(folder: Path, parts: Sequence[str] = ("samples",)) -> Iterator[None]:
    """Lock a folder of our own against a second process, and clear what a killed one left half-written.

    `parts` are the folders in it that are looked through too, with wildcards for names that are not known.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        _lock(handle, folder)
        for place in ("", *(f"{part}/" for part in parts)):
            for leftover in folder.glob(f"{place}.*.tmp"):
                leftover.unlink()
        yield
    finally:
        os.close(handle)


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """`working_alone` in a folder that is made where there is none, and goes again if nothing came to lie in it."""
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with working_alone(folder):
            yield
    except BaseException:
        if is_new:
            with suppress(OSError):  # of a folder in which there is something by now
                folder.rmdir()
        raise


def _lock(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UsageError(f"{folder}: another process is at work here") from error
    except OSError:
        return  # a file system without locks


def is_file(path: Path) -> bool:
    """Whether there is such a file; of what a stranger wrote that cannot even be a path, there is none."""
    return os.path.isfile(path)  # noqa: PTH113 - Path's own raises for names that are too long


def write_text(path: Path, text: str, *, mode: int = 0o666) -> None:
    """Write a whole text file atomically."""
    with atomic_open(path, mode=mode) as stream:
        stream.write(text.encode("utf-8", LONE))


def write_json(path: Path, value: Any, *, mode: int = 0o666) -> None:
    """Write JSON atomically: readable, key order kept, one newline at the end."""
    write_text(path, json_text(value) + "\n", mode=mode)


def write_first(path: Path, value: Any) -> None:
    """Write JSON atomically unless there is a file already: of several processes at once the first is heard."""
    draft = path.with_name(f".{path.name}.{token_hex(4)}.draft")
    write_json(draft, value)
    try:
        os.link(draft, path)  # a rename would replace what is there
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        write_json(path, value)
    finally:
        draft.unlink(missing_ok=True)


def json_text(value: Any) -> str:
    """JSON that people can read: a line for each value, but one for a whole list of numbers.

    Audits compare sealed documents with it to the byte, those of earlier versions too: its form has to stay.
    """
    spread = json.dumps(value, indent=2, ensure_ascii=False)
    return PLAIN_LIST.sub(lambda found: f"[{' '.join(found[1].split())}]", spread)


def read_json(path: Path) -> Any:
    """Read JSON, or say which file is unreadable and why."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise BadInputError(f"{path}: not readable as JSON ({error})") from error


def sha256_bytes(data: bytes | memoryview) -> str:
    """The hexadecimal SHA-256 of the data."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """The hexadecimal SHA-256 of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
