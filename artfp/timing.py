"""The seconds that a piece of work takes, noted beside it over all the processes that it took."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def timed(journal: Path) -> Iterator[None]:
    """Note the seconds that this takes, also where it is interrupted; a process that is killed leaves none."""
    began, worked = time.monotonic(), time.process_time()
    try:
        yield
    finally:
        spent = {"seconds": time.monotonic() - began, "processor_seconds": time.process_time() - worked}
        with journal.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({name: round(value, 2) for name, value in spent.items()}) + "\n")


def spent(journal: Path) -> dict[str, float]:
    """What `timed` noted, over all attempts: at least so much, for what was killed left no line, or half of one."""
    rows = []
    for line in journal.read_text(encoding="utf-8").splitlines() if journal.is_file() else ():
        with suppress(ValueError):
            rows.append(json.loads(line))
    return {name: round(sum(row[name] for row in rows), 1) for name in ("seconds", "processor_seconds")}
