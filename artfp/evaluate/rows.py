"""Rows of a unit: attack, read, count.

    images --perturbation, a seed for every place--> 8 bits --codec--> soft bits --> Row for every subject
    generator --weight perturbation--> another --the same noise--> images --codec--> soft bits --> Row
    Scene --adversary--> Attempt --codec--> soft bits --> Row

What has no key goes the same way beside it. What cannot be done makes a row that says why; any other error ends
the sweep.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from artfp.attacks.adversary import Adversary
from artfp.errors import CannotError, DivergedError
from artfp.evaluate.album import Pixels
from artfp.evaluate.numbers import control, readout
from artfp.evaluate.plan import Unit
from artfp.evaluate.scene import scene_of
from artfp.evaluate.workbench import CLEAN, TWIN, Workbench
from artfp.generators.base import Generator
from artfp.keys.fingerprint import Bits
from artfp.perturb.base import Graded
from artfp.perturb.image import PERTURBATIONS
from artfp.perturb.weights import WEIGHTS as WEIGHT_PERTURBATIONS
from artfp.perturb.weights import Soup, WeightPerturbation
from artfp.robustness import GENERATED, REMOVAL, SCHEMA, UNTOUCHED, WEIGHTS, Row, Thresholds, address_of
from artfp.seeds import numpy_generator
from artfp.statistics.exact import Floats

Images = Sequence[Pixels]


@dataclass(frozen=True, eq=False)
class Made:
    """A row, and the images that it is of."""

    row: Row
    images: Images = ()


def rows_of(bench: Workbench, thresholds: Thresholds, unit: Unit) -> list[Made]:
    """All rows of a unit."""
    measured = Measured(bench, thresholds)
    try:
        if unit.adversary is not None:
            return [_of_adversary(measured, unit, unit.adversary)]
        return [_of_weights(measured, unit)] if unit.kind == WEIGHTS else list(_of_images(measured, unit))
    except CannotError as error:
        return [Made(replace(_blank(unit, subject), failure=str(error))) for subject in unit.subjects]


@dataclass(frozen=True, eq=False)
class Measured:
    """What counts, in rows of every kind."""

    bench: Workbench
    thresholds: Thresholds

    def __call__(self, row: Row, soft: Floats, beside: Mapping[str, Floats], bits: Bits | None = None) -> Row:
        """The row with what is read in its images, and in those beside it that never had the key."""
        bits = self.bench.request.bits if bits is None else bits
        controls = {name: control(each, bits, self.thresholds) for name, each in beside.items()}
        read = readout(soft, bits, self.thresholds, self.bench.request.seed)
        return replace(row, readout=read, clean=controls.get(CLEAN), twin=controls.get(TWIN))


def _blank(unit: Unit, subject: str) -> Row:
    """The row with what is known before anything is done."""
    row = Row(
        schema=SCHEMA,
        address=address_of(unit.kind, unit.attack, unit.strength, subject),
        kind=unit.kind,
        attack=unit.attack,
        strength=float(unit.strength),
        unit=_strength_unit(unit),
        subject=subject,
        readout=None,
        damage=None,
        clean=None,
        twin=None,
    )
    if unit.adversary is None:
        return row
    return replace(row, aim=unit.adversary.aim, knows=unit.adversary.knows, costs=unit.adversary.costs)


def _strength_unit(unit: Unit) -> str:
    if unit.adversary is not None:
        return unit.adversary.unit
    kinds: Mapping[str, Graded | type[Graded]] = {**PERTURBATIONS, **WEIGHT_PERTURBATIONS, Soup.name: Soup}
    return "" if unit.attack == UNTOUCHED else kinds[unit.attack].unit


def _of_images(measured: Measured, unit: Unit) -> Iterator[Made]:
    bench = measured.bench
    before = {name: bench.album(name) for name in unit.subjects} | bench.controls()
    after = {name: _after(bench, unit, images) for name, images in before.items()}
    soft = dict(zip(after, bench.read(*after.values()), strict=True))
    controls = {name: each for name, each in soft.items() if name not in unit.subjects}
    for subject in unit.subjects:
        # untouched images have nothing that they could differ from
        compared = None if unit.attack == UNTOUCHED else before[subject]
        damage = bench.damage(compared, after[subject], generated=subject == GENERATED)
        row = measured(_blank(unit, subject), soft[subject], controls)
        yield Made(replace(row, damage=damage), after[subject])


def _after(bench: Workbench, unit: Unit, images: Images) -> Images:
    if unit.attack == UNTOUCHED:
        return images
    return bench.perturbed(PERTURBATIONS[unit.attack], images, unit.strength)


def _of_weights(measured: Measured, unit: Unit) -> Made:
    bench = measured.bench
    after = {GENERATED: _of_changed(bench, unit, bench.generator, bench.count)}
    notes = {}
    if bench.twin is not None and unit.attack != Soup.name:  # a mean with itself would be no attack
        try:
            after[TWIN] = _of_changed(bench, unit, bench.twin, bench.request.suite.controls)
        except CannotError as error:
            notes["twin"] = str(error)
    soft, *controls = bench.read(*after.values())
    row = measured(_blank(unit, GENERATED), soft, dict(zip(list(after)[1:], controls, strict=True)))
    damage = bench.damage(bench.album(GENERATED), after[GENERATED], generated=True)
    return Made(replace(row, damage=damage, notes=notes), after[GENERATED])


def _of_changed(bench: Workbench, unit: Unit, network: Generator | None, count: int) -> Images:
    """Images of a network after the change; the model and its twin get the same draws."""
    if network is None:
        raise CannotError("there is no generator whose weights could change")
    random = numpy_generator(bench.request.seed, "robustness", unit.attack)
    return list(bench.sampled(_change(bench, unit)(network, unit.strength, random), count))


def _change(bench: Workbench, unit: Unit) -> WeightPerturbation:
    if unit.attack != Soup.name:
        return WEIGHT_PERTURBATIONS[unit.attack]
    if bench.twin is None:
        raise CannotError("there is no clean twin to average with; --twin names one")
    return Soup(bench.twin)


def _of_adversary(measured: Measured, unit: Unit, adversary: Adversary) -> Made:
    bench, (subject,) = measured.bench, unit.subjects
    scene = scene_of(bench, subject, unit.attack)
    if missing := adversary.missing(scene):
        raise CannotError(missing)
    try:
        attempt = adversary(scene, unit.strength)
    except DivergedError as error:  # another time it would again; its own words name the folder
        raise CannotError(f"what {unit.attack} trains diverges") from error
    sets = {"": attempt.images, CLEAN: attempt.clean, TWIN: attempt.twin, "before": attempt.before}
    images = {name: list(each) for name, each in sets.items() if each is not None}
    before = images.pop("before", None)
    soft, *controls = bench.read(*images.values())
    row = measured(_blank(unit, subject), soft, dict(zip(list(images)[1:], controls, strict=True)), attempt.bits)
    # of what a forger makes, the distance to clean images would not be that of a generator
    damage = bench.damage(before, images[""], generated=subject == GENERATED and adversary.aim == REMOVAL)
    return Made(replace(row, damage=damage, notes=dict(attempt.notes)), images[""])
