"""Figures and numbers against values worked out by hand."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artfp.report import figures
from artfp.report.figures import BOTTOM, LEFT, RIGHT, TOP, accuracy_chart, agreement_chart, p_chart, share_axis
from artfp.report.pictures import amplified, psnr, triptych
from artfp.report.run_folder import TransferPoint, read_run
from artfp.report.tables import (
    LONGEST_TABLE,
    log_p_text,
    percent,
    scientific,
    setting_text,
    settings_rows,
    thousands,
    transfer_rows,
)


def points(*accuracy_and_p: tuple[float, float]) -> tuple[TransferPoint, ...]:
    return tuple(TransferPoint(1000 * i, round(a * 1000), 1000, p) for i, (a, p) in enumerate(accuracy_and_p))


def test_a_change_is_amplified_ten_times_around_grey() -> None:
    change = np.array([-20, -1, 0, 3, 20], np.int16)
    assert amplified(change).tolist() == [0, 118, 128, 158, 255]


def test_psnr_in_closed_form() -> None:
    assert psnr(np.full((4, 4, 3), 1, np.int16)) == pytest.approx(20 * math.log10(255))
    assert psnr(np.zeros((4, 4, 3), np.int16)) == math.inf


def test_a_triptych_measures_its_own_pair(run_folder: Path) -> None:
    shown = triptych(read_run(run_folder).strips[0])
    assert (shown.name, shown.original.width, shown.largest_change) == ("000", 64, 3)
    assert 40 < shown.psnr < 50


def test_curves_run_from_corner_to_corner() -> None:
    chart = accuracy_chart({"model": points((0.4, 1.0), (1.0, 1e-10))})
    first, last = chart.lines[0].marks
    assert (first.x, first.y) == (LEFT, BOTTOM)
    assert (last.x, last.y) == (RIGHT - 6, TOP)
    assert chart.lines[0].path == f"M{LEFT} {BOTTOM} L{RIGHT - 6} {TOP}"
    assert last.words == "1,000 images: 100 %"
    assert chart.threshold is not None
    assert first.y > chart.threshold.at > last.y


def test_p_is_drawn_on_its_logarithm() -> None:
    chart = p_chart({"model": points((0.5, 1.0), (0.7, 1e-5), (0.9, 1e-10))})
    top, middle, low = (mark.y for mark in chart.lines[0].marks)
    assert top == TOP
    assert middle == pytest.approx((top + low) / 2, abs=0.11)
    assert [tick.label for tick in chart.y_ticks] == ["1", "10⁻²", "10⁻⁴", "10⁻⁶", "10⁻⁸", "10⁻¹⁰"]
    assert chart.y_ticks[-1].at == BOTTOM
    assert "Lower is stronger evidence" in chart.description


@pytest.mark.parametrize("p", [1.0, 0.3, 1e-19, 1e-77, 1e-290, 0.0])
def test_every_p_stays_inside_the_plot(p: float) -> None:
    chart = p_chart({"model": points((0.5, 1.0), (0.9, p)), "twin": points((0.5, 0.7))})
    heights = [mark.y for line in chart.lines for mark in line.marks] + [tick.at for tick in chart.y_ticks]
    assert TOP <= min(heights) <= max(heights) <= BOTTOM
    assert 2 <= len(chart.y_ticks) <= 7


@pytest.mark.parametrize("shown", [0, 1, 999, 60_000, 1_234_567, 25_000_000])
def test_every_length_of_training_has_a_few_round_ticks(shown: int) -> None:
    chart = accuracy_chart({"model": (TransferPoint(shown, 1, 2, 0.5),)})
    assert 2 <= len(chart.x_ticks) <= 6
    assert all(LEFT <= tick.at <= RIGHT for tick in chart.x_ticks)
    assert all(re.fullmatch(r"[\d.]{1,4}[kM]?", tick.label) for tick in chart.x_ticks)


@pytest.mark.parametrize(
    ("lowest", "labels"),
    [(0.97, [40, 50, 60, 70, 80, 90, 100]), (0.26, [20, 30, 40, 50, 60, 70, 80, 90, 100]), (0, range(0, 101, 20))],
)
def test_shares_have_an_axis_from_a_tenth_beneath_the_lowest_to_all(lowest: float, labels: Iterable[int]) -> None:
    scale, ticks = share_axis(lowest, LEFT, RIGHT)
    assert [tick.label for tick in ticks] == [f"{label} %" for label in labels]
    assert (ticks[0].at, ticks[-1].at) == (LEFT, RIGHT) == (scale(scale.low), scale(1))


def test_accuracy_below_the_usual_range_widens_it() -> None:
    chart = accuracy_chart({"model": points((0.12, 1.0), (0.5, 1.0))})
    assert chart.y_ticks[0].label == "10 %"
    assert max(mark.y for mark in chart.lines[0].marks) <= BOTTOM


def test_random_keys_form_a_bell_and_each_verdict_a_stem(run_folder: Path) -> None:
    chart = agreement_chart(read_run(run_folder).verdicts)
    assert chart.area is not None
    heights = [float(y) for _, y in re.findall(r"L([\d.]+) ([\d.]+)", chart.area.path)][:-1]
    assert len(heights) == 65
    assert heights.index(min(heights)) == 32
    assert heights == heights[::-1]
    where = {line.style: line.marks[0].x for line in chart.lines}
    assert where["model"] == RIGHT
    assert where["twin"] == pytest.approx(LEFT + 36 / 64 * (RIGHT - LEFT), abs=0.06)
    rows = [line.name.y for line in chart.lines]
    assert all(later - earlier >= 15 for earlier, later in itertools.pairwise(rows))


def test_legends_do_not_run_into_each_other() -> None:
    chart = accuracy_chart({"model": points((0.5, 1.0)), "twin": points((0.5, 1.0))})
    first, second = chart.lines
    assert second.name.x - 22 > first.name.x + figures.LETTER * len(first.name.words)
    assert second.name.x + figures.LETTER * len(second.name.words) < figures.WIDTH


@pytest.mark.parametrize(
    ("share", "text"),
    [(1.0, "100 %"), (0.0, "0 %"), (0.99999, "> 99.9 %"), (0.0001, "< 0.1 %"), (0.957, "95.7 %"), (0.5, "50.0 %")],
)
def test_shares_are_never_rounded_to_certainty(share: float, text: str) -> None:
    assert percent(share) == text


def test_powers_of_ten_read_as_people_write_them() -> None:
    assert str(scientific("p <= 3.5e-17 & <b>")) == (
        'p ≤ <span class="number">3.5 × 10<sup>−17</sup></span> &amp; &lt;b&gt;'
    )
    assert str(scientific("1.0e-06")) == '<span class="number">10<sup>−6</sup></span>'
    assert str(scientific("key-1e-shop")) == "key-1e-shop"
    assert [log_p_text(v) for v in (0.0, -0.2, -6.0, -19.3)] == ["1", "1", "10⁻⁶", "10⁻¹⁹"]
    assert [thousands(v) for v in (0, 500, 20_000, 1_500_000)] == ["0", "500", "20k", "1.5M"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "yes"),
        (None, "—"),
        (2e-4, "0.0002"),
        ([0.0, 0.99], "0, 0.99"),
        ([], "—"),
        ([{"width": 64, "count": 3}], "width 64 count 3"),
        (list(range(20)), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, and 8 more"),
    ],
)
def test_settings_read_as_a_recipe_has_them(value: Any, text: str) -> None:
    assert setting_text(value) == text


def test_nested_settings_keep_their_path() -> None:
    rows = settings_rows({"a": {"b": {"c": 1}}, "d": "x"})
    assert [(row.heading, row.cells) for row in rows] == [("a.b.c", ("1",)), ("d", ("x",))]


def test_long_series_are_thinned_but_keep_their_ends() -> None:
    series = tuple(TransferPoint(i, 1, 2, 0.5) for i in range(1001))
    rows = transfer_rows({"model": series, "twin": series[:1]})
    assert len(rows) <= LONGEST_TABLE + 1
    assert (rows[0].heading, rows[-1].heading) == ("0", "1,000")
    assert rows[-1].cells[2:] == ("—", "—")
