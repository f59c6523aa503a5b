"""Staging folders to which misfortunes happen, in whatever process writes the image; a Ray actor can import them."""

from __future__ import annotations

import errno
import os
import signal
import time
from pathlib import Path

from artfp.data.journal import Row
from artfp.data.writers import Staging
from artfp.images import LoadedImage


class Full(Staging):
    """On a disk with no room for the last of 200 images."""

    def write(self, index: int, image: LoadedImage, source_sha256: str | None = None) -> Row:
        if index == 199:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(index, image, source_sha256)


class Deadly(Staging):
    """Takes everyone along who writes the last of 200 images."""

    def write(self, index: int, image: LoadedImage, source_sha256: str | None = None) -> Row:
        if index == 199:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().write(index, image, source_sha256)


class Doomed(Staging):
    """In mid-shard a machine dies, whose session is noted in `doomed`, and then an actor of another one; once each."""

    def write(self, index: int, image: LoadedImage, source_sha256: str | None = None) -> Row:
        session, folder = os.getsid(0), self.root.parent
        doomed = int((folder / "doomed").read_text())
        if index % 64 == 40 and _is_first(folder / f"died-{session}"):
            if session == doomed:
                os.killpg(session, signal.SIGKILL)
                time.sleep(60)  # its actors go when they notice
            _await(folder / f"died-{doomed}")
            os.kill(os.getpid(), signal.SIGKILL)
        return super().write(index, image, source_sha256)


def _is_first(mark: Path) -> bool:
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _await(mark: Path) -> None:
    deadline = time.monotonic() + 60
    while not mark.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
