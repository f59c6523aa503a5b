"""Rows as line charts: the report's chart geometry and template, as SVG files that stand alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from artfp.files import write_text
from artfp.report.figures import (
    BOTTOM,
    CHANCE,
    HEIGHT,
    LEFT,
    LETTER,
    RIGHT,
    TOP,
    WIDTH,
    Chart,
    Line,
    Mark,
    Scale,
    Threshold,
    Tick,
)
from artfp.report.page import environment
from artfp.report.tables import count, percent, thousands
from benchmarks.curves.tables import Row, accuracy, matching

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


AXES: Mapping[str, Axis] = {
    "psnr": Axis("embedding PSNR, dB", lambda row: row["settings"]["psnr"]),
    "bits": Axis("bits of the fingerprint", lambda row: row["codec"]["n_bits"]),
    "fraction": Axis("marked part of the data, %", lambda row: 100 * row["settings"]["fraction"]),
    "count": Axis("images in the data", lambda row: row["embedding"]["images"], logarithmic=True),
}
SHARES: Mapping[str, tuple[str, Callable[[Row], float], float]] = {
    "accuracy": ("Bits right in generated images", accuracy, 0.4),
    "tpr": ("Single generated images that match at p ≤ 1e-6", matching, 0.0),
}


def write_figures(rows: Mapping[str, Sequence[Row]], folder: Path) -> list[Path]:
    """Two charts for each curve with an axis, one for the images shown; those with two points or more."""
    charts = [
        chart(f"{curve}-{share}", title, axis, series, low)
        for curve, axis in AXES.items()
        for share, (title, value, low) in SHARES.items()
        if _drawable(series := by_data(rows.get(curve, ()), axis, value))
    ]
    if _drawable(series := by_level(rows.get("shown", ()))):
        axis = Axis("training images shown", lambda row: row["images_shown"])
        charts.append(chart("shown-accuracy", SHARES["accuracy"][0], axis, series, SHARES["accuracy"][2]))
    paths = [folder / f"curves-{drawn.name}.svg" for drawn in charts]
    for path, drawn in zip(paths, charts, strict=True):
        write_text(path, svg(drawn))
    return paths


def by_data(rows: Sequence[Row], axis: Axis, share: Callable[[Row], float]) -> Series:
    """A line for each data, through the mean over seeds."""
    found: dict[str, dict[float, list[float]]] = {}
    for row in rows:
        found.setdefault(row["settings"]["data"], {}).setdefault(axis.value(row), []).append(share(row["generated"]))
    return {name: sorted((x, fmean(values)) for x, values in points.items()) for name, points in found.items()}


def by_level(rows: Sequence[Row]) -> Series:
    """A line for each of a few PSNRs: what the transfer monitor saw."""
    chosen = [row for row in rows if row["settings"]["psnr"] in SHOWN_LEVELS]
    return {
        f"{row['settings']['psnr']:g} dB": [(look["images_shown"], accuracy(look)) for look in row["transfer"]]
        for row in chosen
    }


def chart(name: str, title: str, axis: Axis, series: Series, low: float) -> Chart:
    """The lines of a series over one axis, the vertical one from `low` to all."""
    at = math.log10 if axis.logarithmic else float
    values = sorted({x for points in series.values() for x, _ in points})
    x = Scale(at(values[0]), at(values[-1]), LEFT + 10, RIGHT - 10)
    y = Scale(low, 1.0, BOTTOM, TOP)
    last = "; ".join(f"{line} {percent(points[-1][1])}" for line, points in series.items())
    return Chart(
        name=name,
        title=title,
        description=f"{title} against {axis.label}. At its largest: {last}.",
        x_label=axis.label,
        x_ticks=tuple(Tick(x(at(value)), thousands(value)) for value in values[:: -(-len(values) // MOST_TICKS)]),
        y_ticks=tuple(Tick(y(tenth / 10), f"{10 * tenth} %") for tenth in range(round(10 * low), 11, 2)),
        lines=_lines(series, lambda value: x(at(value)), y),
        threshold=Threshold(y(CHANCE), Mark(RIGHT, y(CHANCE) + 13, "chance")) if low else None,
    )


def _lines(series: Series, x: Callable[[float], float], y: Scale) -> tuple[Line, ...]:
    lines, legend = [], LEFT
    for style, (name, points) in zip(STYLES, series.items(), strict=False):
        marks = tuple(Mark(x(value), y(share), f"{count(round(value))}: {percent(share)}") for value, share in points)
        path = "M" + " L".join(f"{mark.x} {mark.y}" for mark in marks)
        lines.append(Line(style, path, marks, Mark(legend + 22, 16, name), key=f"M{legend} 12 h16"))
        legend += 30 + LETTER * len(name)
    return tuple(lines)


def svg(drawn: Chart) -> str:
    """The report's drawing of a chart, with its title and its colours in it."""
    box = {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": RIGHT, "bottom": BOTTOM}
    page = str(environment().get_template("parts.html.j2").make_module(box).chart(drawn))  # type: ignore[attr-defined]
    inside = page[page.index("<title") : page.index("</svg>")]
    tall = HEIGHT + TITLE_ROOM
    shape = f'viewBox="0 {-TITLE_ROOM} {WIDTH} {tall}" width="{MAGNIFIED * WIDTH}" height="{MAGNIFIED * tall}"'
    start = f'<svg xmlns="http://www.w3.org/2000/svg" {shape} role="img">'
    heading = f'<text class="title" x="{LEFT}" y="-5">{drawn.title}</text>'
    return f"{start}\n<style>{CSS}</style>\n{heading}\n{inside}</svg>\n"


def _drawable(series: Series) -> bool:
    return len({x for points in series.values() for x, _ in points}) > 1
