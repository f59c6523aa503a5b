"""The audit log: who asked what, when, and was told what. No image, no key material, and never larger than it may be.

One JSON object a line. When a file is full it becomes FILE.1, in the place of the one before, so that no more than
twice the bound lies on the disk.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from artfp.errors import UsageError
from artfp.serve.answers import Answers
from artfp.serve.inquiries import Inquiry, Reply, Unreadable

PRIVATE = 0o600


def now() -> str:
    """The time of an entry."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Journal:
    """Appends to a private file, whole lines only."""

    def __init__(self, path: Path, max_bytes: int, clock: Callable[[], str] = now) -> None:
        self.path, self._max_bytes, self._clock = path.expanduser(), max_bytes, clock
        try:
            self._stream = self._opened()
        except OSError as error:
            raise UsageError(f"--audit {path}: cannot be written ({error.strerror})") from error

    def note(self, client: str, inquiry: Inquiry, reply: Reply) -> None:
        """Write down what a client is told, before he is told it."""
        entry = {"time": self._clock(), "client": client, **_told(reply), "images": _images(inquiry, reply)}
        line = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
        size = os.fstat(self._stream).st_size
        if size and size + len(line) > self._max_bytes:
            self._turn()
        self._append(line)

    def close(self) -> None:
        """Close the file."""
        os.close(self._stream)

    def _append(self, line: bytes) -> None:
        """All of it, or nothing: a disk that is almost full takes a part."""
        size = os.fstat(self._stream).st_size
        written = os.write(self._stream, line)
        if written != len(line):
            os.ftruncate(self._stream, size)
            raise OSError(errno.ENOSPC, f"{written} of {len(line)} bytes could be written")

    def _turn(self) -> None:
        self.path.replace(self.path.with_name(f"{self.path.name}.1"))
        os.close(self._stream)
        self._stream = self._opened()

    def _opened(self) -> int:
        stream = os.open(self.path, os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC, PRIVATE)
        if not stat.S_ISREG(os.fstat(stream).st_mode):
            os.close(stream)
            raise UsageError(f"--audit {self.path}: not a file")
        os.fchmod(stream, PRIVATE)  # one that was there may have been open to others
        return stream


def _told(reply: Reply) -> dict[str, Any]:
    """The verdict on the set, or why there is none."""
    if isinstance(reply, Answers):
        together = reply.together
        return {"verdict": together.verdict, "key": together.key} if together else {}
    return {"refused": "unreadable" if isinstance(reply, Unreadable) else "failed"}


def _images(inquiry: Inquiry, reply: Reply) -> list[dict[str, Any]]:
    each = reply.each if isinstance(reply, Answers) else ()
    told = {image.sha256: {"verdict": image.answer.verdict, "key": image.answer.key} for image in each}
    return [{"sha256": file.sha256, **told.get(file.sha256, {})} for file in inquiry.files]
