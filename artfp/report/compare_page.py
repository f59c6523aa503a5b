"""A comparison of two sweeps as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from artfp.files import write_text
from artfp.report.comparison import HIGHER, LOWER, SAME, Comparison, Pair, Reading
from artfp.report.figures import LEFT, RIGHT, Chart, Mark, Series, named_lines, share_axis
from artfp.report.robustness_tables import p_of
from artfp.report.tables import ABSENT, Row, counted, percent, settings_rows
from artfp.report.templates import rendered
from artfp.statistics.jackknife import Interval

COLUMNS = ("Row", "A: bits right", "B: bits right", "B − A, percentage points", "Interval", "A: p of the set", "B: p")


def write_comparison(page: Path, comparison: Comparison) -> None:
    """Write the page, whole or not at all."""
    write_text(page, render(comparison))


def render(comparison: Comparison) -> str:
    """The page as text; the same comparison always gives the same page."""
    sides = {"A": comparison.a, "B": comparison.b}
    return rendered(
        "compare.html.j2",
        a=comparison.a,
        b=comparison.b,
        claim=claim(comparison),
        chart_of_both=both_chart(comparison.pairs),
        columns=COLUMNS,
        pairs=[_pair_row(pair) for pair in comparison.pairs],
        sides=[
            {"label": f"{letter}: {side.name}", "rows": settings_rows(side.to_dict())} for letter, side in sides.items()
        ],
        alone={"In A alone": comparison.only_a, "In B alone": comparison.only_b},
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
    lowest = min(value for _, *values in both for value in values)
    (x, x_ticks), (y, y_ticks) = share_axis(lowest, LEFT, RIGHT - 12), share_axis(lowest)
    marks = tuple(Mark(x(a), y(b), f"{pair.address}: A {percent(a)}, B {percent(b)}") for pair, a, b in both)
    equal = Series("reference", "equal", (Mark(x(x.low), y(y.low), ""), Mark(x(1), y(1), "")), dotted=False)
    return Chart(
        name="both",
        title="Bits read right in A and in B",
        description=f"{len(both)} rows as points, A to the right and B upwards; the table has the same numbers.",
        x_label="A",
        x_ticks=x_ticks,
        y_ticks=y_ticks,
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
