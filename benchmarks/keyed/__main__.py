"""Make the parts that are not there, print the tables of those that are; see the package's own words."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import benchmarks.keyed as package
from artfp.errors import Exit
from artfp.results import Record
from benchmarks.keyed.briefs import brief
from benchmarks.keyed.grid import ROWS, STUDIES, Row, settings_of, studies_of
from benchmarks.keyed.tables import tables
from benchmarks.measuring.machine import prepare
from benchmarks.measuring.options import parsed, row_parser
from benchmarks.measuring.progress import note, teller
from benchmarks.measuring.rows import ABSENT, USABLE, carried_out, doubtful_twins, rows_at, status

RESULTS = Path(__file__).parent.parent / "results" / "keyed"

Part = tuple[Row, str]  # a row and one of its studies


def main() -> int:
    """List, tabulate or run; the exit code says whether all went well and every part is what is asked."""
    options = _options()
    rows = [row for row in ROWS if not options.only or {row.name, row.recipe} & set(options.only)]
    chosen = [(row, study) for row in rows for study in studies_of(row) if study in (options.study or STUDIES)]
    if options.list:
        print("\n".join(f"{name_of(part):64} {_status(part, options.results)}" for part in chosen))
        return int(Exit.OK)
    failed = 0
    if not (options.table or options.brief):
        failed = run(chosen, options.data, options.scratch, options.results, options.threads)
    return int(Exit.FAILURE if _shown(chosen, options) or failed else Exit.OK)


def _shown(chosen: Sequence[Part], options: argparse.Namespace) -> bool:
    """Print the tables; whether something is wrong with what they show."""
    found = {part: _status(part, options.results) for part in chosen}
    stale = {part: words for part, words in found.items() if words not in (ABSENT, USABLE)}
    for part, words in stale.items():
        note(f"{name_of(part)}: {words}")
    parts = rows_at(_path(part, options.results) for part in chosen if part not in stale)
    print(brief(parts) if options.brief else tables(parts))
    mixed = mixed_rows(parts)
    for name in mixed:
        note(f"{name}: its parts are of different generators; remove the old ones")
    doubtful = doubtful_twins({part["row"]: part["twin"]["outcome"] for part in parts if part["study"] == "quality"})
    return bool(stale or mixed or doubtful)


def mixed_rows(parts: Sequence[Mapping[str, dict[str, str]]]) -> list[str]:
    """The names of rows that were measured on more than one generator."""
    known: dict[str, set[str]] = {}
    for part in parts:
        known.setdefault(str(part["row"]), set()).add(part["generator"]["sha256"])
    return [name for name, generators in known.items() if len(generators) > 1]


def _options() -> argparse.Namespace:
    parser = row_parser("keyed", package.__doc__, ROWS, RESULTS)
    parser.add_argument("--study", nargs="+", choices=STUDIES, metavar="STUDY", help="these studies alone")
    return parsed(parser)


def run(
    chosen: Sequence[Part],
    data: Path,
    scratch: Path,
    results: Path,
    threads: int | None,
    device: str = "auto",
    studies: Mapping[str, Record] = STUDIES,
) -> int:
    """Carry out every part that is not there; how many failed."""
    device, failed = prepare(device, threads), 0  # before torch is loaded
    from artfp.keys.registry import Registry
    from benchmarks.keyed.job import Bench
    from benchmarks.keyed.row import part_of
    from benchmarks.measuring.reading import open_eye, open_gauge

    scratch.mkdir(parents=True, exist_ok=True)
    results.mkdir(parents=True, exist_ok=True)
    with Registry(scratch / "keys.sqlite") as registry:
        eye, gauge = open_eye(device), open_gauge(device)
        bench = Bench(data, scratch, registry, device, eye, teller, gauge=gauge, studies=studies)
        for number, part in enumerate(chosen, start=1):
            row, study = part
            print(f"{number}/{len(chosen)} {name_of(part)}", file=sys.stderr)
            settings = settings_of(row, study, studies[study])
            path = _path(part, results)
            failed += not carried_out(path, settings, row.codec, lambda codec, part=part: part_of(*part, codec, bench))
    return failed


def name_of(part: Part) -> str:
    """Of its JSON file."""
    return f"{part[0].name}-{part[1]}"


def _path(part: Part, results: Path) -> Path:
    return results / f"{name_of(part)}.json"


def _status(part: Part, results: Path) -> str:
    return status(_path(part, results), settings_of(*part, STUDIES[part[1]]))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(int(Exit.INTERRUPTED))
