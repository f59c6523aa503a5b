"""Run the points that have no row, print the table of those that have; see the package's own words."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import benchmarks.curves as package
from artfp.errors import Exit
from artfp.files import working_alone
from benchmarks.curves.figures import write_figures
from benchmarks.curves.grid import CURVES, Point, points
from benchmarks.curves.tables import brief, tables
from benchmarks.measuring import rows as stored
from benchmarks.measuring.machine import prepare
from benchmarks.measuring.progress import note, teller

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results" / "curves"
DOCS = HERE.parent.parent / "docs"

Curves = Mapping[str, tuple[Point, ...]]


def main() -> int:
    """List, tabulate or run; the exit code says whether all went well, every row is its point's, no twin matches."""
    options = _options()
    curves = {name: of_curve for name, of_curve in CURVES.items() if name in options.only}
    failed = 0
    if options.list:
        print("\n".join(f"{point.name:44} {status(point, options.results)}" for point in points(curves)))
        return int(Exit.OK)
    if not (options.table or options.brief or options.figures):
        sources = {"flowers": options.flowers, "cifar": options.cifar}
        failed = run(points(curves), sources, options.scratch, options.results, options.threads)
    stale = stale_points(points(curves), options.results)
    rows = {
        name: rows_of([point for point in of_curve if point not in stale], options.results)
        for name, of_curve in curves.items()
    }
    if options.figures:
        print("\n".join(map(str, write_figures(rows, DOCS))))
    else:
        print(brief(rows) if options.brief else tables(rows))
    return int(Exit.FAILURE if failed or stale or _doubtful_twins(rows) else Exit.OK)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m benchmarks.curves", description=package.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("flowers", type=Path, nargs="?", help="zip or folder of square images; resized to 32 px")
    parser.add_argument("cifar", type=Path, nargs="?")
    parser.add_argument("--only", nargs="+", choices=CURVES, default=list(CURVES), help="these curves")
    parser.add_argument("--list", action="store_true", help="show the points, and which have a row")
    parser.add_argument("--table", action="store_true", help="print the tables of the rows there are; run nothing")
    parser.add_argument("--brief", action="store_true", help="likewise, in short: means over seeds")
    parser.add_argument("--figures", action="store_true", help="write docs/curves-*.svg of them; run nothing")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--scratch", type=Path, default=Path("runs/curves"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.cifar is None and not (options.list or options.table or options.brief or options.figures):
        parser.error("give FLOWERS.zip and CIFAR.zip")
    return options


def run(
    chosen: Sequence[Point],
    sources: Mapping[str, Path],
    scratch: Path,
    results: Path,
    threads: int | None,
    device: str = "auto",
) -> int:
    """Carry out every point that has no row and whose codec is here; how many failed, or have a row of another."""
    device, failed = prepare(device, threads), 0  # before torch is loaded
    from artfp.keys.registry import Registry
    from benchmarks.curves.point import Bench, row_of
    from benchmarks.measuring.reading import open_eye

    scratch.mkdir(parents=True, exist_ok=True)
    results.mkdir(parents=True, exist_ok=True)
    with working_alone(scratch), Registry(scratch / "keys.sqlite") as registry:
        bench = Bench(sources, scratch, registry, device, open_eye(device), teller)
        for number, point in enumerate(chosen, start=1):
            print(f"{number}/{len(chosen)} {point.name}", file=sys.stderr)
            path = results / f"{point.name}.json"
            failed += not stored.carried_out(
                path, point.to_dict(), point.codec, lambda codec, point=point: row_of(point, codec, bench)
            )
    return failed


def status(point: Point, results: Path, codec_sha256: str | None = None) -> str:
    """What there is of a point."""
    return stored.status(results / f"{point.name}.json", point.to_dict(), codec_sha256)


def stale_points(chosen: Sequence[Point], results: Path) -> set[Point]:
    """Those whose row is of other settings, or of another codec than the one of that name here: no row to show."""
    from benchmarks.measuring.codecs import load

    hashes = {name: codec.sha256 for name in {point.codec for point in chosen} if (codec := load(name))}
    found = {point: status(point, results, hashes.get(point.codec)) for point in chosen}
    stale = {point: words for point, words in found.items() if words not in (stored.ABSENT, stored.USABLE)}
    for point, words in stale.items():
        note(f"{point.name}: {words}")
    return set(stale)


def rows_of(of_curve: Sequence[Point], results: Path) -> list[dict[str, Any]]:
    """The rows that there are, in the order of the grid."""
    return stored.rows_at(results / f"{point.name}.json" for point in of_curve)


def _doubtful_twins(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> bool:
    return stored.doubtful_twins(
        {row["point"]: row["twin"]["outcome"] for of_curve in rows.values() for row in of_curve}
    )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(int(Exit.INTERRUPTED))
