"""Make the rows that are not there, print the table of those that are; see the package's own words."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import benchmarks.families as package
from artfp.errors import Exit
from benchmarks.families.grid import ROWS, Row
from benchmarks.families.tables import brief, table
from benchmarks.measuring.machine import prepare
from benchmarks.measuring.options import parsed, row_parser
from benchmarks.measuring.progress import note, teller
from benchmarks.measuring.rows import ABSENT, USABLE, carried_out, doubtful_twins, rows_at, status

RESULTS = Path(__file__).parent.parent / "results" / "families"


def main() -> int:
    """List, tabulate or run; the exit code says whether all went well, every row is what is asked, no twin matches."""
    options = parsed(row_parser("families", package.__doc__, ROWS, RESULTS))
    chosen = [row for row in ROWS if not options.only or {row.name, row.recipe} & set(options.only)]
    if options.list:
        print("\n".join(f"{row.name:40} {status(_path(row, options.results), row.to_dict())}" for row in chosen))
        return int(Exit.OK)
    failed = 0
    if not (options.table or options.brief):
        failed = run(chosen, options.data, options.scratch, options.results, options.threads)
    found = {row: status(_path(row, options.results), row.to_dict()) for row in chosen}
    stale = {row: words for row, words in found.items() if words not in (ABSENT, USABLE)}
    for row, words in stale.items():
        note(f"{row.name}: {words}")
    rows = rows_at(_path(row, options.results) for row in chosen if row not in stale)
    print(brief(rows) if options.brief else table(rows))
    doubtful = doubtful_twins({row["row"]: row["twin"]["outcome"] for row in rows})
    return int(Exit.FAILURE if failed or stale or doubtful else Exit.OK)


def run(
    chosen: Sequence[Row], data: Path, scratch: Path, results: Path, threads: int | None, device: str = "auto"
) -> int:
    """Carry out every row that is not there; how many failed."""
    device, failed = prepare(device, threads), 0  # before torch is loaded
    from artfp.keys.registry import Registry
    from benchmarks.families.row import row_of
    from benchmarks.measuring.bench import Bench
    from benchmarks.measuring.reading import open_eye

    scratch.mkdir(parents=True, exist_ok=True)
    results.mkdir(parents=True, exist_ok=True)
    with Registry(scratch / "keys.sqlite") as registry:
        bench = Bench(data, scratch, registry, device, open_eye(device), teller)
        for number, row in enumerate(chosen, start=1):
            print(f"{number}/{len(chosen)} {row.name}", file=sys.stderr)
            failed += not carried_out(
                _path(row, results), row.to_dict(), row.codec, lambda c, row=row: row_of(row, c, bench)
            )
    return failed


def _path(row: Row, results: Path) -> Path:
    return results / f"{row.name}.json"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(int(Exit.INTERRUPTED))
