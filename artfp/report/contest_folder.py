"""What the folder of a comparison of systems holds (`artfp.attribution`), read and checked.

A row that is asked for and not there is not made yet. Of contest.json this reads what a report tells, and no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from artfp.attribution import CONTEST, ENTRIES, SCHEMA, Cost, Entry, Exam
from artfp.contest.settings import ARTFP
from artfp.errors import BadInputError, UsageError
from artfp.files import is_file
from artfp.records import are_shares, read_table, read_versioned, record_of
from artfp.results import Record
from artfp.statistics.jackknife import Interval

SHOWN = {True: "marked models", False: "models without marks"}  # artfp is shown the former
NOUN = "a comparison"


@dataclass(frozen=True)
class Examination(Record):
    """Images that the systems of a course are asked about."""

    name: str
    classes: dict[str, list[str]] | None  # the sources of each that is asked about; none: those that taught
    unknown: tuple[str, ...]  # sources of no class
    attack: str | None  # what each image suffered first


@dataclass(frozen=True)
class Course(Record):
    """Classes, who learns them, and how it is examined."""

    name: str
    classes: dict[str, list[str]]  # the sources of each
    systems: tuple[str, ...]  # a name, or NAME+ATTACK of one that is immunised
    examinations: tuple[Examination, ...]
    marked: bool = False  # passive systems are shown marked models
    question: str = ""  # what the course asks, in words
    blind: dict[str, str] = field(default_factory=dict)  # by examination: of what artfp can say nothing

    def asked(self, examination: Examination) -> dict[str, list[str]]:
        """The sources of each class that an examination asks about."""
        return self.classes if examination.classes is None else examination.classes


@dataclass(frozen=True)
class Contest(Record):
    """What the comparison is of."""

    artfp: str
    name: str
    seed: int
    size: int
    codec: str
    strength: float
    jpeg: int
    preset: str
    models: dict[str, dict[str, Any]]
    courses: tuple[Course, ...]
    main: dict[str, Any]
    other: dict[str, Any]
    main_sha256: str | None = None  # of photographs that were given
    other_sha256: str | None = None


@dataclass(frozen=True)
class ContestFolder:
    """One comparison, and the rows that are there, by course and system in the order of contest.json."""

    contest: Contest
    entries: dict[tuple[str, str], Entry]
    missing: tuple[str, ...]  # names of rows that are not there

    def entry(self, course: Course, system: str) -> Entry | None:
        """A row."""
        return self.entries.get((course.name, system))

    def exam(self, course: Course, system: str, name: str) -> Exam | None:
        """What a system said in an examination."""
        entry = self.entry(course, system)
        return None if entry is None else next((exam for exam in entry.exams if exam.name == name), None)

    @property
    def hashes(self) -> dict[tuple[str, str], list[str]]:
        """Of the images of each source, in rows of marked models and in others: one, where rows are of one run."""
        found: dict[tuple[str, str], list[str]] = {}
        marked = {course.name for course in self.contest.courses if course.marked}
        for (name, system), entry in self.entries.items():
            for source, sha256 in entry.data.items():
                of = found.setdefault((source, SHOWN[system == ARTFP or name in marked]), [])
                of += [sha256] if sha256 not in of else []
        return dict(sorted(found.items()))


def is_contest(folder: Path) -> bool:
    """Whether a folder is a comparison's."""
    return (folder / CONTEST).is_file()


def read_contest(folder: Path) -> ContestFolder:
    """The comparison in a folder; what is there but unreadable, or cannot be, is an error."""
    if not is_contest(folder):
        raise UsageError(f"{folder}: no comparison here; give the folder that `artfp passive compare` made")
    contest = _read_contest(folder / CONTEST)
    rows = [(course, system) for course in contest.courses for system in course.systems]
    paths = {(course.name, system): folder / ENTRIES / f"{course.name}-{system}.json" for course, system in rows}
    return ContestFolder(
        contest=contest,
        entries={
            (course.name, system): _read_entry(path, contest, course, system)
            for course, system in rows
            if is_file(path := paths[course.name, system])
        },
        missing=tuple(path.stem for path in paths.values() if not is_file(path)),
    )


def _read_contest(path: Path) -> Contest:
    """Courses stand there by their names."""
    values = read_table(path)
    courses = values.get("courses")
    if not isinstance(courses, dict) or not courses:
        raise BadInputError(f"{path}: not {NOUN} (courses cannot be)")
    contest = record_of({**values, "courses": list(courses.values())}, path, Contest, NOUN)
    if [course.name for course in contest.courses] != list(courses):
        raise BadInputError(f"{path}: not {NOUN} (courses have other names than their places)")
    for course in contest.courses:
        if wrong := list(_wrong_in_course(course)):
            raise BadInputError(f"{path}: not {NOUN} (of {course.name}, {', '.join(wrong)} cannot be)")
    return contest


def _wrong_in_course(course: Course) -> Iterator[str]:
    names = [examination.name for examination in course.examinations]
    if len(course.classes) < 2:
        yield "classes"
    if len(set(course.systems)) < len(course.systems):
        yield "systems"
    if not names or len(set(names)) < len(names):
        yield "examinations"
    if any(set(course.asked(examination)) - set(course.classes) for examination in course.examinations):
        yield "classes of examinations"


def _read_entry(path: Path, contest: Contest, course: Course, system: str) -> Entry:
    entry = read_versioned(path, Entry, "a row of a comparison", SCHEMA)
    if (entry.contest, entry.course, entry.system) != (contest.name, course.name, system):
        raise BadInputError(
            f"{path}: is {entry.system} in the course {entry.course} of {entry.contest}, and should be {system} in the "
            f"course {course.name} of {contest.name}"
        )
    if [exam.name for exam in entry.exams] != [examination.name for examination in course.examinations]:
        raise BadInputError(f"{path}: has other examinations than the course {course.name} of {CONTEST}")
    if wrong := list(_wrong_in_entry(entry, course)):
        raise BadInputError(f"{path}: not a row of this comparison ({', '.join(wrong)} cannot be)")
    return entry


def _wrong_in_entry(entry: Entry, course: Course) -> Iterator[str]:
    if list(entry.classes) != sorted(course.classes):
        yield "classes"
    if not _cost_fits(entry.cost):
        yield "cost"
    yield from (exam.name for exam in entry.exams if not _exam_fits(exam, len(course.classes)))


def _cost_fits(cost: Cost) -> bool:
    seconds = (cost.seconds, cost.processor_seconds)
    return cost.images >= 0 and min(seconds) >= 0


def _exam_fits(exam: Exam, classes: int) -> bool:
    """Whether all counts are of so many classes, and all numbers are shares."""
    closed = _counts_fit(exam.closed_set.confusion, classes) and _are_shares(exam.closed_set)
    detected = exam.detection is None or (_counts_fit(exam.detection.confusion, 2) and _are_shares(exam.detection))
    unknown = exam.open_set is None or (exam.open_set.unknown > 0 and _are_shares(exam.open_set))
    return closed and detected and unknown


def _counts_fit(confusion: tuple[tuple[int, ...], ...], classes: int) -> bool:
    counts = [count for row in confusion for count in row]
    square = len(confusion) == classes and all(len(row) == classes for row in confusion)
    return square and min(counts) >= 0 and sum(counts) > 0


def _are_shares(found: Record) -> bool:
    """Whether all intervals of a record lie between nothing and all."""
    intervals = [value for value in vars(found).values() if isinstance(value, Interval)]
    return all(are_shares(each.value, each.low, each.high) for each in intervals)
