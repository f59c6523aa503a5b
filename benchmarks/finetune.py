"""Fine-tuning (`artfp train-gan --from`): how soon a trained generator learns a fingerprint, how soon it forgets one.

    python -m benchmarks.finetune learn CLEAN_RUN MARKED_DATA --images 20000
    python -m benchmarks.finetune forget MARKED_RUN CLEAN_DATA --images 20000 --key NAME --codec artfp-64
    python -m benchmarks.finetune --table

A run is the finished folder of an `artfp train-gan`. Training goes on from its networks, both of a GAN, on the data
with the run's own recipe (optimizers start afresh); `--alone` begins with its generator.safetensors instead, which is
all that somebody has who found it published. Every 1,000 images the transfer monitor looks at samples of the averaged
generator. `learn` asks after how many images p is 1e-12 or less and stays so to the end; `forget`, the removal attack,
after how many it is over 1e-6, where no verdict is a match any more (it may be inconclusive), and stays so. Both are
told as a share of the images that the run itself was shown. `--key` and `--codec` come before those that the manifest
of MARKED_DATA names.

One JSON row for each (way, name) in benchmarks/results/finetune; what has one is shown, not measured again. Trainings
lie in runs/finetune; one that was interrupted goes on.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from artfp import recipe as recipes
from artfp.data.readers import open_source
from artfp.errors import ArtfpError, UsageError
from artfp.files import read_json, write_json
from artfp.generators import training
from artfp.generators.folder import DONE, FILE, RECIPE, STATS
from artfp.generators.sampling import load_generator, read_sources, sample
from artfp.generators.settings import GanRecipe
from artfp.generators.transfer import Monitor, monitor_for
from artfp.keys.registry import Registry
from artfp.report.tables import count, percent
from artfp.seeds import derive_seed
from artfp.statslog import StatsLog
from artfp.verdict import at_most
from benchmarks.measuring.machine import prepare
from benchmarks.measuring.progress import teller
from benchmarks.measuring.rows import rows_at, status
from benchmarks.measuring.tables import Row, accuracy, markdown
from benchmarks.measuring.training import made_with, seconds_of

RESULTS = Path(__file__).parent / "results" / "finetune"
LEARNT, LOST = -12.0, -6.0  # log10 p
REACHED: Mapping[str, Callable[[float], bool]] = {
    "learn": lambda log10_p: log10_p <= LEARNT,
    "forget": lambda log10_p: log10_p > LOST,
}
LOOK = ("images_shown", "images", "matching_bits", "total_bits", "matching_images", "p", "log10_p")
COLUMNS = ("run", "family", "shown before", "from", "data", "learning rate", "bits before → after", "p before → after")
ASKED = {"learn": "p ≤ 1e-12 for good", "forget": "p > 1e-6 for good"}
TITLES = {"learn": "Learning by fine-tuning on marked data", "forget": "Forgetting by fine-tuning on clean data"}


def recipe_of(run: Path, options: argparse.Namespace) -> GanRecipe:
    """That of a finished run, for what is shown from now on; its paths are hashes there, and so left out."""
    if not (run / DONE).is_file():
        raise UsageError(f"{run}: not the folder of a finished training (it has no {DONE})")
    known = {field.name for field in dataclasses.fields(GanRecipe)} - {"data", "source", "start"}
    values = {name: value for name, value in read_json(run / RECIPE).items() if name in known and value is not None}
    found = recipes.parse(values, GanRecipe, str(run / RECIPE))
    return dataclasses.replace(
        found,
        start=run / FILE if options.alone else run,
        source=options.source,
        seed=options.seed,
        images=options.images,
        learning_rate=options.learning_rate or found.learning_rate,
        monitor_every=options.every,
        monitor_images=options.looked_at,
        checkpoint_every=max(options.every, found.checkpoint_every),
    )


def settings_of(recipe: GanRecipe, monitor: Monitor, options: argparse.Namespace) -> dict[str, Any]:
    """All that determines a row: the recipe with hashes for paths, and what is looked for."""
    with open_source(options.data) as data:
        images, sha256 = len(data), data.sha256
    own = recipes.to_dict(recipe) | {"start": read_json(options.run / DONE)["sha256"], "data": sha256}
    own |= {"source": None if options.source is None else options.source.name}
    return own | {"way": options.way, "alone": options.alone, "data_images": images, **monitor.identity()}


def first_look(recipe: GanRecipe, monitor: Monitor, options: argparse.Namespace) -> dict[str, Any]:
    """At the generator as it comes: what the monitor sees before anything is shown."""
    generator = load_generator(options.run)
    sources = read_sources(generator, options.source, teller("sources"))
    seed = derive_seed(recipe.seed, "gan-monitor")
    transfer = monitor.look(sample(generator, recipe.monitor_images, seed, sources=sources))
    return {"images_shown": 0, **transfer.to_dict()}


def for_good(way: str, looks: Sequence[Row]) -> int | None:
    """The images shown at the first look from which on every one reaches the goal; None where the last does not."""
    start = None
    for look in reversed(looks):
        if not REACHED[way](look["log10_p"]):
            break
        start = int(look["images_shown"])
    return start


def measured(recipe: GanRecipe, monitor: Monitor, options: argparse.Namespace, device: str) -> dict[str, Any]:
    """Fine-tune, or go on with it; the row."""
    folder = options.scratch / f"{options.way}-{options.name}"
    before = first_look(recipe, monitor, options)
    training.train(recipe, options.data, folder, monitor, teller(folder.name), device)
    rows = StatsLog(folder / STATS, position="images_shown").rows()
    looks = [{name: row[name] for name in LOOK} for row in (before, *rows) if "matching_bits" in row]
    shown_before = int(read_json(options.run / DONE)["images_shown"])
    reached = for_good(options.way, looks)
    return {
        "name": options.name,
        "settings": settings_of(recipe, monitor, options),
        "codec": {"name": monitor.codec.name, "sha256": monitor.codec.sha256, "n_bits": monitor.codec.n_bits},
        "shown_before": shown_before,
        "reached": reached,
        "share": None if reached is None else reached / shown_before,
        "looks": looks,
        "seconds": seconds_of(folder),
        "made_with": made_with(device),
    }


def tables(rows: Sequence[Row]) -> str:
    """Markdown: what came of each way, and its looks beside each other."""
    found = {way: [row for row in rows if row["settings"]["way"] == way] for way in REACHED}
    return "\n".join(f"{summary(way, some)}\n{series(way, some)}" for way, some in found.items() if some)


def summary(way: str, rows: Sequence[Row]) -> str:
    """A line for each row."""
    return markdown(TITLES[way], [*COLUMNS, ASKED[way]], (_cells(row) for row in rows))


def _cells(row: Row) -> list[str]:
    settings, ends = row["settings"], (row["looks"][0], row["looks"][-1])
    share = "" if row["share"] is None else f", {percent(row['share'])} of those before"
    reached = (
        f"not in {count(ends[1]['images_shown'])}" if row["reached"] is None else f"{count(row['reached'])}{share}"
    )
    return [
        row["name"],
        settings["family"],
        count(row["shown_before"]),
        "generator alone" if settings["alone"] else "all networks",
        f"{count(settings['data_images'])} images",
        f"{settings['learning_rate']:g}",
        " → ".join(percent(accuracy(look)) for look in ends),
        " → ".join(at_most(look["p"]) for look in ends),
        reached,
    ]


def series(way: str, rows: Sequence[Row]) -> str:
    """A line for each look, a column for each row."""
    looks = [{look["images_shown"]: look for look in row["looks"]} for row in rows]
    shown = sorted({images for of_row in looks for images in of_row})
    lines = ([count(at), *(_look(of_row.get(at)) for of_row in looks)] for at in shown)
    return markdown(f"{TITLES[way]}: bits and p", ["images shown", *(row["name"] for row in rows)], lines)


def _look(look: Row | None) -> str:
    return "—" if look is None else f"{percent(accuracy(look))}, {at_most(look['p'])}"


def run(options: argparse.Namespace) -> None:
    """Make the row, if it is not there yet."""
    device = prepare(options.device, options.threads)
    recipe = recipe_of(options.run, options)
    with Registry(options.registry, create=False) as registry:
        monitor = monitor_for(options.data, registry, options.key, options.codec)
    monitor.codec.to(device)
    path = row_file(options)
    there = status(path, settings_of(recipe, monitor, options))
    if there == "-":
        options.out.mkdir(parents=True, exist_ok=True)
        write_json(path, measured(recipe, monitor, options, device))
    elif there != "row":
        raise UsageError(f"{path}: {there}, or choose another --name")


def row_file(options: argparse.Namespace) -> Path:
    """Where the row lies."""
    return Path(options.out) / f"{options.way}-{options.name}.json"


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("way", choices=REACHED, nargs="?")
    parser.add_argument("run", type=Path, nargs="?", help="folder of a finished training")
    parser.add_argument("data", type=Path, nargs="?", help="folder or zip to go on with")
    parser.add_argument("--table", action="store_true", help="print all rows there are; run nothing")
    parser.add_argument("--name", help="of the row [default: after the run's folder]")
    parser.add_argument("--alone", action="store_true", help="begin with the generator only")
    parser.add_argument("--images", type=int, default=20_000, help="to be shown")
    parser.add_argument("--every", type=int, default=1000, help="images between two looks")
    parser.add_argument("--looked-at", type=int, default=128, help="samples at each look")
    parser.add_argument("--learning-rate", type=float, help="instead of the recipe's")
    parser.add_argument("--seed", type=int, default=1, help="of the fine-tuning: the order of images, and the samples")
    parser.add_argument("--source", type=Path, help="images to translate, for a family that does")
    parser.add_argument("--key")
    parser.add_argument("--codec")
    parser.add_argument("--registry", type=Path, default=Path(os.environ.get("ARTFP_REGISTRY", "~/.artfp/keys.sqlite")))
    parser.add_argument("--threads", type=int)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--scratch", type=Path, default=Path("runs/finetune"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    return parser


def main() -> None:
    """Make the row, and print the tables."""
    options = (parser := arguments()).parse_args()
    try:
        if options.table:
            print(tables(rows_at(sorted(options.out.glob("*.json")))))
            return
        if options.data is None:
            parser.error("give learn or forget, RUN and DATA; or --table")
        options.name = options.name or f"{options.run.resolve().name}{'-alone' * options.alone}"
        run(options)
        print(tables(rows_at([row_file(options)])))
    except ArtfpError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
