"""Numbers of rows, and Markdown of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from artfp.report.tables import count
from artfp.verdict import at_most

Row = Mapping[str, Any]
Column = tuple[str, Callable[[Row], str]]
NONE = "—"


def accuracy(reading: Row) -> float:
    """The share of matching bits; of a reading of images, or of a line of the monitor."""
    return float(reading["matching_bits"] / reading["total_bits"])


def matching(reading: Row) -> float:
    """The share of images that match on their own at 1e-6."""
    return float(reading["matching_images"] / reading["images"])


def alone(reading: Row) -> str:
    """How many images match on their own at 1e-6, of how many."""
    return f"{count(reading['matching_images'])} of {count(reading['images'])}"


def verdict(reading: Row) -> str:
    """The outcome of all images together, and its q."""
    return f"{reading['outcome']}, {at_most(reading['q'])}"


def worst(readings: Iterable[Row]) -> str:
    """The verdict that is farthest from a match."""
    return verdict(max(readings, key=lambda reading: float(reading["q"])))


def number(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def interval(found: Row | None, shown: Callable[[float], str] = number) -> str:
    """A number and where it lies at 95 %."""
    return NONE if found is None else f"{shown(found['value'])} ({shown(found['low'])} to {shown(found['high'])})"


def ranged(values: Iterable[float], shown: Callable[[float], str] = number) -> str:
    """The mean, and where there are several values their range."""
    found = list(values)
    ends = f" ({shown(min(found))} to {shown(max(found))})" if len(found) > 1 else ""
    return shown(fmean(found)) + ends if found else NONE


def markdown(title: str, header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table under its title."""
    return f"**{title}**\n\n{ruled(header, lines)}\n"


def ruled(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *lines))
