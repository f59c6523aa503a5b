"""The tables of a comparison, in plain words: the page shows them, and `benchmarks/comparison.py` prints them.

A line is a system. Cells hold a number with its 95 % interval; what is not measured yet is a dash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from artfp.attribution import ClosedSet, Entry, Mark
from artfp.contest.settings import ARTFP, REAL
from artfp.report.contest_folder import ContestFolder, Course, Examination
from artfp.report.contest_scores import (
    CLOSED,
    TARGET,
    Column,
    Panel,
    Result,
    column_of,
    is_plain,
    is_target,
    main_course,
    misses,
    named_column,
    result,
    wins,
)
from artfp.report.tables import ABSENT, Row, count, percent
from artfp.statistics.jackknife import Interval

COMBINED = "combined"  # the attack of all attacks
STAR = "*"
STARRED = (
    f"{STAR}: artfp under {percent(TARGET)} where it is held to that: closed, open and cross examinations of images to "
    "which nothing was done."
)
PARTIAL = (
    "ask about some of the taught classes alone: the number is what these recall, and a system that always answers "
    "with one class is right about it."
)
OPEN = "AUROC of known against unknown images, by an image's largest score; and the share of unknown images refused."
MARK_COLUMNS = ("Model", "Marked with the key of", "PSNR, dB", "SSIM", "Bits right", "Single images that match")
COST_COLUMNS = ("System", "Images of the new one", "Seconds", "Processor seconds", "Before the new one is trained")


@dataclass(frozen=True)
class Table:
    """A table that is neither HTML nor Markdown yet."""

    caption: str
    columns: tuple[str, ...]  # the first stands over the headings of the lines
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


def decimal(share: float) -> str:
    """.987; never rounded up to 1 or down to 0."""
    if 0 < share < 0.0005 or 0.9995 <= share < 1:
        return "< .001" if share < 0.5 else "> .999"
    return f"{share:.3f}".removeprefix("0")


def spread(found: Interval, shown: Callable[[float], str] = percent, star: str = "") -> str:
    """A number and where it lies at 95 %."""
    return f"{shown(found.value)}{star} ({shown(found.low)} to {shown(found.high)})"


def told(found: Result | None, starred: bool = True) -> str:
    """A cell: what a system reached."""
    if found is None:
        return ABSENT
    star, unknown = STAR * (starred and found.short), found.exam.open_set
    if unknown is None:
        return spread(found.score, star=star)
    return f"AUROC {spread(unknown.auroc, decimal, star)}; {percent(unknown.unknown_refused.value)} refused"


def figure(found: Result) -> str:
    """The number alone."""
    return (percent if found.exam.open_set is None else decimal)(found.score.value)


def panel_table(folder: ContestFolder, panel: Panel) -> Table:
    """All systems of a course in all its examinations."""
    rows = tuple(_row(folder, panel.columns, system) for system in panel.systems)
    columns = ("System", *(column.heading for column in panel.columns))
    return starred(Table(_caption(folder, panel), columns, rows, tuple(_panel_notes(panel))))


def _row(folder: ContestFolder, columns: Sequence[Column], system: str) -> Row:
    return Row(system, tuple(told(result(folder, column, system)) for column in columns))


def _caption(folder: ContestFolder, panel: Panel) -> str:
    chances = dict.fromkeys(f"{percent(1 / len(course.classes))}" for course in panel.courses)
    return (
        f"Balanced accuracy with 95 % intervals over images: {panel.title}; {folder.contest.size} px, passive systems' "
        f"preset {folder.contest.preset}. Chance is {', '.join(chances)}."
    )


def _panel_notes(panel: Panel) -> Iterator[str]:
    if unknown := [column.examination.name for column in panel.columns if column.examination.unknown]:
        yield f"{', '.join(unknown)}: {OPEN} Chance is an AUROC of .5."
    if partial := [column.heading for column in panel.columns if column.partial and not column.examination.unknown]:
        yield f"{', '.join(partial)} {PARTIAL}"


def starred(table: Table) -> Table:
    """The table with a note on the star, where there is one."""
    there = any(STAR in cell for row in table.rows for cell in row.cells)
    return replace(table, notes=(*table.notes, STARRED)) if there else table


def immunity_tables(folder: ContestFolder) -> tuple[Table, ...]:
    """Of each course with immunised systems what attacks do to its systems before and after."""
    immune = [course for course in folder.contest.courses if not all(map(is_plain, course.systems))]
    return tuple(_immunity_table(folder, course) for course in immune if _attacks(course))


def _attacks(course: Course) -> list[Examination]:
    return [examination for examination in course.examinations if examination.attack is not None]


def _immunity_table(folder: ContestFolder, course: Course) -> Table:
    unharmed = [column for column in [column_of(course, CLOSED)] if column is not None]
    columns = [*unharmed, *(named_column(course, examination) for examination in _attacks(course))]
    caption = (
        f"Balanced accuracy on attacked images, before and after immunisation: {course.name}. A system that is "
        f"immunised learnt on from images attacked so. Chance is {percent(1 / len(course.classes))}."
    )
    headings = ("System", *(column.heading for column in columns))
    return starred(Table(caption, headings, tuple(_immunity_rows(folder, course, columns))))


def _immunity_rows(folder: ContestFolder, course: Course, columns: Sequence[Column]) -> Iterator[Row]:
    """For artfp, and for each system that is immunised to anything."""
    for base in filter(is_plain, course.systems):
        attacks = [attack for name, _, attack in (each.partition("+") for each in course.systems) if name == base]
        if base == ARTFP or any(attacks):
            yield _row(folder, columns, base)
        if COMBINED in attacks:
            yield replace(_row(folder, columns, f"{base}+{COMBINED}"), heading=f"{base}, immunised to {COMBINED}")
        if set(attacks) - {"", COMBINED}:
            cells = (told(result(folder, column, f"{base}+{column.examination.attack}")) for column in columns)
            yield Row(f"{base}, immunised to the column's attack", tuple(cells))


def binary_table(folder: ContestFolder) -> Table | None:
    """Is it generated: asked of who was taught every generator as a class, and of who was taught just that."""
    course = main_course(folder.contest)
    other = next((each for each in folder.contest.courses if _is_binary_of(each, course)), None)
    if other is None:
        return None
    kinds = (f"{len(course.classes)} classes", "2 classes")
    columns = ("System, examination", *(f"{kind}: {name}" for name in ("balanced accuracy", "AUC") for kind in kinds))
    caption = (
        f"Is it generated? Systems that were taught {len(course.classes)} classes ({course.name}), asked whether an "
        f"image is of any but {REAL} (by log-odds less what having seen more of the others adds), beside those taught "
        f"2 classes of the same sources ({other.name}) with as many images of each. Chance is 50.0 %, and an AUC of .5."
    )
    return starred(Table(caption, columns, tuple(_binary_rows(folder, course, other))))


def _is_binary_of(course: Course, several: Course) -> bool:
    """Whether the same sources taught it, photographs and all others as one class."""
    if REAL not in course.classes or len(course.classes) != 2 or len(several.classes) == 2:
        return False
    return _sides(course) == _sides(several)


def _sides(course: Course) -> tuple[set[str], set[str]]:
    others = {source for name, sources in course.classes.items() if name != REAL for source in sources}
    return set(course.classes.get(REAL, ())), others


def _binary_rows(folder: ContestFolder, course: Course, other: Course) -> Iterator[Row]:
    for system in (each for each in course.systems if each in other.systems):
        for examination in _of_both(course, other):
            several, two = (folder.exam(each, system, examination.name) for each in (course, other))
            found = (several.detection if several else None, two.closed_set if two else None)
            held = system == ARTFP and is_target(examination)
            yield Row(f"{system}, {examination.name}", (*(_accuracy(each, held) for each in found), *map(_auc, found)))


def _of_both(course: Course, other: Course) -> list[Examination]:
    """Examinations by names that both have, and that ask about photographs and others."""
    names = [examination.name for examination in other.examinations]
    shared = [examination for examination in course.examinations if examination.name in names]
    return [each for each in shared if REAL in course.asked(each) and len(course.asked(each)) > 1]


def _accuracy(found: ClosedSet | None, held: bool) -> str:
    if found is None:
        return ABSENT
    return spread(found.balanced_accuracy, star=STAR * (held and misses(found.balanced_accuracy)))


def _auc(found: ClosedSet | None) -> str:
    return ABSENT if found is None or found.auc is None else spread(found.auc, decimal)


def cost_table(folder: ContestFolder) -> Table:
    """What one more generator takes."""
    course = main_course(folder.contest)
    caption = (
        f"What it takes to enrol one more, as measured in the course {course.name} of {len(course.classes)} classes. "
        "Most passive systems learn all classes again, with as many images of the new one as of each; artfp marks the "
        "data that the new one will be trained on."
    )
    rows = (_cost_row(system, folder.entry(course, system)) for system in course.systems)
    return Table(caption, COST_COLUMNS, tuple(rows))


def _cost_row(system: str, entry: Entry | None) -> Row:
    before = "its data are marked" if system == ARTFP else "nothing"
    if entry is None:
        return Row(system, (ABSENT, ABSENT, ABSENT, before))
    cost = entry.cost
    images = count(cost.images) if cost.images else "none"
    return Row(system, (images, f"{cost.seconds:,.0f}", f"{cost.processor_seconds:,.0f}", before))


def marks_table(folder: ContestFolder) -> Table:
    """What artfp's marks did to the photographs, and what came through the training."""
    marks = {mark.model: mark for entry in folder.entries.values() for mark in entry.marks}
    images = ", ".join(sorted({count(mark.images) for mark in marks.values()}))
    caption = (
        "How loudly the data of each model were marked (PSNR and SSIM of marked photographs), and how much of it "
        f"{images} images of the trained model carry; a single image matches at 1e-3."
    )
    return Table(caption, MARK_COLUMNS, tuple(_mark_row(marks[name]) for name in sorted(marks)))


def _mark_row(mark: Mark) -> Row:
    loudness = (f"{mark.psnr:.1f}", decimal(mark.ssim))
    return Row(
        mark.model, (mark.owner, *loudness, decimal(mark.bit_accuracy), percent(mark.matching_images / mark.images))
    )


def wins_table(folder: ContestFolder) -> Table:
    """Every examination in which a passive system has a higher number than artfp."""
    rows = (_win_row(column, *pair) for column, *pair in wins(folder))
    caption = "Every examination in which some passive system, immunised or not, has a higher number than artfp."
    return starred(Table(caption, ("Course, examination", ARTFP, "The best passive system", "Its number"), tuple(rows)))


def _win_row(column: Column, ours: Result, best: Result) -> Row:
    return Row(column.name, (told(ours), best.system, told(best)))
