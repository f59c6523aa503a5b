"""`artfp codec`: train one, measure one, look at one, give one to other runtimes."""

from __future__ import annotations

import os
import secrets
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from rich.table import Table

from artfp.cli.console import (
    PATH,
    command_errors,
    device_option,
    dry_run_option,
    err,
    json_option,
    out,
    print_json,
    print_plan,
    progress,
    seed_option,
    threads_option,
    warn,
)
from artfp.cli.views import View, view_options
from artfp.errors import UsageError
from artfp.files import check_new_file

if TYPE_CHECKING:
    from artfp.codec.evaluation import Evaluation
    from artfp.codec.settings import CodecRecipe


SECRET_BITS = 62  # of a private codec's seed
WEAK_BELOW = 0.9  # of the attacked bits; the running accuracy that ends a sound training is about .95


@click.group()
def codec() -> None:
    """Train, measure and describe codecs: the encoder and decoder of fingerprints."""


@codec.command()
@click.argument("recipe", required=False)
@click.option("--from", "start", metavar="CODEC", help="Begin with the weights of this codec, instead of the recipe's.")
@click.option("--private", is_flag=True, help="Make marks that the codec of --from cannot read; its seed is secret.")
@click.option("--out", "folder", type=PATH, help="Run folder [default: runs/codec-NAME].")
@click.option("--data", type=PATH, help="Folder or zip to train on, instead of the recipe's.")
@threads_option
@seed_option
@device_option
@dry_run_option
@json_option
@command_errors
def train(
    recipe: str | None,
    start: str | None,
    private: bool,
    folder: Path | None,
    data: Path | None,
    threads: int | None,
    seed: int | None,
    device: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Train a codec from RECIPE, a TOML file or the name of a shipped recipe; or one like that of --from.

    A publisher's own codec, which artfp-64 does not read: artfp codec train --from artfp-64 --private

    Run the same command again to go on after an interruption; the result is the same to the byte.
    """
    from artfp import recipe as recipes
    from artfp.codec import training
    from artfp.codec.pool import check_data, training_pool
    from artfp.codec.settings import CodecRecipe
    from artfp.devices import prepare_device
    from artfp.files import read_json

    values, where = _values(recipe, start)
    own = {"start": start, "private": private or None, "data": data and str(data), "seed": seed}
    values |= {name: value for name, value in own.items() if value is not None}
    settings = recipes.parse(values, CodecRecipe, where)
    training.check_settings(settings)
    folder = folder or Path("runs") / f"codec-{settings.name}"
    if settings.private:
        if "seed" in values:
            place = where if seed is None else "--seed"
            raise UsageError(f"{place}: the seed of a private codec is secret; leave it out")
        settings = replace(settings, seed=_secret_seed(folder))
    training.noise_layers(settings.noise)
    check_data(settings)
    if dry_run:
        training.load_start(settings)
        print_plan(_plan(settings, folder), as_json)
        return
    device = prepare_device(device, threads)
    workers = threads or os.cpu_count() or 1
    with progress("train codec") as advance:
        result = training.train(
            settings,
            lambda: training_pool(settings, folder / "pool.npy", workers),
            folder,
            advance,
            device,
        )
    path = folder / f"{settings.name}.safetensors"
    done = read_json(folder / training.DONE)
    if done["accuracy"] < WEAK_BELOW or result.psnr < settings.psnr:
        warn(f"a weak codec: it read {done['accuracy']:.3f} of the attacked bits at {result.psnr:.1f} dB; train longer")
    if as_json:
        print_json({"codec": str(path), **done})
    else:
        read = f"{done['accuracy']:.3f} of the attacked bits at noise {done['noise']:.2f}"
        out.print(f"{path}  {result.n_bits} bits  {result.psnr:.1f} dB  {read}  sha256 {result.sha256[:16]}")


def _secret_seed(folder: Path) -> int:
    """That of the run in the folder, if there is one; else one that nobody knows."""
    from artfp.codec.training import seed_in

    begun = seed_in(folder)
    return secrets.randbits(SECRET_BITS) if begun is None else begun


def _values(recipe: str | None, start: str | None) -> tuple[dict[str, Any], str]:
    """The settings of a recipe, or those that follow from the codec to begin with; and where they are from."""
    from artfp import recipe as recipes
    from artfp.codec.training import like
    from artfp.shipped import find_recipe

    if recipe is not None:
        path = find_recipe(recipe)
        return recipes.read_toml(path), str(path)
    if start is None:
        raise UsageError("train what? Name a RECIPE, or a codec to begin with: --from CODEC")
    return like(start), f"--from {start}"


def _plan(settings: CodecRecipe, folder: Path) -> dict[str, Any]:
    from artfp import recipe as recipes

    return {"out": str(folder), **recipes.to_dict(settings)} | ({"seed": "secret"} if settings.private else {})


@codec.command()
@command_errors
@view_options
@click.option("--page", type=PATH, help="Also write the table as an HTML page to this new file.")
@seed_option
@device_option
@json_option
def evaluate(view: View, page: Path | None, seed: int | None, device: str, as_json: bool) -> None:
    """Measure CODEC on the images of the dataset DATA: fidelity, and bits read after every attack."""
    from artfp.codec.evaluation import evaluate as measure
    from artfp.devices import prepare_device
    from artfp.perceptual import MIN_SIDE, Perceptual, what_is_missing
    from artfp.report.codec_page import write_codec_page

    if page:
        check_new_file(page)
    chosen = view.codec(prepare_device(device))
    if missing := what_is_missing(MIN_SIDE if view.full else view.side(chosen)):
        warn(f"LPIPS is not measured without {missing}")
    with view.images(chosen, seed or 0) as images, progress("evaluate") as advance:
        result = measure(chosen, images, seed or 0, advance, None if missing else Perceptual())
    described = {**result.to_dict(), "rows": [{**row.to_dict(), "accuracy": row.accuracy} for row in result.rows]}
    if page:
        write_codec_page(page, {view.data.resolve().name: described})
    if as_json:
        print_json(described)
    else:
        _print_evaluation(result)


@codec.command()
@command_errors
@view_options
@seed_option
@device_option
@json_option
def bias(view: View, seed: int | None, device: str, as_json: bool) -> None:
    """Count how often each bit of CODEC reads 1 on the unmarked images of DATA: half of the time, if it is fair."""
    from artfp.codec.evaluation import read_clean
    from artfp.devices import prepare_device

    chosen = view.codec(prepare_device(device))
    with view.images(chosen, seed or 0) as images, progress("read") as advance:
        result = read_clean(chosen, images, advance)
    if as_json:
        print_json({**result.to_dict(), "farthest": result.farthest})
    else:
        chance = f"the standard deviation of a fair bit's share is {result.by_chance:.4f}"
        out.print(f"farthest bit from .5 on {result.images:,} images: {result.farthest:.4f} ({chance})")


def _print_evaluation(result: Evaluation) -> None:
    size = f"{result.view} to {result.size} px" if result.size else "at their own sizes"
    err.print(f"{result.codec} on {result.images} images, {size}")
    title = f"PSNR {result.psnr:.2f} dB   SSIM {result.ssim:.4f}"
    if result.lpips is not None:
        title += f"   LPIPS {result.lpips:.4f}"
    table = Table("attack", "bit accuracy", title=title)
    for row in result.rows:
        table.add_row(row.label, f"{row.accuracy:.4f}")
    out.print(table)
    out.print(f"farthest bit from .5 on clean images: {result.clean_bias:.3f}")


@codec.command()
@click.argument("spec", metavar="CODEC")
@json_option
@command_errors
def info(spec: str, as_json: bool) -> None:
    """Describe CODEC: a shipped name, a file or "dct"."""
    from artfp.codec.store import load_codec

    chosen = load_codec(spec)
    facts = {
        "name": chosen.name,
        "bits": chosen.n_bits,
        "size": chosen.size,
        "side": chosen.side,
        "flip_invariant": chosen.flip_invariant,
        "sha256": chosen.sha256,
        "card": chosen.card,
    }
    if as_json:
        print_json(facts)
    else:
        out.print("\n".join(f"{name:15} {value}" for name, value in facts.items() if name != "card"))
        out.print_json(data=chosen.card)


@codec.command()
@click.argument("spec", metavar="CODEC")
@click.argument("folder", metavar="OUT", type=PATH)
@json_option
@command_errors
def export(spec: str, folder: Path, as_json: bool) -> None:
    """Write the encoder and decoder of CODEC into the new folder OUT, as ONNX for other runtimes (docs/codecs.md)."""
    from artfp.codec.export import export as write

    card = write(spec, folder)
    if as_json:
        print_json({"out": str(folder), **card})
        return
    tried = card["tried"]
    same = f"{tried['bits_that_differ']} of {tried['bits']:,} bits of {tried['images']} painted images differ"
    out.print(f"{folder}  {card['codec']}  {card['bits']} bits at {card['size']} px  {same} from torch's")
