"""Two sweeps beside each other: rows by address, image by image where they can be."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from outline import Outline
from sweeps import BITS, alterations, read, row, sweep_of, write_sweep

from artfp.errors import BadInputError, UsageError
from artfp.report.compare_page import both_chart, claim, points, render, write_comparison
from artfp.report.comparison import HIGHER, LOWER, SAME, Comparison, compare
from artfp.robustness import ADVERSARY, DATA, FORGERY, GENERATED, IMAGE, Row


def of_two(folder: Path, first: list[Row], second: list[Row], **changes: object) -> Comparison:
    a = write_sweep(folder / "a", first, thumbs=False, name="before")
    b = write_sweep(folder / "b", second, thumbs=False, **{"name": "after", **changes})
    return compare(a, b)


def jpeg(accuracy: float, strength: float = 80, images: int = 32) -> Row:
    return row(IMAGE, "jpeg", strength, GENERATED, read(accuracy, images))


def test_a_sweep_does_not_differ_from_itself(tmp_path: Path) -> None:
    rows = alterations(IMAGE, GENERATED)
    found = of_two(tmp_path, rows, rows)
    assert [pair.address for pair in found.pairs] == [each.address for each in rows]
    assert all(pair.paired and pair.difference and pair.difference.value == 0 for pair in found.pairs)
    assert found.counts() == {HIGHER: 0, LOWER: 0, SAME: len(rows)}


def test_the_difference_is_of_b_less_a_image_by_image(tmp_path: Path) -> None:
    [pair] = of_two(tmp_path, [jpeg(0.75)], [jpeg(0.875)]).pairs
    assert pair.difference is not None
    assert (pair.difference.low, pair.difference.value, pair.difference.high) == (0.125, 0.125, 0.125)
    assert (pair.paired, pair.outcome) == (True, HIGHER)


@pytest.mark.parametrize("reason", ["seed", "images", "bits of single images"])
def test_what_cannot_be_paired_is_compared_as_independent_samples(tmp_path: Path, reason: str) -> None:
    second, changes = jpeg(0.75, images=31 if reason == "images" else 32), {}
    if reason == "seed":
        changes["seed"] = 8
    if reason == "bits of single images":
        assert second.readout is not None
        second = dataclasses.replace(second, readout=dataclasses.replace(second.readout, matches=()))
    [pair] = of_two(tmp_path, [jpeg(0.875)], [second], **changes).pairs
    assert pair.difference is not None
    assert (pair.paired, pair.outcome) == (False, LOWER)
    assert pair.difference.low < pair.difference.value < pair.difference.high < 0


def test_fingerprints_of_different_length_compare_as_shares(tmp_path: Path) -> None:
    longer = jpeg(0.75)
    assert longer.readout is not None
    matches = tuple(2 * match for match in longer.readout.matches)
    readout = dataclasses.replace(
        longer.readout, matches=matches, matching_bits=sum(matches), total_bits=2 * longer.readout.total_bits
    )
    counts = dataclasses.replace(sweep_of([]).thresholds, clean_matches=(), twin_matches=None)
    second = dataclasses.replace(longer, readout=readout)
    found = of_two(tmp_path, [jpeg(0.75)], [second], n_bits=2 * BITS, thresholds=counts)
    [pair] = found.pairs
    assert pair.paired
    assert pair.difference is not None
    assert pair.difference.value == 0
    assert (found.a.n_bits, found.b.n_bits) == (BITS, 2 * BITS)


def test_rows_of_one_sweep_alone_are_listed(tmp_path: Path) -> None:
    found = of_two(tmp_path, [jpeg(0.9, 80), jpeg(0.8, 50)], [jpeg(0.7, 30), jpeg(0.9, 80)])
    assert [pair.address for pair in found.pairs] == ["image/jpeg/80/generated"]
    assert (found.only_a, found.only_b) == (("image/jpeg/50/generated",), ("image/jpeg/30/generated",))


def test_a_row_that_failed_in_one_has_no_difference(tmp_path: Path) -> None:
    failed = row(IMAGE, "jpeg", 80, GENERATED, None, failure="no memory")
    found = of_two(tmp_path, [jpeg(0.9)], [failed])
    [pair] = found.pairs
    assert (pair.difference, pair.b, pair.outcome) == (None, None, SAME)
    assert sum(found.counts().values()) == 0
    assert claim(found) == "No alteration or removal could be carried out in both sweeps."
    assert both_chart(found.pairs) is None
    assert "not carried out in both" in Outline(render(found)).text


def test_a_forgery_in_which_more_is_read_is_no_gain(tmp_path: Path) -> None:
    first, second = (row(ADVERSARY, "forging", 10, DATA, read(share), aim=FORGERY) for share in (0.5, 0.9))
    found = of_two(tmp_path, [jpeg(0.9), first], [jpeg(0.9), second])
    assert found.counts() == {HIGHER: 0, LOWER: 0, SAME: 1}
    assert claim(found).endswith("Rows of forgeries, where more is worse, are not counted: 1.")


def test_what_shares_no_row_cannot_be_compared(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no row in common"):
        of_two(tmp_path, [jpeg(0.9)], [row(IMAGE, "jpeg", 80, DATA, read(0.9))])


def test_a_broken_sweep_is_named(tmp_path: Path) -> None:
    write_sweep(tmp_path / "a", [jpeg(0.9)])
    write_sweep(tmp_path / "b", [jpeg(0.9)])
    (tmp_path / "b/sweep.json").write_text("{")
    with pytest.raises(BadInputError, match=r"b/sweep\.json"):
        compare(tmp_path / "a", tmp_path / "b")


def test_the_page_has_every_row_and_both_sides(tmp_path: Path) -> None:
    rows = alterations(IMAGE, GENERATED)
    found = of_two(tmp_path, rows, alterations(IMAGE, GENERATED, 0.05)[:-1])
    write_comparison(tmp_path / "compare.html", found)
    page = (tmp_path / "compare.html").read_text()
    outline = Outline(page)
    assert f"Of {len(rows) - 1} rows, B reads more bits in 0 and fewer in" in outline.text
    assert "A: before" in outline.text
    assert "B: after" in outline.text
    assert "In A alone: 1 row" in outline.text
    assert len([each for each in outline.all("tr") if each.get("id")]) == len(rows) - 1
    assert "1 rows" not in outline.text
    assert "image by image" in outline.text
    outline.check()


def test_equal_rows_lie_on_the_line_of_both(tmp_path: Path) -> None:
    rows = alterations(IMAGE, GENERATED)
    chart = both_chart(of_two(tmp_path, rows, rows).pairs)
    assert chart is not None
    points_of_rows, line = chart.lines
    (x1, y1), (x2, y2) = (tuple(map(float, end.split())) for end in line.path[1:].split(" L"))
    for mark in points_of_rows.marks:
        assert mark.y == pytest.approx(y1 + (mark.x - x1) / (x2 - x1) * (y2 - y1), abs=0.2)


def test_names_cannot_become_markup(tmp_path: Path) -> None:
    found = of_two(tmp_path, [jpeg(0.9)], [jpeg(0.8)], name="<script>alert(1)</script>")
    assert "<script" not in render(found)


def test_differences_have_their_sign() -> None:
    assert [points(value) for value in (0.0123, -0.5, 0.0)] == ["+1.2", "−50.0", "+0.0"]
