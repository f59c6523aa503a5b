"""`artfp passive`: the comparison systems, which tell generators apart without anybody's key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
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
    err,
    json_option,
    out,
    print_json,
    printable,
    progress,
    threads_option,
)
from artfp.cli.inputs import with_stdin

if TYPE_CHECKING:
    from artfp.attribution import Evaluation
    from artfp.passive.enrolment import EnrolmentPlan, EnrolmentResult
    from artfp.passive.prediction import Prediction
    from artfp.passive.store import Enrolled
    from artfp.statistics.jackknife import Interval

PRESETS = ("lite", "paper")
PARTS = ("test", "all")  # of `passive/evaluation.py`, which is not imported for `--help`
ATTACKS = ("blur", "combined", "crop", "jpeg", "noise", "relighting")  # of `passive/immunity.py`, likewise
SHOWN = 40  # images in the table for people

classes_option = click.option(
    "--class",
    "specs",
    metavar="NAME=PATH",
    multiple=True,
    required=True,
    help="A class, and a dataset of its images (folder, zip, tar, Parquet, list); once for each, and again for more "
    "images of one. Or a folder that holds a folder for each class.",
)


@click.group()
def passive() -> None:
    """Passive attribution: which of the generators that a system was trained on made an image.

    These systems need no key and no owner's consent, and can say nothing of a generator they were not trained on. They
    are here to be compared with.
    """


@passive.command()
@click.argument("name")
@classes_option
@click.option("--out", "folder", type=PATH, required=True, help="The folder to train in.")
@click.option(
    "--preset",
    type=click.Choice(PRESETS),
    default="lite",
    show_default=True,
    help="lite: at most 15 minutes on two cores. paper: the published settings. Every number is marked with it.",
)
@click.option("--size", type=click.IntRange(16, 1024), help="Resize all images to this side [default: refuse to].")
@click.option(
    "--jpeg",
    type=click.IntRange(1, 100),
    metavar="QUALITY",
    help="Store every image of every class as JPEG first: for classes whose files are of different formats.",
)
@click.option(
    "--immunise",
    type=click.Choice(ATTACKS),
    help="Then train it on from attacked images, so that such attacks take less from it; for systems with a network.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same system.")
@threads_option
@device_option
@dry_run_option
@json_option
@command_errors
def train(
    name: str,
    specs: tuple[str, ...],
    folder: Path,
    preset: str,
    size: int | None,
    jpeg: int | None,
    immunise: str | None,
    seed: int,
    threads: int | None,
    device: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Train the system NAME to tell classes of images apart: residual, dct, attnet, visnet, dnadet or harness.

    By their names, 70 % of the images train, 15 % choose what has to be chosen, and 15 % are never touched: they are
    what `artfp passive evaluate` tests. Classes must be of one image format, or --jpeg makes them so: whatever else
    differs between the classes is learnt instead of the generators.

    Run the same command again to go on after an interruption.
    """
    from artfp.devices import prepare_device
    from artfp.passive.classes import class_sources
    from artfp.passive.enrolment import Enrolment, enrol, plan, settings_of

    enrolment = Enrolment(name, settings_of(name, preset), class_sources(specs), size, jpeg, seed, immunise)
    if dry_run:
        _print_plan(plan(enrolment, folder), as_json)
        return
    device = prepare_device(device, threads)
    with progress("passive train") as advance:
        result = enrol(enrolment, folder, advance, device)
    _print_result(result, as_json)


@passive.command()
@click.argument("system", type=PATH)
@click.argument("paths", nargs=-1, required=True)
@click.option("--open-set", is_flag=True, help="Say unknown where the largest score is under the system's threshold.")
@threads_option
@device_option
@json_option
@command_errors
def predict(
    system: Path, paths: tuple[str, ...], open_set: bool, threads: int | None, device: str, as_json: bool
) -> None:
    """Name the class of each image, by the system in the folder SYSTEM.

    PATHS are image files, folders, zips, tars, Parquet files, lists of paths (.txt, .lst), quoted patterns, or - for a
    list on stdin. Without --open-set every image is given to one of the classes, also one that none of them made.

    Scores are logits or correlations, and no probabilities. Exit code 0 says that all images were judged.
    """
    from artfp.data.readers import collect
    from artfp.passive.prediction import predict as predict_images
    from artfp.reading import listed

    enrolled = _loaded(system, device, threads)
    items = listed(collect(list(with_stdin(paths))))
    with progress("reading images") as advance:
        found = predict_images(enrolled, items, open_set, advance)
    if as_json:
        print_json({**_named(enrolled, open_set), "images": [each.to_dict() for each in found]})
    else:
        _print_predictions(enrolled, found)


@passive.command()
@click.argument("system", type=PATH)
@classes_option
@click.option(
    "--unknown", type=PATH, multiple=True, help="Folder or zip of images of no class: open set. May be repeated."
)
@click.option(
    "--part",
    type=click.Choice(PARTS),
    default="test",
    show_default=True,
    help="test: the images that no training of that class saw. all: of other sources than it was trained on.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the bootstrap.")
@threads_option
@device_option
@dry_run_option
@json_option
@command_errors
def evaluate(
    system: Path,
    specs: tuple[str, ...],
    unknown: tuple[Path, ...],
    part: str,
    seed: int,
    threads: int | None,
    device: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Measure how well the system in the folder SYSTEM tells its classes apart.

    Accuracy, balanced accuracy, macro-F1, AUC (one class against the rest) and, of two classes, the equal error rate;
    with --unknown also AUROC, the false-positive rate at 95 % true positives, and OSCR. All with 95 % intervals of a
    bootstrap over the images of each class.
    """
    from artfp.passive.classes import class_sources
    from artfp.passive.evaluation import check
    from artfp.passive.evaluation import evaluate as evaluate_system

    enrolled, sources = _loaded(system, device, threads), class_sources(specs)
    if dry_run:
        counts = check(enrolled, sources, unknown, part)
        _print(as_json, {"system": enrolled.system.stamp, "part": part, "images": counts})
        return
    with progress("reading images") as advance:
        found = evaluate_system(enrolled, sources, unknown, part, seed, advance)
    if as_json:
        print_json(found.to_dict())
    else:
        out.print(Text(columns(list(_evaluation_rows(found)))))


def _loaded(folder: Path, device: str, threads: int | None) -> Enrolled:
    """The system of a finished training, or in a file."""
    from artfp.devices import prepare_device
    from artfp.passive.enrolment import FILE
    from artfp.passive.store import load_system

    return load_system(folder / FILE if folder.is_dir() else folder, prepare_device(device, threads))


def _named(enrolled: Enrolled, open_set: bool) -> dict[str, object]:
    system = enrolled.system
    named = {"system": system.name, "preset": system.preset, "size": system.size, "classes": list(system.classes)}
    return {**named, "threshold": enrolled.threshold if open_set else None}


def _print(as_json: bool, found: dict[str, object]) -> None:
    if as_json:
        print_json(found)
    else:
        out.print(Text(columns([(name, _told(value)) for name, value in found.items()])))


def _told(value: object) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in value.items()) if isinstance(value, dict) else str(value)


def _print_plan(plan: EnrolmentPlan, as_json: bool) -> None:
    if as_json:
        print_json(plan.to_dict())
        return
    state = " (finished: nothing to do)" if plan.finished_before else ""
    parts = {"train": plan.train, "validation": plan.validation, "test": plan.test}
    _print(False, {"system": plan.stamp, "classes": plan.classes, "images": parts, "out": plan.out + state})


def _print_result(result: EnrolmentResult, as_json: bool) -> None:
    if result.finished_before:
        err.print(f"{result.out} is finished, with the same settings; nothing to do", markup=False)
    if as_json:
        print_json(result.to_dict())
        return
    validation = f"accuracy {_share(result.validation_accuracy)} on the images that chose, not a test"
    _print(False, {"system": f"{result.out}  {result.stamp}", "validation": validation})


def _print_predictions(enrolled: Enrolled, found: Sequence[Prediction]) -> None:
    rows = [("class", "score", "image")]
    rows += [(each.answer, f"{max(each.scores.values()):.3f}", each.name) for each in found[:SHOWN]]
    out.print(Text(columns(rows)))
    if len(found) > SHOWN:
        out.print(f"... and {len(found) - SHOWN:,} more images; --json lists them all")
    counts = Counter(each.answer for each in found)
    told = ", ".join(f"{count:,} {name}" for name, count in counts.most_common())
    out.print(Text(printable(f"\n{len(found):,} images: {told} ({enrolled.system.stamp})")))


def _evaluation_rows(found: Evaluation) -> Iterator[tuple[str, str]]:
    closed, unknown = found.closed_set, found.open_set
    yield "system", f"{found.system} {found.preset} at {found.size} px"
    yield "images", f"{_told(found.images)} ({found.part})"
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "auc", "eer"):
        if (interval := getattr(closed, name)) is not None:
            yield name.replace("_", " "), _share(interval)
    for truth, row in zip(found.classes, closed.confusion, strict=True):
        if sum(row):
            yield f"{truth} is taken for", _told(dict(zip(found.classes, row, strict=True)))
    if unknown is not None:
        yield "unknown", f"{unknown.unknown:,} images"
        for name in ("auroc", "fpr_at_95_tpr", "oscr", "known_kept", "unknown_refused"):
            yield name.replace("_", " "), _share(getattr(unknown, name))


def _share(found: Interval) -> str:
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"
