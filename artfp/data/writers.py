"""Writing a dataset so that it appears under its final name whole or not at all, and resumes after any death.

    .NAME.artfp-partial/  lock  settings.json  journal/00000.jsonl  dataset/00000/img00000000.png ...  refused/

Everything is staged in that hidden sibling of the target. Shards of it can be done by different processes, and on
different machines: each has a journal of its own, which is its lock too, one line for each finished group of images,
in order; a torn last line does not count, and neither does a group whose files are not all there in their size. The
folder's lock is held by one process alone, or shared by those that do shards for each other. The last step, of one
process alone, renames `dataset/`, or what was packed from it, onto the target. `refused/`: `refusals.py`.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from artfp.data.journal import Group, Journal, Row
from artfp.data.locks import Lock, take_lock
from artfp.data.refusals import Refusals
from artfp.errors import ArtfpError, BadInputError, UsageError
from artfp.files import read_json, sha256_bytes, write_first
from artfp.images import LoadedImage, encode_png

SHARD = 8  # groups: what one process does at a time; no byte of a dataset depends on it
SETTINGS, LOCK = "settings.json", "lock"
PER_FOLDER = 1000  # as the StyleGAN dataset tool does
FULL = {errno.ENOSPC, errno.EDQUOT}


class BusyError(UsageError):
    """Another process is at work there."""


def image_name(index: int) -> str:
    """Where image `index` of a source lies in a dataset."""
    return f"{index // PER_FOLDER:05d}/img{index:08d}.png"


def staging_path(target: Path) -> Path:
    """The hidden sibling of a target that its parts are staged in."""
    return target.parent / f".{target.name}.artfp-partial"


@contextmanager
def staging(target: Path, settings: Mapping[str, Any], *, shared: bool = False, new: bool = True) -> Iterator[Staging]:
    """The staging folder of a target, locked, new or left by an earlier run of the same settings.

    `shared` lets in others that ask for the same. If no `new` one may be made, BusyError also says that there is none,
    or that nobody can be sure to be alone.
    """
    root = staging_path(target)
    with disk_errors(target):
        lock = _enter(root, target, shared, new)
        try:
            _agree(root, settings)
            stage = Staging(root, target)
            stage.prepare()
            yield stage
        finally:
            os.close(lock)


def staging_of_others(target: Path, settings: Mapping[str, Any]) -> Staging:
    """What others of the same settings are at, to look at without a lock: it may go at any moment."""
    root = staging_path(target)
    try:
        _compare(root, settings)
    except BadInputError:
        if (root / SETTINGS).exists():  # else they have just ended it, or are about to begin
            raise
    return Staging(root, target)


def is_staged(target: Path) -> bool:
    """Whether an earlier run has begun a dataset, or another one is at it."""
    return (staging_path(target) / SETTINGS).exists()


def staged_groups(target: Path, settings: Mapping[str, Any]) -> int:
    """How many groups an earlier run of the same settings has left; changes nothing."""
    if not is_staged(target):
        return 0
    root = staging_path(target)
    _compare(root, settings)
    return sum(Journal(path).count() for path in (root / "journal").glob("*.jsonl"))


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
    """A dataset in the making; write through `staging`. Other processes can be sent it, which hold no lock by that."""

    def __init__(self, root: Path, target: Path) -> None:
        self.root, self.target, self.dataset = root, target, root / "dataset"
        self.refusals = Refusals(root / "refused")
        self.shard_groups = SHARD

    def prepare(self) -> None:
        """Make the folders that all write into."""
        for folder in (self.dataset, self.root / "journal"):
            folder.mkdir(exist_ok=True)

    def __getstate__(self) -> dict[str, Any]:
        """What goes to another process, whose working directory may be another one."""
        root = self.root.absolute()
        places = {"root": root, "target": self.target.absolute(), "dataset": root / "dataset"}
        return self.__dict__ | places | {"refusals": Refusals(root / "refused")}

    @contextmanager
    def shard(self, number: int) -> Iterator[None]:
        """Keep everyone else from a shard; BusyError where another process is at it."""
        lock = _take(self._journal(number).path, self.target)
        try:
            yield
        finally:
            os.close(lock.handle)

    def is_busy(self, number: int) -> bool:
        """Whether another process is at a shard."""
        if self._journal(number).path.exists():
            with suppress(BusyError), self.shard(number):
                return False
            return True
        return False

    def resume(self, group_size: int, shard: int = 0) -> int:
        """The first group of a shard that is not finished; whatever lies beyond is removed."""
        groups = range(shard * self.shard_groups, (shard + 1) * self.shard_groups)
        journal = self._journal(shard)
        journal.path.touch()
        first = groups.start + journal.keep(groups, self._is_intact)
        self._remove(range(first * group_size, groups.stop * group_size))
        return first

    def write(self, index: int, image: LoadedImage, source_sha256: str | None = None) -> Row:
        """Write one image, made from the file with this hash; safe from several threads."""
        data = encode_png(image)
        path = self.dataset / image_name(index)
        try:
            path.write_bytes(data)
        except FileNotFoundError:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        height, width = image.size
        return Row(index, sha256_bytes(data), len(data), width, height, image.alpha is not None, source_sha256)

    def record(self, group: Group) -> None:
        """Note that a group is finished."""
        self._journal(group.number // self.shard_groups).append(group)

    def recorded(self, shard: int) -> int:
        """How many groups of a shard are noted as finished; nobody has looked at their files."""
        return self._journal(shard).count()

    def groups(self) -> Iterator[Group]:
        """The finished groups in order."""
        for path in sorted((self.root / "journal").iterdir(), key=lambda path: int(path.stem)):
            yield from Journal(path).groups()

    def rows(self) -> Iterator[Row]:
        """The images written, in order."""
        for group in self.groups():
            yield from group.rows

    def publish(self, ready: Path) -> None:
        """Give what lies ready in here, the dataset's folder or what was packed from it, its final name."""
        os.sync()  # no name may become final before what it stands for is on the disk
        if os.path.lexists(self.target):
            raise UsageError(f"{self.target}: appeared meanwhile; nothing is overwritten")
        ready.rename(self.target)
        self.discard()

    def discard(self) -> None:
        """Remove the staging folder; its settings late, so that a killed removal is known as ours and repeated."""
        for path in sorted(self.root.iterdir(), key=lambda found: (found.name == LOCK, found.name == SETTINGS)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        with suppress(OSError):  # another process is about to begin here: it has waited for the lock
            self.root.rmdir()

    def _is_intact(self, group: Group) -> bool:
        files = str(self.dataset)  # text: paths would take as long again for each image of the dataset
        try:
            sizes = [os.stat(f"{files}/{image_name(row.image)}").st_size for row in group.rows]  # noqa: PTH116
        except OSError:
            return False
        return sizes == [row.bytes for row in group.rows]

    def _remove(self, images: range) -> None:
        """A group that died half-way may have left images that its second attempt does not write."""
        if not images:
            return
        for number in range(images.start // PER_FOLDER, -(-images.stop // PER_FOLDER)):
            folder = self.dataset / f"{number:05d}"
            for path in folder.iterdir() if folder.exists() else ():
                if image_name(images.start) <= f"{folder.name}/{path.name}" < image_name(images.stop):
                    path.unlink()

    def _journal(self, shard: int) -> Journal:
        return Journal(self.root / "journal" / f"{shard:05d}.jsonl")


def _enter(root: Path, target: Path, shared: bool, new: bool) -> int:
    """The handle of the folder's lock; an old folder's alone where the file system has locks at all."""
    while True:
        if new:
            root.mkdir(exist_ok=True)
        try:
            lock = _take(root / LOCK, target, shared=shared)
        except FileNotFoundError as error:  # another run has just finished and removed it
            if not new:
                raise BusyError(f"{root}: another artfp has finished with it") from error
            continue
        if new or lock.is_held:
            return lock.handle
        os.close(lock.handle)
        raise BusyError(f"{root}: on a file system without locks")


def _take(path: Path, target: Path, *, shared: bool = False) -> Lock:
    try:
        return take_lock(path, shared=shared)
    except BlockingIOError as error:
        raise BusyError(f"{target}: another artfp is writing it; wait for it or stop it") from error


def _agree(root: Path, settings: Mapping[str, Any]) -> None:
    """A staging folder serves one set of settings, that of whoever comes first."""
    in_use = any((root / name).exists() for name in ("journal", "dataset"))  # asked first: settings come before them
    if not (root / SETTINGS).exists():
        if in_use:
            raise UsageError(f"{root}: not a staging folder of artfp; move it away")
        write_first(root / SETTINGS, _of_folder(settings))
    _compare(root, settings)


def _of_folder(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What all who write into a staging folder must agree on; a dataset's own settings say nothing of shards."""
    return {**settings, "groups in a shard": SHARD}


def _compare(root: Path, settings: Mapping[str, Any]) -> None:
    changes = differences(read_json(root / SETTINGS), _of_folder(settings))
    if changes:
        raise UsageError(
            f"{root}: holds an unfinished run with other settings ({'; '.join(changes)}). "
            "Run that one again to finish it, or delete the folder to start over"
        )


def differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """What two sets of settings disagree on, in words."""
    names = [*here, *(name for name in there if name not in here)]
    return [
        f"{name}: {there.get(name)} there, {here.get(name)} now" for name in names if there.get(name) != here.get(name)
    ]
