"""Files of a source that put an end to the marking: known to every process that marks a part of it.

    refused/  00012.json ...

The folder is there once one such file was found. Shards are then only searched for more of them; each that was
searched to its end leaves a list, so that all of them can be named.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from artfp.data.journal import Refusal
from artfp.files import read_json, write_text


class Refusals:
    """That folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def are_there(self) -> bool:
        """Whether the marking is at its end."""
        return self.folder.exists()

    def begin(self) -> None:
        """Put an end to the marking, wherever else it goes on."""
        self.folder.mkdir(exist_ok=True)

    def write(self, shard: int, found: Sequence[Refusal]) -> None:
        """Note that a shard was searched to its end."""
        write_text(self._list(shard), json.dumps(found))  # ASCII: a reason may hold a lone surrogate of a file's name

    def has(self, shard: int) -> bool:
        """Whether a shard was searched to its end."""
        return self._list(shard).exists()

    def all(self) -> list[Refusal]:
        """What was found, in order."""
        return sorted(Refusal(*item) for path in self.folder.glob("*.json") for item in read_json(path))

    def forget(self) -> None:
        """Let the search begin anew: an earlier run died in it, and something may have been mended since."""
        if self.are_there:
            shutil.rmtree(self.folder)

    def _list(self, shard: int) -> Path:
        return self.folder / f"{shard:05d}.json"
