"""A training's numbers, one JSON line each, cut back on resume to what the checkpoint knows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from artfp.files import write_text


class StatsLog:
    """Lines ordered by the count under `position` (step, images ...); buffered until `flush`.

    Flushed at a checkpoint at the latest, before it is written: what runs ahead of it, `rewind` cuts off.
    """

    def __init__(self, path: Path, position: str) -> None:
        self.path = path
        self.position = position
        self._waiting: list[str] = []

    def rewind(self, reached: int) -> None:
        """Drop what lies beyond the checkpoint, and a torn last line."""
        if self.path.exists():
            kept = [json.dumps(row) for row in self.rows() if row[self.position] <= reached]
            write_text(self.path, "".join(f"{line}\n" for line in kept))

    def append(self, row: Mapping[str, Any]) -> None:
        """Remember a row."""
        self._waiting.append(json.dumps(dict(row)))

    def flush(self) -> None:
        """Put the remembered rows on disk."""
        with self.path.open("a", encoding="utf-8") as stream:
            stream.writelines(f"{line}\n" for line in self._waiting)
        self._waiting.clear()

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every whole line."""
        if not self.path.exists():
            return
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                return
