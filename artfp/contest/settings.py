"""What a comparison is of, from TOML: models, and courses with their examinations; no torch, so that a plan is cheap.

A class is taught and examined with images of SOURCES, each one of
    real          photographs of the data that generators were trained on, and of which they never saw some
    real:other    those of the other data
    NAME          images of a model
    ...@jpeg      the same, each stored as JPEG and decoded again: what a trace of another format is
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from artfp import recipe as recipes
from artfp.data.procedural import KINDS
from artfp.errors import UsageError
from artfp.generators.settings import LOSSES
from artfp.recipe import setting

MAIN, OTHER = "main", "other"
COLLECTIONS = (MAIN, OTHER)
REAL, REAL_OTHER = "real", "real:other"  # the first is also the name of the class
JPEG = "@jpeg"  # after a source
ARTFP = "artfp"  # among the systems
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
PARTS = ("models", "courses")  # of which a comparison may get more
WORDS = ("question", "blind")  # of a course: they are for readers, and may be put better later
NOBODY = "nobody"  # whose key marks data that are not marked


@dataclass(frozen=True)
class Images:
    """Squares of the photographs at `path`, or painted ones of a `kind`."""

    path: Path | None = setting(None)
    kind: str = setting("horizons", choices=tuple(KINDS))
    count: int = setting(3000, low=100)  # of squares, at most
    crops: int = setting(1, low=1, high=100)  # of each photograph; painted ones are whole
    every: int = setting(1, low=1, high=100)  # one in so many is shown to systems; generators see all


@dataclass(frozen=True)
class ModelSpec:
    """A generator, which is trained twice: on the photographs as they are, and on marked ones."""

    name: str
    recipe: str
    seed: int = setting(0, low=0)
    data: str = setting(MAIN, choices=COLLECTIONS)
    images: int | None = setting(None, low=1)  # shown; none: as many as the recipe says
    loss: str | None = setting(None, choices=LOSSES)  # in place of its family's
    start: str | None = setting(None)  # the model that its training goes on from
    key: str | None = setting(None)  # the model whose key marks its data; none: its own; NOBODY: they stay unmarked

    @property
    def owner(self) -> str:
        """The model whose key marks its data, or NOBODY."""
        return self.name if self.key is None else self.key


@dataclass(frozen=True)
class Examination:
    """Images that a taught system is asked about. A class that is not among the course's own is a mistake."""

    name: str
    classes: dict[str, list[str]] = setting(None)  # the sources of each class; none: those that taught
    unknown: tuple[str, ...] = ()  # sources of no class
    attack: str | None = setting(None)  # what each image suffers first (`passive/immunity.py`)


@dataclass(frozen=True)
class Course:
    """Classes, who learns them, and how it is examined."""

    name: str
    classes: dict[str, list[str]]  # the sources of each; a class of several gets as many images as one of one
    systems: tuple[str, ...]  # a name, or NAME+ATTACK of one that is immunised; ARTFP is one of them
    examinations: tuple[Examination, ...]
    marked: bool = False  # passive systems are shown the marked models, too: do marks help or hinder them?
    question: str = ""  # what the course asks, in words
    blind: dict[str, str] = dataclasses.field(default_factory=dict)  # by examination: of what artfp can say nothing


@dataclass(frozen=True)
class Contest:
    """A comparison."""

    name: str
    models: tuple[ModelSpec, ...]
    courses: tuple[Course, ...]
    seed: int = setting(0, low=0)
    size: int = setting(32, choices=(16, 32, 64, 128))
    codec: str = setting("artfp-64")
    strength: float = setting(1.0, low=0.01)
    samples: int = setting(3000, low=100)  # of each model
    jpeg: int = setting(90, low=1, high=100)  # the quality of what is stored as JPEG
    preset: str = setting("lite", choices=("lite", "paper"))
    main: Images = dataclasses.field(default_factory=Images)
    other: Images = dataclasses.field(default_factory=Images)

    @property
    def by_name(self) -> dict[str, ModelSpec]:
        """The models."""
        return {model.name: model for model in self.models}

    def images(self, collection: str) -> Images:
        """The photographs of a collection."""
        return self.main if collection == MAIN else self.other


def checked(contest: Contest, systems: Collection[str], attacks: Collection[str]) -> Contest:
    """The comparison, if all names in it are of something; else one error with all that is wrong."""
    problems = [*_of_models(contest), *twice(course.name for course in contest.courses)]
    for course in contest.courses:
        problems += [f"{course.name}: {problem}" for problem in _of_course(contest, course, systems, attacks)]
    if problems:
        raise UsageError(f"{contest.name}: {len(problems)} problem(s)\n  " + "\n  ".join(problems))
    return contest


def twice(names: Iterable[str]) -> list[str]:
    """What is wrong where names are."""
    return [f"{name} is there twice" for name, count in Counter(names).items() if count > 1]


def collection_of(source: str) -> str | None:
    """The collection whose photographs a source is; none for a model's images."""
    return {REAL: MAIN, REAL_OTHER: OTHER}.get(source.removesuffix(JPEG))


def model_of(source: str) -> str | None:
    """The model whose images a source is; none for photographs."""
    return None if collection_of(source) else source.removesuffix(JPEG)


def sources_of(course: Course) -> Iterator[str]:
    """All that a course teaches or asks about, each once."""
    asked: list[Iterable[str]] = [*course.classes.values()]
    for examination in course.examinations:
        asked += [*(examination.classes or {}).values(), examination.unknown]
    yield from dict.fromkeys(source for sources in asked for source in sources)


def _of_models(contest: Contest) -> Iterator[str]:
    names = [model.name for model in contest.models]
    yield from (f"models: {problem}" for problem in twice(names))
    for place, model in enumerate(contest.models):
        if model.name in (REAL, NOBODY) or not NAME.fullmatch(model.name):
            yield f"models: {model.name!r} is no name for one: letters, digits and -, and neither {REAL} nor {NOBODY}"
        if model.start is not None and model.start not in names[:place]:
            yield f"{model.name}: start: no model {model.start!r} stands before it"
        if model.owner not in (*names[: place + 1], NOBODY):
            yield f"{model.name}: key: no model {model.owner!r} stands before it"


def _of_course(contest: Contest, course: Course, systems: Collection[str], attacks: Collection[str]) -> Iterator[str]:
    if not NAME.fullmatch(course.name):
        yield "no name for a course: letters, digits and -"
    yield from twice([*course.systems, *(examination.name for examination in course.examinations)])
    if len(course.classes) < 2 or not course.examinations:
        yield "needed are two classes and an examination"
    for source in sources_of(course):
        if (name := model_of(source)) is not None and name not in contest.by_name:
            yield f"no model is called {name!r}"
    for system, _, attack in (each.partition("+") for each in course.systems):
        if system not in (ARTFP, *systems) or (attack and (attack not in attacks or system == ARTFP)):
            yield f"no system {system}{'+' if attack else ''}{attack}"
        elif attack and system not in course.systems:
            yield f"{system}+{attack}: goes on from {system}, which must be there, too"
    yield from _of_classes(contest, course)
    names = [examination.name for examination in course.examinations]
    yield from (f"blind: no examination is called {name!r}" for name in course.blind if name not in names)
    for examination in course.examinations:
        yield from (f"{examination.name}: {each}" for each in _of_examination(course, examination, attacks))


def _of_classes(contest: Contest, course: Course) -> Iterator[str]:
    """Artfp's classes are keys, and that of the photographs."""
    yield from _of_sources(course.classes)
    for name, sources in course.classes.items():
        if ARTFP in course.systems and NOBODY in owners(contest, sources):
            yield f"{name}: a model of which no key is known teaches artfp nothing"
    marked = [owner for sources in course.classes.values() for owner in owners(contest, sources)]
    if ARTFP in course.systems:
        yield from (f"the key of {problem}" for problem in twice(marked))


def _of_sources(classes: Mapping[str, Sequence[str]]) -> Iterator[str]:
    yield from twice(source for sources in classes.values() for source in sources)
    for name, sources in classes.items():
        if not sources or (name == REAL) != all(collection_of(source) is not None for source in sources):
            yield f"{name}: photographs, and nothing else, are of the class {REAL}"


def _of_examination(course: Course, examination: Examination, attacks: Collection[str]) -> Iterator[str]:
    classes = course.classes if examination.classes is None else examination.classes
    if strange := sorted(set(classes) - set(course.classes)):
        yield f"class {strange[0]!r} is not taught"
    if examination.attack is not None and examination.attack not in attacks:
        yield f"no attack {examination.attack!r}"
    yield from _of_sources(classes)
    taught = {source for sources in course.classes.values() for source in sources}
    yield from (f"{source} is taught, and so no unknown" for source in examination.unknown if source in taught)


def owners(contest: Contest, sources: Iterable[str]) -> list[str]:
    """Whose keys mark the models of these sources, each once."""
    models: Mapping[str, ModelSpec] = contest.by_name
    names = (name for source in sources if (name := model_of(source)) is not None)
    return list(dict.fromkeys(models[name].owner for name in names if name in models))


def described(contest: Contest) -> dict[str, Any]:
    """Plain values, models and courses by their names; where photographs lie is no part of it."""
    plain = recipes.to_dict(contest)
    for collection in COLLECTIONS:
        plain[collection].pop("path")
    return plain | {part: {each["name"]: each for each in plain[part]} for part in PARTS}
