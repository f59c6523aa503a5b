"""Two sweeps side by side: rows of one address, and the difference of what is read in them.

sweep A --+-- rows by address --paired where both hold the same images--> B - A with an interval
sweep B --+
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from artfp.errors import UsageError
from artfp.report.sweep_folder import SweepFolder, read_sweep
from artfp.results import Record
from artfp.robustness import FORGERY, REMOVAL, Readout, Row, Sweep
from artfp.seeds import numpy_generator
from artfp.statistics.jackknife import Interval
from artfp.statistics.paired import independent_difference, paired_difference

HIGHER, LOWER, SAME = "higher", "lower", "no difference shown"


@dataclass(frozen=True)
class Side(Record):
    """What one of the two sweeps is of."""

    name: str
    codec: str
    codec_sha256: str
    n_bits: int
    images: int
    seed: int
    key: str
    generator_sha256: str | None


@dataclass(frozen=True)
class Reading(Record):
    """What was read in one of two rows."""

    accuracy: Interval  # the share of bits read right
    log10_p: float  # of the images as one set


@dataclass(frozen=True)
class Pair(Record):
    """One address in both sweeps."""

    address: str
    aim: str
    a: Reading | None  # None: the row could not be carried out
    b: Reading | None
    difference: Interval | None  # b - a
    paired: bool  # whether the interval is of differences image by image

    @property
    def outcome(self) -> str:
        """Whether B reads more: said only where the interval leaves no doubt."""
        if self.difference is None or self.difference.low <= 0 <= self.difference.high:
            return SAME
        return HIGHER if self.difference.value > 0 else LOWER


@dataclass(frozen=True)
class Comparison(Record):
    """Two sweeps, and every row that they share."""

    a: Side
    b: Side
    pairs: tuple[Pair, ...]  # in the order of A
    only_a: tuple[str, ...]  # addresses measured in A alone
    only_b: tuple[str, ...]

    def counts(self) -> dict[str, int]:
        """Of the rows measured in both: in how many B reads more, or fewer, or no difference shows; no forgeries."""
        measured = [pair.outcome for pair in self.pairs if pair.difference is not None and pair.aim == REMOVAL]
        return {outcome: measured.count(outcome) for outcome in (HIGHER, LOWER, SAME)}

    @property
    def forgeries(self) -> int:
        """The rows that are not counted: where others' images are read, more is worse."""
        return sum(pair.difference is not None and pair.aim == FORGERY for pair in self.pairs)


def compare(a: Path, b: Path) -> Comparison:
    """The sweeps in two folders; those that share no row cannot be compared."""
    first, second = read_sweep(a), read_sweep(b)
    others = {row.address: row for row in second.rows}
    shared = [row for row in first.rows if row.address in others]
    if not shared:
        raise UsageError(f"{a} and {b} have no row in common: compare sweeps of the same suite and the same subjects")
    in_common = {row.address for row in shared}
    return Comparison(
        a=_side(first.sweep),
        b=_side(second.sweep),
        pairs=tuple(_pair(row, others[row.address].readout, first.sweep, second.sweep) for row in shared),
        only_a=_alone(first, in_common),
        only_b=_alone(second, in_common),
    )


def _side(sweep: Sweep) -> Side:
    return Side(**{field.name: getattr(sweep, field.name) for field in fields(Side)})


def _alone(folder: SweepFolder, in_common: set[str]) -> tuple[str, ...]:
    return tuple(row.address for row in folder.rows if row.address not in in_common)


def _pair(row: Row, b: Readout | None, first: Sweep, second: Sweep) -> Pair:
    address, a = row.address, row.readout
    if a is None or b is None:
        return Pair(address, row.aim, _reading(a), _reading(b), None, paired=False)
    paired = first.seed == second.seed and 0 < len(a.matches) == len(b.matches)
    if paired:
        difference = paired_difference(
            _shares(b, second.n_bits), _shares(a, first.n_bits), numpy_generator("compare", address)
        )
    else:
        difference = independent_difference(b.accuracy, a.accuracy)
    return Pair(address, row.aim, _reading(a), _reading(b), difference, paired)


def _reading(readout: Readout | None) -> Reading | None:
    return None if readout is None else Reading(readout.accuracy, readout.log10_p)


def _shares(readout: Readout, n_bits: int) -> list[float]:
    """Of each image the share of bits read right: the two sweeps may have fingerprints of different length."""
    return [match / n_bits for match in readout.matches]
