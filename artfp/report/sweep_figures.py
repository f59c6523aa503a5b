"""Charts of a whole sweep: what alterations cost the images, and how false positives fall against theory."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from artfp.report.figures import (
    BOTTOM,
    CHANCE,
    LEFT,
    MATCH_LOG_P,
    RIGHT,
    TOP,
    Chart,
    Mark,
    Scale,
    Series,
    Tick,
    named_lines,
    round_step,
    share_axis,
)
from artfp.report.strength_figures import MARGIN, SUBJECTS, threshold_at
from artfp.report.sweep_folder import SweepFolder
from artfp.report.tables import count, log_p_text, percent
from artfp.robustness import ADVERSARY, IMAGE, REMOVAL, WEIGHTS, Readout, Row, Thresholds
from artfp.statistics.exact import binomial_tails


def plane_chart(folder: SweepFolder) -> Chart | None:
    """Each row a point: what it costs the images, to the right, against the bits that are still read."""
    rows = [(row, read) for row, read in folder.measured(IMAGE, WEIGHTS, ADVERSARY) if row.aim == REMOVAL]
    by_lpips = any(row.damage and row.damage.lpips is not None for row, _ in rows)
    costs = [(row, read, cost) for row, read in rows if (cost := _cost(row, by_lpips)) is not None]
    if not costs:
        return None
    x, x_ticks = _cost_axis([cost for _, _, cost in costs], by_lpips)
    y, y_ticks = share_axis(min(read.accuracy.value for _, read, _ in costs))
    name = "LPIPS, SqueezeNet; right is worse" if by_lpips else "PSNR in dB; right is worse"
    return Chart(
        name="plane",
        title="Bits read right against damage to the images",
        description=f"{len(costs)} rows of the sweep as points; the table of all rows has the same numbers. To the "
        f"right: {name}. Upwards: bits read right.",
        x_label=name,
        x_ticks=x_ticks,
        y_ticks=y_ticks,
        lines=named_lines(_scattered(folder, costs, x, y)),
        threshold=threshold_at(y, CHANCE, "chance"),
    )


def _scattered(
    folder: SweepFolder, costs: Sequence[tuple[Row, Readout, float]], x: Scale, y: Scale
) -> Iterator[Series]:
    for subject in folder.subjects:
        marks = [
            Mark(x(cost), y(read.accuracy.value), f"{row.address}: {percent(read.accuracy.value)} at {cost:.3g}")
            for row, read, cost in costs
            if row.subject == subject
        ]
        if marks:
            yield Series(*SUBJECTS[subject], tuple(marks), joined=False)


def _cost(row: Row, by_lpips: bool) -> float | None:
    if row.damage is None:
        return None
    return row.damage.lpips if by_lpips else row.damage.psnr


def _cost_axis(costs: Sequence[float], by_lpips: bool) -> tuple[Scale, tuple[Tick, ...]]:
    """From no damage, or from the highest PSNR, to the most."""
    low, high = (0.0 if by_lpips else min(costs)), max(costs)
    step = round_step(max(high - low, 1e-3), 5, least=1e-4)
    first, last = math.floor(low / step), max(math.floor(low / step) + 1, math.ceil(high / step))
    ends = (LEFT, RIGHT - MARGIN) if by_lpips else (RIGHT - MARGIN, LEFT)
    x = Scale(first * step, last * step, *ends)
    return x, tuple(Tick(x(step * i), f"{step * i:.3g}") for i in range(first, last + 1))


def null_chart(folder: SweepFolder) -> Chart | None:
    """How many unmarked images agree in m bits or more, against how many the binomial expects, for every m."""
    found = folder.sweep.thresholds
    read = [("data", "clean", found.clean_matches), ("twin", "clean twin", found.twin_matches or ())]
    points = [(style, name, tails) for style, name, matches in read if (tails := _tails(matches))]
    if not points:
        return None
    deepest = min(min(theory, seen) for *_, tails in points for theory, seen, _ in tails)
    every = max(1, math.ceil(-deepest / 6))
    bottom = -every * max(1, math.ceil(-deepest / every))
    x, y = Scale(0.0, bottom, RIGHT - MARGIN, LEFT), Scale(0.0, bottom, TOP, BOTTOM)
    powers = range(0, bottom - 1, -every)
    ends = (Mark(x(bottom), y(bottom), ""), Mark(x(0), y(0), ""))
    drawn = [
        Series(style, name, tuple(Mark(x(theory), y(seen), words) for theory, seen, words in tails))
        for style, name, tails in points
    ]
    return Chart(
        name="null",
        title="False positives: found against expected",
        description=_told_null(found, [(name, matches) for _, name, matches in read if sum(matches)]),
        x_label="expected by theory",
        x_ticks=tuple(Tick(x(power), log_p_text(power)) for power in powers),
        y_ticks=tuple(Tick(y(power), log_p_text(power)) for power in powers),
        lines=named_lines([*drawn, Series("reference", "theory", ends, dotted=False)]),
    )


def _tails(matches: Sequence[int]) -> list[tuple[float, float, str]]:
    """log10 of the expected and the found share of images with m matching bits or more, from half of the bits on."""
    n, total = len(matches) - 1, sum(matches)
    at_least = list(itertools.accumulate(reversed(matches)))[::-1]
    return [
        (
            math.log10(binomial_tails(n)[m]),
            math.log10(seen / total),
            f"{m} bits or more: {count(seen)} of {count(total)}",
        )
        for m, seen in enumerate(at_least)
        if m >= n / 2 and seen
    ]


def _told_null(found: Thresholds, counts: Sequence[tuple[str, Sequence[int]]]) -> str:
    told = "; ".join(
        f"{name}: {count(sum(matches[found.theoretical :]))} of {count(sum(matches))} images reach the "
        f"{found.theoretical} bits of p at most {log_p_text(MATCH_LOG_P)}"
        for name, matches in counts
    )
    return f"Shares of unmarked images that agree in so many bits or more, on logarithmic axes. {told}."
