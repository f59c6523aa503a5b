"""Run the points that have no row, print the table of those that have; see the package's own words."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import benchmarks.curves as package
from artfp.errors import ArtfpError, Exit
from artfp.files import read_json, working_alone, write_json
from benchmarks.curves.figures import write_figures
from benchmarks.curves.grid import CURVES, Point, points
from benchmarks.curves.tables import brief, tables

if TYPE_CHECKING:
    from benchmarks.curves.images import Tell
    from benchmarks.curves.point import Bench

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results" / "curves"
DOCS = HERE.parent.parent / "docs"
EVERY = 15.0  # seconds between two signs of progress

Curves = Mapping[str, tuple[Point, ...]]


def main() -> int:
    """List, tabulate or run; the exit code says whether every point has a row and every twin matches nothing."""
    options = _options()
    curves = {name: of_curve for name, of_curve in CURVES.items() if name in options.only}
    failed = 0
    if options.list:
        print("\n".join(f"{point.name:44} {status(point, options.results)}" for point in points(curves)))
        return int(Exit.OK)
    if not (options.table or options.brief or options.figures):
        sources = {"flowers": options.flowers, "cifar": options.cifar}
        failed = run(points(curves), sources, options.scratch, options.results, options.threads)
    rows = {name: rows_of(of_curve, options.results) for name, of_curve in curves.items()}
    if options.figures:
        print("\n".join(map(str, write_figures(rows, DOCS))))
    else:
        print(brief(rows) if options.brief else tables(rows))
    return int(Exit.FAILURE if failed or _doubtful_twins(rows) else Exit.OK)


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
    """Carry out every point that has no row and whose codec is here; how many failed."""
    # before torch is loaded: else its threads spin while they wait (LAB.md), and cuBLAS is not repeatable
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    from artfp.devices import prepare_device
    from artfp.keys.registry import Registry
    from benchmarks.curves.point import Bench
    from benchmarks.curves.reading import open_eye

    device, failed = prepare_device(device, threads), 0
    scratch.mkdir(parents=True, exist_ok=True)
    results.mkdir(parents=True, exist_ok=True)
    with working_alone(scratch), Registry(scratch / "keys.sqlite") as registry:
        bench = Bench(sources, scratch, registry, device, open_eye(device), teller)
        for number, point in enumerate(chosen, start=1):
            print(f"{number}/{len(chosen)} {point.name}", file=sys.stderr)
            failed += not _run_one(point, bench, results)
    return failed


def _run_one(point: Point, bench: Bench, results: Path) -> bool:
    """Whether nothing went wrong; a codec that is not trained yet is nothing wrong."""
    from benchmarks.curves.point import load, row_of

    path = results / f"{point.name}.json"
    try:
        codec = load(point.codec)
        if path.exists():
            _note(status(point, results, codec.sha256 if codec else None))
        elif codec is None:
            _note(f"skipped: no codec {point.codec} here (artfp codec train codec-{point.codec})")
        else:
            write_json(path, row_of(point, codec, bench))
    except ArtfpError as error:
        _note(f"FAILED: {error}")
        return False
    return True


def status(point: Point, results: Path, codec_sha256: str | None = None) -> str:
    """What there is of a point."""
    path = results / f"{point.name}.json"
    if not path.exists():
        return "-"
    row = read_json(path)
    if row["settings"] != point.to_dict():
        return "a row of other settings; remove it to measure again"
    if codec_sha256 not in (None, row["codec"]["sha256"]):
        return "a row of another codec of this name; remove it, and the point's folder, to measure again"
    return "row"


def rows_of(of_curve: Sequence[Point], results: Path) -> list[dict[str, Any]]:
    """The rows that there are, in the order of the grid."""
    paths = [results / f"{point.name}.json" for point in of_curve]
    return [read_json(path) for path in paths if path.exists()]


def teller(stage: str) -> Tell:
    """Shows a stage's progress now and then."""
    started = shown = time.monotonic()

    def tell(done: int, total: int, note: str) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown >= EVERY:
            shown = now
            _note(f"{stage}: {done:,}/{total:,} after {now - started:.0f} s  {note}")

    return tell


def _doubtful_twins(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> bool:
    """A twin knows nothing of any key: one in a thousand may be inconclusive, none of a million may match."""
    found = {row["point"]: row["twin"]["outcome"] for of_curve in rows.values() for row in of_curve}
    doubtful = {point: outcome for point, outcome in found.items() if outcome != "no match"}
    for point, outcome in doubtful.items():
        _note(f"the clean twin of {point}: {outcome}")
    return bool(doubtful)


def _note(text: str) -> None:
    print(f"  {text}", file=sys.stderr)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(int(Exit.INTERRUPTED))
