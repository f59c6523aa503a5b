"""The rows of a suite, in the order of the report, in units that are made at once.

suite, subjects --units--> Unit: one attack at one strength, on every subject that it can be done to
                --chains--> units of which none needs another; an adversary's own come one after another
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import groupby

from artfp.attacks.adversary import Adversary
from artfp.errors import UsageError
from artfp.perturb.grids import Grid, Suite
from artfp.robustness import ADVERSARY, GENERATED, IMAGE, UNTOUCHED, WEIGHTS, address_of


@dataclass(frozen=True)
class Unit:
    """What shares its images without the key, and so is measured together."""

    kind: str
    attack: str
    strength: float
    subjects: tuple[str, ...]
    adversary: Adversary | None = None

    @property
    def addresses(self) -> tuple[str, ...]:
        """Of its rows."""
        return tuple(address_of(self.kind, self.attack, self.strength, subject) for subject in self.subjects)


def units(suite: Suite, adversaries: Mapping[str, Adversary], subjects: Sequence[str]) -> list[Unit]:
    """Every unit of a suite."""
    everything = tuple(subjects)
    found = [Unit(IMAGE, UNTOUCHED, 0, everything), *_of_grid(IMAGE, suite.images, everything)]
    if GENERATED in subjects:
        found += _of_grid(WEIGHTS, suite.weights, (GENERATED,))
    if suite.adversaries:
        found += [
            Unit(
                ADVERSARY,
                name,
                strength,
                (adversary.subject,) if adversary.subject in subjects else everything,
                adversary,
            )
            for name, adversary in adversaries.items()
            for strength in adversary.strengths
        ]
    return found


def _of_grid(kind: str, grid: Grid, subjects: tuple[str, ...]) -> Iterator[Unit]:
    for attack, strengths in grid.items():
        for strength in strengths:
            yield Unit(kind, attack, strength, subjects)


def chosen(found: Sequence[Unit], patterns: Sequence[str]) -> list[Unit]:
    """The units with a row whose address matches a pattern, reduced to such rows; without patterns all."""
    if not patterns:
        return list(found)
    kept = reduced(found, lambda address: any(fnmatchcase(address, pattern) for pattern in patterns))
    if not kept:
        raise UsageError(f"--only {' '.join(patterns)}: matches no row; one is called {found[0].addresses[0]}")
    return kept


def reduced(found: Sequence[Unit], wanted: Callable[[str], bool]) -> list[Unit]:
    """The units with those of their rows whose addresses are wanted, and without units that have no other."""
    kept = []
    for unit in found:
        pairs = zip(unit.subjects, unit.addresses, strict=True)
        if subjects := tuple(subject for subject, address in pairs if wanted(address)):
            kept.append(replace(unit, subjects=subjects))
    return kept


def chains(found: Sequence[Unit]) -> list[list[Unit]]:
    """Each to be made in order, and by one process at a time: an adversary keeps what he trains between strengths."""
    grouped = groupby(enumerate(found), key=lambda each: each[1].attack if each[1].adversary else each[0])
    return [[unit for _, unit in group] for _, group in grouped]
