"""`artfp train-gan`: a generator that learns a fingerprint from its data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from rich.table import Table
from rich.text import Text

from artfp.cli.console import (
    PATH,
    command_errors,
    device_option,
    dry_run_option,
    err,
    json_option,
    out,
    print_json,
    progress,
    registry_option,
    seed_option,
    threads_option,
    warn,
)
from artfp.cli.key_files import open_registry

if TYPE_CHECKING:
    from artfp.generators.settings import GanRecipe
    from artfp.generators.training import TrainPlan, TrainResult
    from artfp.generators.transfer import Monitor, Watch
    from artfp.keys.registry import Registry


@click.command("train-gan")
@click.argument("recipe", required=False)
@click.option("--data", type=PATH, help="Dataset of training images, instead of the recipe's.")
@click.option("--source", type=PATH, help="Images to translate, unmarked, for the family cut, instead of the recipe's.")
@click.option("--from", "start", type=PATH, help="Begin with the networks of this training, or with this generator.")
@click.option("--out", "folder", type=PATH, help="Run folder [default: runs/gan-NAME after the recipe or the data].")
@click.option("--twin", is_flag=True, help="Train the clean twin: same recipe and seed, --data are unmarked originals.")
@click.option("--key", metavar="NAME", help="The key to watch for [default: the one in the dataset's manifest].")
@click.option("--codec", "codec_spec", metavar="CODEC", help="The codec to watch with [default: the manifest's].")
@threads_option
@registry_option
@seed_option
@device_option
@dry_run_option
@json_option
@command_errors
def train_gan(
    recipe: str | None,
    data: Path | None,
    source: Path | None,
    start: Path | None,
    folder: Path | None,
    twin: bool,
    key: str | None,
    codec_spec: str | None,
    threads: int | None,
    registry: Path,
    seed: int | None,
    device: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Train a generator from RECIPE, a TOML file or the name of a shipped recipe, or on --data alone.

    A model that is trained already learns a fingerprint when it goes on with marked data: --from its run folder.

    Run the same command again to go on after an interruption; the result is the same to the byte.
    While it trains, samples are decoded and tested for the dataset's key: the fingerprint is seen to take hold.

    A clean twin (--twin) shows what the same test says of a model that never saw the fingerprint:
    give the unmarked originals as --data, and --key and --codec to watch it. It must end with no match.

    With keyed = true in the recipe, on data of `embed-dataset --key-per image`, the generator learns to make images for
    any key that it is told (`artfp sample --key`). It is watched with fresh keys. guided = 0.3 lets it learn from what
    the codec reads in its images, too, and it follows keys much sooner.
    """
    from artfp.devices import prepare_device
    from artfp.errors import UsageError
    from artfp.generators import parallel, training

    settings = _recipe(recipe, data=data, source=source, start=start, seed=seed)
    if settings.data is None:
        raise UsageError("nothing to train on: give --data, a dataset of images, or a recipe that names one")
    folder = folder or Path("runs") / f"gan-{_name(recipe, settings.data)}{'-twin' if twin else ''}"
    device = prepare_device(device, threads)
    monitor = _watch(settings, registry, key, codec_spec)
    if monitor is not None:
        monitor.codec.to(device)
        if "translation" in (settings.augment or ()):
            _warn_once("augment: fingerprints take several times as long where images are moved; leave translation out")
    if dry_run:
        planned = training.plan(settings, settings.data, folder, monitor, twin, device)
        if parallel.is_first():
            _print_plan(planned, monitor, as_json)
        return
    with progress("train-gan") as advance:
        result = training.train(settings, settings.data, folder, monitor, advance, device, twin)
    if parallel.is_first():
        _print_result(result, as_json)


def _recipe(spec: str | None, **own: Path | int | None) -> GanRecipe:
    """The recipe, with what the options say before it."""
    from artfp import recipe as recipes
    from artfp.generators.settings import GanRecipe
    from artfp.shipped import find_recipe

    path = find_recipe(spec) if spec is not None else None
    values = recipes.read_toml(path) if path is not None else {}
    values |= {
        name: str(value) if isinstance(value, Path) else value for name, value in own.items() if value is not None
    }
    return recipes.parse(values, GanRecipe, str(path or "options"))


def _name(spec: str | None, data: Path) -> str:
    return Path(spec).stem.removeprefix("gan-") if spec is not None else data.resolve().stem


def _watch(settings: GanRecipe, registry: Path, key: str | None, codec_spec: str | None) -> Watch | None:
    """What watches the training; of a keyed one it is also what it learns from, and must be there."""
    from artfp.errors import UsageError
    from artfp.generators.keying import keying_for

    data = settings.data or Path()
    if not settings.keyed:
        return _monitor(data, registry, key, codec_spec)
    if key is not None:
        raise UsageError("--key: a keyed training is watched with fresh keys; leave it out")
    with _existing(registry) as opened:
        return keying_for(data, opened, codec_spec)


def _monitor(data: Path, registry: Path, key: str | None, codec_spec: str | None) -> Monitor | None:
    """What watches the training; without a key to be found, nothing does, and a warning says so.

    Whoever names a key or a codec wants to watch, so then what is missing is an error.
    """
    from artfp.errors import UsageError
    from artfp.generators.transfer import monitor_for

    try:
        with _existing(registry) as opened:
            return monitor_for(data, opened, key, codec_spec)
    except UsageError as error:
        if key is not None or codec_spec is not None:
            raise
        _warn_once(f"training without the transfer monitor: {error}")
        return None


@contextmanager
def _existing(path: Path) -> Iterator[Registry | None]:
    if not path.expanduser().exists():
        yield None
        return
    with open_registry(path, create=False) as registry:
        yield registry


def _warn_once(message: str) -> None:
    """A warning, of several processes by the first."""
    from artfp.generators import parallel

    if parallel.is_first():
        warn(message)


def _print_plan(plan: TrainPlan, monitor: Watch | None, as_json: bool) -> None:
    if as_json:
        print_json({**plan.to_dict(), "monitor": monitor.identity() if monitor else None})
        return
    parameters = ", ".join(f"{name} {count:,}" for name, count in plan.parameters.items())
    shown = f"{plan.steps:,} steps, {plan.epochs:.1f} epochs, {plan.checkpoints:,} checkpoints"
    state = "finished: nothing to do" if plan.finished_before else f"goes on after {plan.resumes_after:,} images shown"
    _print_rows(
        [
            ("data", f"{plan.images:,} images at {plan.size} px"),
            ("parameters", parameters),
            ("training", shown),
            ("monitor", f"{monitor.codec.name}, key id {monitor.key_id}" if monitor else "none"),
            ("out", f"{plan.out} ({state})"),
        ]
    )


def _print_result(result: TrainResult, as_json: bool) -> None:
    if result.finished_before:
        err.print(f"{result.generator} is there already, made with the same settings; nothing to do", markup=False)
    if as_json:
        print_json(result.to_dict())
        return
    rows = [
        ("generator", f"{result.generator}  sha256 {result.sha256[:16]}"),
        ("images shown", f"{result.images_shown:,}"),
    ]
    if found := result.transfer:
        single = f"{found.matching_images} of {found.images} match on their own"
        rows.append(("transfer", f"{100 * found.bit_accuracy:.1f} % of the bits, p {found.p:.1e}; {single}"))
    _print_rows(rows)


def _print_rows(rows: list[tuple[str, str]]) -> None:
    table = Table.grid(padding=(0, 3))
    for label, value in rows:
        table.add_row(Text(label, style="dim"), Text(value))
    out.print(table)
