"""`artfp robustness`: what is left of a key after everything that images and generators go through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    source_option,
    threads_option,
    usual_registry,
)
from artfp.cli.key_files import open_registry
from artfp.errors import UsageError
from artfp.perturb.grids import SUITES

if TYPE_CHECKING:
    from artfp.evaluate.request import Subjects
    from artfp.evaluate.sweep import Outcome
    from artfp.robustness import Row

WORST = 5  # rows in the summary
HEAD = ("attack", "strength", "subject", "bits right", "single images", "images needed")


@click.command()
@click.argument("run", required=False, type=PATH)
@click.option("--generator", type=PATH, help="A generator that learnt from marked data: checkpoint or training folder.")
@click.option("--images", type=PATH, help="Dataset of images that carry the key, marked or generated.")
@click.option("--key", metavar="NAME", help="The key that they carry [default: that of RUN].")
@click.option("--twin", type=PATH, help="The same generator trained on unmarked data [default: RUN/twin].")
@click.option(
    "--clean",
    type=PATH,
    help="Dataset of images of the same kind that never had the key [default: the originals of RUN].",
)
@source_option
@click.option(
    "--suite",
    type=click.Choice(list(SUITES)),
    default="quick",
    show_default=True,
    help="quick: minutes. standard: every image and weight row, and an empirical threshold, which takes 10,000 clean "
    "images (topped up by the twin's). full: adversaries too, some of which train.",
)
@click.option("--out", "folder", type=PATH, help="[default: RUN/robustness, else runs/robustness-NAME]")
@click.option("--count", type=click.IntRange(2), default=256, show_default=True, help="Images of each subject.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same rows to the byte.")
@click.option("--workers", type=click.IntRange(1), help="Processes [default: one for each CPU; one on a GPU].")
@click.option(
    "--only", multiple=True, metavar="PATTERN", help="Rows whose address matches, as 'image/jpeg/*'. May be repeated."
)
@click.option("--codec", "codec_spec", metavar="SPEC", help="The codec [default: the one recorded with the key].")
@click.option(
    "--registry",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The key registry [default: RUN/keys.sqlite where it is there, else ARTFP_REGISTRY or ~/.artfp/keys.sqlite].",
)
@threads_option
@device_option
@dry_run_option
@json_option
@command_errors
def robustness(
    run: Path | None,
    generator: Path | None,
    images: Path | None,
    key: str | None,
    twin: Path | None,
    clean: Path | None,
    source: Path | None,
    suite: str,
    folder: Path | None,
    count: int,
    seed: int,
    workers: int | None,
    only: tuple[str, ...],
    codec_spec: str | None,
    registry: Path | None,
    threads: int | None,
    device: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Attack images and weights in every way, and measure what is still read of a key.

    RUN is the folder of a finished `artfp run`: its marked data, its generator, its clean twin. Instead of it,
    --generator, --images or both, with --key.

    The same command again goes on after an interruption, row by row, and makes the same files to the byte. A folder
    belongs to one sweep. --threads is for each worker. Without 10,000 clean images and images of the twin together
    there is no empirical threshold, and columns for it stay empty.

    Exit code 0 means that every row was made, also where a row says that its attack cannot be carried out.
    """
    from artfp.devices import prepare_device
    from artfp.evaluate.request import requested
    from artfp.evaluate.sweep import check
    from artfp.evaluate.sweep import run as sweep
    from artfp.evaluate.workers import Crew
    from artfp.processes import usual_workers
    from artfp.report.robustness_page import write_robustness_report

    subjects = _subjects(run, generator, images, key=key, twin=twin, clean=clean, source=source)
    device = prepare_device(device, threads or 1)
    with open_registry(registry or _registry_of(run)) as keys:
        request = requested(subjects, keys, codec_spec, suite, count, seed)
    folder = folder or (run / "robustness" if run else Path("runs") / f"robustness-{subjects.name}")
    if dry_run:
        print_plan(check(request, folder, only), as_json)
        return
    crew = Crew(request, folder, device, threads or 1, workers or usual_workers(device))
    outcome = sweep(crew, progress, only)
    page = write_robustness_report(folder)
    _print_outcome(folder, outcome, page, as_json)


def _subjects(run: Path | None, generator: Path | None, images: Path | None, **named: Any) -> Subjects:
    """What the arguments name; whatever is named beside a run takes the place of the run's own."""
    from artfp.evaluate.request import Subjects, of_run

    given = [path for path in (generator, images) if path is not None]
    if (run is None) == (not given):
        raise UsageError("give either RUN, or --generator, --images or both")
    found = of_run(run) if run else Subjects(_name_of(given[0]), images=images, generator=generator)
    return replace(found, **{name: value for name, value in named.items() if value is not None})


def _name_of(path: Path) -> str:
    """Of a checkpoint in a training folder, that folder's; where it is called model, as in a run, the run's."""
    path = path.resolve()
    path = path.parent if path.name == "generator.safetensors" else path
    return path.parent.name if path.name == "model" else path.stem


def _registry_of(run: Path | None) -> Path:
    own = run / "keys.sqlite" if run else None
    return own if own and own.is_file() else usual_registry()


def _print_outcome(folder: Path, outcome: Outcome, page: Path, as_json: bool) -> None:
    from artfp.report.tables import counted

    failed = [row for row in outcome.rows if row.failure is not None]
    if as_json:
        worst = _worst_first(outcome.rows)
        counts = {"rows": len(outcome.rows), "failed": len(failed)}
        print_json({"out": str(folder), "report": str(page), **counts, "worst": worst})
        return
    out.print(Text(columns([HEAD, *map(_cells, outcome.rows)])))
    for row in failed:
        out.print(Text(f"{row.address}: {row.failure}"))
    rows = counted(len(outcome.rows), "row")
    out.print(Text(f"{page}  {rows}, {len(failed):,} of which could not be carried out"))


def _worst_first(rows: Sequence[Row]) -> list[dict[str, object]]:
    """The rows that prove least, for machines; not of forgeries, which should prove nothing."""
    from artfp.robustness import REMOVAL

    read = [(row.address, row.readout) for row in rows if row.readout is not None and row.aim == REMOVAL]
    read.sort(key=lambda pair: (-pair[1].log10_p, pair[1].accuracy.value, pair[0]))
    return [{"address": at, "accuracy": of.accuracy.value, "log10_p": of.log10_p} for at, of in read[:WORST]]


def _cells(row: Row) -> tuple[str, ...]:
    from artfp.report.robustness_tables import images_needed
    from artfp.report.tables import percent

    named = (row.attack, f"{row.strength:g}", row.subject)
    if row.readout is None:
        return (*named, "not carried out", "", "")
    read = row.readout
    return (
        *named,
        percent(read.accuracy.value),
        percent(read.single.rate),
        images_needed(read),
    )
