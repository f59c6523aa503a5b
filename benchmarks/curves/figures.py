"""Rows as line charts: the report's chart geometry and template, as SVG files that stand alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from artfp.files import write_text
from artfp.report import figures
from artfp.report.figures import (
    BOTTOM,
    CHANCE,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Chart,
    Line,
    Mark,
    Scale,
    Threshold,
    Tick,
    named_lines,
)
from artfp.report.tables import count, percent, thousands
from artfp.report.templates import environment
from benchmarks.curves.tables import ratio
from benchmarks.measuring.tables import Row, accuracy, matching

STYLES = ("model", "data", "other", "twin")  # of the first, second ... line
MOST_TICKS = 8
TITLE_ROOM = 20
MAGNIFIED = 1.5
SHOWN_LEVELS = (34, 38, 42, 46)  # dB; as many as there are styles
CSS = """
text { font: 11px system-ui, sans-serif; fill: #5f5a52 } .title { font-size: 13px; font-weight: 600; fill: #1d1b18 }
.grid { stroke: #dcd6cb } .axis, .threshold { stroke: #5f5a52 } .threshold { stroke-dasharray: 2 3 }
.line { fill: none; stroke-width: 2; stroke: var(--c) } .dot { fill: var(--c) } .twin .line { stroke-dasharray: 5 3 }
text.named { fill: var(--c); font-weight: 600 }
.model { --c: #0b6150 } .data { --c: #34568b } .other { --c: #6b4a86 } .twin { --c: #a34a12 }
@media (prefers-color-scheme: dark) {
  text { fill: #aaa499 } .title { fill: #ece8e0 } .grid { stroke: #34383e } .axis, .threshold { stroke: #aaa499 }
  .model { --c: #62c9ad } .data { --c: #93b4ee } .other { --c: #c8a6e6 } .twin { --c: #eaa36b }
}
"""

Series = Mapping[str, Sequence[tuple[float, float]]]  # x and a share, by the name of the line


@dataclass(frozen=True)
class Axis:
    """What a curve is against."""

    label: str
    value: Callable[[Row], float]
    logarithmic: bool = False
    every: int | None = None  # between two labels; None: at points


AXES: Mapping[str, Axis] = {
    "psnr": Axis("embedding PSNR, dB", lambda row: row["settings"]["psnr"]),
    "bits": Axis("bits of the fingerprint", lambda row: row["codec"]["n_bits"]),
    "fraction": Axis("marked part of the data, %", lambda row: 100 * row["settings"]["fraction"]),
    "count": Axis("images in the data", lambda row: row["embedding"]["images"], logarithmic=True),
}


@dataclass(frozen=True)
class Height:
    """What a curve shows, as a share of something."""

    title: str
    value: Callable[[Row], float | None]  # None where it was not measured
    low: float
    line: tuple[float, str] | None = None  # a level to compare with, and its name


HEIGHTS: Mapping[str, Height] = {
    "accuracy": Height(
        "Bits right in generated images", lambda row: accuracy(row["generated"]), 0.4, (CHANCE, "chance")
    ),
    "tpr": Height("Single images that match at p ≤ 1e-6", lambda row: matching(row["generated"]), 0.0),
    "frechet": Height(
        "Fréchet distance over the clean twin's",
        ratio,
        0.6,
        (1.0, "the twin's"),
    ),
}


def write_figures(rows: Mapping[str, Sequence[Row]], folder: Path) -> list[Path]:
    """Three charts for each curve with an axis, one for the images shown; those with two points or more."""
    charts = [
        chart(f"{curve}-{name}", height, axis, series)
        for curve, axis in AXES.items()
        for name, height in HEIGHTS.items()
        if _drawable(series := by_data(rows.get(curve, ()), axis, height.value))
    ]
    if _drawable(series := by_level(rows.get("shown", ()))):
        axis = Axis("training images shown", lambda row: row["images_shown"], every=10_000)
        charts.append(chart("shown-accuracy", HEIGHTS["accuracy"], axis, series))
    paths = [folder / f"curves-{drawn.name}.svg" for drawn in charts]
    for path, drawn in zip(paths, charts, strict=True):
        write_text(path, svg(drawn))
    return paths


def by_data(rows: Sequence[Row], axis: Axis, height: Callable[[Row], float | None]) -> Series:
    """A line for each data, through the mean over seeds."""
    found: dict[str, dict[float, list[float]]] = {}
    for row in rows:
        if (value := height(row)) is not None:
            found.setdefault(row["settings"]["data"], {}).setdefault(axis.value(row), []).append(value)
    return {name: sorted((x, fmean(values)) for x, values in points.items()) for name, points in found.items()}


def by_level(rows: Sequence[Row]) -> Series:
    """A line for each of a few PSNRs: what the transfer monitor saw."""
    chosen = [row for row in rows if row["settings"]["psnr"] in SHOWN_LEVELS]
    return {
        f"{row['settings']['psnr']:g} dB": [(look["images_shown"], accuracy(look)) for look in row["transfer"]]
        for row in chosen
    }


def chart(name: str, height: Height, axis: Axis, series: Series) -> Chart:
    """The lines of a series over one axis, the vertical one up to all, or to the highest point beyond."""
    at = math.log10 if axis.logarithmic else float
    values = sorted({x for points in series.values() for x, _ in points})
    x = Scale(at(values[0]), at(values[-1]), LEFT + 10, RIGHT - 10)
    fifths = math.ceil(5 * max(1.0, *(value for points in series.values() for _, value in points)))
    y = Scale(height.low, fifths / 5, BOTTOM, TOP)
    last = "; ".join(f"{line} {percent(points[-1][1])}" for line, points in series.items())
    return Chart(
        name=name,
        title=height.title,
        description=f"{height.title} against {axis.label}. At its largest: {last}.",
        x_label=axis.label,
        x_ticks=tuple(Tick(x(at(value)), thousands(value)) for value in _labelled(axis, values)),
        y_ticks=tuple(
            Tick(y(tenth / 10), f"{10 * tenth} %") for tenth in range(round(10 * height.low), 2 * fifths + 1, 2)
        ),
        lines=_lines(series, lambda value: x(at(value)), y),
        threshold=_threshold(y, *height.line) if height.line else None,
    )


def _labelled(axis: Axis, values: Sequence[float]) -> Sequence[float]:
    if axis.every:
        return range(axis.every, round(values[-1]) + 1, axis.every)
    return values[:: -(-len(values) // MOST_TICKS)]


def _threshold(y: Scale, level: float, name: str) -> Threshold:
    return Threshold(y(level), Mark(RIGHT, y(level) + 13, name))


def _lines(series: Series, x: Callable[[float], float], y: Scale) -> tuple[Line, ...]:
    styles = STYLES[: len(series)]  # one too few stops the drawing
    return named_lines(
        (
            figures.Series(style, name, tuple(_mark(x(value), y(share), value, share) for value, share in points))
            for style, (name, points) in zip(styles, series.items(), strict=True)
        ),
        gap=30,
    )


def _mark(x: float, y: float, value: float, share: float) -> Mark:
    return Mark(x, y, f"{count(round(value))}: {percent(share)}")


def svg(drawn: Chart) -> str:
    """The report's drawing of a chart, with its title and its colours in it."""
    page = str(environment().get_template("parts.html.j2").make_module().chart(drawn))  # type: ignore[attr-defined]
    inside = page[page.index("<title") : page.index("</svg>")]
    tall = HEIGHT + TITLE_ROOM
    shape = f'viewBox="0 {-TITLE_ROOM} {WIDTH} {tall}" width="{MAGNIFIED * WIDTH}" height="{MAGNIFIED * tall}"'
    start = f'<svg xmlns="http://www.w3.org/2000/svg" {shape} role="img">'
    heading = f'<text class="title" x="{LEFT}" y="-5">{drawn.title}</text>'
    return f"{start}\n<style>{CSS}</style>\n{heading}\n{inside}</svg>\n"


def _drawable(series: Series) -> bool:
    return len({x for points in series.values() for x, _ in points}) > 1
