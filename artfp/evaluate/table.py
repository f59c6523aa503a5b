"""All rows as one table, for spreadsheets: text that they would take for a formula gets an apostrophe."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

from artfp.robustness import Row
from artfp.statistics.calibration import Share

PLAIN = ("address", "kind", "attack", "strength", "unit", "subject")
SHARES = ("tpr", "tpr_empirical", "clean_fpr", "clean_fpr_empirical", "twin_fpr", "twin_fpr_empirical")
READ = ("images", "accuracy", "accuracy_low", "accuracy_high", "log10_p", "images_needed")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
LAST = ("failure", "aim", "knows", "costs")
COLUMNS = (
    *PLAIN,
    *READ,
    *(f"{name}{of}" for name in SHARES for of in ("", "_low", "_high")),
    "psnr",
    "lpips",
    "frechet",
    *LAST,
    "notes",
)


def as_csv(rows: Iterable[Row]) -> str:
    """A line for each row; what there is not is empty."""
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    table.writeheader()
    table.writerows({name: _plain(cell) for name, cell in _cells(row).items()} for row in rows)
    return text.getvalue()


def _plain(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    return ("'" if cell.startswith(FORMULA) else "") + cell.replace("\r", " ")  # which the csv module leaves unquoted


def _cells(row: Row) -> dict[str, Any]:
    cells = {name: getattr(row, name) for name in (*PLAIN, *LAST)}
    cells["notes"] = json.dumps(row.notes) if row.notes else ""
    for prefix, read in (("", row.readout), ("clean_f", row.clean), ("twin_f", row.twin)):
        if read is not None:
            name = f"{prefix}pr" if prefix else "tpr"
            cells |= _share(name, read.single) | _share(f"{name}_empirical", read.single_empirical)
    if (read := row.readout) is not None:
        interval = read.accuracy
        cells |= dict(
            zip(
                READ,
                (read.images, interval.value, interval.low, interval.high, read.log10_p, read.images_needed),
                strict=True,
            )
        )
    return cells | ({} if row.damage is None else row.damage.to_dict())


def _share(name: str, share: Share | None) -> dict[str, float]:
    return {} if share is None else {name: share.rate, f"{name}_low": share.low, f"{name}_high": share.high}
