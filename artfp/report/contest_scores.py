"""What a comparison comes down to: of each system and examination one number, and who has the best.

The number is balanced accuracy, and where images of no class are asked about the AUROC of known against unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from artfp.attribution import Exam
from artfp.contest.settings import ARTFP, REAL
from artfp.records import ROUNDING
from artfp.report.contest_folder import Contest, ContestFolder, Course, Examination
from artfp.statistics.jackknife import Interval

TARGET = 0.99  # of artfp, wherever nothing was done to the images
CLOSED, CROSS = "closed", "cross"  # an examination of this name; those whose names begin so
GUESSING = 0.5  # the AUROC of who guesses


@dataclass(frozen=True)
class Column:
    """One examination of one course."""

    course: Course
    examination: Examination
    heading: str  # over its column
    tick: str  # under its place on an axis

    @property
    def partial(self) -> bool:
        """Whether it asks about some of the taught classes alone."""
        return set(self.course.asked(self.examination)) != set(self.course.classes)

    @property
    def chance(self) -> float:
        """What guessing reaches."""
        return GUESSING if self.examination.unknown else 1 / len(self.course.classes)

    @property
    def name(self) -> str:
        """Course and examination."""
        return f"{self.course.name}, {self.examination.name}"


@dataclass(frozen=True)
class Panel:
    """Examinations that are shown in one table: those of a course, or of courses in a row that have but one each."""

    name: str  # by which an address can point at it
    columns: tuple[Column, ...]

    @property
    def courses(self) -> tuple[Course, ...]:
        """Whose examinations they are."""
        return tuple({column.course.name: column.course for column in self.columns}.values())

    @property
    def title(self) -> str:
        """The names of the courses."""
        return ", ".join(course.name for course in self.courses)

    @property
    def systems(self) -> tuple[str, ...]:
        """All that take part."""
        return tuple(dict.fromkeys(system for course in self.courses for system in course.systems))


@dataclass(frozen=True)
class Result:
    """A system in an examination."""

    system: str
    column: Column
    exam: Exam

    @property
    def score(self) -> Interval:
        """Its number."""
        return self.exam.closed_set.balanced_accuracy if self.exam.open_set is None else self.exam.open_set.auroc

    @property
    def short(self) -> bool:
        """Whether artfp falls short here of what it is held to."""
        return self.system == ARTFP and is_target(self.column.examination) and misses(self.score)

    @property
    def named(self) -> tuple[int, int]:
        """How many images it named rightly, of how many."""
        counts = self.exam.closed_set.confusion
        return sum(row[place] for place, row in enumerate(counts)), sum(map(sum, counts))


def panels(contest: Contest) -> tuple[Panel, ...]:
    """All examinations in the order of the comparison."""
    groups = groupby(contest.courses, key=lambda course: course.name if len(course.examinations) > 1 else "")
    return tuple(Panel(f"courses-{place}", _columns(list(of))) for place, (_, of) in enumerate(groups, start=1))


def _columns(courses: list[Course]) -> tuple[Column, ...]:
    """Those of one course by their numbers, as their names have no room on an axis; else courses by their names."""
    if len(courses) > 1:
        return tuple(Column(course, course.examinations[0], course.name, course.name) for course in courses)
    (course,) = courses
    numbered = enumerate(course.examinations, start=1)
    return tuple(Column(course, each, f"{place} {each.name}", str(place)) for place, each in numbered)


def all_columns(contest: Contest) -> list[Column]:
    """Every examination of every course."""
    return [column for panel in panels(contest) for column in panel.columns]


def is_plain(system: str) -> bool:
    """Whether a system is not immunised to anything."""
    return "+" not in system


def is_target(examination: Examination) -> bool:
    """Whether artfp is held to its target: known, unknown or other images of its owners, as they were made."""
    told = examination.name == CLOSED or examination.name.startswith(CROSS) or bool(examination.unknown)
    return told and examination.attack is None


def misses(found: Interval) -> bool:
    """Whether a number is under the target, by more than arithmetic rounds."""
    return found.value < TARGET - ROUNDING


def result(folder: ContestFolder, column: Column, system: str) -> Result | None:
    """A system in an examination, if its row is there."""
    exam = folder.exam(column.course, system, column.examination.name)
    return None if exam is None else Result(system, column, exam)


def results(folder: ContestFolder, column: Column, systems: Iterable[str]) -> Iterator[Result]:
    """Those of these systems whose rows are there."""
    yield from (found for system in systems if (found := result(folder, column, system)) is not None)


def passive(course: Course, immunised: bool = True) -> tuple[str, ...]:
    """The systems of a course but artfp, and those that are immunised only where they are asked for."""
    return tuple(system for system in course.systems if system != ARTFP and (immunised or is_plain(system)))


def best_passive(folder: ContestFolder, column: Column, immunised: bool = True) -> Result | None:
    """The passive system with the highest number; of equals the first."""
    found = results(folder, column, passive(column.course, immunised))
    return max(found, key=lambda each: each.score.value, default=None)


def both(folder: ContestFolder, column: Column, immunised: bool = True) -> tuple[Result | None, Result | None]:
    """What artfp and the best passive system reached."""
    return result(folder, column, ARTFP), best_passive(folder, column, immunised)


def main_course(contest: Contest) -> Course:
    """The first that asks which of several generators made an image, or whether it is a photograph; else the first."""
    several = (course for course in contest.courses if REAL in course.classes and len(course.classes) > 2)
    return next(several, contest.courses[0])


def column_of(course: Course, name: str) -> Column | None:
    """An examination of a course by its name."""
    found = (examination for examination in course.examinations if examination.name == name)
    return next((named_column(course, examination) for examination in found), None)


def named_column(course: Course, examination: Examination) -> Column:
    """An examination under its own name."""
    return Column(course, examination, examination.name, examination.name)


def wins(folder: ContestFolder) -> Iterator[tuple[Column, Result, Result]]:
    """The examinations in which some passive system has a higher number than artfp, with both."""
    for column in all_columns(folder.contest):
        ours, best = both(folder, column)
        if ours is not None and best is not None and best.score.value - ours.score.value > ROUNDING:
            yield column, ours, best
