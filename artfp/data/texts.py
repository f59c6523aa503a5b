"""Millions of short texts in the memory of a few: names of files are alike, so together they compress."""

from __future__ import annotations

import functools
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

TOGETHER = 512  # texts that are compressed at once
UTF = ("utf-8", "surrogatepass")  # names that are no UTF-8 hold half characters
UNPACKED = 8  # such portions that are kept as they are, for whoever asks in order


class Texts(Sequence[str]):
    """Texts in their order; whoever reads them in order waits for nothing, others about 100 us for each."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._packed: list[bytes] = []
        self._open: list[str] = []
        self._portion = functools.lru_cache(maxsize=UNPACKED)(self._unpacked)
        for text in texts:
            self.append(text)

    def append(self, text: str) -> None:
        """One more, behind all others."""
        self._open.append(text)
        if len(self._open) == TOGETHER:
            self._packed.append(zlib.compress(json.dumps(self._open, ensure_ascii=False).encode(*UTF), 1))
            self._open = []

    def __len__(self) -> int:
        return len(self._packed) * TOGETHER + len(self._open)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        places = range(len(self))[index]
        if isinstance(places, range):
            return [self._at(place) for place in places]
        return self._at(places)

    def __iter__(self) -> Iterator[str]:
        for number in range(len(self._packed)):
            yield from self._unpacked(number)
        yield from self._open

    def _at(self, place: int) -> str:
        number, rest = divmod(place, TOGETHER)
        return self._open[rest] if number == len(self._packed) else self._portion(number)[rest]

    def _unpacked(self, number: int) -> list[str]:
        found: list[str] = json.loads(zlib.decompress(self._packed[number]).decode(*UTF))
        return found
