"""`artfp sample` and `artfp export`: images of a generator, and a generator for other people's programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from rich.text import Text

from artfp.cli.console import (
    PATH,
    command_errors,
    device_option,
    json_option,
    out,
    print_json,
    progress,
    registry_option,
    source_option,
    threads_option,
)
from artfp.cli.key_files import open_registry

if TYPE_CHECKING:
    from artfp.generators.base import Generator
    from artfp.generators.sampling import Pixels
    from artfp.keys.fingerprint import Bits

FITS = {  # which kinds of generators an option is for
    "--source": ("artfp",),
    "--class": ("artfp", "program"),
    "--key": ("artfp",),
    "--codec": ("artfp",),
    "--trust": ("program",),
    "--signed": ("program",),
    "--steps": ("pipeline",),
}


@click.command()
@click.argument("checkpoint", metavar="CHECKPOINT|RUN|PROGRAM|PIPELINE", type=PATH)
@click.argument("target", metavar="OUT", type=PATH)
@click.option("--count", type=click.IntRange(1), default=64, show_default=True, help="How many images.")
@click.option("--seed", type=int, default=0, show_default=True, help="Image i follows from the seed and i alone.")
@source_option
@click.option("--class", "chosen", type=click.IntRange(0), help="Images of this class alone [default: of all].")
@click.option("--key", metavar="NAME", help="The key that the images shall carry, for a keyed generator.")
@click.option("--codec", "codec_spec", metavar="CODEC", help="The codec of --key, where it is not a shipped one.")
@click.option("--program", "kind", flag_value="program", help="Sample a torch.export program (.pt2); needs --trust.")
@click.option("--trust", is_flag=True, help="Run the program: its file holds code, and whatever that does is done.")
@click.option("--signed", is_flag=True, help="The program's images lie in [-1, 1], as StyleGAN's do, not in [0, 1].")
@click.option("--pipeline", "kind", flag_value="pipeline", help="Sample a local, unconditional diffusers pipeline.")
@click.option(
    "--mark-as-generated",
    is_flag=True,
    help="Say in each file's XMP that a trained model made it (IPTC digital source type). Anyone can take it out.",
)
@click.option("--steps", type=click.IntRange(1), help="Denoising steps [default: the pipeline's own].")
@registry_option
@threads_option
@device_option
@json_option
@command_errors
def sample(
    checkpoint: Path,
    target: Path,
    count: int,
    seed: int,
    source: Path | None,
    chosen: int | None,
    key: str | None,
    codec_spec: str | None,
    kind: str | None,
    trust: bool,
    signed: bool,
    mark_as_generated: bool,
    steps: int | None,
    registry: Path,
    threads: int | None,
    device: str,
    as_json: bool,
) -> None:
    """Write images of a trained generator, PNG files, into OUT, a new folder.

    CHECKPOINT is a generator.safetensors; RUN is the folder of a finished `artfp train-gan`.

    With --program, PROGRAM is a torch program (.pt2): standard normal noise N x ..., and perhaps classes N x K, to
    images N x 3 x H x W. It is code of whoever made it: loading it can do anything that you can, so that needs --trust.

    With --pipeline, PIPELINE is the folder of a diffusers DDPM or DDIM pipeline (extra `diffusers`). Of it safetensors
    and settings alone are read.
    """
    from artfp.devices import prepare_device
    from artfp.files import check_new
    from artfp.generators.sampling import check_class, load_generator, provenance_of, read_sources, write_images
    from artfp.generators.sampling import sample as of_generator
    from artfp.iptc import made_by_model, xmp_packet

    options = {"--source": source, "--class": chosen, "--key": key, "--codec": codec_spec}
    options |= {"--trust": trust, "--signed": signed, "--steps": steps}
    _check_fit(kind or "artfp", [name for name, value in options.items() if value is not None and value is not False])
    check_new(target)
    device = prepare_device(device, threads)
    key_id = None
    with progress("sample") as advance:
        if kind == "program":
            batches = _of_program(checkpoint, device, count, seed, chosen, signed=signed, trusted=trust)
        elif kind == "pipeline":
            batches = _of_pipeline(checkpoint, device, count, seed, steps)
        else:
            generator = load_generator(checkpoint)
            check_class(generator, chosen)
            keys, key_id = _keys(generator, key, codec_spec, registry)
            sources = read_sources(generator, source, advance)
            source = source if generator.reads_images else None  # nothing is made from it
            batches = of_generator(generator.to(device), count, seed, 0, chosen, sources, keys)
        term = made_by_model(reads_images=source is not None) if mark_as_generated else None
        told = {
            "class": chosen,
            "key_id": key_id,
            "steps": steps,
            "signed": signed or None,
            "digital_source_type": term,
        }
        told = {name: value for name, value in told.items() if value is not None}
        provenance = provenance_of(_made_from(checkpoint, kind, source), count, seed, **told)
        packet = xmp_packet(term) if term else None
        height, width = write_images(batches, target, count, advance, provenance, packet)
    if as_json:
        print_json({"out": str(target), "count": count, "seed": seed, "width": width, "height": height})
    else:
        out.print(Text(f"{target}  {count:,} images of {width} x {height} pixels"))


def _made_from(checkpoint: Path, kind: str | None, source: Path | None) -> dict[str, str | None]:
    """The hashes of what the images are made from."""
    from artfp.artefacts import folder_sha256
    from artfp.files import sha256_file
    from artfp.generators.sampling import made_from_of

    if kind is None:
        return made_from_of(checkpoint, source)
    return {kind: folder_sha256(checkpoint) if kind == "pipeline" else sha256_file(checkpoint)}


def _check_fit(kind: str, given: list[str]) -> None:
    """Refuse options that would do nothing."""
    from artfp.errors import UsageError

    for name in given:
        if kind not in FITS[name]:
            why = f"is for --{FITS[name][0]}" if kind == "artfp" else f"does not go with --{kind}"
            raise UsageError(f"{name}: {why}")


def _keys(
    generator: Generator, key: str | None, codec_spec: str | None, registry: Path
) -> tuple[Bits | None, str | None]:
    """The key that the images shall carry, as the only row, and its public id; None for a plain generator."""
    from artfp.errors import UsageError
    from artfp.generators.keying import key_for

    if key is None:
        if generator.key_bits:
            raise UsageError("this generator is keyed: --key names the key that the images shall carry")
        return None, None
    with open_registry(registry) as opened:
        return key_for(generator, opened, key, codec_spec)[None], opened.get(key).key_id


def _of_program(
    path: Path, device: str, count: int, seed: int, chosen: int | None, *, signed: bool, trusted: bool
) -> Iterator[Pixels]:
    from artfp.generators.program import load_program, sample_program
    from artfp.generators.sampling import check_class

    program = load_program(path, device, signed=signed, trusted=trusted)
    check_class(program, chosen)
    return sample_program(program, count, seed, chosen)


def _of_pipeline(path: Path, device: str, count: int, seed: int, steps: int | None) -> Iterator[Pixels]:
    from artfp.generators.diffusers_pipelines import load_pipeline, sample_pipeline

    return sample_pipeline(load_pipeline(path, device), count, seed, steps)


@click.command()
@click.argument("run", type=PATH)
@click.argument("target", metavar="OUT", type=PATH)
@click.option("--name", help="What the model is called [default: the name of RUN].")
@json_option
@command_errors
def export(run: Path, target: Path, name: str | None, as_json: bool) -> None:
    """Write a finished training's generator into OUT, a new folder: weights, a torch program, a model card.

    The card says that there is a fingerprint and how to verify it, and none of its bits.
    """
    from artfp.generators.export import export as write

    facts = write(run, target, name or run.resolve().name)
    if as_json:
        print_json(facts)
    else:
        out.print(Text(f"{target}  generator.safetensors, model.pt2, README.md"))
