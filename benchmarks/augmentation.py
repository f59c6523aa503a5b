"""What mirroring and augmentation do to transfer: one small dcgan for each, on the same marked images.

    python -m benchmarks.augmentation MARKED [--only translation] [--table]

MARKED is a dataset of `artfp embed-dataset`, whose manifest names key and codec. Each row trains the default dcgan at
32 px with one setting more than the first, and reads --looked-at samples whenever the transfer monitor looks. One JSON
row for each in benchmarks/results/augmentation; what has one is shown, not measured again. Trainings lie in
runs/augmentation; one that was interrupted goes on.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from artfp import recipe as recipes
from artfp.errors import ArtfpError, UsageError
from artfp.files import write_json
from artfp.generators import training
from artfp.generators.folder import STATS
from artfp.generators.settings import AUGMENTATIONS, GanRecipe
from artfp.generators.transfer import Monitor, monitor_for
from artfp.keys.registry import Registry
from artfp.report.tables import count, percent
from artfp.statslog import StatsLog
from artfp.verdict import at_most
from benchmarks.measuring.machine import prepare
from benchmarks.measuring.progress import teller
from benchmarks.measuring.rows import ABSENT, USABLE, rows_at, status
from benchmarks.measuring.tables import Row, accuracy, markdown
from benchmarks.measuring.training import made_with, seconds_of

RESULTS = Path(__file__).parent / "results" / "augmentation"
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "none": {},
    "mirror": {"mirror": True},
    "colour": {"augment": ("colour",)},
    "cutout": {"augment": ("cutout",)},
    "translation": {"augment": ("translation",)},
    "all": {"augment": AUGMENTATIONS},
    "adaptive": {"augment": AUGMENTATIONS, "augment_target": 0.6},
    "translation-long": {"augment": ("translation",), "images": 200_000},
    "adaptive-to-0.2": {"augment": AUGMENTATIONS, "augment_target": 0.2, "images": 200_000},
}
COLUMNS = ("setting", "images shown", "bits right", "p", "single images at p ≤ 1e-3", "p of augmentation")


def recipe_of(name: str, options: argparse.Namespace) -> GanRecipe:
    """The default dcgan with this row's setting."""
    recipe = GanRecipe(
        size=options.size,
        images=options.images,
        monitor_every=options.every,
        monitor_images=options.looked_at,
        checkpoint_every=options.images,
    )
    return replace(recipe, **SETTINGS[name])


def measured(name: str, recipe: GanRecipe, monitor: Monitor, options: argparse.Namespace, device: str) -> Row:
    """Train, or go on; the row."""
    folder = options.scratch / name
    training.train(recipe, options.data, folder, monitor, teller(name), device)
    rows = StatsLog(folder / STATS, position="images_shown").rows()
    return {
        "name": name,
        "settings": settings_of(recipe, monitor),
        "codec": {"name": monitor.codec.name, "sha256": monitor.codec.sha256},
        "looks": [row for row in rows if "matching_bits" in row],
        "augment_p": [[row["images_shown"], row["augment_p"]] for row in rows if "augment_p" in row],
        "seconds": seconds_of(folder),
        "made_with": made_with(device),
    }


def settings_of(recipe: GanRecipe, monitor: Monitor) -> dict[str, Any]:
    """All that determines a row but the images."""
    return recipes.to_dict(recipe) | dict(monitor.identity())


def table(rows: Sequence[Row]) -> str:
    """Markdown: a line for each row."""
    return markdown("Augmentation and transfer", COLUMNS, (_cells(row) for row in rows))


def _cells(row: Row) -> list[str]:
    last, highest = row["looks"][-1], max((p for _, p in row["augment_p"]), default=None)
    return [
        row["name"],
        count(last["images_shown"]),
        percent(accuracy(last)),
        at_most(last["p"]),
        f"{count(last['matching_images'])} of {count(last['images'])}",
        "—" if highest is None else f"at most {highest:.2g}",
    ]


def run(options: argparse.Namespace) -> None:
    """Make the rows that are not there yet."""
    device = prepare(options.device, options.threads)
    with Registry(options.registry, create=False) as registry:
        monitor = monitor_for(options.data, registry, None, None)
    monitor.codec.to(device)
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.only or SETTINGS:
        recipe, path = recipe_of(name, options), options.out / f"{name}.json"
        there = status(path, settings_of(recipe, monitor))
        if there == ABSENT:
            write_json(path, measured(name, recipe, monitor, options, device))
        elif there != USABLE:
            raise UsageError(f"{path}: {there}")


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", metavar="MARKED")
    parser.add_argument("--only", action="append", choices=SETTINGS)
    parser.add_argument("--table", action="store_true", help="print all rows there are; run nothing")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--images", type=int, default=40_000, help="to be shown, where a row does not say")
    parser.add_argument("--every", type=int, default=5000, help="images between two looks")
    parser.add_argument("--looked-at", type=int, default=1024, help="samples at each look")
    parser.add_argument("--registry", type=Path, default=Path(os.environ.get("ARTFP_REGISTRY", "~/.artfp/keys.sqlite")))
    parser.add_argument("--threads", type=int)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--scratch", type=Path, default=Path("runs/augmentation"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    return parser


def main() -> None:
    """Make the rows, and print the table."""
    options = (parser := arguments()).parse_args()
    try:
        if not options.table:
            if options.data is None:
                parser.error("give MARKED, or --table")
            run(options)
        print(table(rows_at(options.out / f"{name}.json" for name in SETTINGS)))
    except ArtfpError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
