"""One folder of a comparison in, one self-contained HTML page out: artfp and the passive systems, and who does what."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from artfp.report.contest_figures import panel_charts
from artfp.report.contest_folder import ContestFolder, Examination, read_contest
from artfp.report.contest_headline import blind_spots, headline
from artfp.report.contest_scores import Column, Panel, is_plain, panels
from artfp.report.contest_tables import (
    Table,
    binary_table,
    cost_table,
    immunity_tables,
    marks_table,
    panel_table,
    wins_table,
)
from artfp.report.figures import Chart
from artfp.report.tables import ABSENT, Row, label_of, setting_text, settings_rows
from artfp.report.templates import put_page, rendered

SETTINGS = ("name", "seed", "size", "codec", "strength", "jpeg", "preset", "artfp")


@dataclass(frozen=True)
class Section:
    """The courses of one table."""

    name: str
    heading: str
    question: str
    asked: tuple[Row, ...]  # what each examination is of
    table: Table
    charts: tuple[Chart, ...]
    immune: bool  # whether they show immunised systems


def write_contest_report(folder: Path) -> Path:
    """Render the page of a comparison's folder and put it there, whole or not at all."""
    return put_page(folder, render(read_contest(folder)))


def render(folder: ContestFolder) -> str:
    """The page as text; the same folder always gives the same page."""
    values = folder.contest.to_dict()
    return rendered(
        "contest.html.j2",
        contest=folder.contest,
        headline=headline(folder),
        sections=[_section(folder, panel) for panel in panels(folder.contest)],
        immunity=immunity_tables(folder),
        binary=binary_table(folder),
        costs=cost_table(folder),
        marks=marks_table(folder),
        wins=wins_table(folder),
        blind=list(blind_spots(folder)),
        settings=settings_rows({name: values[name] for name in SETTINGS}) + _photograph_rows(folder),
        models=_model_rows(folder),
        made=_made_rows(folder),
        hashes=_hash_rows(folder),
        missing=folder.missing,
    )


def _section(folder: ContestFolder, panel: Panel) -> Section:
    return Section(
        name=panel.name,
        heading=", ".join(label_of(course.name) for course in panel.courses),
        question=panel.courses[0].question,
        asked=(*_taught_rows(panel), *(Row(column.heading, (_asked(column),)) for column in panel.columns)),
        table=panel_table(folder, panel),
        charts=tuple(panel_charts(folder, panel)),
        immune=not all(map(is_plain, panel.systems)),
    )


def _taught_rows(panel: Panel) -> tuple[Row, ...]:
    alone = len(panel.courses) == 1
    return tuple(Row("taught" if alone else f"taught, {c.name}", (_sources(c.classes),)) for c in panel.courses)


def _sources(classes: dict[str, list[str]]) -> str:
    """The sources of each class, without those that are called like their class."""
    told = (name if sources == [name] else f"{name}: {', '.join(sources)}" for name, sources in classes.items())
    return "; ".join(told)


def _asked(column: Column) -> str:
    return "; ".join([_known(column, column.examination), *_besides(column.examination)])


def _known(column: Column, examination: Examination) -> str:
    return "as taught" if examination.classes is None else _sources(column.course.asked(examination))


def _besides(examination: Examination) -> list[str]:
    unknown = [f"of no class: {', '.join(examination.unknown)}"] if examination.unknown else []
    return unknown + ([f"attacked: {examination.attack}"] if examination.attack else [])


def _photograph_rows(folder: ContestFolder) -> tuple[Row, ...]:
    """What is photographed, and by its hash if it was given and not painted."""
    contest = folder.contest
    found = {"real": (contest.main, contest.main_sha256), "real:other": (contest.other, contest.other_sha256)}
    return tuple(
        Row(name, (f"{images.get('kind')}, painted" if sha256 is None else f"SHA-256 {sha256}",))
        for name, (images, sha256) in found.items()
    )


def _model_rows(folder: ContestFolder) -> tuple[Row, ...]:
    """How each model was trained, but for what its recipe says."""
    models = folder.contest.models
    chosen = {
        name: {key: spec[key] for key in spec if key != "name" and spec[key] is not None}
        for name, spec in models.items()
    }
    return tuple(Row(name, (setting_text(spec),)) for name, spec in chosen.items())


def _made_rows(folder: ContestFolder) -> tuple[Row, ...]:
    """With what the rows were made, as a rule all with the same; and what each system's numbers are stamped with."""
    entries = list(folder.entries.values())
    found = {
        "rows by artfp": {entry.artfp for entry in entries},
        "with torch": {entry.torch for entry in entries},
        "on threads": {str(entry.threads) for entry in entries},
    }
    made = (Row(name, (", ".join(sorted(words)) or ABSENT,)) for name, words in found.items())
    stamps = {entry.system: entry.stamp for entry in entries}
    return (*made, *(Row(system, (stamp,)) for system, stamp in stamps.items()))


def _hash_rows(folder: ContestFolder) -> tuple[Row, ...]:
    """Of the images that taught and asked."""
    return tuple(
        Row(f"{source}, in rows of {shown}", (", ".join(found),)) for (source, shown), found in folder.hashes.items()
    )
