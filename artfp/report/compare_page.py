"""A comparison of two sweeps as one self-contained HTML page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from artfp.files import write_text
from artfp.report import figures
from artfp.report.comparison import HIGHER, LOWER, SAME, Comparison, Pair, Reading, Side
from artfp.report.figures import BOTTOM, LEFT, RIGHT, TOP, Chart, Mark, Scale, Series, Tick, named_lines
from artfp.report.page import environment
from artfp.report.robustness_tables import ABSENT, p_of
from artfp.report.tables import Row, counted, percent, settings_rows
from artfp.statistics.jackknife import Interval

COLUMNS = ("Row", "A: bits right", "B: bits right", "B − A, percentage points", "Interval", "A: p of the set", "B: p")


def write_comparison(page: Path, comparison: Comparison) -> None:
    """Write the page, whole or not at all."""
    write_text(page, render(comparison))


def render(comparison: Comparison) -> str:
    """The page as text; the same comparison always gives the same page."""
    sides = {"A": comparison.a, "B": comparison.b}
    return (
        environment()
        .get_template("compare.html.j2")
        .render(
            a=comparison.a,
            b=comparison.b,
            claim=claim(comparison),
            chart_of_both=both_chart(comparison.pairs),
            columns=COLUMNS,
            pairs=[_pair_row(pair) for pair in comparison.pairs],
            sides=[{"label": f"{letter}: {side.name}", "rows": _side_rows(side)} for letter, side in sides.items()],
            alone={f"In {letter} alone": rows for letter, rows in _alone(comparison).items() if rows},
            **figures.BOX,
        )
    )


def claim(comparison: Comparison) -> str:
    """What the rows say together, and how much of it chance would say."""
    counts = comparison.counts()
    total = sum(counts.values())
    apart = f" Rows of forgeries, where more is worse, are not counted: {comparison.forgeries}."
    apart = apart if comparison.forgeries else ""
    if not total:
        return f"No alteration or removal could be carried out in both sweeps.{apart}"
    return (
        f"Of {counted(total, 'row')}, B reads more bits in {counts[HIGHER]} and fewer in {counts[LOWER]}; in "
        f"{counts[SAME]} no difference is shown.{apart}"
    )


def points(share: float) -> str:
    """A difference in percentage points, with its sign."""
    return f"{100 * share:+.1f}".replace("-", "−")


def span(interval: Interval) -> str:
    """Where a difference lies."""
    return f"{points(interval.low)} to {points(interval.high)}"


def how(pair: Pair) -> str:
    """What the interval is of."""
    return "image by image" if pair.paired else "independent samples"


def both_chart(pairs: Sequence[Pair]) -> Chart | None:
    """Each row a point, A to the right and B upwards: above the line, B reads more."""
    both = [(pair, pair.a.accuracy.value, pair.b.accuracy.value) for pair in pairs if pair.a and pair.b]
    if not both:
        return None
    low = min(0.4, math.floor(10 * min(value for _, *values in both for value in values)) / 10)
    x, y = Scale(low, 1.0, LEFT, RIGHT - 12), Scale(low, 1.0, BOTTOM, TOP)
    marks = tuple(Mark(x(a), y(b), f"{pair.address}: A {percent(a)}, B {percent(b)}") for pair, a, b in both)
    equal = Series("reference", "equal", (Mark(x(low), y(low), ""), Mark(x(1), y(1), "")), dotted=False)
    ticks = [tenths / 10 for tenths in range(round(10 * low), 11)]
    return Chart(
        name="both",
        title="Bits read right in A and in B",
        description=f"{len(both)} rows as points, A to the right and B upwards; the table has the same numbers.",
        x_label="A",
        x_ticks=tuple(Tick(x(value), f"{100 * value:.0f} %") for value in ticks),
        y_ticks=tuple(Tick(y(value), f"{100 * value:.0f} %") for value in ticks),
        lines=named_lines([Series("model", "rows", marks, joined=False), equal]),
    )


def _pair_row(pair: Pair) -> Row:
    if pair.difference is None:
        difference = ("not carried out in both", ABSENT)
    else:
        difference = (f"{points(pair.difference.value)} ({span(pair.difference)})", how(pair))
    ps = (ABSENT if reading is None else p_of(reading.log10_p) for reading in (pair.a, pair.b))
    return Row(pair.address, (_accuracy(pair.a), _accuracy(pair.b), *difference, *ps), anchor=pair.address)


def _accuracy(reading: Reading | None) -> str:
    return ABSENT if reading is None else percent(reading.accuracy.value)


def _side_rows(side: Side) -> tuple[Row, ...]:
    return settings_rows(side.to_dict())


def _alone(comparison: Comparison) -> dict[str, tuple[str, ...]]:
    return {"A": comparison.only_a, "B": comparison.only_b}
