"""One sweep folder in, one self-contained HTML page out: what the key survives, and what defeats it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from artfp.report.curves import attack_label, attacks, strength_label
from artfp.report.pictures import Picture, picture
from artfp.report.published import ORIGIN, SOURCE
from artfp.report.robustness_headline import control, headline
from artfp.report.robustness_tables import (
    ALL_COLUMNS,
    ATTEMPT_COLUMNS,
    all_rows,
    attempt_rows,
    paper_notes,
    paper_rows,
    threshold_rows,
    worst_columns,
    worst_rows,
)
from artfp.report.strength_figures import accuracy_chart, frechet_chart, single_chart, weights_chart
from artfp.report.sweep_figures import null_chart, plane_chart
from artfp.report.sweep_folder import SweepFolder, read_sweep
from artfp.report.tables import percent, settings_rows, short
from artfp.report.templates import SMALL_IMAGE, put_page, rendered, stamp_symbol
from artfp.robustness import ADVERSARY, IMAGE, TABLE, UNTOUCHED, WEIGHTS
from artfp.robustness import Row as SweepRow

THUMB = 96  # pixels, at most, of a thumbnail's side
SETTINGS = ("name", "suite", "seed", "images", "side", "subjects", "family", "artfp_version", "schema")
HASHES = ("key", "key_id", "codec", "codec_sha256", "n_bits", "generator_sha256", "twin_sha256")


@dataclass(frozen=True)
class Thumb:
    """The first image of a row."""

    picture: Picture
    words: str
    caption: str


@dataclass(frozen=True)
class Strip:
    """The first images of one attack at all its strengths."""

    label: str
    thumbs: tuple[Thumb, ...]


def write_robustness_report(folder: Path) -> Path:
    """Render the page of a sweep folder and put it there, whole or not at all."""
    return put_page(folder, render(read_sweep(folder)))


def render(folder: SweepFolder) -> str:
    """The page as text; the same folder always gives the same page."""
    return rendered(
        "robustness.html.j2",
        **_opening_parts(folder),
        **_curve_parts(folder),
        **_table_parts(folder),
        **_closing_parts(folder),
    )


def _opening_parts(folder: SweepFolder) -> dict[str, Any]:
    head = headline(folder)
    return {
        "sweep": folder.sweep,
        "headline": head,
        "symbol": stamp_symbol(head.outcome),
        "control": control(folder),
    }


def _curve_parts(folder: SweepFolder) -> dict[str, Any]:
    images, weights = attacks(folder, IMAGE), attacks(folder, WEIGHTS)
    harm = [(weights_chart(attack, folder), frechet_chart(attack, folder)) for attack in weights]
    return {
        "image_charts": [make(attack, folder) for attack in images for make in (accuracy_chart, single_chart)],
        "weights_charts": [chart for pair in harm for chart in pair if chart is not None],
        "plane": plane_chart(folder),
        "null": null_chart(folder),
        "strips": _strips(folder),
    }


def _table_parts(folder: SweepFolder) -> dict[str, Any]:
    return {
        "worst_columns": worst_columns(folder),
        "worst": worst_rows(folder),
        "paper": paper_rows(folder),
        "paper_notes": paper_notes(folder),
        "paper_source": SOURCE,
        "paper_origin": ORIGIN,
        "attempt_columns": ATTEMPT_COLUMNS,
        "attempts": attempt_rows(folder),
        "thresholds": threshold_rows(folder),
    }


def _closing_parts(folder: SweepFolder) -> dict[str, Any]:
    values = folder.sweep.to_dict()
    return {
        "settings": settings_rows({name: values[name] for name in SETTINGS}),
        "hashes": settings_rows({name: values[name] for name in HASHES}),
        "columns": ALL_COLUMNS,
        "rows_of_all": all_rows(folder),
        "missing": folder.missing,
        "table_file": TABLE if folder.table else None,
        "side": min(SMALL_IMAGE, folder.sweep.side or SMALL_IMAGE),
    }


def _strips(folder: SweepFolder) -> tuple[Strip, ...]:
    """The first images attack by attack, of one subject alone where it does not matter of which."""
    shown = [row for row in folder.rows if row.address in folder.thumbs]
    subject = next((s for s in folder.subjects if any(row.subject == s for row in shown)), None)
    rows = [row for row in shown if row.subject == subject or row.kind == ADVERSARY]
    groups = groupby(rows, key=lambda row: (row.kind, row.attack))
    return tuple(Strip(attack_label(attack), tuple(_thumbs(list(of), folder))) for (_, attack), of in groups)


def _thumbs(rows: list[SweepRow], folder: SweepFolder) -> Iterator[Thumb]:
    for row in rows:
        shown = picture(folder.thumbs[row.address], THUMB)
        accuracy = "" if row.readout is None else percent(row.readout.accuracy.value)
        if row.attack == UNTOUCHED:
            yield Thumb(shown, "The first image, unaltered", accuracy)
        else:
            caption = f"{row.unit} {short(row.strength)}" + (f": {accuracy}" if accuracy else "")
            yield Thumb(shown, f"The first image after {strength_label(row)}", caption)
