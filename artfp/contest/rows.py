"""The rows of a comparison: one system taught one course; where what it learns from lies, and what comes of it.

RUN/systems/COURSE-SYSTEM/         a passive system (`passive/enrolment.py`)      *.jsonl  the seconds it took
RUN/systems/COURSE-SYSTEM+ATTACK/  the same, immunised: it goes on from the other
RUN/rows/COURSE-SYSTEM.json        what came of its examinations
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from artfp.attribution import ENTRIES
from artfp.contest.settings import ARTFP, Course, Examination, collection_of
from artfp.contest.sources import CLEAN, MARKED, Studio
from artfp.passive.classes import ClassSource


@dataclass(frozen=True)
class Row:
    """A system and its course."""

    studio: Studio
    course: Course
    system: str  # as the course has it: NAME or NAME+ATTACK

    @property
    def name(self) -> str:
        """Of its files."""
        return f"{self.course.name}-{self.system}"

    @property
    def plain(self) -> str:
        """The system, immunised or not."""
        return self.system.partition("+")[0]

    @property
    def attack(self) -> str:
        """To which it is immunised; nothing: to none."""
        return self.system.partition("+")[2]

    @property
    def unimmunised(self) -> Row:
        """The row of the same system that is not: itself where it is not."""
        return dataclasses.replace(self, system=self.plain)

    @property
    def proactive(self) -> bool:
        """Whether it is artfp's, which learns nothing and is shown the marked models."""
        return self.plain == ARTFP

    @property
    def folder(self) -> Path:
        """Of a trained system."""
        return self.studio.folder / "systems" / self.name

    @property
    def journal(self) -> Path:
        """The seconds in which it was trained."""
        return self.studio.folder / "systems" / f"{self.name}.jsonl"

    @property
    def entry(self) -> Path:
        """What came of it, written last."""
        return self.studio.folder / ENTRIES / f"{self.name}.json"

    @property
    def taught(self) -> list[str]:
        """The sources that teach, each once."""
        return _each_once(self.course.classes.values())

    @property
    def asked(self) -> list[str]:
        """Those that it is examined with, each once."""
        groups: list[Iterable[str]] = []
        for exam in self.course.examinations:
            groups += [*self.classes_of(exam).values(), exam.unknown]
        return _each_once(groups)

    def classes_of(self, exam: Examination) -> Mapping[str, Sequence[str]]:
        """The sources of each class that is asked about."""
        return self.course.classes if exam.classes is None else exam.classes

    def images(self, source: str) -> Path:
        """Those of a source that it is shown."""
        return self.studio.images(source, MARKED if self.proactive or self.course.marked else CLEAN)

    def of_classes(self, classes: Mapping[str, Sequence[str]]) -> list[ClassSource]:
        """So that a class of several sources has as many images as one of one."""
        return [
            ClassSource(name, self.images(source), every=len(sources) * self._every(source))
            for name, sources in classes.items()
            for source in sources
        ]

    def _every(self, source: str) -> int:
        """One in how many of a source's images is shown."""
        collection = collection_of(source)
        return 1 if collection is None else self.studio.contest.images(collection).every


def all_rows(studio: Studio) -> list[Row]:
    """In the order of the recipe."""
    return [Row(studio, course, system) for course in studio.contest.courses for system in course.systems]


def _each_once(groups: Iterable[Iterable[str]]) -> list[str]:
    return list(dict.fromkeys(source for group in groups for source in group))
