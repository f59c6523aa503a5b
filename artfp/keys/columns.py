"""A column of a table of pairs that stays in its registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from artfp.keys import queries
from artfp.keys.database import Database


class Column(Sequence[str]):
    """Names or origins of the rows of a table, read from the registry when asked for."""

    def __init__(self, database: Database, codec: int, rows: Sequence[int], column: int) -> None:
        self._database, self._codec, self._rows, self._column = database, codec, rows, column

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        with self._database.read() as connection:
            return queries.of_row(connection, self._codec, self._rows[index])[self._column]
