"""A codec's card as the README's table: every cell rounded once, from the exact counts, and held against its target."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

Result = Mapping[str, Any]

FIDELITY = ("psnr", "ssim", "lpips")
LOW_IS_GOOD = ("lpips", "farthest")
SETTINGS = tuple(f"{change} x {factor}" for change in ("contrast", "saturation") for factor in (".5", "1.5"))

# heading, what is in its cells, and what stands between
LINES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("PSNR, dB", ("psnr",), " / "),
    ("SSIM / LPIPS (SqueezeNet)", ("ssim", "lpips"), " / "),
    ("unperturbed, mirrored", ("unperturbed", "mirrored"), ", "),
    ("JPEG 80 / 50 / 30", ("JPEG 80", "JPEG 50", "JPEG 30"), " / "),
    ("noise std .05 / .11", ("noise std .05", "noise std .11"), " / "),
    ("blur, 1.2 and 2.4 % of the side", ("blur 1.2 % of side", "blur 2.4 % of side"), ", "),
    ("half, a quarter of the size and back", ("half size and back", "quarter size and back"), ", "),
    ("centre crop to 78 %, rotated 5 degrees", ("centre crop to 78 %", "rotated 5 degrees"), ", "),
    ("brightness x .5 / x 1.5", ("brightness x .5", "brightness x 1.5"), " / "),
    ("contrast, saturation x .5 and x 1.5, the least", ("the least",), " / "),
    ("three at random together", ("three at random",), " / "),
)
# of the release, line by line, and at last of the farthest bit; "-" is none
TARGETS: Mapping[str, tuple[str, ...]] = {
    "artfp-64": (
        *("38", ".98 / .01", ".999, .995", ".97 / .90 / -", ".98 / .87"),
        *(".97, .85", ".99, .90", ".93, .93", ".98 / .98", ".98", ".90", ".08"),
    ),
    "artfp-128": (
        *("42", ".99 / .01", ".9995, .999", ".999 / .98 / .93", ".99 / .82"),
        *(".99, .93", ".999, .99", ".98, .98", ".99 / .99", ".99", ".95", ".05"),
    ),
}
WHOLE = {("artfp-128", "noise std .05 / .11"): ".999 / .98"}  # targets for images of full size, where they differ
SUBJECTS = {"photos256.zip": "photographs", "kodak": "of Kodak"}


def table(card: Mapping[str, Any]) -> str:
    """The lines of a shipped codec; what misses its target has an asterisk."""
    name, entries = card["name"], card["measured"]
    seen = [entry for entry in entries if "rows" in entry["result"]]
    *targets, farthest = TARGETS[name]
    header = ["bit accuracy", *map(_column, seen), "target"]
    lines = [
        _line([entry["result"] for entry in seen], *line, target, WHOLE.get((name, line[0])))
        for line, target in zip(LINES, targets, strict=True)
    ]
    biases = [_bias(entry, len(seen), farthest) for entry in entries if "ones" in entry["result"]]
    ruled = [header, ["---"] * len(header), *lines, *biases]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in ruled)


def _line(
    results: list[Result], heading: str, measures: tuple[str, ...], between: str, target: str, whole: str | None
) -> list[str]:
    digits = 1 if measures == ("psnr",) else max(3, *(len(goal.partition(".")[2]) for goal in target.split(between)))
    cells = []
    for result in results:
        goals = (whole if whole and result["view"] == "full" else target).split(between)
        pairs = zip(measures, goals, strict=True)
        cells.append(between.join(told(exact(result, measure), goal, digits, measure) for measure, goal in pairs))
    return [heading, *cells, f"{target}; full size {whole}" if whole else target]


def _bias(entry: Mapping[str, Any], columns: int, target: str) -> list[str]:
    result, command = entry["result"], entry["command"].removesuffix(" --json")
    heading = f"farthest bit from .5 on clean images (`{command}`, {result['images']:,} images)"
    farthest = max(abs(Fraction(ones, result["images"]) - Fraction(1, 2)) for ones in result["ones"])
    return [heading, told(farthest, target, 3, "farthest"), *[""] * (columns - 1), target]


def _column(entry: Mapping[str, Any]) -> str:
    result, data = entry["result"], entry["command"].split()[4]
    view = {"resized": "resized to {} px", "cropped": "crops of {} px", "full": "full size"}[result["view"]]
    return f"{result['images']} {SUBJECTS.get(data, data)}, {view.format(result['size'])}"


def exact(result: Result, measure: str) -> Fraction:
    """What was measured, unrounded."""
    if measure in FIDELITY:
        return Fraction(result[measure])
    shares = {row["label"]: Fraction(row["matching"], row["bits"]) for row in result["rows"]}
    return min(shares[label] for label in SETTINGS) if measure == "the least" else shares[measure]


def told(value: Fraction, target: str, digits: int, measure: str) -> str:
    """The value rounded once, half to even; an asterisk says that it misses its target, even where it rounds to it."""
    missed = target != "-" and (value > Fraction(target) if measure in LOW_IS_GOOD else value < Fraction(target))
    return f"{float(round(value, digits)):.{digits}f}".removeprefix("0") + "*" * missed
