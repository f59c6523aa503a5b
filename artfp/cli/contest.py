"""`artfp passive compare`: artfp and the passive systems on images of the same generators."""

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
    progress,
    threads_option,
)

if TYPE_CHECKING:
    from artfp.contest.run import ContestPlan


@click.command("compare")
@click.argument("recipe", default="comparison")
@click.option("--data", type=PATH, help="Folder or zip of photographs, in place of the recipe's.")
@click.option("--other", type=PATH, help="The same for those of another kind, on which models are tuned and trained.")
@click.option("--out", "folder", type=PATH, help="Run folder [default: runs/NAME].")
@click.option(
    "--only", "only", metavar="PATTERN", multiple=True, help="Rows of this name, as 'detection-*'. May be repeated."
)
@threads_option
@device_option
@dry_run_option
@json_option
@command_errors
def compare_systems(
    recipe: str,
    data: Path | None,
    other: Path | None,
    folder: Path | None,
    only: tuple[str, ...],
    threads: int | None,
    device: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Ask artfp and the passive systems the same questions, as RECIPE has them, and write a report.

    Generators are trained on photographs as they are and on marked ones; passive systems learn from the images of the
    first, artfp reads its keys in those of the second. Each system and course is a row, RUN/rows/*.json.

    The shipped recipe takes some five hours of one core. Run the same command again to go on after an interruption, and
    in several terminals at once, each with --threads 1: every one takes what nobody is at.
    """
    from artfp.contest.run import contest_of, plan, run
    from artfp.devices import prepare_device
    from artfp.report.contest_page import write_contest_report
    from artfp.shipped import find_recipe

    contest = contest_of(find_recipe(recipe), data, other)
    folder = folder or Path("runs") / contest.name
    if dry_run:
        _print(plan(contest, folder, only), None, as_json)
        return
    made = run(contest, folder, progress, prepare_device(device, threads), only)
    _print(made, write_contest_report(folder), as_json)


def _print(plan: ContestPlan, page: Path | None, as_json: bool) -> None:
    if as_json:
        print_json(plan.to_dict() | ({} if page is None else {"report": str(page)}))
        return
    rows = [(name, "there" if done else "to do") for name, done in plan.rows.items()]
    work = sum(not done for done in plan.pieces.values())
    rows += [("pieces of work", f"{len(plan.pieces):,}, of which {work:,} to do"), ("out", plan.out)]
    out.print(Text(columns([*rows, *([] if page is None else [("report", str(page))])])))
