"""Rows of a sweep as curves over an attack's strengths: where they lie, how low they fall, what area is under them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from artfp.perturb.grids import BOTH_WAYS
from artfp.report.figures import CHANCE
from artfp.report.sweep_folder import SweepFolder
from artfp.report.tables import label_of, short
from artfp.robustness import Readout, Row

DECADES = 50.0  # strengths that span such a factor lie on a logarithm
NAMES = {"jpeg": "JPEG", "webp": "WebP", "color": "Colours", "two": "Two at once", "three": "Three at once"}


@dataclass(frozen=True)
class Grid:
    """The strengths of one attack in the order of the report, each with a place between 0 and 1."""

    strengths: tuple[float, ...]
    one_sided: bool = True  # whether they go one way from mild to harsh; those that do not are mildest in the middle

    @property
    def _falling(self) -> bool:
        return self.one_sided and list(self.strengths) == sorted(self.strengths, reverse=True)

    def place(self, strength: float) -> float:
        """From 0 to 1: from mild to harsh, or from low to high where both ends are harsh; in the middle if alone."""
        low, high = self._value(min(self.strengths)), self._value(max(self.strengths))
        if low == high:
            return 0.5
        share = (self._value(strength) - low) / (high - low)
        return 1 - share if self._falling else share

    def _value(self, strength: float) -> float:
        least, most = min(self.strengths), max(self.strengths)
        return math.log10(strength) if least > 0 and most / least >= DECADES else strength


@dataclass(frozen=True)
class Curve:
    """What one attack does to one subject at each of its strengths."""

    subject: str
    grid: Grid
    points: tuple[tuple[Row, Readout], ...]  # in order of place

    @property
    def worst(self) -> tuple[Row, Readout]:
        """The row that proves the key least; of equals, the mildest."""
        return worst_of(self.points)

    @property
    def area(self) -> float:
        """The mean height over the strengths: by trapezia between places, accuracy rescaled from chance .5 ... 1."""
        heights = [(self.grid.place(row.strength), above_chance(read.accuracy.value)) for row, read in self.points]
        width = heights[-1][0] - heights[0][0]
        if width == 0:
            return heights[0][1]
        return sum((x2 - x1) * (y1 + y2) / 2 for (x1, y1), (x2, y2) in itertools.pairwise(heights)) / width


@dataclass(frozen=True)
class Attack:
    """All that a sweep says of one attack."""

    kind: str
    name: str
    unit: str
    grid: Grid
    curves: tuple[Curve, ...]  # of generated images, of data; those that were measured

    @property
    def label(self) -> str:
        """How people call it."""
        return attack_label(self.name)

    def curve(self, subject: str) -> Curve | None:
        """Its curve on one subject."""
        return next((curve for curve in self.curves if curve.subject == subject), None)


def attacks(folder: SweepFolder, kind: str) -> tuple[Attack, ...]:
    """Those of a kind of which something was read, in the order of the report."""
    found: dict[str, list[tuple[Row, Readout]]] = {}
    for row, readout in folder.measured(kind):
        found.setdefault(row.attack, []).append((row, readout))
    return tuple(_attack(kind, name, points, folder.subjects) for name, points in found.items())


def worst_of(points: Iterable[tuple[Row, Readout]]) -> tuple[Row, Readout]:
    """The row whose images, as a set, prove the key least; of equals, that with the fewest bits right, and the first.

    Near chance the fewest bits are a matter of noise, and a set that reads more of them may prove nothing.
    """
    return max(points, key=lambda point: (point[1].log10_p, -point[1].accuracy.value))


def attack_label(name: str) -> str:
    """The name of an attack as a heading."""
    return label_of(name, NAMES)


def strength_label(row: Row) -> str:
    """An attack at its strength, in words: Blur, share of the side 0.012."""
    return f"{attack_label(row.attack)}, {row.unit} {short(row.strength)}"


def above_chance(accuracy: float) -> float:
    """Accuracy from chance, 0, to all bits right, 1; what is below chance is no better than it."""
    return max(0.0, (accuracy - CHANCE) / (1 - CHANCE))


def _attack(kind: str, name: str, points: Sequence[tuple[Row, Readout]], subjects: Iterable[str]) -> Attack:
    grid = Grid(tuple(dict.fromkeys(row.strength for row, _ in points)), one_sided=name not in BOTH_WAYS)
    curves = tuple(Curve(subject, grid, mine) for subject in subjects if (mine := _placed(points, grid, subject)))
    return Attack(kind, name, points[0][0].unit, grid, curves)


def _placed(points: Iterable[tuple[Row, Readout]], grid: Grid, subject: str) -> tuple[tuple[Row, Readout], ...]:
    mine = [point for point in points if point[0].subject == subject]
    return tuple(sorted(mine, key=lambda point: grid.place(point[0].strength)))
