"""A file with a single bit changed, for as long as a test looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def flipped(path: Path, place: int) -> Iterator[None]:
    """One bit of a file is another."""
    data = path.read_bytes()
    path.write_bytes(bytes([*data[:place], data[place] ^ 1, *data[place + 1 :]]))
    try:
        yield
    finally:
        path.write_bytes(data)
