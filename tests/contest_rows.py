"""The folder of a comparison as its runner writes it, with numbers made up; for tests of all readers."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np

from artfp import __version__
from artfp import recipe as recipes
from artfp.attribution import CONTEST, ENTRIES, SCHEMA, ClosedSet, Cost, Entry, Exam, Mark, OpenSet
from artfp.contest.settings import ARTFP, REAL, Contest, Course, Examination, described
from artfp.shipped import find_recipe
from artfp.statistics.classification import accuracy, balanced_accuracy, macro_f1
from artfp.statistics.jackknife import Interval

IMAGES = 500  # of each class and of no class
SHARES = {"residual": 0.7, "dct": 0.97, "attnet": 0.96, "visnet": 0.9, "dnadet": 0.94, "harness": 0.95}

MARKED = ("dcgan-0", "c0" * 32, 36.31, 0.9752, "9e" * 32, 128, 127, 0.9348)

# The share of each class's images that a system names rightly, by course, system and examination.
Share = Callable[[str, str, Examination], float]


def shipped() -> Contest:
    """The comparison that is shipped."""
    return recipes.load(find_recipe("comparison"), Contest)


def share(course: str, system: str, examination: Examination) -> float:
    """As one would expect it: passive systems fall behind on other models and attacks, artfp where nobody marked."""
    plain, _, immune = system.partition("+")
    if plain == ARTFP:
        lost = {"cross-finetune by somebody else": 0.0, "a generator never enrolled": 0.5, "cross-loss": 0.98}
        return lost.get(examination.name, 1.0 if examination.attack is None else 0.9)
    behind = 0.3 if examination.name.startswith("cross") or examination.attack not in (None, immune) else 0.0
    return SHARES[plain] - behind


def interval(value: float) -> Interval:
    """About one in a hundred to each side."""
    return Interval(value, max(0.0, value - 0.01), min(1.0, value + 0.01))


def closed(named: float, classes: int, asked: Collection[int]) -> ClosedSet:
    """So many of each class are named rightly, the others for the class that is next."""
    counts = np.zeros((classes, classes), np.int64)
    for place in asked:
        counts[place, place] = round(named * IMAGES)
        counts[place, (place + 1) % classes] += IMAGES - round(named * IMAGES)
    measured = [interval(measure(counts)) for measure in (accuracy, balanced_accuracy, macro_f1)]
    return ClosedSet(tuple(map(tuple, counts.tolist())), *measured, interval(min(1.0, named + 0.02)), None)


def exam_of(course: Course, examination: Examination, named: float) -> Exam:
    """An examination in which so many are named rightly."""
    asked, names = examination.classes or course.classes, sorted(course.classes)
    both = REAL in asked and len(asked) > 1 and len(names) > 2
    unknown = OpenSet(IMAGES, *map(interval, (named, 0.1, named, 0.95, 0.875))) if examination.unknown else None
    return Exam(
        name=examination.name,
        attack=examination.attack,
        sources={name: list(sources) for name, sources in sorted(asked.items())},
        unknown=tuple(examination.unknown),
        images=dict.fromkeys(sorted(asked), IMAGES),
        closed_set=closed(named, len(names), [names.index(name) for name in asked]),
        open_set=unknown,
        detection=closed(min(1.0, named + 0.01), 2, (0, 1)) if both else None,
    )


def entry_of(contest: Contest, course: Course, system: str, share: Share = share) -> Entry:
    """A row."""
    proactive = system == ARTFP
    marked = proactive or course.marked
    sources = sorted({source for of in course.classes.values() for source in of})
    return Entry(
        schema=SCHEMA,
        contest=contest.name,
        course=course.name,
        system=system,
        stamp="artfp with artfp-64" if proactive else f"{system.replace('+', ' lite+')} at {contest.size} px",
        classes={name: list(course.classes[name]) for name in sorted(course.classes)},
        exams=tuple(exam_of(course, each, share(course.name, system, each)) for each in course.examinations),
        cost=Cost(0, 31.4, 30.2) if proactive else Cost(2954, 1234.5, 1200.4),
        examined_in=12.0,
        data={source: f"{source}-{marked and source != REAL}".encode().hex() for source in sources},
        artfp=__version__,
        torch="2.0",
        threads=1,
        marks=tuple(Mark(name, *MARKED) for name in sources if name != REAL) if proactive else (),
    )


def write_contest(folder: Path, share: Share = share, contest: Contest | None = None) -> Path:
    """The folder of a comparison, the shipped one if no other, with all its rows."""
    chosen = contest or shipped()
    values = {"artfp": __version__, **described(chosen), "main_sha256": "5e" * 32}
    put(folder / CONTEST, json.loads(json.dumps(values, default=list)))
    for course in chosen.courses:
        for system in course.systems:
            put(folder / ENTRIES / f"{course.name}-{system}.json", entry_of(chosen, course, system, share).to_dict())
    return folder


def put(path: Path, value: Any) -> None:
    """JSON, in a folder that is made where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def change(path: Path, **values: Any) -> None:
    """Some fields of a JSON object in a file."""
    put(path, json.loads(path.read_text(encoding="utf-8")) | values)
