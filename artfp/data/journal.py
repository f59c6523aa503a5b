"""What is finished of a shard: a line for each group of images; a torn last line does not count."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple


class Row(NamedTuple):
    """One image written: its index in the source, and the file."""

    image: int
    sha256: str
    bytes: int
    width: int
    height: int
    alpha: bool
    source_sha256: str | None = None  # of the file that it was made from; journals of earlier versions do not tell


class Refusal(NamedTuple):
    """One image of the source that could not be used: its index, and why."""

    image: int
    reason: str


class Group(NamedTuple):
    """One line of a journal."""

    number: int
    rows: list[Row]
    bad: list[Refusal]


class Journal:
    """The file of one shard; its groups are consecutive."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, group: Group) -> None:
        """Note that a group is finished."""
        with self.path.open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(group) + "\n")

    def groups(self) -> Iterator[Group]:
        """The finished groups in order."""
        with self.path.open("rb") as lines:
            yield from map(_parse, lines)

    def count(self) -> int:
        """How many groups are noted; nobody has looked at their files."""
        try:
            with self.path.open("rb") as lines:
                return sum(line.endswith(b"\n") for line in lines)
        except FileNotFoundError:
            return 0

    def keep(self, groups: range, is_intact: Callable[[Group], bool]) -> int:
        """How many of its groups come in order and intact; the lines from the first other one on go."""
        length = kept = 0
        with self.path.open("rb") as lines:
            for number, line in zip(groups, lines, strict=False):
                if not _holds(line, number, is_intact):
                    break
                length, kept = length + len(line), kept + 1
        os.truncate(self.path, length)
        return kept


def _holds(line: bytes, number: int, is_intact: Callable[[Group], bool]) -> bool:
    try:
        group = _parse(line)
    except (ValueError, TypeError):
        return False
    return line.endswith(b"\n") and group.number == number and is_intact(group)


def _parse(line: bytes) -> Group:
    number, rows, bad = json.loads(line)
    return Group(number, [Row(*row) for row in rows], [Refusal(*item) for item in bad])
