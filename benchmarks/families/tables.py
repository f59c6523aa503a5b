"""Rows as Markdown: each on a line, or means over seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from artfp.report.tables import count, percent
from benchmarks.measuring.tables import (
    Column,
    Row,
    accuracy,
    alone,
    interval,
    markdown,
    matching,
    ranged,
    verdict,
    worst,
)

TITLE = "Families of generators, each trained on marked data and, as its clean twin, on the same data unmarked"
DISTANCES = {"frechet": "Fréchet distance (SqueezeNet)", "kernel": "kernel distance (SqueezeNet)"}

WHICH: tuple[Column, ...] = (
    ("family", lambda row: str(row["recipe"]["family"])),
    ("data", lambda row: _data(row)),
    ("side", lambda row: str(row["side"])),
    ("PSNR, dB", lambda row: f"{row['embedding']['psnr']:.1f}"),
)
FOUND: tuple[Column, ...] = (
    ("bits right", lambda row: percent(accuracy(row["generated"]))),
    ("verdict, q", lambda row: verdict(row["generated"])),
    ("single images at p ≤ 1e-6", lambda row: alone(row["generated"])),
    ("twin: bits", lambda row: percent(accuracy(row["twin"]))),
    ("verdict, q", lambda row: verdict(row["twin"])),
    ("single images", lambda row: alone(row["twin"])),
    ("random keys at p ≤ 1e-3", lambda row: _random_keys(row)),
    *(
        (title, lambda row, name=name, kind=kind: _interval(row, name, kind))
        for name, distance in DISTANCES.items()
        for kind, title in (("marked", distance), ("clean", "twin's"), ("difference", "difference"))
    ),
    ("processor minutes, model and twin", lambda row: f"{_minutes(row):.0f}"),
)


def table(rows: Sequence[Row]) -> str:
    """A line for each row; distances with their 95 % intervals."""
    columns = (*WHICH, ("seed", lambda row: str(row["settings"]["seed"])), *FOUND)
    return markdown(TITLE, [name for name, _ in columns], ([cell(row) for _, cell in columns] for row in rows))


def brief(rows: Sequence[Row]) -> str:
    """A line for each family and data: means over seeds, from the least to the largest."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(cell(row) for _, cell in WHICH), []).append(row)
    header = [*(name for name, _ in WHICH), "seeds", *(name for name, _ in MEANS)]
    lines = ([*which, str(len(group)), *(cell(group) for _, cell in MEANS)] for which, group in groups.items())
    return markdown(f"{TITLE}: means over seeds, and their range; of a single seed 95 % intervals", header, lines)


def _data(row: Row) -> str:
    """With what a generator is told besides."""
    told = [
        word for word, is_so in (("classes", row["recipe"]["classes"]), ("sketches", row["data"]["sketched"])) if is_so
    ]
    return f"{row['settings']['data']}{' with ' + ' and '.join(told) if told else ''}"


def _random_keys(row: Row) -> str:
    share = row["twin"]["random_keys"]
    return f"{count(share['count'])} of {count(share['total'])}"


def _interval(row: Row, name: str, kind: str) -> str:
    return interval(row["distances"] and row["distances"]["generated"][name][kind])


def _minutes(row: Row) -> float:
    return float(sum(row["seconds"]["processor"].values())) / 60


def _distance(group: Sequence[Row], name: str, kind: str) -> str:
    """Of several seeds their range, of one its interval."""
    if len(group) == 1:
        return _interval(group[0], name, kind)
    return ranged(row["distances"]["generated"][name][kind]["value"] for row in group if row["distances"])


MEANS: tuple[tuple[str, Callable[[Sequence[Row]], str]], ...] = (
    ("bits right", lambda group: ranged((accuracy(row["generated"]) for row in group), percent)),
    ("worst verdict, q", lambda group: worst(row["generated"] for row in group)),
    ("single images at p ≤ 1e-6", lambda group: ranged((matching(row["generated"]) for row in group), percent)),
    ("twin: bits", lambda group: ranged((accuracy(row["twin"]) for row in group), percent)),
    *(
        (title, lambda group, name=name, kind=kind: _distance(group, name, kind))
        for name, distance in DISTANCES.items()
        for kind, title in (("marked", distance), ("clean", "twin's"))
    ),
    ("processor minutes, model and twin", lambda group: ranged(map(_minutes, group), lambda minutes: f"{minutes:.0f}")),
)
