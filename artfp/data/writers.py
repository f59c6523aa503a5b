"""Writing a dataset so that it appears under its final name whole or not at all, and resumes after any death.

    .NAME.artfp-partial/  lock  settings.json  journal.jsonl  dataset/00000/img00000000.png ...

Everything is staged in that hidden sibling of the target. One journal line for each finished group of images, in
order; a torn last line does not count, and neither does a group whose files are not all there in their size. The
last step renames `dataset/` (or the zip packed from it) onto the target.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from artfp.errors import ArtfpError, UsageError
from artfp.files import read_json, sha256_bytes, write_json
from artfp.images import LoadedImage, encode_png

SETTINGS = "settings.json"
PER_FOLDER = 1000  # as the StyleGAN dataset tool does
ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the zip format's epoch: the same images give the same archive
FULL = {errno.ENOSPC, errno.EDQUOT}
NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP}


class Row(NamedTuple):
    """One image written: its index in the source, and the file."""

    image: int
    sha256: str
    bytes: int
    width: int
    height: int
    alpha: bool


class Refusal(NamedTuple):
    """One image of the source that could not be used: its index, and why."""

    image: int
    reason: str


class Group(NamedTuple):
    """One line of the journal."""

    number: int
    rows: list[Row]
    bad: list[Refusal]


def image_name(index: int) -> str:
    """Where image `index` of a source lies in a dataset."""
    return f"{index // PER_FOLDER:05d}/img{index:08d}.png"


def staging_path(target: Path) -> Path:
    """The hidden sibling of a target that its parts are staged in."""
    return target.parent / f".{target.name}.artfp-partial"


@contextmanager
def staging(target: Path, settings: Mapping[str, Any]) -> Iterator[Staging]:
    """The staging folder of a target, locked, new or left by an earlier run of the same settings."""
    root = staging_path(target)
    with disk_errors(target):
        lock = _lock(root, target)
        try:
            _agree(root, settings)
            yield Staging(root, target)
        finally:
            os.close(lock)


def staged_groups(target: Path, settings: Mapping[str, Any]) -> int:
    """How many groups an earlier run of the same settings has left; changes nothing."""
    root = staging_path(target)
    if not (root / SETTINGS).exists():
        return 0
    _agree(root, settings)
    journal = root / "journal.jsonl"
    if not journal.exists():
        return 0
    with journal.open("rb") as lines:
        return sum(line.endswith(b"\n") for line in lines)


def clear_leftovers(target: Path, settings: Mapping[str, Any]) -> None:
    """Remove the staging folder of a run that died after its last step."""
    if staging_path(target).exists():
        with suppress(UsageError), staging(target, settings) as stage:
            stage.discard()


@contextmanager
def disk_errors(target: Path) -> Iterator[None]:
    """Say what a full disk means and that the work so far is kept."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        message = f"{target}: the disk is full; what is done is kept: free some space and run the same command again"
        raise ArtfpError(message) from error


class Staging:
    """A dataset in the making; use through `staging`."""

    def __init__(self, root: Path, target: Path) -> None:
        self.root, self.target, self.dataset = root, target, root / "dataset"
        self._journal = root / "journal.jsonl"
        self.dataset.mkdir(exist_ok=True)
        self._journal.touch()

    def resume(self, group_size: int) -> int:
        """How many groups are finished; whatever lies beyond them is removed."""
        intact = finished = 0
        with self._journal.open("rb") as lines:
            for line in lines:
                if not self._is_intact(line, finished):
                    break
                intact, finished = intact + len(line), finished + 1
        os.truncate(self._journal, intact)
        self._remove_from(finished * group_size)
        return finished

    def write(self, index: int, image: LoadedImage) -> Row:
        """Write one image; safe from several threads."""
        data = encode_png(image)
        path = self.dataset / image_name(index)
        try:
            path.write_bytes(data)
        except FileNotFoundError:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        height, width = image.size
        return Row(index, sha256_bytes(data), len(data), width, height, image.alpha is not None)

    def record(self, group: Group) -> None:
        """Note that a group is finished."""
        with self._journal.open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(group) + "\n")

    def groups(self) -> Iterator[Group]:
        """The finished groups in order."""
        with self._journal.open("rb") as lines:
            yield from map(_parse, lines)

    def rows(self) -> Iterator[Row]:
        """The images written, in order."""
        for group in self.groups():
            yield from group.rows

    def publish(self, tables: Sequence[str]) -> None:
        """Put the dataset under its final name: images, then these further files."""
        ready = self.dataset
        if is_zip(self.target):
            ready = self.root / "packed.zip"
            self._pack(ready, tables)
        os.sync()  # no name may become final before what it stands for is on the disk
        if os.path.lexists(self.target):
            raise UsageError(f"{self.target}: appeared meanwhile; nothing is overwritten")
        ready.rename(self.target)
        self.discard()

    def discard(self) -> None:
        """Remove the staging folder; its settings last, so that a killed removal is known as ours and repeated."""
        for path in sorted(self.root.iterdir(), key=lambda found: found.name == SETTINGS):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        self.root.rmdir()

    def _pack(self, path: Path, tables: Sequence[str]) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for row in self.rows():
                name = image_name(row.image)
                archive.writestr(_member(name), (self.dataset / name).read_bytes())
            for name in sorted(tables):
                info = _member(name)
                info.file_size = (self.dataset / name).stat().st_size
                with (self.dataset / name).open("rb") as source, archive.open(info, "w") as member:
                    shutil.copyfileobj(source, member)

    def _is_intact(self, line: bytes, number: int) -> bool:
        try:
            group = _parse(line)
            sizes = [(self.dataset / image_name(row.image)).stat().st_size for row in group.rows]
        except (ValueError, TypeError, OSError):
            return False
        return line.endswith(b"\n") and group.number == number and sizes == [row.bytes for row in group.rows]

    def _remove_from(self, index: int) -> None:
        """A group that died half-way may have left images that its second attempt does not write."""
        for folder in self.dataset.glob("[0-9]*"):
            if int(folder.name) >= index // PER_FOLDER:
                for path in folder.iterdir():
                    if f"{folder.name}/{path.name}" >= image_name(index):
                        path.unlink()


def is_zip(target: Path) -> bool:
    """Whether a target is to become a zip."""
    return target.suffix.lower() == ".zip"


def _parse(line: bytes) -> Group:
    number, rows, bad = json.loads(line)
    return Group(number, [Row(*row) for row in rows], [Refusal(*item) for item in bad])


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, ZIP_TIME)
    info.create_system, info.external_attr = 3, 0o644 << 16
    return info


def _lock(root: Path, target: Path) -> int:
    while True:
        try:
            root.mkdir(exist_ok=True)
            lock = os.open(root / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        except FileNotFoundError:  # another run has just finished and removed it
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still(root / "lock", lock):
                return lock
            os.close(lock)
        except BlockingIOError as error:
            os.close(lock)
            raise UsageError(f"{target}: another artfp is writing it; wait for it or stop it") from error
        except OSError as error:
            if error.errno in NO_LOCKS:  # some network file systems have none; better unlocked than unusable
                return lock
            os.close(lock)
            raise


def _is_still(path: Path, handle: int) -> bool:
    """Whether a path still names the open file, or another run has removed it since."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _agree(root: Path, settings: Mapping[str, Any]) -> None:
    """A staging folder serves one set of settings; say what differs otherwise."""
    path = root / SETTINGS
    if path.exists():
        changes = differences(read_json(path), settings)
        if changes:
            raise UsageError(
                f"{root}: holds an unfinished run with other settings ({'; '.join(changes)}). "
                "Run that one again to finish it, or delete the folder to start over"
            )
    elif (root / "journal.jsonl").exists() or (root / "dataset").exists():
        raise UsageError(f"{root}: not a staging folder of artfp; move it away")
    else:
        write_json(path, settings)


def differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """What two sets of settings disagree on, in words."""
    names = [*here, *(name for name in there if name not in here)]
    return [
        f"{name}: {there.get(name)} there, {here.get(name)} now" for name in names if there.get(name) != here.get(name)
    ]
