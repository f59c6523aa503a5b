"""The rows of a comparison of artfp with passive systems as Markdown: all its tables, or the README's.

    python -m benchmarks.comparison [FOLDER]            a line for each system, a column for each examination
    python -m benchmarks.comparison [FOLDER] --brief    one table: systems that are not immunised, without intervals

FOLDER is one of `artfp passive compare`, or its contest.json and rows/ copied for the record, as they are in
benchmarks/results/comparison. Where artfp is under .99 and held to it, a number has a star.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from artfp.contest.settings import ARTFP
from artfp.report.contest_folder import ContestFolder, read_contest
from artfp.report.contest_scores import Column, Result, column_of, panels, passive, result
from artfp.report.contest_tables import (
    PARTIAL,
    STAR,
    Table,
    binary_table,
    cost_table,
    figure,
    immunity_tables,
    marks_table,
    panel_table,
    starred,
    wins_table,
)
from artfp.report.tables import Row
from benchmarks.measuring.tables import NONE, markdown

RESULTS = Path(__file__).parent / "results" / "comparison"
# heading, course, examination
BRIEF = (
    ("detection", "detection", "closed"),
    ("attribution", "attribution", "closed"),
    ("open (AUROC)", "attribution", "open"),
    ("cross-seed", "attribution", "cross-seed"),
    ("cross-loss", "attribution", "cross-loss"),
    ("tuned and marked again by its owner", "attribution", "cross-finetune"),
    ("tuned by somebody else", "attribution", "cross-finetune by somebody else"),
    ("cross-dataset", "attribution", "cross-dataset"),
    ("all attacks", "attribution", "combined"),
    ("formats swapped", "formats", "formats swapped"),
    ("detection, never enrolled", "detection", "a generator never enrolled"),
    ("2 seeds", "2-seeds", "closed"),
    ("4 seeds", "4-seeds", "closed"),
    ("8 seeds", "8-seeds", "closed"),
)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=RESULTS, metavar="FOLDER")
    parser.add_argument("--brief", action="store_true", help="the README's table alone")
    options = parser.parse_args()
    folder = read_contest(options.folder)
    print(printed([brief(folder)] if options.brief else tables(folder)))


def printed(tables: Iterable[Table]) -> str:
    """Markdown, with notes under each table."""
    return "\n".join(
        markdown(table.caption, table.columns, ((row.heading, *row.cells) for row in table.rows))
        + "".join(f"\n{note}\n" for note in table.notes)
        for table in tables
    )


def tables(folder: ContestFolder) -> Iterator[Table]:
    """All that the page of the comparison has."""
    yield from (panel_table(folder, panel) for panel in panels(folder.contest))
    yield from immunity_tables(folder)
    if (binary := binary_table(folder)) is not None:
        yield binary
    yield cost_table(folder)
    if (marks := marks_table(folder)).rows:
        yield marks
    if (won := wins_table(folder)).rows:
        yield won


def brief(folder: ContestFolder) -> Table:
    """A line for artfp and each passive system that is not immunised."""
    columns = _columns(folder)
    found = {system: [column and result(folder, column, system) for column in columns] for system in _systems(folder)}
    contest = folder.contest
    caption = (
        f"{ARTFP} and passive systems (preset {contest.preset}, {contest.size} px): balanced accuracy, and AUROC where "
        f"some images are unknown; no 95 % interval reaches farther than {_reach(found.values())} to either side"
    )
    rows = tuple(Row(system, tuple(map(_cell, of))) for system, of in found.items())
    recalls = [name for (name, *_), column in zip(BRIEF, columns, strict=True) if column and _is_recall(column)]
    notes = (f"{', '.join(recalls)} {PARTIAL}",) if recalls else ()
    return starred(Table(caption, ("system", *(name for name, *_ in BRIEF)), rows, notes))


def _columns(folder: ContestFolder) -> list[Column | None]:
    courses = {course.name: course for course in folder.contest.courses}
    return [column_of(courses[course], name) if course in courses else None for _, course, name in BRIEF]


def _systems(folder: ContestFolder) -> tuple[str, ...]:
    found = (system for course in folder.contest.courses for system in passive(course, immunised=False))
    return tuple(dict.fromkeys((ARTFP, *found)))


def _cell(found: Result | None) -> str:
    return NONE if found is None else figure(found) + STAR * found.short


def _is_recall(column: Column) -> bool:
    return column.partial and not column.examination.unknown


def _reach(lines: Iterable[Sequence[Result | None]]) -> str:
    scores = [found.score for line in lines for found in line if found is not None]
    reach = max((max(each.value - each.low, each.high - each.value) for each in scores), default=0.0)
    return f"{100 * reach:.1f} points"


if __name__ == "__main__":
    main()
