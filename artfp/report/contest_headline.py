"""What a comparison comes down to: a sentence for whoever reads no further, and what speaks against artfp."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from artfp.contest.settings import ARTFP, REAL
from artfp.report.contest_folder import ContestFolder, Course
from artfp.report.contest_scores import (
    CLOSED,
    TARGET,
    Column,
    Result,
    all_columns,
    best_passive,
    both,
    column_of,
    main_course,
    named_column,
    passive,
    result,
    results,
    wins,
)
from artfp.report.contest_tables import figure, told
from artfp.report.tables import Row, count, counted, percent


@dataclass(frozen=True)
class Headline:
    """The sentence that opens the page, what qualifies it, and its numbers."""

    claim: str
    rest: tuple[str, ...]
    numbers: tuple[Row, ...]


def headline(folder: ContestFolder) -> Headline:
    """Of the closed set of the main course, or of its first examination where none is called so."""
    course = main_course(folder.contest)
    column = column_of(course, CLOSED) or named_column(course, course.examinations[0])
    ours, best = both(folder, column, immunised=False)
    return Headline(
        _claim(folder, column, ours, best), tuple(_rest(folder, column)), tuple(_numbers(folder, ours, best))
    )


def _claim(folder: ContestFolder, column: Column, ours: Result | None, best: Result | None) -> str:
    if ours is None and best is None:
        return "Nothing has been measured in this comparison yet."
    asked = f"Asked {_question(column.course)}"
    if ours is None or best is None:
        (only,) = (each for each in (ours, best) if each is not None)
        missing = f"{ARTFP} has not" if ours is None else "no passive system has"
        return f"{asked}, {only.system} answers rightly for {_named(only)} images; {missing} been asked yet."
    many = len(list(results(folder, column, passive(column.course, immunised=False))))
    passive_system = f"best of {many} passive systems" if many > 1 else "one passive system"
    return (
        f"{asked}, {ARTFP} answers rightly for {_named(ours)} images, and the {passive_system}, {best.system}, for "
        f"{_named(best)}."
    )


def _question(course: Course) -> str:
    generators = len(course.classes) - (REAL in course.classes)
    if generators == 1:
        return "whether an image is generated or a photograph"
    photograph = ", or that it is a photograph" if REAL in course.classes else ""
    return f"which of {generators} generators made an image{photograph}"


def _named(found: Result) -> str:
    right, total = found.named
    return f"{count(right)} of {count(total)}"


def _rest(folder: ContestFolder, column: Column) -> Iterator[str]:
    """What a reader of the claim has to know beside it."""
    yield _shown(folder, column)
    if short := list(_short(folder)):
        yield f"{ARTFP} stays under {percent(TARGET)} where it is held to it: {'; '.join(short)}."
    if better := list(wins(folder)):
        total = sum(None not in both(folder, each) for each in all_columns(folder.contest))
        yield f"In {len(better)} of {counted(total, 'examination')} some passive system does better than {ARTFP}."
    if folder.missing:
        rows = len(folder.entries) + len(folder.missing)
        yield f"Not measured yet: {len(folder.missing)} of {counted(rows, 'row')}."
    if mixed := [f"{source} ({shown})" for (source, shown), of in folder.hashes.items() if len(of) > 1]:
        yield f"Rows hold different images of {', '.join(mixed)}: they are not of one run, and do not compare."


def _shown(folder: ContestFolder, column: Column) -> str:
    size = folder.contest.size
    return (
        f"The images (course {column.course.name}, examination {column.examination.name}) are of {size} by {size} "
        "pixels; none of them taught a passive system, and no photograph among them was shown to a generator. "
        f"{ARTFP} is shown images of generators that were trained on marked photographs, passive systems those of the "
        "same generators, trained on the same photographs without marks."
    )


def _short(folder: ContestFolder) -> Iterator[str]:
    for column in all_columns(folder.contest):
        found = result(folder, column, ARTFP)
        if found is not None and found.short:
            yield f"{column.name}, {figure(found)}"


def _numbers(folder: ContestFolder, ours: Result | None, best: Result | None) -> Iterator[Row]:
    """The closed set, and where artfp is at its lowest."""
    for found in (each for each in (ours, best) if each is not None):
        yield Row(f"{found.system}, {found.column.name}", (figure(found), ""))
    lowest = _lowest(folder)
    if lowest is not None:
        yield Row(f"{ARTFP} at its lowest: {lowest.column.name}", (figure(lowest), ""))
        if (there := best_passive(folder, lowest.column)) is not None:
            yield Row(f"{there.system}, the best passive system there", (figure(there), ""))


def _lowest(folder: ContestFolder) -> Result | None:
    found = (each for column in all_columns(folder.contest) if (each := result(folder, column, ARTFP)) is not None)
    return min(found, key=lambda each: each.score.value, default=None)


def blind_spots(folder: ContestFolder) -> Iterator[str]:
    """Where artfp can say nothing, with the numbers of both."""
    for column in all_columns(folder.contest):
        if (about := column.course.blind.get(column.examination.name)) is not None:
            yield f"{about} ({column.name}): {_told_both(folder, column)}."


def _told_both(folder: ContestFolder, column: Column) -> str:
    measured = filter(None, both(folder, column))
    words = [f"{each.system} {told(each, starred=False)}, {_named(each)} images" for each in measured]
    return "; the best passive system is ".join(words) or "not measured yet"
