"""Locks that die with their process, on files that another process may remove."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import NamedTuple

NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP}


class Lock(NamedTuple):
    """An open file; closing it gives the lock back."""

    handle: int
    is_held: bool  # not where the file system has no locks, as some network file systems: better unlocked than unusable


def take_lock(path: Path, *, shared: bool = False) -> Lock:
    """Lock a file, which is made if it is not there; BlockingIOError where another process holds it."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            is_held = _flock(handle, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
            if not is_held or _is_still(path, handle):
                return Lock(handle, is_held)
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _flock(handle: int, how: int) -> bool:
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in NO_LOCKS:
            return False
        raise
    return True


def _is_still(path: Path, handle: int) -> bool:
    """Whether a path still names the open file, or another process has removed it since."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False
