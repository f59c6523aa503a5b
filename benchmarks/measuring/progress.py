"""Signs of progress on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

EVERY = 15.0  # seconds between two of them

Tell = Callable[[int, int, str], None]  # done, of how many, and a word on it


def teller(stage: str) -> Tell:
    """Shows a stage's progress now and then."""
    started = shown = time.monotonic()

    def tell(done: int, total: int, words: str) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown >= EVERY:
            shown = now
            note(f"{stage}: {done:,}/{total:,} after {now - started:.0f} s  {words}")

    return tell


def note(text: str) -> None:
    """A line of its own."""
    print(f"  {text}", file=sys.stderr)
