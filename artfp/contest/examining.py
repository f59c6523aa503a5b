"""Examining a system: images that trained neither it nor, where they are photographs, any generator.

Row --what it learnt--> Candidate --scores of an examination's images--> Exam
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from artfp.attribution import ClosedSet, Exam, OpenSet
from artfp.codec.store import load_codec
from artfp.contest.proactive import Proactive
from artfp.contest.rows import Row
from artfp.contest.settings import REAL, Examination, owners
from artfp.passive.base import NetworkAttributor
from artfp.passive.classes import TEST, UNKNOWN, VALIDATION, ClassSource, Examples, Pixels, Preparation, gathered
from artfp.passive.enrolment import FILE
from artfp.passive.evaluation import closed_set, open_set
from artfp.passive.harness import generated_margin
from artfp.passive.immunity import attacked_examples
from artfp.passive.open_set import threshold_of
from artfp.passive.store import load_system
from artfp.reading import Progress
from artfp.seeds import numpy_generator
from artfp.statistics.exact import Floats, Ints


@dataclass(frozen=True)
class Candidate:
    """Who is examined."""

    stamp: str
    classes: tuple[str, ...]  # sorted
    scores_of: Callable[[Pixels], Floats]
    threshold: float  # largest scores below it say "unknown"
    logits: bool  # whether the scores are


def candidate_of(row: Row) -> Candidate:
    """The system of a row, taught, or artfp with the keys of its classes."""
    if row.proactive:
        made = _proactive(row)
        return Candidate(made.stamp, made.classes, made.scores_of, made.threshold, logits=False)
    enrolled = load_system(row.folder / FILE, row.studio.device)
    system, logits = enrolled.system, isinstance(enrolled.system, NetworkAttributor)
    return Candidate(system.stamp, system.classes, system.scores_of, enrolled.threshold, logits)


def _proactive(row: Row) -> Proactive:
    contest, classes = row.studio.contest, row.course.classes
    codec = load_codec(contest.codec).to(row.studio.device)
    named = {name: owners(contest, sources) for name, sources in classes.items() if name != REAL}
    with row.studio.registry() as registry:
        keys = {name: list(registry.pairs(codec.sha256, known).packed) for name, known in named.items()}
    return Proactive(codec, tuple(sorted(classes)), keys)


def examined(row: Row, candidate: Candidate, exam: Examination, tell: Progress) -> Exam:
    """What it says of the images of one examination."""
    classes = row.classes_of(exam)
    names, random = sorted(classes), numpy_generator(row.studio.contest.seed, "contest", row.name, exam.name)
    images = _images(row, row.of_classes(classes), exam.attack, tell)
    scores = candidate.scores_of(images.pixels)
    truth = np.array([candidate.classes.index(name) for name in names])[images.labels]
    return Exam(
        name=exam.name,
        attack=exam.attack,
        sources={name: list(classes[name]) for name in names},
        unknown=tuple(exam.unknown),
        images={name: len(images.of_class(place)) for place, name in enumerate(names)},
        closed_set=closed_set(scores, truth, random),
        open_set=_open_set(row, candidate, exam, (scores, truth), random, tell) if exam.unknown else None,
        detection=as_detection(candidate, scores, truth, random),
    )


def _open_set(
    row: Row,
    candidate: Candidate,
    exam: Examination,
    known: tuple[Floats, Ints],
    random: np.random.Generator,
    tell: Progress,
) -> OpenSet:
    """By the scores of generators alone: that an image is a photograph says that none of the enrolled made it.

    The threshold keeps as many of the validation images as everywhere; artfp's is its own, and chosen on nothing.
    """
    columns = np.array([place for place, name in enumerate(candidate.classes) if name != REAL])
    scores, truth = known
    generated = np.isin(truth, columns)

    def scored(classes: Mapping[str, Sequence[str]], attack: str | None, part: str) -> Floats:
        found: Floats = candidate.scores_of(_images(row, row.of_classes(classes), attack, tell, part).pixels)
        return found[:, columns]

    threshold = candidate.threshold
    if not row.proactive:
        enrolled = {name: sources for name, sources in row.classes_of(exam).items() if name != REAL}
        threshold = threshold_of(scored(enrolled, None, VALIDATION))
    strangers = scored({UNKNOWN: exam.unknown}, exam.attack, TEST)
    places = np.searchsorted(columns, truth[generated])
    return open_set(scores[generated][:, columns], places, strangers, threshold, random)


def _images(row: Row, sources: Sequence[ClassSource], attack: str | None, tell: Progress, part: str = TEST) -> Examples:
    contest = row.studio.contest
    with gathered(sources) as gathering, TemporaryDirectory() as scratch:
        found = gathering.examples(Preparation(contest.size), Path(scratch), tell, part)
    return found if attack is None else attacked_examples(found, attack, contest.seed)


def as_detection(candidate: Candidate, scores: Floats, truth: Ints, random: np.random.Generator) -> ClosedSet | None:
    """What a system of several classes, one of them of photographs, says when asked whether images are generated."""
    if REAL not in candidate.classes or len(candidate.classes) == 2:
        return None
    real = candidate.classes.index(REAL)
    generated = (truth != real).astype(np.int64)
    if len(np.unique(generated)) == 1:
        return None
    margin = _generated_margin(candidate, scores, real)
    return closed_set(np.stack([-margin / 2, margin / 2], axis=1), generated, random)


def _generated_margin(candidate: Candidate, scores: Floats, real: int) -> Floats:
    """Log-odds as if half of what it had learnt from were photographs; of scores that are no logits the largest."""
    if candidate.logits:
        prior = np.log(len(candidate.classes) - 1)
        return generated_margin(scores, real) - prior
    margin: Floats = np.delete(scores, real, axis=1).max(axis=1) - scores[:, real]
    return margin
