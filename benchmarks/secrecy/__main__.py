"""Make what is missing, and print; see the package's own words."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import benchmarks.secrecy as package
from artfp.errors import ArtfpError
from benchmarks.measuring.machine import prepare
from benchmarks.measuring.progress import note
from benchmarks.secrecy.questions import ANOTHER, LARGE, MINE, QUESTIONS, SMALL
from benchmarks.secrecy.tables import tables

RESULTS = Path(__file__).parents[1] / "results" / "secrecy"


def main() -> int:
    """1 if a study could not be made."""
    options = _parsed()
    failed = False if options.table else _make(options)
    print("\n".join(tables(options.results)))
    return int(failed)


def _parsed() -> argparse.Namespace:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python -m benchmarks.secrecy", description=package.__doc__, formatter_class=raw)
    parser.add_argument("data", type=Path, nargs="?", metavar="DATA_FOLDER", help="folder of the zips")
    parser.add_argument("--only", nargs="+", choices=[each.name for each in QUESTIONS], metavar="STUDY")
    parser.add_argument("--private", metavar="MINE")
    parser.add_argument("--another", metavar="ANOTHER")
    parser.add_argument("--table", action="store_true", help="print what is there; run nothing")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--scratch", type=Path, default=Path("runs") / "secrecy")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.data is None and not options.table:
        parser.error("give DATA_FOLDER")
    return options


def _make(options: argparse.Namespace) -> bool:
    """The studies that are asked for and not there; whether one failed."""
    device = prepare("cpu", options.threads)
    from benchmarks.secrecy.studying import is_kept, study  # torch, which must find its settings when it is loaded

    given = {SMALL: SMALL, LARGE: LARGE, MINE: options.private, ANOTHER: options.another}
    codecs = {name: spec for name, spec in given.items() if spec is not None}
    failed = False
    for question in QUESTIONS:
        kept = options.results / question.name
        if options.only and question.name not in options.only:
            continue
        if missing := {question.marks, question.codec} - set(codecs):
            note(f"{question.name}: left out, no --{min(missing)}")
            continue
        try:
            if not is_kept(question, codecs, kept):
                study(question, options.data, codecs, options.scratch, kept, device)
        except ArtfpError as error:
            note(f"FAILED: {question.name}: {error}")
            failed = True
    return failed


if __name__ == "__main__":
    sys.exit(main())
