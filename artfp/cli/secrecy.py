"""`artfp secrecy`: whether someone without the codec can tell marked images from clean ones."""

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
    dry_run_option,
    json_option,
    out,
    print_json,
    print_plan,
    progress,
    threads_option,
    warn,
)

if TYPE_CHECKING:
    from artfp.evaluate.gallery import Request
    from artfp.evaluate.secrecy import Outcome
    from artfp.secrecy import Row
    from artfp.statistics.jackknife import Interval

HEAD = ("attacker", "given", "AUC", "95 %", "accuracy", "95 %", "finding")


@click.command()
@click.option(
    "--marked", type=PATH, required=True, help="Dataset of images that carry a key, marked or a marked model's."
)
@click.option("--clean", type=PATH, required=True, help="Dataset of images of the same kind that never had a key.")
@click.option(
    "--attacker", "attackers", multiple=True, metavar="NAME", help="One of those above; may be repeated [default: all]."
)
@click.option(
    "--codec",
    "codec_spec",
    metavar="SPEC",
    help="The attacker's own codec, for ats, ats-once and other-codec [default: a shipped one, not the publisher's].",
)
@click.option("--out", "folder", type=PATH, help="[default: runs/secrecy-NAME, after the marked images]")
@click.option(
    "--test",
    type=click.IntRange(2),
    default=500,
    show_default=True,
    help="Images of each kind to judge by, half of those that there are at most.",
)
@click.option(
    "--most",
    type=click.IntRange(8),
    default=10_000,
    show_default=True,
    help="Images of each kind that an attacker is given, at most; suspects in all.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same rows to the byte.")
@threads_option
@device_option
@dry_run_option
@json_option
@command_errors
def secrecy(
    marked: Path,
    clean: Path,
    attackers: tuple[str, ...],
    codec_spec: str | None,
    folder: Path | None,
    test: int,
    most: int,
    seed: int,
    threads: int | None,
    device: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Measure how well attackers without codec and key tell marked images from clean ones.

    \b
    ats           no labels: marks suspects again, learns from that (artificial training sets)
    ats-once      the same with one mark; each with a control, on the dct codec
    averaging     the mean residual of labelled examples, correlated
    frequency     spectra of labelled examples
    cooccurrence  residual co-occurrences of labelled examples (a small rich model)
    network       a steganalysis network, trained on labelled examples
    other-codec   labelled examples, read by a codec of the attacker's own

    Each is given 10, 30, 100 ... images. A picture's marked image and its original are never on both sides: they are
    both test images, or one of them is an example. Images without a manifest are of one picture where names agree.

    The same command again goes on after an interruption, row by row. Exit code 0 means that every row was made,
    whatever it says. What follows from it: docs/threats.md.
    """  # noqa: D301 - click keeps the lines after this mark as they are
    from artfp.devices import prepare_device
    from artfp.evaluate.gallery import Request
    from artfp.evaluate.pictures import pictures_of
    from artfp.evaluate.secrecy import check, run

    device = prepare_device(device, threads or 1)
    request = Request(pictures_of(marked, clean, seed), attackers, codec_spec, test, most, seed, device)
    folder = folder or Path("runs") / f"secrecy-{marked.resolve().stem}"
    plan = check(request, folder)
    _warn_of_strangers(request)
    if dry_run:
        print_plan(plan, as_json)
        return
    _print_outcome(folder, run(request, folder, progress), as_json)


def _warn_of_strangers(request: Request) -> None:
    """A manifest tells of originals, and none is there."""
    if request.pictures.codec_sha256 is not None and not request.pictures.pairs:
        warn("none of the originals is among the clean images: if they are there under other names, rows are too good")


def _print_outcome(folder: Path, outcome: Outcome, as_json: bool) -> None:
    if as_json:
        rows = [row.to_dict() for row in outcome.rows]
        print_json({"out": str(folder), "study": outcome.study.to_dict(), "rows": rows})
        return
    out.print(Text(columns([HEAD, *map(_cells, outcome.rows)])))
    out.print(Text(f"{folder}  {len(outcome.rows):,} rows"))


def _cells(row: Row) -> tuple[str, ...]:
    found = row.detection
    return (row.attacker, f"{row.given:,}", *_interval(found.auc), *_interval(found.accuracy), row.finding)


def _interval(interval: Interval) -> tuple[str, str]:
    return f"{interval.value:.3f}", f"{interval.low:.3f} to {interval.high:.3f}"
