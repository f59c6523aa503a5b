"""Parts in short, for the README: means over seeds, from the least to the largest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from artfp.report.tables import percent
from benchmarks.keyed.grid import IMAGES
from benchmarks.keyed.tables import LEARNT, Found, among, psnr
from benchmarks.measuring.tables import NONE, Column, Row, accuracy, markdown, number, ranged, worst

Group = Mapping[str, Sequence[Row]]  # parts by their study, of all seeds
Cell = tuple[str, Callable[[Group], str]]

WHICH: tuple[Column, ...] = (
    ("data", lambda part: str(part["settings"]["data"])),
    ("side", lambda part: str(part["side"])),
    ("PSNR, dB", lambda part: f"{part['settings']['psnr']:g}"),
    ("learnt from", lambda part: LEARNT[part["settings"]["mode"]]),
)


def brief(parts: Sequence[Row]) -> str:
    """Tables of a line for each data and way of learning."""
    groups: dict[tuple[str, ...], dict[str, list[Row]]] = {}
    for part in parts:
        of_group = groups.setdefault(tuple(cell(part) for _, cell in WHICH), {})
        of_group.setdefault(part["study"], []).append(part)
    return "\n".join(_table(title, cells, groups) for title, cells in TABLES.items())


def _table(title: str, cells: Sequence[Cell], groups: Mapping[tuple[str, ...], Group]) -> str:
    header = [*(name for name, _ in WHICH), *(name for name, _ in cells)]
    return markdown(title, header, ([*which, *(cell(group) for _, cell in cells)] for which, group in groups.items()))


def _mean(study: str, value: Callable[[Row], Any], shown: Callable[[float], str] = number) -> Callable[[Group], str]:
    """The mean of a number over seeds; parts in which it was not measured are left out."""

    def cell(group: Group) -> str:
        found = (value(part) for part in group.get(study, ()))
        return ranged((each for each in found if each is not None), shown)

    return cell


def _frechet(name: str) -> Callable[[Row], float | None]:
    def value(part: Row) -> float | None:
        pairs = (found for found in part["distances"] or () if name in found["pair"])
        return next((found["frechet"][name]["value"] for found in pairs), None)

    return value


def _traced(part: Row) -> float:
    return float(among(part["folders"], True)["any"] / part["folders"]["folders"])


def _single(part: Row) -> float:
    return float(part["single"]["traced"]["count"] / part["single"]["traced"]["total"])


def _lpips(name: str) -> Callable[[Row], float | None]:
    return lambda part: part[name]["lpips"] and part[name]["lpips"]["value"]


def _minutes(name: str) -> Callable[[Row], float]:
    return lambda part: float(part["training"][name]["seconds"] / 60)


SUMMARY: tuple[Cell, ...] = (
    ("seeds", lambda group: str(max(map(len, group.values())))),
    ("bits right", _mean("keys", lambda part: part["bits"]["value"], percent)),
    ("recipients traced from a folder", _mean("keys", _traced, percent)),
    ("single images traced", _mean("keys", _single, percent)),
    ("innocents named", lambda group: _innocents(group)),
    ("a copy takes, s", _mean("issuing", lambda part: part["fold_and_write"]["seconds"])),
    ("issuing a further one, s", _mean("issuing", lambda part: part["issue"]["further"]["seconds"])),
    ("LPIPS between keys", _mean("content", _lpips("between_keys"))),
    ("between noises", _mean("content", _lpips("between_noises"))),
    ("PSNR between keys, dB", lambda group: _psnr(group)),
    *(
        (f"Fréchet distance (SqueezeNet): {name}", _mean("quality", _frechet(name)))
        for name in ("keyed", "plain", "twin")
    ),
    *(
        (f"minutes: {name}", _mean("quality", _minutes(name), lambda shown: f"{shown:.0f}"))
        for name in ("keyed", "plain")
    ),
    ("plain: bits right", _mean("quality", lambda part: accuracy(part["plain"]), percent)),
    ("twin: worst verdict, q", lambda group: _worst_twin(group)),
)


def _innocents(group: Group) -> str:
    """By folders and by single images."""
    counts = [among(part["folders"], True)["innocents"] + part["single"]["innocents"] for part in group.get("keys", ())]
    return str(sum(counts)) if counts else NONE


def _psnr(group: Group) -> str:
    return next((psnr(part["between_keys"]) for part in group.get("content", ())), NONE)


def _worst_twin(group: Group) -> str:
    parts = group.get("quality", ())
    return worst(part["twin"] for part in parts) if parts else NONE


def _lines(group: Group, study: str, name: str, **wanted: Any) -> Iterator[Found]:
    """What a study found where it is what is wanted."""
    for part in group.get(study, ()):
        yield from (found for found in part[name] if all(found[key] == value for key, value in wanted.items()))


def _named(found: Iterable[Found]) -> str:
    """The share of folders that name one of those they came from: among recipients, and among all keys."""
    lines = list(found)
    shares = [[among(line, most)["any"] / line["folders"] for line in lines] for most in (False, True)]
    return ", ".join(ranged(each, percent) for each in shares) if lines else NONE


def _colluders(strategy: str, colluders: int) -> Callable[[Group], str]:
    return lambda group: _named(
        _lines(group, "collusion", "attacks", strategy=strategy, colluders=colluders, images=[16])
    )


def _removed(name: str, share: float) -> Callable[[Group], str]:
    def cell(group: Group) -> str:
        found = list(_lines(group, "finetune", name, share=share))
        return f"{ranged(map(accuracy, found), percent)}; {_named(found)}" if found else NONE

    return cell


COLLUDERS: tuple[Cell, ...] = (
    *((f"mean of {count} copies", _colluders("mean", count)) for count in (2, 3, 4, 6, 8)),
    *((f"of {count} copies' images", _colluders(IMAGES, count)) for count in (2, 3, 4, 6, 8)),
)


def _forged(copies: int) -> Callable[[Group], str]:
    return lambda group: _named(found["victim"] for found in _lines(group, "leak", "forged", copies=copies))


FORGED: tuple[Cell, ...] = (
    ("copies that span another", _mean("leak", lambda part: part["needed"])),
    *((f"victim named, from {copies} copies", _forged(copies)) for copies in (2, 8, 32, 64, 65, 128)),
)
REMOVED: tuple[Cell, ...] = (
    *((f"{percent(share)} of the images shown again, clean", _removed("tuned", share)) for share in (0.05, 0.1, 0.2)),
    *((f"{percent(share)} of the weights pruned", _removed("pruned", share)) for share in (0.1, 0.3, 0.5, 0.7)),
)
TABLES: Mapping[str, tuple[Cell, ...]] = {
    "Keyed generators: means over seeds, and their range": SUMMARY,
    "Colluders: groups of whom 16 images name one at least, among the recipients and among all keys": COLLUDERS,
    "Copies forged for somebody else's key, among the recipients and among all keys": FORGED,
    "Copies altered: bits right; copies named, among the recipients and among all keys": REMOVED,
}
