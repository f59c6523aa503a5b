"""Pieces of work that need each other: each is done once, by whichever process of several comes first.

    pieces, in any order --those that need nothing more, and that nobody is at--> done, one after the other

A piece is done when its file is there, which it writes last. Locks are on files in one folder and end with their
process, so that the same command may run in as many terminals as there are cores, and again after it was killed.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from artfp.data.locks import take_lock
from artfp.errors import ArtfpError, UsageError
from artfp.reading import Progress

# Shows the progress of a piece: a context for its name.
Watch = Callable[[str], AbstractContextManager[Progress]]

WAIT = 2.0  # seconds, where others are at all that could be done now


@dataclass(frozen=True)
class Piece:
    """A piece of work."""

    name: str
    mark: Path  # there when it is done
    do: Callable[[Progress], None]
    needs: tuple[Path, ...] = ()  # marks of others

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return self.mark.exists()

    @property
    def ready(self) -> bool:
        """Whether all that it needs is there."""
        return all(path.exists() for path in self.needs)


def needed(pieces: Sequence[Piece], wanted: Sequence[Piece]) -> list[Piece]:
    """The wanted ones and all that is still to be made for them, in the order of `pieces`."""
    by_mark = {piece.mark: piece for piece in pieces}
    found: set[Path] = set()
    open_ = list(wanted)
    while open_:
        piece = open_.pop()
        if piece.mark in found:
            continue
        found.add(piece.mark)
        for path in () if piece.done else piece.needs:
            if path in by_mark:
                open_.append(by_mark[path])
            elif not path.exists():
                raise UsageError(f"{piece.name}: needs {path}, which nothing makes")
    return [piece for piece in pieces if piece.mark in found]


def carry_out(pieces: Sequence[Piece], locks: Path, watch: Watch, on_done: Callable[[Piece], None]) -> None:
    """Do all of them, beside other processes that do the same; what cannot be done stops only what needs it."""
    locks.mkdir(parents=True, exist_ok=True)
    failed: dict[Path, ArtfpError] = {}
    while waiting := [piece for piece in pieces if not piece.done and not _fails(piece, pieces, failed)]:
        if not any(_tried(piece, locks, watch, failed, on_done) for piece in waiting if piece.ready):
            time.sleep(WAIT)
    if failed:
        told = "".join(f"\n  {path.name}: {error}" for path, error in failed.items())
        raise ArtfpError(f"{len(failed)} piece(s) of work failed; all that does not need them is done{told}")


def _fails(piece: Piece, pieces: Sequence[Piece], failed: Mapping[Path, ArtfpError]) -> bool:
    """Whether a piece, or anything that it waits for, has failed here."""
    if piece.mark in failed:
        return True
    before = [other for other in pieces if other.mark in piece.needs and not other.done]
    return any(_fails(other, pieces, failed) for other in before)


def _tried(
    piece: Piece, locks: Path, watch: Watch, failed: dict[Path, ArtfpError], on_done: Callable[[Piece], None]
) -> bool:
    """Do it unless somebody else is at it, or was until a moment ago."""
    with _if_free(locks / f"{piece.name}.lock") as free:
        if not free or piece.done:
            return piece.done
        try:
            with watch(piece.name) as tell:
                piece.do(tell)
            on_done(piece)
        except ArtfpError as error:
            failed[piece.mark] = error
        return True


@contextmanager
def in_turn(folder: Path) -> Iterator[None]:
    """Lock a folder, as soon as nobody else has it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def _if_free(path: Path) -> Iterator[bool]:
    try:
        lock = take_lock(path)
    except BlockingIOError:
        yield False
        return
    try:
        yield True
    finally:
        os.close(lock.handle)
