"""`artfp embed-dataset`: put a key's fingerprint into every image of a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
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
    warn,
)
from artfp.cli.engines import EngineName, engine_for, engine_options, share_for
from artfp.cli.key_files import open_registry

if TYPE_CHECKING:
    from artfp.codec.base import Codec
    from artfp.data.outputs import Kind
    from artfp.embed import EmbedPlan, EmbedResult, EmbedSettings, Engine, Share, ShareResult
    from artfp.embed.request import KeyPer
    from artfp.keys.registry import Registry


@click.command("embed-dataset")
@click.argument("source", metavar="SRC", type=PATH)
@click.argument("target", metavar="DST", type=PATH)
@click.option("--key", required=True, metavar="NAME", help="The key whose fingerprint the images get.")
@click.option(
    "--key-per",
    type=click.Choice(["dataset", "class", "image"]),
    default="dataset",
    show_default=True,
    help="class: a key for each, called NAME/CLASS; those that do not exist yet are made. image: see below.",
)
@click.option(
    "--strength", type=float, default=1.0, show_default=True, help="Scales the residual: 0 leaves the pixels alone."
)
@click.option(
    "--fraction",
    type=float,
    default=1.0,
    show_default=True,
    help="Share of the images to mark, chosen by a hash of seed and position; the others are stored unmarked.",
)
@click.option(
    "--codec",
    "codec_spec",
    default="auto",
    show_default=True,
    metavar="auto|dct|NAME|PATH",
    help="The codec: auto takes the shipped one that suits the images.",
)
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Decides which images --fraction chooses, and the bits of each image.",
)
@click.option("--skip-bad", is_flag=True, help="Leave unusable files out instead of stopping; their numbers stay free.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["folder", "zip", "tar", "parquet"]),
    help="What DST becomes [default: a zip where it ends in .zip, else a folder]; tar, parquet: a folder of those.",
)
@click.option("--images-per-file", type=click.IntRange(1), help="In a tar or Parquet file at most [default: 10,000].")
@click.option(
    "--mb-per-file", type=click.IntRange(1), help="Of images, in a file at most [default: tar 1,000, parquet 500]."
)
@engine_options
@registry_option
@device_option
@dry_run_option
@json_option
@command_errors
def embed_dataset(
    source: Path,
    target: Path,
    key: str,
    key_per: KeyPer,
    strength: float,
    fraction: float,
    codec_spec: str,
    seed: int,
    skip_bad: bool,
    kind: Kind | None,
    images_per_file: int | None,
    mb_per_file: int | None,
    engine_name: EngineName,
    ray_address: str | None,
    workers: int | None,
    threads: int | None,
    shard_index: int | None,
    shard_count: int | None,
    registry: Path,
    device: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Mark every image of SRC, a folder, zip, tar, Parquet file, list or pattern, into DST, a new folder or a .zip.

    SRC may be a dataset of the Hugging Face hub: hf://OWNER/NAME[@REVISION][:[CONFIG/]SPLIT][#COLUMN], by ranges of its
    Parquet files (extra `datasets`). DST's manifest names the commit, and interrupted runs go on over that one only.

    DST loads in StyleGAN-family trainers and as a Hugging Face imagefolder; labels and metadata come along.
    With --format tar it holds WebDataset shards, with --format parquet files as Hugging Face has them.
    It appears at the end, whole: interrupted, run the same command again. Nothing is ever overwritten.

    With --key-per image every image gets bits of its own, which follow from the secret of --key and a public seed in
    the manifest. That is for keyed generators (`train-gan` with keyed = true), which then make images for any key.
    The data themselves carry no one key: `artfp verify` has nothing to look for in them.

    The work is done in shards of 512 images, and its files do not depend on --workers. --threads is for each worker;
    another number of threads may round a pixel the other way.

    With --shard-index I --shard-count N, N runs of the same command, on machines that share SRC, DST and the registry,
    each do a part; the last one puts DST together, and the others say what is still to be done (docs/scale.md).

    With --engine ray the shards are done on all machines of a Ray cluster, which must share SRC and DST. The bits of
    the keys go to its machines: it must be your own. Without an address it is one on this machine, for this run alone.

    Exit codes: 0 done, or this run's shards are, 2 usage, 4 unusable files in SRC (nothing written), 5 disk full and
    the like.
    """
    from artfp.codec.store import codec_for
    from artfp.devices import prepare_device
    from artfp.embed import BadFilesError, EmbedResult, EmbedSettings

    share = share_for(shard_index, shard_count)
    device = prepare_device(device, threads)
    engine, engine_words = engine_for(engine_name, device, workers, threads, ray_address)
    codec = codec_for(source, codec_spec).to(device)
    chosen = ", chosen by the size of the images" if codec_spec == "auto" else ""
    err.print(f"codec {codec.name}: {codec.n_bits} bits at {codec.size} px, {codec.sha256[:12]}{chosen}")
    settings = EmbedSettings(
        source, target, key, strength, fraction, key_per, seed, skip_bad, kind, images_per_file, mb_per_file
    )
    no_key_yet = key_per != "class" and not registry.expanduser().exists()
    if dry_run or no_key_yet:  # without a key the plan fails, and says all that is wrong
        _print_plan(_plan(settings, codec, registry), engine_words, share, as_json)
        return
    with open_registry(registry, create=key_per == "class") as keys:
        try:
            result = _embed(settings, codec, keys, engine, share)
        except BadFilesError as error:
            if as_json:
                print_json({"bad": [item.to_dict() for item in error.bad]})
            raise
    if isinstance(result, EmbedResult):
        _tell(result)
    if as_json:
        print_json(result.to_dict())
    elif isinstance(result, EmbedResult):
        _print_result(result)
    else:
        _print_share(result)


def _plan(settings: EmbedSettings, codec: Codec, path: Path) -> EmbedPlan:
    """The plan, without making a registry for it."""
    from artfp.embed import plan_embedding

    if not path.expanduser().exists():
        return plan_embedding(settings, codec, None)
    with open_registry(path, create=False) as registry:
        return plan_embedding(settings, codec, registry)


def _embed(
    settings: EmbedSettings, codec: Codec, registry: Registry, engine: Engine, share: Share | None
) -> EmbedResult | ShareResult:
    from artfp.embed import embed_dataset, embed_share

    with progress("embedding") as advance:
        if share is None:
            return embed_dataset(settings, codec, registry, advance, engine)
        return embed_share(settings, codec, registry, share, advance, engine)


def _tell(result: EmbedResult) -> None:
    """What deserves attention, on stderr."""
    if result.already_done:
        err.print(f"{result.target} is there already, made with the same settings; nothing to do", markup=False)
    for item in result.bad:
        warn(f"skipped {item}")
    if result.ignored_files:
        err.print(f"left out, as no images that artfp reads: {_listed(result.ignored_files)}", markup=False)
    for line in result.warnings:
        warn(line)


def _print_result(result: EmbedResult) -> None:
    totals, check = result.totals, result.self_check
    rows = [
        ("dataset", f"{result.target}  ({_form(result)}, {totals.bytes / 1e6:,.1f} MB of images)"),
        ("images", f"{totals.images:,}, of which {totals.marked:,} marked; {len(result.bad):,} skipped"),
        ("key ids", ", ".join(use.key_id for use in result.keys[:4]) + (" ..." if len(result.keys) > 4 else "")),
        *(
            [("key per", "image: bits of its own for each, none of them the key's")]
            if result.key_per == "image"
            else []
        ),
        ("codec", f"{result.codec}  {result.codec_sha256[:12]}, strength {result.strength:g}"),
    ]
    if check is not None:
        psnr = "unchanged" if check.psnr is None else f"{check.psnr:.1f} dB"
        read = f"{100 * check.bit_accuracy:.2f} % of the bits read back from {check.images:,} files"
        rows.append(("self-check", f"{read}; PSNR {psnr}, SSIM {check.ssim:.4f}"))
    _print_rows(rows)


def _form(result: EmbedResult) -> str:
    return f"{len(result.files):,} {result.output} files" if result.files else result.output


def _print_share(result: ShareResult) -> None:
    """What is done, and what the dataset still waits for."""
    again = "the same command without --shard-index and --shard-count ends it"
    if result.shards_left:
        waits = f"{result.shards_left:,} of its {result.shards:,} shards are still to be done elsewhere; {again}"
    else:
        waits = (
            f"all its {result.shards:,} shards are done, and another run puts it together; if it was stopped, {again}"
        )
    done = f"{result.shards_here:,}, every {result.shard_count:,} from {result.shard_index:,} on: done"
    _print_rows([("shards", done), ("dataset", f"{result.target}, not there yet: {waits}")])


def _print_plan(plan: EmbedPlan, engine: str, share: Share | None, as_json: bool) -> None:
    if as_json:
        print_json(plan.to_dict())
        return
    sizes = ", ".join(f"{size.width}x{size.height}" for size in plan.sampled_sizes) or "none readable"
    fresh = f" ({len(plan.new_keys):,} to be made)" if plan.new_keys else ""
    _print_rows(
        [
            ("source", f"{plan.source}: {plan.images:,} images ({sizes} in a sample), {plan.refused_files:,} refused"),
            ("other files", _listed(plan.ignored_files) or "none"),
            ("classes", f"{plan.classes:,}, from {plan.label_origin}" if plan.classes else "none"),
            ("to mark", f"{plan.to_mark:,}"),
            ("keys", ", ".join(plan.keys[:4]) + (" ..." if len(plan.keys) > 4 else "") + fresh),
            ("codec", f"{plan.codec}  {plan.codec_sha256[:12]}, {plan.n_bits} bits"),
            (
                "output",
                f"{plan.target} ({plan.output})" + (", there already: nothing to do" if plan.already_done else ""),
            ),
            (
                "shards",
                f"{plan.shards:,}" + (f", {len(share.of(plan.shards)):,} of them for this run" if share else ""),
            ),
            ("engine", engine),
            ("goes on after", f"{plan.resumes_after:,} images of an earlier run"),
            ("disk", f"about {plan.needed_bytes / 1e6:,.1f} MB of {plan.free_bytes / 1e6:,.0f} MB free"),
        ]
    )


def _listed(files: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {suffix}" for suffix, count in files.items())


def _print_rows(rows: list[tuple[str, str]]) -> None:
    for label, value in rows:
        out.print(Text(f"{label:<15}", style="dim").append(value, style="not dim"))
