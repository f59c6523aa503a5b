"""What a run folder holds for its report; any part may be missing.

RUN/run.json            name, artfp_version, recipe
RUN/embed.json          what embed-dataset did, and what it measured (self_check)
RUN/verdicts/NAME.json  verdicts; `model`, `twin` and `data` have their places on the page
RUN/strips/             original-X.png and marked-X.png of the same image
RUN/{model,twin}/       stats.jsonl (the transfer monitor's lines), samples/*.png (grids, the last is shown), card
RUN/data/marked/        the manifest of the marked data
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from artfp.errors import BadInputError, UsageError
from artfp.files import sha256_file
from artfp.recipe import MOST
from artfp.records import read_table, record_of
from artfp.results import Record
from artfp.verdict import Verdict, read_verdict

KNOWN_VERDICTS = ("model", "twin", "data")  # in the order of the page


@dataclass(frozen=True)
class Strip:
    """One image before and after embedding."""

    name: str
    original: Path
    marked: Path


@dataclass(frozen=True)
class TransferPoint:
    """One line of the transfer monitor."""

    images_shown: int
    matching_bits: int
    total_bits: int
    p: float

    @property
    def accuracy(self) -> float:
        """The share of bits read right over all samples."""
        return self.matching_bits / self.total_bits


@dataclass(frozen=True)
class ReadBack(Record):
    """What a page shows of `embed.records.SelfCheck`, which comes with torch, and with fields that older runs lack."""

    psnr: float | None = None
    ssim: float | None = None
    bit_accuracy: float | None = None


@dataclass(frozen=True)
class RunFolder:
    """The contents of one run, read and checked."""

    path: Path
    run: dict[str, Any]
    embed: dict[str, Any]
    read_back: ReadBack
    verdicts: dict[str, Verdict]
    strips: tuple[Strip, ...]
    transfer: dict[str, tuple[TransferPoint, ...]]
    samples: dict[str, Path]
    hashes: dict[str, str]  # SHA-256 of what the verdicts rest on, by what it is


def read_run(path: Path) -> RunFolder:
    """Everything a page can show of the run at `path`; what is there but unreadable is an error."""
    if not path.is_dir():
        raise UsageError(f"{path}: no such run folder")
    embed = _read_table(path / "embed.json")
    found = RunFolder(
        path=path,
        run=_read_table(path / "run.json"),
        embed=embed,
        read_back=record_of(embed.get("self_check") or {}, path / "embed.json", ReadBack, "what was measured"),
        verdicts=_read_verdicts(path / "verdicts"),
        strips=_find_strips(path / "strips"),
        transfer=_present({name: _read_transfer(path / name / "stats.jsonl") for name in ("model", "twin")}),
        samples={name: grid for name in ("model", "twin") if (grid := _last_grid(path / name / "samples"))},
        hashes=_hashes(path),
    )
    if not any((found.run, found.embed, found.verdicts, found.strips, found.transfer, found.samples)):
        raise UsageError(f"{path}: nothing to report here; give the folder that `artfp run` made")
    return found


def _read_table(path: Path) -> dict[str, Any]:
    return read_table(path) if path.exists() else {}


def _hashes(path: Path) -> dict[str, str]:
    places = {"Generator": path / "model", "Clean twin": path / "twin"}
    cards = {what: _read_table(place / "generator.json") for what, place in places.items()}
    found = {what: str(card["sha256"]) for what, card in cards.items() if "sha256" in card}
    manifest = path / "data" / "marked" / "artfp-manifest.json"
    return found | ({"Manifest of the marked data": sha256_file(manifest)} if manifest.is_file() else {})


def _read_verdicts(folder: Path) -> dict[str, Verdict]:
    names = {path.stem: path for path in sorted(folder.glob("*.json"))}
    ordered = [name for name in KNOWN_VERDICTS if name in names] + [n for n in names if n not in KNOWN_VERDICTS]
    return {name: read_verdict(names[name]) for name in ordered}


def _find_strips(folder: Path) -> tuple[Strip, ...]:
    originals = sorted(folder.glob("original-*.png"))
    pairs = [(path, path.with_name(path.name.replace("original-", "marked-", 1))) for path in originals]
    return tuple(Strip(a.stem.removeprefix("original-"), a, b) for a, b in pairs if b.is_file())


def _read_transfer(path: Path) -> tuple[TransferPoint, ...]:
    """The monitor's lines; other lines are the trainer's own, and a torn last line is a run still going."""
    if not path.is_file():
        return ()
    lines = path.read_bytes().split(b"\n")
    points = [_transfer_point(line, f"{path}:{number}") for number, line in enumerate(lines[:-1], start=1)]
    return tuple(point for point in points if point)


def _transfer_point(line: bytes, where: str) -> TransferPoint | None:
    fields = ("images_shown", "matching_bits", "total_bits", "p")
    try:
        values = json.loads(line) if line.strip() else {}
        if not all(name in values for name in fields):
            return None
        shown, matching, total = (int(values[name]) for name in fields[:3])
        point = TransferPoint(shown, matching, total, float(values["p"]))
        if not (0 <= point.p <= 1 and 0 <= matching <= total <= MOST and 0 <= shown <= MOST):
            raise ValueError("a count or p that cannot be")
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise BadInputError(f"{where}: not a line of JSON statistics ({error})") from error
    return point if point.total_bits > 0 else None


def _last_grid(folder: Path) -> Path | None:
    """The grid of the latest step; a longer name of one series is a later step, padded or not."""
    return max(folder.glob("*.png"), key=lambda path: (len(path.name), path.name), default=None)


def _present(values: dict[str, tuple[TransferPoint, ...]]) -> dict[str, tuple[TransferPoint, ...]]:
    return {name: points for name, points in values.items() if points}
