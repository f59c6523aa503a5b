"""Charts as geometry for inline SVG: numbers in, coordinates and words out.

A chart is drawn in a box of WIDTH units, so that its 11-unit text is legible on a phone's 390 pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from artfp.report.run_folder import TransferPoint
from artfp.report.tables import count, label_of, log_p_text, percent, thousands
from artfp.verdict import Verdict

WIDTH, HEIGHT = 360.0, 240.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 350.0, 34.0, 200.0  # the plotting area
LETTER = 7.0  # the width that a letter of the chart's font takes at most, on average
BOX = {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": RIGHT, "bottom": BOTTOM}  # what the template takes
CHANCE = 0.5
MATCH_LOG_P = -6.0
LEAST_LOG_P = -300.0  # where a float's p ends


@dataclass(frozen=True)
class Mark:
    """A point and the words that belong to it."""

    x: float
    y: float
    words: str


@dataclass(frozen=True)
class Line:
    """A series: the path of its line, its points, and where its name stands."""

    style: str
    path: str
    marks: tuple[Mark, ...]
    name: Mark
    anchor: str = "start"
    key: str = ""  # a piece of line before the name, where it stands in a legend
    dot: Mark | None = None  # a point instead of it, where the points are not joined


@dataclass(frozen=True)
class Series:
    """Points that belong together, before they have a place in the legend."""

    style: str
    name: str
    marks: tuple[Mark, ...]
    joined: bool = True  # by a line
    dotted: bool = True  # with a dot at each


@dataclass(frozen=True)
class Area:
    """A filled shape and its name."""

    path: str
    name: Mark


@dataclass(frozen=True)
class Tick:
    """A position on an axis and its label."""

    at: float
    label: str


@dataclass(frozen=True)
class Threshold:
    """A horizontal line and its name, above or below it."""

    at: float
    name: Mark


@dataclass(frozen=True)
class Chart:
    """All that the template needs to draw one figure and to tell it in words."""

    name: str
    title: str
    description: str
    x_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    threshold: Threshold | None = None
    area: Area | None = None


@dataclass(frozen=True)
class Scale:
    """A linear map from values to coordinates."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The coordinate of a value."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


def share_axis(lowest: float, start: float = BOTTOM, end: float = TOP) -> tuple[Scale, tuple[Tick, ...]]:
    """From a tenth at or beneath the lowest share, 40 % at most, to all; its labels, fewer where it begins at 0."""
    low = min(0.4, math.floor(10 * lowest) / 10)
    scale = Scale(low, 1.0, start, end)
    tenths = range(round(10 * low), 11, 2 if low == 0 else 1)
    return scale, tuple(Tick(scale(each / 10), f"{10 * each} %") for each in tenths)


def named_lines(series: Iterable[Series], gap: float = 40) -> tuple[Line, ...]:
    """Each series with its name in a row above the plot, its points as it wants them."""
    lines, legend = [], LEFT
    for each in series:
        joined = each.joined and len(each.marks) > 1
        path = "M" + " L".join(f"{mark.x} {mark.y}" for mark in each.marks) if joined else ""
        key = f"M{legend} 12 h16" if joined else ""
        dot = None if joined else Mark(legend + 10, 12, each.name)
        marks = each.marks if each.dotted else ()
        lines.append(Line(each.style, path, marks, Mark(legend + 22, 16, each.name), key=key, dot=dot))
        legend += gap + LETTER * len(each.name)
    return tuple(lines)


def accuracy_chart(transfer: Mapping[str, Sequence[TransferPoint]]) -> Chart:
    """Bit accuracy of generated samples against images shown in training."""
    y, y_ticks = share_axis(min(point.accuracy for points in transfer.values() for point in points))
    return Chart(
        name="accuracy",
        title="Bits read right in generated samples",
        description="Bit accuracy against training images shown. At the end: "
        f"{_at_the_end(transfer, lambda point: percent(point.accuracy))}. Chance is 50 %.",
        x_label="training images shown",
        x_ticks=_image_ticks(transfer),
        y_ticks=y_ticks,
        lines=_lines(transfer, lambda point: y(point.accuracy), lambda point: percent(point.accuracy)),
        threshold=Threshold(y(CHANCE), Mark(RIGHT, y(CHANCE) + 13, "chance")),
    )


def p_chart(transfer: Mapping[str, Sequence[TransferPoint]]) -> Chart:
    """log10 p of the samples as one set against images shown; downwards is stronger evidence."""
    lowest = min(_log_p(point) for points in transfer.values() for point in points)
    step = round_step(max(-lowest, -MATCH_LOG_P), 5)
    y = Scale(-step * math.ceil(max(-lowest, -MATCH_LOG_P + 2) / step), 0.0, BOTTOM, TOP)
    return Chart(
        name="p",
        title="Probability that a random key agrees as well",
        description="p of the samples as one set, on a logarithmic scale, against training images shown. At the end: "
        f"{_at_the_end(transfer, lambda point: log_p_text(_log_p(point)))}. Lower is stronger evidence.",
        x_label="training images shown",
        x_ticks=_image_ticks(transfer),
        y_ticks=tuple(Tick(y(-power), log_p_text(-power)) for power in range(0, int(-y.low) + 1, int(step))),
        lines=_lines(transfer, lambda point: y(_log_p(point)), lambda point: f"p = {log_p_text(_log_p(point))}"),
        threshold=Threshold(y(MATCH_LOG_P), Mark(RIGHT, y(MATCH_LOG_P) + 13, "one in a million")),
    )


def agreement_chart(verdicts: Mapping[str, Verdict]) -> Chart:
    """Where random keys land and where the best key landed, in agreeing bits of the majority vote."""
    n = next(iter(verdicts.values())).n_bits
    strongest_first = sorted(verdicts.items(), key=lambda item: -item[1].matching_bits)  # no stem crosses a name
    shown = {name: verdict for name, verdict in strongest_first if verdict.n_bits == n}
    words = "; ".join(f"{label_of(name)}: {v.matching_bits} of {n}" for name, v in shown.items())
    x = Scale(0, n, LEFT, RIGHT)
    return Chart(
        name="agreement",
        title="Agreement with the key, against random keys",
        description=f"Bits of the best key on which the images, as a set, agree. {words}. A random key agrees with "
        f"{n / 2:g} of {n} on average; the shaded curve is the distribution over random keys.",
        x_label=f"agreeing bits, of {n}",
        x_ticks=tuple(Tick(x(bits), str(bits)) for bits in range(0, n + 1, max(1, n // 4))),
        y_ticks=(),
        lines=tuple(_stem(name, x(v.matching_bits), row, v) for row, (name, v) in enumerate(shown.items())),
        area=_bell(n, x),
    )


def _bell(n: int, x: Scale) -> Area:
    """The binomial distribution of a random key's agreement, filling the lower half of the plot."""
    peak = math.comb(n, n // 2)
    y = Scale(0, 1, BOTTOM, (TOP + BOTTOM) / 2)
    curve = " ".join(f"L{x(k)} {y(math.comb(n, k) / peak)}" for k in range(n + 1))
    shoulder = x(n / 2 - 0.6 * math.sqrt(n)) - 6
    return Area(f"M{LEFT} {BOTTOM} {curve} L{RIGHT} {BOTTOM} Z", Mark(shoulder, y(0.6), "random keys"))


def _stem(name: str, x: float, row: int, verdict: Verdict) -> Line:
    """A stem whose name stands on the side that has room."""
    words = f"{label_of(name)}: {verdict.matching_bits} of {verdict.n_bits}"
    y = TOP + 4 + 19 * row
    leftwards = x > (LEFT + RIGHT) / 2
    label = Mark(x - 9 if leftwards else x + 9, y + 4, words)
    return Line(_style(name), f"M{x} {BOTTOM} L{x} {y}", (Mark(x, y, words),), label, "end" if leftwards else "start")


def _lines(
    transfer: Mapping[str, Sequence[TransferPoint]],
    y: Callable[[TransferPoint], float],
    words: Callable[[TransferPoint], str],
) -> tuple[Line, ...]:
    x = _image_scale(transfer)
    return named_lines(
        Series(
            _style(name),
            label_of(name),
            tuple(Mark(x(p.images_shown), y(p), f"{count(p.images_shown)} images: {words(p)}") for p in points),
        )
        for name, points in transfer.items()
    )


def _image_scale(transfer: Mapping[str, Sequence[TransferPoint]]) -> Scale:
    most = max(point.images_shown for points in transfer.values() for point in points)
    return Scale(0, max(1, most), LEFT, RIGHT - 6)


def _image_ticks(transfer: Mapping[str, Sequence[TransferPoint]]) -> tuple[Tick, ...]:
    x = _image_scale(transfer)
    step = round_step(x.high, 4)
    return tuple(Tick(x(step * i), thousands(step * i)) for i in range(int(x.high / step) + 1))


def round_step(span: float, most_ticks: int, least: float = 1.0) -> float:
    """The smallest of 1, 2, 5 x 10^k, at about `least` or more, that cuts the span into no more than so many pieces."""
    power = 10.0 ** math.floor(math.log10(max(least, span / most_ticks)))
    return next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= most_ticks)


def _at_the_end(transfer: Mapping[str, Sequence[TransferPoint]], words: Callable[[TransferPoint], str]) -> str:
    return "; ".join(f"{label_of(name)} {words(points[-1])}" for name, points in transfer.items())


def _log_p(point: TransferPoint) -> float:
    return max(LEAST_LOG_P, math.log10(point.p)) if point.p > 0 else LEAST_LOG_P


def _style(name: str) -> str:
    return name if name in ("model", "twin", "data") else "other"
