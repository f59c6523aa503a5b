"""Numbers of rows, and Markdown of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from artfp.report.tables import count
from artfp.verdict import at_most

Row = Mapping[str, Any]
Column = tuple[str, Callable[[Row], str]]


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


def markdown(title: str, header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table under its title."""
    ruled = [header, ["---"] * len(header), *lines]
    return "\n".join([f"**{title}**", "", *(f"| {' | '.join(cells)} |" for cells in ruled), ""])
