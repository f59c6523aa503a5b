"""Training a passive system in a folder of its own, to be gone on with by running the same again.

    settings.json           what it is trained on and how: a folder belongs to one training
    *.safetensors, *.jsonl  checkpoints and losses of the trainings that take minutes (`learning.py`)
    system.safetensors      the system and its card           card.json      the card for people, with numbers
    done.json               artefacts.json   the hashes of all these

Test images are counted, and not even decoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from artfp import __version__
from artfp import recipe as recipes
from artfp.artefacts import LIST, Provenance, files_below, write_list
from artfp.errors import UsageError
from artfp.files import read_json, working_in, write_json
from artfp.generators.dataset import OnProgress
from artfp.ownership import check_owner
from artfp.passive.base import Attributor, Course, Facts
from artfp.passive.classes import (
    TEST,
    TRAIN,
    VALIDATION,
    ClassSource,
    Examples,
    Gathering,
    Preparation,
    check_counts,
    check_formats,
    gathered,
)
from artfp.passive.immunity import Immunisation, immunise, network_of
from artfp.passive.open_set import threshold_of
from artfp.passive.registry import SYSTEMS
from artfp.passive.store import Enrolled, new_system, save_system
from artfp.results import Record
from artfp.seeds import numpy_generator
from artfp.statistics.bootstrap import bootstrapped
from artfp.statistics.jackknife import Interval

SETTINGS, FILE, CARD, DONE = "settings.json", "system.safetensors", "card.json", "done.json"
KIND = "passive system"  # of its list


@dataclass(frozen=True)
class Enrolment:
    """What is to be trained on what."""

    system: str
    settings: Any  # a preset, or others of its kind
    sources: Sequence[ClassSource]
    size: int | None = None  # to which all images are resized; none: they have one size
    jpeg: int | None = None  # the quality at which every image is stored first; none: as they are
    seed: int = 0
    immunise: str | None = None  # to which attacks, once it is trained (`immunity.py`); none: to none


@dataclass(frozen=True)
class EnrolmentPlan(Record):
    """What a training would do."""

    out: str
    stamp: str
    classes: dict[str, int]  # images of each
    train: int
    validation: int
    test: int
    finished_before: bool


@dataclass(frozen=True)
class EnrolmentResult(Record):
    """A trained system."""

    out: str
    stamp: str
    sha256: str
    validation_accuracy: Interval
    threshold: float
    finished_before: bool = False


def settings_of(system: str, preset: str) -> Any:
    """The settings of a preset."""
    if system not in SYSTEMS:
        raise UsageError(f"no passive system {system!r}: there are {', '.join(SYSTEMS)}")
    return SYSTEMS[system].presets[preset]


def plan(enrolment: Enrolment, out: Path) -> EnrolmentPlan:
    """Check all that can be checked without training, and say what a run would do; changes nothing."""
    with gathered(enrolment.sources) as gathering:
        preparation = _checked(enrolment, gathering, out)
        system = _begun(enrolment, gathering, preparation)
        train, validation, test = (sum(gathering.count(part).values()) for part in (TRAIN, VALIDATION, TEST))
        done = (out / DONE).is_file()
        return EnrolmentPlan(str(out), system.stamp, gathering.count(), train, validation, test, done)


def enrol(enrolment: Enrolment, out: Path, tell: OnProgress, device: str = "cpu") -> EnrolmentResult:
    """Train the system, or go on with it; a finished one is left as it is."""
    with gathered(enrolment.sources) as gathering:
        preparation = _checked(enrolment, gathering, out)
        finished = (out / DONE).is_file()
        if not finished:
            system, course = _begun(enrolment, gathering, preparation), Course(enrolment.seed, device, out, tell)
            with working_in(out):
                lessons = gathering.lessons(preparation, out, tell)
                write_json(out / SETTINGS, _identity(enrolment, gathering, preparation))
                facts = system.fit(lessons, course)
                if enrolment.immunise is not None:
                    immunise(system, Immunisation(enrolment.immunise), lessons, course)
                accuracy, threshold = _on_validation(system, lessons.validation, enrolment.seed)
                enrolled = Enrolled(system, preparation, threshold, gathering.identity())
                write_json(out / CARD, _card(enrolment, gathering, system, facts))
                result = EnrolmentResult(str(out), system.stamp, save_system(out / FILE, enrolled), accuracy, threshold)
                write_json(out / DONE, result.to_dict())
        list_files(out, gathering)
    return EnrolmentResult.from_dict({**read_json(out / DONE), "out": str(out), "finished_before": finished})


def list_files(out: Path, gathering: Gathering) -> None:
    """List the files of a finished training, unless they are listed already."""
    if not (out / LIST).is_file():
        write_list(out, Provenance(KIND, gathering.origins()), files_below(out))


def _checked(enrolment: Enrolment, gathering: Gathering, out: Path) -> Preparation:
    """How images are prepared, where nothing is wrong with them or with the folder."""
    if len(gathering.classes) < 2:
        raise UsageError("one class is nothing to tell apart: give two or more")
    preparation = gathering.preparation(enrolment.size, enrolment.jpeg)
    check_owner(out, SETTINGS, _identity(enrolment, gathering, preparation), "a passive system")
    check_counts(gathering, TRAIN, VALIDATION)
    if enrolment.jpeg is None:
        check_formats(gathering.formats())
    return preparation


def _begun(enrolment: Enrolment, gathering: Gathering, preparation: Preparation) -> Attributor[Any]:
    """The system at its start, stamped as what it will be."""
    system = new_system(enrolment.system, enrolment.settings, gathering.classes, preparation.size)
    if enrolment.immunise is not None:
        network_of(system)
        system.immune = enrolment.immunise
    return system


def _identity(enrolment: Enrolment, gathering: Gathering, preparation: Preparation) -> dict[str, Any]:
    return {
        "system": enrolment.system,
        "settings": recipes.to_dict(enrolment.settings),
        "seed": enrolment.seed,
        "immunise": enrolment.immunise,
        "preparation": preparation.to_dict(),
        "classes": gathering.identity(),
    }


def _on_validation(system: Attributor[Any], validation: Examples, seed: int) -> tuple[Interval, float]:
    """The share of validation images that are named rightly, and the threshold that they choose."""
    scores = system.scores_of(validation.pixels)
    right = (scores.argmax(axis=1) == validation.labels).astype(float)
    random = numpy_generator(seed, "passive-validation")
    (accuracy,) = bootstrapped(lambda rows: [right[rows].mean()], validation.labels, random)
    return accuracy, threshold_of(scores)


def _card(enrolment: Enrolment, gathering: Gathering, system: Attributor[Any], facts: Facts) -> dict[str, Any]:
    return {
        "stamp": system.stamp,
        "system": system.name,
        "preset": system.preset,
        "settings": recipes.to_dict(enrolment.settings),
        "seed": enrolment.seed,
        "classes": {part: gathering.count(part) for part in (TRAIN, VALIDATION, TEST)},
        "facts": facts,
        "threads": torch.get_num_threads(),
        "artfp": __version__,
        "torch": torch.__version__,
    }
