"""How the page writes numbers, and the rows of its tables."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from artfp.report.run_folder import TransferPoint
from artfp.verdict import Verdict, at_most, share_or_bound

ABSENT = "—"
LABELS = {"model": "Generated images", "twin": "Clean twin", "data": "Marked data"}
OUTCOME_WORDS = {"match": "Match", "no match": "No match", "inconclusive": "Inconclusive"}
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
SCIENTIFIC = re.compile(r"(\d(?:\.\d+)?)e([+-]\d+)")
LONGEST_LIST = 12  # items of a setting
LONGEST_TABLE = 40  # rows of a series; longer ones are thinned, first and last kept


@dataclass(frozen=True)
class Row:
    """A line of a table whose first cell is its heading."""

    heading: str
    cells: tuple[str, ...]
    anchor: str = ""  # by which an address can point at it


def label_of(name: str, names: Mapping[str, str] = LABELS) -> str:
    """How the page calls a verdict or a series, or whatever else has names of its own."""
    return names.get(name, name.replace("-", " ").replace("_", " ").capitalize())


def outcome_word(outcome: str) -> str:
    """The outcome as a heading."""
    return OUTCOME_WORDS.get(outcome, outcome.capitalize())


def percent(share: float) -> str:
    """99.2 %; never rounded up to 100 % or down to 0 %."""
    value = 100 * share
    if 0 < value < 0.05 or 99.95 <= value < 100:
        return "< 0.1 %" if value < 50 else "> 99.9 %"
    return f"{value:.1f} %".replace(".0 %", " %") if value in (0, 100) else f"{value:.1f} %"


def count(number: int) -> str:
    """Thousands apart."""
    return f"{number:,}"


def counted(number: int, noun: str) -> str:
    """1 row, 2 rows, 1,000 rows."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def thousands(number: float) -> str:
    """Axis labels: 0, 500, 20k, 1.5M."""
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if number >= unit:
            return f"{number / unit:g}{name}"
    return f"{number:g}"


def short(number: float) -> str:
    """Three digits, for strengths: 0.945, 20, 10,000."""
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"


def log_p_text(log10_p: float) -> str:
    """A power of ten in plain characters, for axes and tooltips."""
    exponent = round(log10_p)
    return "1" if exponent == 0 else "10" + str(exponent).translate(SUPERSCRIPT)


def probability(p: float) -> Markup:
    """3.5 x 10^-17 as people write it, rounded up."""
    return scientific(at_most(p))


def scientific(text: str) -> Markup:
    """Escaped text whose numbers like 3.5e-17 read 3.5 x 10 with an exponent."""
    safe = str(escape(text)).replace("&lt;=", "≤")
    return Markup(SCIENTIFIC.sub(_power, safe))  # noqa: S704 - escaped above; _power adds digits alone


def _power(match: re.Match[str]) -> str:
    mantissa, exponent = match[1], str(int(match[2])).replace("-", "−")
    factor = "" if mantissa in ("1", "1.0") else f"{mantissa} × "
    return f'<span class="number">{factor}10<sup>{exponent}</sup></span>'


def verdict_rows(verdicts: Sequence[Verdict]) -> tuple[Row, ...]:
    """The verdicts beside each other, one line a quantity."""
    quantities: tuple[tuple[str, Callable[[Verdict], str]], ...] = (
        ("Verdict", lambda v: outcome_word(v.outcome)),
        ("Best key", lambda v: v.key),
        ("Images", lambda v: count(v.n_images)),
        ("q, corrected p of the whole test", lambda v: probability(v.q)),
        ("Folder test p", lambda v: ABSENT if v.p_mean is None else probability(v.p_mean)),
        ("Best single image p", lambda v: probability(v.p_single)),
        ("Bits of the majority that agree", lambda v: f"{v.matching_bits} of {v.n_bits}"),
        ("Bits of single images that agree", lambda v: percent(v.bit_accuracy)),
        ("Images that match on their own", lambda v: percent(v.share)),
        ("— 95 % interval", lambda v: f"{percent(v.share_low)} to {percent(v.share_high)}"),
        ("— same share on clean images", lambda v: share_or_bound(v.calibration_share, v.calibration_images)),
        ("Runner-up key", _runner_up),
        ("Trials corrected for", lambda v: count(v.trials)),
    )
    return tuple(Row(heading, tuple(words(v) for v in verdicts)) for heading, words in quantities)


def _runner_up(verdict: Verdict) -> str:
    if verdict.runner_up_key is None or verdict.runner_up_q is None:
        return ABSENT
    return escape(verdict.runner_up_key) + Markup(", q = ") + probability(verdict.runner_up_q)


def transfer_rows(transfer: Mapping[str, Sequence[TransferPoint]]) -> tuple[Row, ...]:
    """The numbers behind the curves: images shown, then accuracy and p of each series."""
    by_images = {name: {point.images_shown: point for point in points} for name, points in transfer.items()}
    shown = sorted({images for points in by_images.values() for images in points})
    return tuple(
        Row(count(images), tuple(cell for points in by_images.values() for cell in _point_cells(points.get(images))))
        for images in _thinned(shown)
    )


def _point_cells(point: TransferPoint | None) -> tuple[str, str]:
    return (ABSENT, ABSENT) if point is None else (percent(point.accuracy), probability(point.p))


def _thinned(values: Sequence[int]) -> list[int]:
    step = math.ceil(len(values) / LONGEST_TABLE)
    return sorted({*values[::step], values[-1]}) if values else []


def settings_rows(values: Mapping[str, Any], prefix: str = "") -> tuple[Row, ...]:
    """Nested settings as `table.name = value` lines."""
    rows: list[Row] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            rows.extend(settings_rows(value, f"{prefix}{name}."))
        else:
            rows.append(Row(f"{prefix}{name}", (setting_text(value),)))
    return tuple(rows)


def setting_text(value: Any) -> str:
    """A setting as a recipe would write it."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: ABSENT}[value]
    if isinstance(value, Mapping):
        return " ".join(f"{name} {setting_text(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        more = [f"and {len(value) - LONGEST_LIST} more"] if len(value) > LONGEST_LIST else []
        return ", ".join([setting_text(item) for item in value[:LONGEST_LIST]] + more) or ABSENT
    return f"{value:g}" if isinstance(value, float) else str(value)
