"""Measure and print; see the package's own words."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import benchmarks.speed as package
from artfp.files import read_json, write_json
from benchmarks.measuring.machine import prepare
from benchmarks.measuring.progress import note

if TYPE_CHECKING:
    from benchmarks.speed.figures import Figure


def main() -> int:
    """The exit code says whether all could be measured that can be here, not whether it is what it should be."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.speed", description=package.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", metavar="FIGURE")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--ray-images", type=int, help="for the figure `ray` [200,000]")
    parser.add_argument("--json", type=Path, help="note each figure there once it is measured; others there stay")
    parser.add_argument("--folder", type=Path, help="where to work, for example a disk with enough space")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    prepare("cpu", None)
    from benchmarks.speed.figures import SkippedError, table

    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        known = figures(Path(name), options.workers, options.ray_images)
        if strange := sorted(set(options.only or ()) - set(known)):
            parser.error(f"no figure {strange[0]}: there are {', '.join(known)}")
        if options.list:
            print("\n".join(known))
            return 0
        found = {}
        for figure in options.only or known:
            try:
                found[figure] = known[figure]()
            except SkippedError as reason:
                note(f"{figure}: skipped, {reason}")
                continue
            note(f"{figure}: {found[figure].value:.3g}")
            if options.json:
                add(options.json, known, found[figure])
    print(table(found.values()))
    return 0


def add(file: Path, names: Iterable[str], found: Figure) -> None:
    """Note a figure beside those that a file has, in the order of all names."""
    rows = {row["name"]: row for row in read_json(file)["figures"]} if file.exists() else {}
    rows[found.name] = found.to_dict()
    write_json(file, {"figures": [rows[name] for name in names if name in rows]})


def figures(folder: Path, workers: int, ray_images: int | None = None) -> dict[str, Callable[[], Figure]]:
    """Every figure by its name, to be measured in this order."""
    from benchmarks.speed import clusters, embedding, growing, resuming, training, verifying

    found: dict[str, Callable[[], Figure]] = {}
    for side in embedding.SIDES:
        found[f"embed-{side}"] = partial(embedding.marking, side, folder, workers)
    for side in verifying.SIDES:
        found[f"verify-{side}"] = partial(verifying.judging, side, folder, workers)
    return found | {
        "two-workers": partial(embedding.two_workers, folder),
        "ray": partial(clusters.ray, folder, workers, ray_images or clusters.IMAGES),
        "resume": partial(resuming.resuming, folder),
        "monitor": partial(training.monitor, folder),
        "keys": growing.keys,
        "memory": partial(growing.memory, folder),
    }


if __name__ == "__main__":
    sys.exit(main())
