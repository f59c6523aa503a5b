"""The command line that benchmarks of rows share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def row_parser(name: str, doc: str | None, rows: Sequence[Any], results: Path) -> argparse.ArgumentParser:
    """Which rows (records with a name and a recipe), and what to do with them; a benchmark adds its own options."""
    parser = argparse.ArgumentParser(
        f"python -m benchmarks.{name}", description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = list(dict.fromkeys([row.name for row in rows] + [row.recipe for row in rows]))
    parser.add_argument("data", type=Path, nargs="?", metavar="DATA_FOLDER", help="folder of the zips")
    parser.add_argument("--only", nargs="+", choices=known, metavar="ROW", help="these rows, or all rows of a recipe")
    parser.add_argument("--list", action="store_true", help="show what there is to make, and what is there")
    parser.add_argument("--table", action="store_true", help="print the tables of what is there; run nothing")
    parser.add_argument("--brief", action="store_true", help="likewise, in short: means over seeds")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--scratch", type=Path, default=Path("runs") / name)
    parser.add_argument("--results", type=Path, default=results)
    return parser


def parsed(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The options; data must be named where something is to be run."""
    options = parser.parse_args()
    if options.data is None and not (options.list or options.table or options.brief):
        parser.error("give DATA_FOLDER")
    return options
