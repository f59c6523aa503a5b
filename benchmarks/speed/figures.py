"""A figure: what was measured against what, and whether that is what was to be reached."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from artfp.results import Record

ROUNDS = 3


class SkippedError(Exception):
    """A figure that cannot be measured here, and why."""


@dataclass(frozen=True)
class Figure(Record):
    """One line of the table."""

    name: str
    what: str
    reference: str
    value: float  # the ratio, or the number that is asked for
    target: float
    at_least: bool = True  # whether the target is the least, and not the most
    unit: str = ""  # nothing: a ratio
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool:
        """Whether the target is reached."""
        return self.value >= self.target if self.at_least else self.value <= self.target


def rate(work: Callable[[int], Any], few: int, many: int) -> float:
    """Images a second beyond the start: by how much longer `many` take than `few`."""
    return (many - few) / max(seconds(work, many) - seconds(work, few), 1e-9)


def seconds(work: Callable[[int], Any], count: int) -> float:
    """What it takes once."""
    began = time.perf_counter()
    work(count)
    return time.perf_counter() - began


def in_turns(works: Sequence[Callable[[], float]], rounds: int = ROUNDS) -> list[float]:
    """The median of each over several rounds, in which all take their turn."""
    found = [[work() for work in works] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*found, strict=True)]


def table(figures: Iterable[Figure]) -> str:
    """As Markdown."""
    lines = ["| figure | reference | measured | to reach | |", "| --- | --- | --- | --- | --- |"]
    for each in figures:
        bound = f"{'≥' if each.at_least else '≤'} {each.target:g}{each.unit}"
        state = "met" if each.met else "**short**"
        lines.append(f"| {each.what} | {each.reference} | {each.value:.3g}{each.unit} | {bound} | {state} |")
    return "\n".join(lines)
