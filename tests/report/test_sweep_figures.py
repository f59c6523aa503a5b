"""Curves, areas and charts of a sweep against values worked out by hand, and their labels against each other."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest
from sweeps import BITS, GRIDS, adversaries, alterations, clean_matches, full_rows, read, row, sweep_of, write_sweep

from artfp.perturb.grids import IMAGES, SUITES
from artfp.perturb.grids import WEIGHTS as WEIGHT_GRIDS
from artfp.report.curves import Grid, above_chance, attack_label, attacks
from artfp.report.figures import BOTTOM, LEFT, LETTER, RIGHT, TOP, WIDTH, Chart, Tick
from artfp.report.published import KERNELS, PUBLISHED
from artfp.report.strength_figures import accuracy_chart, frechet_chart, single_chart, spaced, weights_chart
from artfp.report.sweep_figures import null_chart, plane_chart
from artfp.report.sweep_folder import SweepFolder, read_sweep
from artfp.robustness import DATA, GENERATED, IMAGE, UNTOUCHED, WEIGHTS, Damage, Row, Thresholds
from artfp.statistics.jackknife import Interval


def folder_of(rows: Sequence[Row], **changes: object) -> SweepFolder:
    return SweepFolder(sweep_of(rows, **changes), tuple(rows), (), {}, table=False)


def measured(*accuracies: float, strengths: Sequence[float] = (1, 2, 4)) -> SweepFolder:
    """A sweep of one attack that reads exactly these shares."""
    rows = []
    for strength, accuracy in zip(strengths, accuracies, strict=True):
        readout = dataclasses.replace(read(0.9), accuracy=Interval(accuracy, accuracy, accuracy))
        rows.append(row(IMAGE, "noise", strength, GENERATED, readout))
    return folder_of(rows)


@pytest.fixture
def full(tmp_path: Path) -> SweepFolder:
    return read_sweep(write_sweep(tmp_path / "sweep", full_rows(), thumbs=False))


def all_charts(folder: SweepFolder) -> list[Chart]:
    of_images = [make(each, folder) for each in attacks(folder, IMAGE) for make in (accuracy_chart, single_chart)]
    of_weights = [make(each, folder) for each in attacks(folder, WEIGHTS) for make in (weights_chart, frechet_chart)]
    charts = [*of_images, *of_weights, plane_chart(folder), null_chart(folder)]
    return [chart for chart in charts if chart is not None]


def test_the_area_is_that_of_trapezia_over_the_normalised_grid() -> None:
    """Strengths 1, 2, 4 lie at 0, 1/3, 1; accuracies 1, .75, .5 have heights 1, .5, 0."""
    [attack] = attacks(measured(1.0, 0.75, 0.5), IMAGE)
    assert attack.curves[0].area == pytest.approx(1 / 3 * 0.75 + 2 / 3 * 0.25)


@pytest.mark.parametrize(("value", "area"), [(1.0, 1.0), (0.75, 0.5), (0.5, 0.0), (0.4, 0.0)])
def test_a_level_curve_has_its_own_height_as_area(value: float, area: float) -> None:
    [attack] = attacks(measured(value, value, value), IMAGE)
    assert attack.curves[0].area == pytest.approx(area)
    assert above_chance(value) == pytest.approx(area)


def test_an_attack_of_one_strength_has_its_height_as_area() -> None:
    [attack] = attacks(measured(0.9, strengths=(1,)), IMAGE)
    assert attack.curves[0].area == pytest.approx(0.8)


def test_the_order_of_harshness_does_not_change_the_area() -> None:
    [falling] = attacks(measured(0.9, 0.7, 0.6, strengths=(90, 50, 30)), IMAGE)
    [rising] = attacks(measured(0.6, 0.7, 0.9, strengths=(30, 50, 90)), IMAGE)
    assert falling.curves[0].area == pytest.approx(rising.curves[0].area)


def test_of_rows_that_prove_alike_the_worst_is_that_of_the_fewest_bits() -> None:
    [attack] = attacks(measured(0.9, 0.6, 0.7), IMAGE)
    assert attack.curves[0].worst[0].strength == 2


def test_the_worst_row_is_that_which_proves_least() -> None:
    rows = [
        row(IMAGE, "rotate", strength, GENERATED, read(accuracy, log10_p=log10_p))
        for strength, accuracy, log10_p in ((10, 0.498, -6.8), (20, 0.51, -0.1))
    ]
    [attack] = attacks(folder_of(rows), IMAGE)
    assert attack.curves[0].worst[0].strength == 20


def test_strengths_lie_from_mild_to_harsh() -> None:
    jpeg = Grid((90, 80, 30))
    assert [jpeg.place(value) for value in jpeg.strengths] == [0, pytest.approx(1 / 6), 1]
    both_ways = Grid((0.75, 0.5, 1.25, 1.5), one_sided=False)
    assert [both_ways.place(value) for value in (0.5, 0.75, 1.5)] == [0, 0.25, 1]
    counts = Grid((10, 100, 10_000))
    assert counts.place(100) == pytest.approx(1 / 3)
    assert Grid((1,)).place(1) == 0.5


def test_attacks_have_names_that_people_know() -> None:
    assert [attack_label(name) for name in ("jpeg", "salt-and-pepper")] == ["JPEG", "Salt and pepper"]


def test_subjects_of_an_attack_keep_apart(full: SweepFolder) -> None:
    jpeg = attacks(full, IMAGE)[0]
    assert [curve.subject for curve in jpeg.curves] == [GENERATED, DATA]
    assert all(each.subject == DATA for each, _ in jpeg.curves[1].points)


def test_the_untouched_row_stands_before_the_strengths(full: SweepFolder) -> None:
    chart = accuracy_chart(attacks(full, IMAGE)[0], full)
    generated = chart.lines[0].marks
    assert [mark.words.split(":")[0] for mark in generated] == ["none", "90", "80", "50", "30"]
    assert [mark.x for mark in generated] == sorted(mark.x for mark in generated)
    assert chart.x_ticks[0].label == "none"


def test_two_strengths_that_go_both_ways_have_a_middle() -> None:
    rows = [
        row(IMAGE, "brightness", strength, GENERATED, read(0.9)) for strength in SUITES["quick"].images["brightness"]
    ]
    [brightness] = attacks(folder_of(rows), IMAGE)
    assert not brightness.grid.one_sided


def test_where_strengths_go_both_ways_nothing_stands_before_them(full: SweepFolder) -> None:
    brightness = next(attack for attack in attacks(full, IMAGE) if attack.name == "brightness")
    assert [tick.label for tick in accuracy_chart(brightness, full).x_ticks] == ["0.5", "0.75", "1.25", "1.5"]


def test_the_published_curve_is_drawn_at_its_strengths(full: SweepFolder) -> None:
    paper = {chart.name: chart.lines[-1] for chart in all_charts(full) if chart.lines[-1].name.words == "paper"}
    assert set(paper) == {
        "image-jpeg-accuracy",
        "image-noise-accuracy",
        "image-blur-accuracy",
        "image-centre-crop-accuracy",
        "weights-rounding-weights",
        "weights-weight-noise-weights",
    }
    assert "80: 85.6 %" in {mark.words for mark in paper["image-jpeg-accuracy"].marks}
    assert paper["image-noise-accuracy"].marks[0].words == "none: 95.7 %"
    assert [mark.words for mark in paper["image-blur-accuracy"].marks] == ["0.012: 69.7 %"]
    assert paper["image-blur-accuracy"].path == ""
    assert paper["image-blur-accuracy"].dot is not None


def test_published_strengths_lie_on_the_grids() -> None:
    grids = {**IMAGES, **WEIGHT_GRIDS}
    for name, published in PUBLISHED.items():
        assert set(published.accuracy) <= set(grids[name]), name
    assert KERNELS[6.7] == PUBLISHED["blur"].accuracy[0.012]


def test_data_alone_have_no_published_curve_beside_them() -> None:
    folder = folder_of(alterations(IMAGE, DATA))
    assert "paper" not in {line.name.words for chart in all_charts(folder) for line in chart.lines}


def test_the_distance_has_twice_the_unharmed_as_its_line(full: SweepFolder) -> None:
    chart = frechet_chart(attacks(full, WEIGHTS)[0], full)
    assert chart is not None
    assert chart.threshold is not None
    assert [tick.label for tick in chart.y_ticks] == ["0", "10k", "20k", "30k"]
    assert chart.threshold.at == TOP  # twice 15,000 is the highest, 25,000 the farthest of the rows
    assert [mark.words for mark in chart.lines[0].marks] == ["none: 15,000", "0.1: 15,000", "1: 25,000"]
    assert "none: 15,000; 0.1: 15,000; 1: 25,000." in chart.description


def test_without_distances_there_is_no_chart_of_them() -> None:
    rows = [dataclasses.replace(each, damage=None) for each in alterations(WEIGHTS, GENERATED)]
    folder = folder_of(rows)
    assert frechet_chart(attacks(folder, WEIGHTS)[0], folder) is None


def test_every_mark_label_and_threshold_of_every_chart_has_its_place(full: SweepFolder) -> None:
    charts = all_charts(full)
    assert len(charts) == 2 * len(GRIDS[IMAGE]) + 2 * len(GRIDS[WEIGHTS]) + 2
    assert len({chart.name for chart in charts}) == len(charts)
    for chart in charts:
        check_geometry(chart)


def test_grids_of_all_perturbations_have_room_for_their_labels() -> None:
    rows = [
        row(IMAGE, attack, strength, subject, read(0.8))
        for attack, strengths in IMAGES.items()
        for strength in strengths
        for subject in (GENERATED, DATA)
    ]
    folder = folder_of([row(IMAGE, UNTOUCHED, 0, GENERATED, read(0.9)), *rows])
    for attack in attacks(folder, IMAGE):
        chart = accuracy_chart(attack, folder)
        check_geometry(chart)
        assert len(chart.x_ticks) == len(attack.grid.strengths) + attack.grid.one_sided, attack.name


def check_geometry(chart: Chart) -> None:
    for line in chart.lines:
        for mark in line.marks:
            assert LEFT <= mark.x <= RIGHT, chart.name
            assert TOP <= mark.y <= BOTTOM, chart.name
        assert line.name.x + LETTER * len(line.name.words) <= WIDTH, chart.name
    for first, second in itertools.pairwise(chart.lines):
        assert second.name.x - 22 > first.name.x + LETTER * len(first.name.words), chart.name
    ticks = sorted(chart.x_ticks, key=lambda tick: tick.at)
    for left, right in itertools.pairwise(ticks):
        assert right.at - left.at >= LETTER * (len(left.label) + len(right.label)) / 2, chart.name
    heights = sorted(tick.at for tick in chart.y_ticks)
    assert all(lower - upper >= 11 for upper, lower in itertools.pairwise(heights)), chart.name
    if chart.threshold:
        assert TOP - 4 <= chart.threshold.name.y <= BOTTOM, chart.name


def test_labels_without_room_are_left_out() -> None:
    ticks = [Tick(0, "0.001"), Tick(10, "0.002"), Tick(60, "0.003")]
    assert [tick.label for tick in spaced(ticks)] == ["0.001", "0.003"]


def test_damage_grows_to_the_right_by_either_measure(full: SweepFolder) -> None:
    by_lpips = plane_chart(full)
    assert by_lpips is not None
    assert by_lpips.x_label.startswith("LPIPS")
    bare = [
        dataclasses.replace(each, damage=each.damage and Damage(each.damage.psnr, None, None)) for each in full_rows()
    ]
    by_psnr = plane_chart(folder_of(bare))
    assert by_psnr is not None
    assert by_psnr.x_label.startswith("PSNR")
    for chart in (by_lpips, by_psnr):
        where = {mark.words.split(":")[0]: mark.x for mark in chart.lines[0].marks}
        assert where["image/jpeg/90/generated"] < where["image/jpeg/30/generated"]


def test_forgeries_cost_nothing_and_are_not_in_the_plane(full: SweepFolder) -> None:
    chart = plane_chart(full)
    assert chart is not None
    assert not [mark for line in chart.lines for mark in line.marks if "forging" in mark.words]
    assert [mark for line in chart.lines for mark in line.marks if "averaging" in mark.words]


def test_without_damage_there_is_no_plane() -> None:
    rows = [dataclasses.replace(each, damage=None) for each in adversaries()]
    assert plane_chart(folder_of(rows)) is None


def test_images_that_follow_the_binomial_lie_on_the_line(full: SweepFolder) -> None:
    chart = null_chart(full)
    assert chart is not None
    clean, theory = chart.lines
    (x1, y1), (x2, y2) = (tuple(map(float, end.split())) for end in theory.path[1:].split(" L"))
    assert theory.marks == ()
    for mark in clean.marks:
        expected = y1 + (mark.x - x1) / (x2 - x1) * (y2 - y1)
        assert mark.y == pytest.approx(expected, abs=12)  # whole images: of the last bits there are one or two
    assert "clean: 0 of 20,001 images reach the 51 bits" in chart.description


def test_more_false_positives_than_expected_lie_above_the_line() -> None:
    biased = [0] * (BITS + 1)
    biased[32], biased[50] = 900, 100
    folder = folder_of(full_rows(), thresholds=Thresholds(51, None, tuple(biased), clean_matches(500)))
    chart = null_chart(folder)
    assert chart is not None
    clean, twin, theory = chart.lines
    assert (clean.name.words, twin.name.words) == ("clean", "clean twin")
    (x1, y1), (x2, y2) = (tuple(map(float, end.split())) for end in theory.path[1:].split(" L"))
    at_50 = next(mark for mark in clean.marks if mark.words.startswith("50 bits"))
    assert at_50.words == "50 bits or more: 100 of 1,000"
    assert at_50.y < y1 + (at_50.x - x1) / (x2 - x1) * (y2 - y1) - 20
    check_geometry(chart)


def test_without_clean_images_there_is_no_calibration() -> None:
    assert null_chart(folder_of(full_rows(), thresholds=Thresholds(51, None, (), None))) is None
