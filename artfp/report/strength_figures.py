"""Curves over the strengths of an attack: bits, single images, and the Fréchet distance of a generator."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from artfp.report.curves import Attack, Curve
from artfp.report.figures import (
    BOTTOM,
    CHANCE,
    LEFT,
    LETTER,
    RIGHT,
    TOP,
    Chart,
    Mark,
    Scale,
    Series,
    Threshold,
    Tick,
    named_lines,
    round_step,
    share_axis,
)
from artfp.report.published import PUBLISHED
from artfp.report.sweep_folder import SweepFolder
from artfp.report.tables import percent, short, thousands
from artfp.robustness import DATA, GENERATED, Readout, Row

SUBJECTS = {GENERATED: ("model", "generated"), DATA: ("data", "marked data")}  # style and name of a line
PAPER = ("published", "paper")
NONE = "none"  # the strength of the row that nothing was done to
NONE_AT, FIRST_AT = LEFT + 16, LEFT + 58  # where its point is, and where strengths begin beside it
MARGIN = 12


@dataclass(frozen=True)
class Along:
    """Where strengths lie on the horizontal axis, after a point for no alteration where they grow one way."""

    attack: Attack

    @property
    def none(self) -> float | None:
        """Where that point is; None where strengths go both ways, and no alteration is between them."""
        return NONE_AT if self.attack.grid.one_sided else None

    def __call__(self, strength: float) -> float:
        """The coordinate of a strength."""
        start = LEFT + MARGIN if self.none is None else FIRST_AT
        return Scale(0, 1, start, RIGHT - MARGIN)(self.attack.grid.place(strength))

    def ticks(self) -> tuple[Tick, ...]:
        """A label at every strength that has room for one."""
        none = [] if self.none is None else [Tick(self.none, NONE)]
        strengths = [Tick(self(value), short(value)) for value in self.attack.grid.strengths]
        return spaced(none + sorted(strengths, key=lambda tick: tick.at))


def spaced(ticks: Iterable[Tick]) -> tuple[Tick, ...]:
    """Those of the ticks, from the left, whose labels do not run into the one before."""
    kept: list[Tick] = []
    for tick in ticks:
        if not kept or tick.at - kept[-1].at >= LETTER * (len(tick.label) + len(kept[-1].label)) / 2 + 2:
            kept.append(tick)
    return tuple(kept)


def accuracy_chart(attack: Attack, folder: SweepFolder) -> Chart:
    """Bits read right against strength: generated images, marked data, and the paper's generated images."""
    x = Along(attack)
    series = [*_of_subjects(attack, folder, x, _accuracy), *_of_paper(attack, x)]
    return _chart(attack, "accuracy", "bits read right", x, series, threshold=(CHANCE, "chance"))


def single_chart(attack: Attack, folder: SweepFolder) -> Chart:
    """Single images that match by themselves, against strength."""
    x = Along(attack)
    series = list(_of_subjects(attack, folder, x, _single))
    return _chart(attack, "single", "single images that match", x, series, lowest=0.0)


def weights_chart(attack: Attack, folder: SweepFolder) -> Chart:
    """Of a generator's altered weights, both in one chart, and the paper's bits."""
    x = Along(attack)
    generated = attack.curves[0]  # weights have no data
    series = [
        Shares("model", "bits", _curve_points(generated, folder, x, _accuracy)),
        Shares("other", "single images", _curve_points(generated, folder, x, _single)),
        *_of_paper(attack, x),
    ]
    return _chart(attack, "weights", "bits right, and images that match", x, series, lowest=0.0)


def frechet_chart(attack: Attack, folder: SweepFolder) -> Chart | None:
    """What the same does to the generator's images; None where no distance was measured."""
    x = Along(attack)
    points = [
        (at, distance, words)
        for at, row, _, words in _placed(attack.curves[0], folder, x)
        if (distance := row.frechet) is not None
    ]
    if not points:
        return None
    unharmed = folder.untouched(GENERATED)
    before = unharmed.frechet if unharmed else None
    most = max([distance for _, distance, _ in points] + [2 * before if before else 0.0])
    step = round_step(most, 5, least=1e-4)
    y = Scale(0.0, step * max(1, math.ceil(most / step)), BOTTOM, TOP)
    told = "; ".join(f"{words}: {short(distance)}" for _, distance, words in points)
    return Chart(
        name=_name(attack, "frechet"),
        title=f"{attack.label}: Fréchet distance",
        description=f"Fréchet distance of the generator's images to clean ones, against {attack.unit}. {told}.",
        x_label=attack.unit,
        x_ticks=x.ticks(),
        y_ticks=tuple(Tick(y(step * i), thousands(step * i)) for i in range(round(y.high / step) + 1)),
        lines=named_lines(
            [Series("twin", "distance", tuple(Mark(at, y(value), f"{w}: {short(value)}") for at, value, w in points))]
        ),
        threshold=_twice(y, before) if before else None,
    )


def _twice(y: Scale, untouched: float) -> Threshold:
    """Where the distance has doubled, named at the left, where curves begin far beneath it."""
    words = "twice the unharmed"
    return Threshold(y(2 * untouched), Mark(LEFT + LETTER * len(words), y(2 * untouched) - 4, words))


@dataclass(frozen=True)
class Shares:
    """A series as shares, before the vertical axis is known: x, share, and the strength in words."""

    style: str
    name: str
    points: tuple[tuple[float, float, str], ...]

    def drawn(self, y: Scale) -> Series:
        """Each share as a point."""
        return Series(
            self.style,
            self.name,
            tuple(Mark(x, y(share), f"{words}: {percent(share)}") for x, share, words in self.points),
        )

    def told(self) -> str:
        """All of them, for who does not see the chart."""
        return f"{self.name}: " + ", ".join(f"{words}: {percent(share)}" for _, share, words in self.points)


def _chart(
    attack: Attack,
    name: str,
    title: str,
    x: Along,
    series: Sequence[Shares],
    *,
    lowest: float | None = None,
    threshold: tuple[float, str] | None = None,
) -> Chart:
    shares = [share for each in series for _, share, _ in each.points]
    y, y_ticks = share_axis(min(shares) if lowest is None else lowest)
    return Chart(
        name=_name(attack, name),
        title=f"{attack.label}: {title}",
        description=f"Shares against {attack.unit}. {'; '.join(each.told() for each in series)}.",
        x_label=attack.unit,
        x_ticks=x.ticks(),
        y_ticks=y_ticks,
        lines=named_lines(each.drawn(y) for each in series),
        threshold=threshold_at(y, *threshold) if threshold else None,
    )


def _name(attack: Attack, what: str) -> str:
    return f"{attack.kind}-{attack.name}-{what}"


def threshold_at(y: Scale, level: float, words: str) -> Threshold:
    """A level and its name, above the line where there is no room beneath it."""
    at = y(level)
    return Threshold(at, Mark(RIGHT, at + 13 if at + 16 < BOTTOM else at - 4, words))


def _accuracy(readout: Readout) -> float:
    return readout.accuracy.value


def _single(readout: Readout) -> float:
    return readout.single.rate


def _of_subjects(attack: Attack, folder: SweepFolder, x: Along, share: Callable[[Readout], float]) -> Iterator[Shares]:
    for curve in attack.curves:
        yield Shares(*SUBJECTS[curve.subject], _curve_points(curve, folder, x, share))


def _curve_points(
    curve: Curve, folder: SweepFolder, x: Along, share: Callable[[Readout], float]
) -> tuple[tuple[float, float, str], ...]:
    return tuple((at, share(readout), words) for at, _, readout, words in _placed(curve, folder, x))


def _placed(curve: Curve, folder: SweepFolder, x: Along) -> Iterator[tuple[float, Row, Readout, str]]:
    """A curve's rows after the one that nothing was done to, each with its place and its strength in words."""
    before = folder.untouched(curve.subject)
    if before is not None and before.readout is not None and x.none is not None:
        yield x.none, before, before.readout, NONE
    for row, readout in curve.points:
        yield x(row.strength), row, readout, short(row.strength)


def _of_paper(attack: Attack, x: Along) -> Iterator[Shares]:
    """The published points at strengths that lie between those of the sweep."""
    published = PUBLISHED.get(attack.name)
    if published is None or attack.curve(GENERATED) is None:
        return
    least, most = min(attack.grid.strengths), max(attack.grid.strengths)
    inside = [(strength, value) for strength, value in published.accuracy.items() if least <= strength <= most]
    points = [(x(strength), value, short(strength)) for strength, value in inside]
    if published.untouched is not None and x.none is not None:
        points.append((x.none, published.untouched, NONE))
    if points:
        yield Shares(*PAPER, tuple(sorted(points)))
