"""What a Parquet file's footer says of its groups of rows, read without pyarrow.

pyarrow ends the whole process, without an exception, when it is asked for the numbers of a footer that contradicts
itself; so it is asked for rows only. The footer is Thrift in its compact protocol, of which a few fields are needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import NamedTuple

from artfp.data.remote import HubFile

MAGIC = b"PAR1"
TRUE, FALSE, BYTE, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
NUMBERS = (4, 5, 6)  # of 16, 32 and 64 bits
LARGEST_NUMBER = 64  # bits

# Fields of the structs of the format's definition
ROW_GROUPS = 4
COLUMNS, ROWS = 1, 3
META_DATA = 3
PATH, DECODED_SIZE, STATISTICS = 3, 6, 12
NULLS = 3


class RowGroup(NamedTuple):
    """How many rows a group has, and of its images the decoded bytes and how many are missing."""

    rows: int
    size: int
    missing: int  # 0 also where nobody has counted


def read_footer(path: Path | HubFile) -> bytes:
    """The last part of a file, which describes all others."""
    with path.open("rb") as stream:
        length = stream.seek(0, 2)
        stream.seek(max(0, length - 8))
        end = stream.read()
        size = int.from_bytes(end[:4], "little")
        if end[4:] != MAGIC or size > length - 8:
            raise ValueError("it has no footer: cut short, or of another format")
        stream.seek(length - 8 - size)
        return stream.read(size)


def row_groups(footer: bytes, leaf: str) -> list[RowGroup]:
    """All groups; `leaf` is the column of the images, with dots between the parts of its path."""
    reader, found = _Compact(footer), list[RowGroup]()
    try:
        for field, kind in reader.fields():
            if field == ROW_GROUPS and kind == LIST:
                found = [_group(reader, leaf) for _ in reader.items()]
            else:
                reader.skip(kind)
    except IndexError as error:
        raise ValueError("its footer is cut short") from error
    return found


def _group(reader: _Compact, leaf: str) -> RowGroup:
    rows, sizes = 0, dict[str, tuple[int, int]]()
    for field, kind in reader.fields():
        if field == COLUMNS and kind == LIST:
            sizes = dict(_column(reader) for _ in reader.items())
        elif field == ROWS:
            rows = reader.number()
        else:
            reader.skip(kind)
    if leaf not in sizes or min(rows, *sizes[leaf]) < 0:
        raise ValueError("its footer contradicts itself")
    return RowGroup(rows, *sizes[leaf])


def _column(reader: _Compact) -> tuple[str, tuple[int, int]]:
    """The path of a column, its decoded bytes and its missing values."""
    name, size, missing = "", 0, 0
    for field, kind in reader.fields():
        if field != META_DATA or kind != STRUCT:
            reader.skip(kind)
            continue
        for part, kind_of_part in reader.fields():
            if part == PATH and kind_of_part == LIST:
                name = ".".join(reader.binary().decode() for _ in reader.items())
            elif part == DECODED_SIZE:
                size = reader.number()
            elif part == STATISTICS and kind_of_part == STRUCT:
                missing = _missing(reader)
            else:
                reader.skip(kind_of_part)
    return name, (size, missing)


def _missing(reader: _Compact) -> int:
    found = 0
    for field, kind in reader.fields():
        if field == NULLS:
            found = reader.number()
        else:
            reader.skip(kind)
    return found


class _Compact:
    """A place in data of the compact protocol; reading moves it on."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def fields(self) -> Iterator[tuple[int, int]]:
        """The number and the kind of every field of a struct; whoever iterates reads or skips each."""
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self.number()
            yield number, head & 15

    def items(self) -> Iterator[int]:
        """The kind of every item of a list, once for each."""
        head = self._byte()
        return repeat(head & 15, head >> 4 if head >> 4 < 15 else self._varint())

    def number(self) -> int:
        """A whole number."""
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def binary(self) -> bytes:
        """A string of bytes."""
        end = self._varint() + self._at
        found, self._at = self._data[self._at : end], end
        return found

    def skip(self, kind: int, in_list: bool = False) -> None:
        """Pass over a value; truths are told by the kind of their field, but have a byte each in lists."""
        if kind in (TRUE, FALSE):
            self._at += in_list
        elif kind in (BYTE, DOUBLE):
            self._at += 8 if kind == DOUBLE else 1
        elif kind in NUMBERS:
            self._varint()
        elif kind == BINARY:
            self.binary()
        elif kind in (LIST, SET):
            self._skip_items(self.items())
        elif kind == MAP:
            if count := self._varint():
                kinds = self._byte()
                self._skip_items(chain.from_iterable(repeat((kinds >> 4, kinds & 15), count)))
        elif kind == STRUCT:
            for _, kind_of_field in self.fields():
                self.skip(kind_of_field)
        else:
            raise ValueError(f"its footer has a value of no known kind ({kind})")

    def _skip_items(self, kinds: Iterable[int]) -> None:
        for kind in kinds:
            self.skip(kind, in_list=True)
            if self._at > len(self._data):
                raise IndexError

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _varint(self) -> int:
        """Seven bits a byte, the lowest first; the eighth says that there are more."""
        value = 0
        for shift in range(0, LARGEST_NUMBER, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise ValueError("its footer has a number of too many digits")
