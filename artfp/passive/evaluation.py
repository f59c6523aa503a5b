"""How well a trained system tells its classes apart, on images that never trained it, and what it says of others.

Enrolled, classes --scores--> confusion, accuracies, AUC --with images of no class--> AUROC, OSCR --> Evaluation
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from artfp.attribution import ClosedSet, Evaluation, OpenSet
from artfp.errors import UsageError
from artfp.generators.dataset import OnProgress
from artfp.passive.classes import (
    TEST,
    UNKNOWN,
    ClassSource,
    Gathering,
    Preparation,
    check_counts,
    check_formats,
    gathered,
)
from artfp.passive.store import Enrolled
from artfp.reading import silent
from artfp.seeds import numpy_generator
from artfp.statistics.bootstrap import bootstrapped
from artfp.statistics.classification import accuracy, balanced_accuracy, confusion, macro_f1
from artfp.statistics.exact import Floats, Ints, clopper_pearson
from artfp.statistics.jackknife import Interval
from artfp.statistics.ranking import auc, equal_error_rate, fpr_at_tpr, margins, one_vs_rest_auc, oscr

ALL = "all"
PARTS = (TEST, ALL)


def evaluate(
    enrolled: Enrolled,
    sources: Sequence[ClassSource],
    unknown: Sequence[Path] = (),
    part: str = TEST,
    seed: int = 0,
    tell: OnProgress = silent,
) -> Evaluation:
    """Score the images of some or all of its classes, and all those of no class."""
    strangers = [ClassSource(UNKNOWN, path) for path in unknown]
    with gathered(sources) as known, gathered(strangers) as others:
        _check(enrolled, known, others, part)
        scores, truth = _scored(enrolled, known, part, tell)
        low = _scored(enrolled, others, ALL, tell)[0] if strangers else None
    system, random = enrolled.system, numpy_generator(seed, "passive-evaluation")
    places = np.array([system.classes.index(name) for name in known.classes])
    return Evaluation(
        system=system.name,
        preset=system.preset,
        size=system.size,
        classes=system.classes,
        part=part,
        images=known.count(*_parts(part)),
        closed_set=closed_set(scores, places[truth], random),
        open_set=None if low is None else open_set(scores, places[truth], low, enrolled.threshold, random),
    )


def check(enrolled: Enrolled, sources: Sequence[ClassSource], unknown: Sequence[Path], part: str) -> dict[str, int]:
    """All that can be checked without judging an image, and how many would be."""
    strangers = [ClassSource(UNKNOWN, path) for path in unknown]
    with gathered(sources) as known, gathered(strangers) as others:
        _check(enrolled, known, others, part)
        return known.count(*_parts(part)) | others.count()


def _parts(part: str) -> tuple[str, ...]:
    return () if part == ALL else (part,)


def _check(enrolled: Enrolled, known: Gathering, others: Gathering, part: str) -> None:
    """Refuse classes that the system does not have, images that trained it, and several formats."""
    system, trained = enrolled.system, set(enrolled.trained_on.values())
    if not known.classes:
        raise UsageError("nothing to evaluate: give --class NAME=FOLDER_OR_ZIP")
    strange = sorted(set(known.classes) - set(system.classes))
    if strange:
        told = ", ".join(system.classes)
        raise UsageError(f"class {strange[0]}: the system knows {told}; images of no class are given with --unknown")
    if part == ALL and trained & set(known.identity().values()):
        raise UsageError(f"--part {ALL}: the system was trained on some of these images; leave it at {TEST}")
    if trained & set(others.identity().values()):
        raise UsageError("--unknown: the system was trained on these images")
    check_counts(known, *_parts(part))
    if enrolled.preparation.jpeg is None:
        check_formats(known.formats() | others.formats())


def _scored(enrolled: Enrolled, gathering: Gathering, part: str, tell: OnProgress) -> tuple[Floats, Ints]:
    """Scores and labels, of which the images are forgotten at once."""
    preparation: Preparation = enrolled.preparation
    with TemporaryDirectory() as scratch:
        examples = gathering.examples(preparation, Path(scratch), tell, *_parts(part))
        return enrolled.system.scores_of(examples.pixels), examples.labels


def closed_set(scores: Floats, truth: Ints, random: np.random.Generator) -> ClosedSet:
    """From the scores, N x classes, of images of known classes."""
    classes, answers, margin = scores.shape[1], scores.argmax(axis=1), margins(scores)
    several, two = len(np.unique(truth)) > 1, classes == 2

    def numbers(rows: Ints) -> list[float]:
        counts = confusion(truth[rows], answers[rows], classes)
        found = [accuracy(counts), balanced_accuracy(counts), macro_f1(counts)]
        if several:
            found.append(one_vs_rest_auc(margin[rows], truth[rows]))
        if several and two:
            second = truth[rows] == 1
            found.append(equal_error_rate(margin[rows, 1][second], margin[rows, 1][~second]))
        return found

    whole = confusion(truth, answers, classes)
    found = [*_honest(bootstrapped(numbers, truth, random), truth), None, None]
    return ClosedSet(tuple(map(tuple, whole.tolist())), *found[:5])  # type: ignore[arg-type]


def open_set(scores: Floats, truth: Ints, low: Floats, threshold: float, random: np.random.Generator) -> OpenSet:
    """From the scores of images of known classes and those, `low`, of images of none."""
    largest = np.concatenate([scores.max(axis=1), low.max(axis=1)])
    groups = np.concatenate([truth, np.full(len(low), -1)])
    right = np.concatenate([scores.argmax(axis=1) == truth, np.zeros(len(low), bool)])

    def numbers(rows: Ints) -> list[float]:
        inside = groups[rows] >= 0
        known, unknown = largest[rows][inside], largest[rows][~inside]
        return [
            auc(known, unknown),
            fpr_at_tpr(known, unknown),
            oscr(known, right[rows][inside], unknown),
            float((known >= threshold).mean()),
            float((unknown < threshold).mean()),
        ]

    return OpenSet(len(low), *_honest(bootstrapped(numbers, groups, random), groups))


def _honest(found: Sequence[Interval], groups: Ints) -> list[Interval]:
    """Where no draw differs, as with all images right, what as many images of the smallest group allow at 95 %."""
    least = int(np.unique(groups, return_counts=True)[1].min())
    bounds = {0.0: clopper_pearson(0, least), 1.0: clopper_pearson(least, least)}
    return [Interval(each.value, *bounds[each.value]) if each.low == each.high in bounds else each for each in found]
