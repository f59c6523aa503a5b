"""`artfp quality`: how far marked or generated images are from real ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from rich.text import Text

from artfp.cli.console import (
    PATH,
    columns,
    command_errors,
    device_option,
    json_option,
    out,
    print_json,
    progress,
    threads_option,
    warn,
)
from artfp.errors import UsageError

if TYPE_CHECKING:
    from artfp.quality import Quality
    from artfp.statistics.jackknife import Interval

FOLDER = click.Path(path_type=Path, file_okay=False)
WISHES = ("auto", "yes", "no")  # of `evaluate/pairs.py`, which is not imported for `--help`
FEATURES = ("auto", "squeeze", "inception")  # of `evaluate/quality.py`


@click.command()
@click.argument("real", type=PATH)
@click.argument("other", type=PATH)
@click.option(
    "--twin", type=PATH, help="Images of the same generator trained on unmarked data, to be held beside OTHER."
)
@click.option(
    "--pairs",
    type=click.Choice(WISHES),
    default="auto",
    show_default=True,
    help="Whether images of OTHER were made from images of REAL. auto: where a manifest of `embed-dataset` names REAL. "
    "yes: by such a manifest, else by equal names, else by order.",
)
@click.option(
    "--features",
    type=click.Choice(FEATURES),
    default="auto",
    show_default=True,
    help="The network that sees sets. auto: Inception where its weights are here, else SqueezeNet.",
)
@click.option("--inception", type=PATH, help="The file of Inception's weights [default: where torch.hub keeps it].")
@click.option("--side", type=click.IntRange(8), help="See sets as centre squares of N pixels, where sizes differ.")
@click.option("--count", type=click.IntRange(2), help="At most so many images of each, drawn by the seed.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same record.")
@click.option("--cache", type=FOLDER, help="Keep what is seen of REAL in this folder, for the next time.")
@click.option("--out", "record", type=PATH, help="Also write the record to this new JSON file.")
@threads_option
@device_option
@json_option
@command_errors
def quality(
    real: Path,
    other: Path,
    twin: Path | None,
    pairs: str,
    features: str,
    inception: Path | None,
    side: int | None,
    count: int | None,
    seed: int,
    cache: Path | None,
    record: Path | None,
    threads: int | None,
    device: str,
    as_json: bool,
) -> None:
    """Measure how far the images of OTHER, marked or generated, are from the real ones of REAL.

    Both are folders, zips, tars, Parquet files, lists of paths, patterns of shards, or hf://OWNER/NAME:SPLIT
    (docs/datasets.md).

    `artfp quality photos/ marked/` says what marking cost; `artfp quality held-out/ generated/ --twin of-twin/` whether
    a generator that learnt from marked images is worse than its twin.

    Of pairs: PSNR, SSIM, MS-SSIM, LPIPS. Of sets: Fréchet and kernel distance, precision, recall, each with the name
    of the network whose features it is of: only with Inception's own weights are they fid and kid. Intervals are 95 %.
    What cannot be measured is said on stderr, with the weights that it needs and where they go.

    Exit code 0 means that something was measured, whatever the numbers.
    """
    from artfp.devices import prepare_device
    from artfp.evaluate.quality import Request, measure
    from artfp.files import write_json

    if record and (record.exists() or not record.parent.is_dir()):
        raise UsageError(f"--out {record}: {'exists already' if record.exists() else 'its folder is not there'}")
    device = prepare_device(device, threads)
    found = measure(Request(real, other, twin, pairs, features, inception, side, count, seed, cache), device, progress)
    if record:
        write_json(record, found.to_dict())
    for reason in found.left_out:
        warn(f"left out: {reason}")
    if as_json:
        print_json(found.to_dict())
    else:
        out.print(Text(_table(found)))


def _table(found: Quality) -> str:
    """A line for each measure; of the twin and the difference where there are such."""
    head = ["measure", "value", "95 % interval"]
    head += ["twin", "95 % interval", "difference", "95 % interval"] if found.twin else []
    lines = [[*head, "images, real ones"]]
    for measure in found.measures:
        intervals = [measure.value, *([measure.twin, measure.difference] if found.twin else [])]
        cells = [cell for interval in intervals for cell in _cells(interval)]
        lines.append([measure.name, *cells, f"{measure.images:,}, {measure.reference:,}"])
    return columns(lines)


def _cells(interval: Interval | None) -> tuple[str, str]:
    if interval is None:
        return "", ""
    return _number(interval.value), f"{_number(interval.low)} to {_number(interval.high)}"


def _number(value: float) -> str:
    """Four digits, or all before the point."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
