"""`artfp run`: a whole recipe, from images to verdicts and a report."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from artfp.cli.console import (
    PATH,
    command_errors,
    device_option,
    dry_run_option,
    json_option,
    out,
    print_json,
    print_plan,
    progress,
    seed_option,
    threads_option,
)


@click.command("run")
@click.argument("recipe")
@click.option("--out", "folder", type=PATH, help="Run folder [default: runs/NAME].")
@click.option("--data", type=PATH, help="Folder or zip, instead of the recipe's data.")
@click.option(
    "--registry",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The key registry [default: one of the run's own, RUN/keys.sqlite].",
)
@threads_option
@seed_option
@device_option
@dry_run_option
@json_option
@command_errors
def run_recipe(
    recipe: str,
    folder: Path | None,
    data: Path | None,
    registry: Path | None,
    threads: int | None,
    seed: int | None,
    device: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Carry out RECIPE: mark data, train a generator and its clean twin, verify both, write a report.

    RECIPE is a TOML file or the name of a shipped recipe such as quickstart. Run the same command again to
    go on after an interruption. Exit code 0 means that every stage was carried out, whatever the verdicts.
    """
    from artfp import pipeline
    from artfp import recipe as recipes
    from artfp.devices import prepare_device
    from artfp.shipped import find_recipe

    path = find_recipe(recipe)
    values = recipes.read_toml(path)
    if data is not None:
        values["data"] = {"path": str(data)}
    if seed is not None:
        values["seed"] = seed
        values.setdefault("gan", {})["seed"] = seed
    settings = recipes.parse(values, pipeline.RunRecipe, str(path))
    folder = folder or Path("runs") / settings.name
    device = prepare_device(device, threads)
    if dry_run:
        print_plan(pipeline.check(settings, folder, device), as_json)
        return
    verdicts = pipeline.run(settings, folder, registry, device, progress)
    page = folder / "report.html"
    if as_json:
        short = {name: {**verdict.to_dict(), "images": []} for name, verdict in verdicts.items()}
        print_json({"run": str(folder), "report": str(page), "verdicts": short})
        return
    for name, verdict in verdicts.items():
        out.print(f"{name:6} {verdict.outcome:12} {verdict.statement}", markup=False)
    out.print(f"report {page}", markup=False)
