"""Rows as Markdown tables, one a curve."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from artfp.report.tables import count, percent
from artfp.verdict import at_most

Row = Mapping[str, Any]
Column = tuple[str, Callable[[Row], str]]

TITLES = {
    "psnr": "Against embedding PSNR",
    "bits": "Against the bits of the fingerprint",
    "fraction": "Against the marked share of the data",
    "shown": "Against training images shown: bits right in the transfer monitor's samples",
    "count": "Against the size of the data",
    "storage": "Against what is done to the marked files before training",
}


def accuracy(reading: Row) -> float:
    """The share of matching bits; of a reading of images, or of a line of the monitor."""
    return float(reading["matching_bits"] / reading["total_bits"])


def matching(reading: Row) -> float:
    """The share of images that match on their own at 1e-6."""
    return float(reading["matching_images"] / reading["images"])


VARIED: Mapping[str, Column] = {
    "psnr": ("PSNR asked", lambda row: f"{row['settings']['psnr']:g}"),
    "bits": ("bits", lambda row: str(row["codec"]["n_bits"])),
    "fraction": ("marked", lambda row: f"{count(row['embedding']['marked'])} of {count(row['embedding']['images'])}"),
    "count": ("images", lambda row: count(row["embedding"]["images"])),
    "storage": ("stored", lambda row: str(row["settings"]["storage"])),
}
BEFORE: tuple[Column, ...] = (
    ("data", lambda row: str(row["settings"]["data"])),
    ("seed", lambda row: str(row["settings"]["seed"])),
)
AFTER: tuple[Column, ...] = (
    ("PSNR, dB", lambda row: f"{row['embedding']['psnr']:.2f}"),
    ("bits right in marked data", lambda row: percent(row["embedding"]["self_check"]["bit_accuracy"])),
    ("bits right in generated images", lambda row: percent(accuracy(row["generated"]))),
    ("single images at p ≤ 1e-6", lambda row: _of(row["generated"])),
    ("verdict, q", lambda row: f"{row['generated']['outcome']}, {at_most(row['generated']['q'])}"),
    ("clean twin: bits", lambda row: percent(accuracy(row["twin"]))),
    ("images", lambda row: _of(row["twin"])),
    ("verdict, q", lambda row: f"{row['twin']['outcome']}, {at_most(row['twin']['q'])}"),
    ("Fréchet (SqueezeNet)", lambda row: _distance(row["generated"])),
    ("twin's", lambda row: _distance(row["twin"])),
)


def tables(rows: Mapping[str, Sequence[Row]]) -> str:
    """A section for each curve that has rows."""
    return "\n".join(section(curve, found) for curve, found in rows.items() if found)


def section(curve: str, rows: Sequence[Row]) -> str:
    """One curve: its title and its table."""
    if curve == "shown":
        return _markdown(TITLES[curve], *_by_images_shown(rows))
    columns = (*BEFORE, VARIED[curve], *AFTER)
    return _markdown(TITLES[curve], [name for name, _ in columns], ([cell(row) for _, cell in columns] for row in rows))


def _by_images_shown(rows: Sequence[Row]) -> tuple[list[str], Iterable[list[str]]]:
    """A column for each point, a line for each look of its monitor."""
    looks = [{look["images_shown"]: accuracy(look) for look in row["transfer"]} for row in rows]
    shown = sorted({images for of_row in looks for images in of_row})
    header = ["images shown", *(f"{row['settings']['data']}, {row['settings']['psnr']:g} dB" for row in rows)]
    lines = ([count(at), *(percent(of_row[at]) if at in of_row else "—" for of_row in looks)] for at in shown)
    return header, lines


def _markdown(title: str, header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    ruled = [header, ["---"] * len(header), *lines]
    return "\n".join([f"**{title}**", "", *(f"| {' | '.join(cells)} |" for cells in ruled), ""])


def _of(reading: Row) -> str:
    return f"{count(reading['matching_images'])} of {count(reading['images'])}"


def _distance(reading: Row) -> str:
    return "—" if reading["frechet"] is None else f"{reading['frechet']:,.1f}"
