"""What a codec measures, as a section for any page and as a page of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from artfp.files import write_text
from artfp.report.tables import ABSENT, count, percent
from artfp.report.templates import rendered

BAR_FROM = 0.5  # where chance reads
LINES = (("PSNR", "psnr", "{:.2f} dB"), ("SSIM", "ssim", "{:.4f}"), ("LPIPS, SqueezeNet", "lpips", "{:.4f}"))


@dataclass(frozen=True)
class Cell:
    """A number, and the length of the bar beneath it in hundredths."""

    words: str
    bar: float | None = None


@dataclass(frozen=True)
class Line:
    """An attack or a measure, and one cell for every set of images."""

    heading: str
    cells: tuple[Cell, ...]


def write_codec_page(path: Path, evaluations: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the evaluations of one codec, as `codec evaluate --json` gives them, by the name of their images."""
    write_text(path, rendered("codec.html.j2", **codec_section(evaluations)))


def codec_section(evaluations: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What the section's template takes."""
    results = list(evaluations.values())
    fidelity = [Line(label, tuple(_plain(form, result[key]) for result in results)) for label, key, form in LINES]
    attacks = [_attack_line(index, results) for index in range(len(results[0]["rows"]))]
    bias = Line("farthest bit from .5 on clean images", tuple(_plain("{:.3f}", r["clean_bias"]) for r in results))
    return {
        "codec": results[0]["codec"],
        "sha256": results[0]["sha256"],
        "columns": [_column(name, result) for name, result in evaluations.items()],
        "fidelity": fidelity,
        "attacks": attacks,
        "bias": bias,
    }


def _column(name: str, result: Mapping[str, Any]) -> str:
    size = f"{result['view']} to {result['size']} px" if result["size"] else "own sizes"
    return f"{name}: {count(result['images'])} images, {size}"


def _plain(form: str, value: float | None) -> Cell:
    return Cell(ABSENT if value is None else form.format(value))


def _attack_line(index: int, results: list[Mapping[str, Any]]) -> Line:
    label = results[0]["rows"][index]["label"]
    rows = [next(row for row in result["rows"] if row["label"] == label) for result in results]
    shares = [row["matching"] / row["bits"] for row in rows]
    bars = [100 * max(0.0, share - BAR_FROM) / (1 - BAR_FROM) for share in shares]
    cells = tuple(Cell(percent(share), round(bar, 1)) for share, bar in zip(shares, bars, strict=True))
    return Line(label, cells)
