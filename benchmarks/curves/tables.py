"""Rows as Markdown tables, one a curve."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean

from artfp.report.tables import count, percent
from benchmarks.measuring.tables import Column, Row, accuracy, alone, markdown, matching, verdict, worst

TITLES = {
    "psnr": "Against embedding PSNR",
    "bits": "Against the bits of the fingerprint",
    "fraction": "Against the marked share of the data",
    "shown": "Against training images shown: bits right in the transfer monitor's samples",
    "count": "Against the size of the data",
    "storage": "Against what is done to the marked files before training",
}


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
    ("bits right in the data shown", lambda row: percent(in_data(row))),
    ("bits right in generated images", lambda row: percent(accuracy(row["generated"]))),
    ("single images at p ≤ 1e-6", lambda row: alone(row["generated"])),
    ("verdict, q", lambda row: verdict(row["generated"])),
    ("clean twin: bits", lambda row: percent(accuracy(row["twin"]))),
    ("images", lambda row: alone(row["twin"])),
    ("verdict, q", lambda row: verdict(row["twin"])),
    ("Fréchet (SqueezeNet)", lambda row: _distance(row["generated"])),
    ("twin's", lambda row: _distance(row["twin"])),
)


def tables(rows: Mapping[str, Sequence[Row]]) -> str:
    """A section for each curve that has rows."""
    return "\n".join(section(curve, found) for curve, found in rows.items() if found)


def section(curve: str, rows: Sequence[Row]) -> str:
    """One curve: its title and its table."""
    if curve == "shown":
        return markdown(TITLES[curve], *_by_images_shown(rows))
    columns = (*BEFORE, VARIED[curve], *AFTER)
    return markdown(TITLES[curve], [name for name, _ in columns], ([cell(row) for _, cell in columns] for row in rows))


def brief(rows: Mapping[str, Sequence[Row]]) -> str:
    """A short table for each curve with an axis: means over seeds, a line for each data and value."""
    return "\n".join(_brief(curve, found) for curve, found in rows.items() if found and curve in VARIED)


def _brief(curve: str, rows: Sequence[Row]) -> str:
    name, value = VARIED[curve]
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["settings"]["data"], value(row)), []).append(row)
    header = ["data", name, "seeds", *(name for name, _ in MEANS)]
    lines = ([*key, str(len(group)), *(mean(group) for _, mean in MEANS)] for key, group in groups.items())
    return markdown(TITLES[curve], header, lines)


def in_data(row: Row) -> float:
    """The share of bits right in the marked images that the generator was shown, as they were stored."""
    return accuracy(row["stored"]) if "stored" in row else float(row["embedding"]["self_check"]["bit_accuracy"])


def ratio(row: Row) -> float | None:
    """The Fréchet distance of a model's images over that of its clean twin's; None where they were not measured."""
    model, twin = row["generated"]["frechet"], row["twin"]["frechet"]
    return None if model is None or twin is None else float(model / twin)


def _mean_ratio(group: Sequence[Row]) -> str:
    found = [value for row in group if (value := ratio(row)) is not None]
    return f"{fmean(found):.2f}" if found else "—"


MEANS: tuple[tuple[str, Callable[[Sequence[Row]], str]], ...] = (
    ("bits right in the data shown", lambda group: percent(fmean(map(in_data, group)))),
    ("bits right in generated images", lambda group: percent(fmean(accuracy(row["generated"]) for row in group))),
    ("single images at p ≤ 1e-6", lambda group: percent(fmean(matching(row["generated"]) for row in group))),
    ("worst verdict, q", lambda group: worst(row["generated"] for row in group)),
    ("Fréchet distance over the twin's", _mean_ratio),
)


def _by_images_shown(rows: Sequence[Row]) -> tuple[list[str], Iterable[list[str]]]:
    """A column for each point, a line for each look of its monitor."""
    looks = [{look["images_shown"]: accuracy(look) for look in row["transfer"]} for row in rows]
    shown = sorted({images for of_row in looks for images in of_row})
    header = ["images shown", *(f"{row['settings']['data']}, {row['settings']['psnr']:g} dB" for row in rows)]
    lines = ([count(at), *(percent(of_row[at]) if at in of_row else "—" for of_row in looks)] for at in shown)
    return header, lines


def _distance(reading: Row) -> str:
    return "—" if reading["frechet"] is None else f"{reading['frechet']:,.1f}"
