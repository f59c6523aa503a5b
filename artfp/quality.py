"""The record of `artfp quality`: how far images are from real ones, pair by pair and as sets.

The same seed gives the same record: nothing in it tells the time, the machine or a path.
"""

from __future__ import annotations

from dataclasses import dataclass

from artfp.results import Record
from artfp.statistics.jackknife import Interval

SCHEMA = 1


@dataclass(frozen=True)
class Images(Record):
    """A folder or zip, as it was measured."""

    name: str
    images: int
    sha256: str  # as manifests call a source: of names and sizes, in a zip also of checksums


@dataclass(frozen=True)
class Extractor(Record):
    """The network whose features the measures of sets are of."""

    name: str
    sha256: str  # of its weights


@dataclass(frozen=True)
class Measure(Record):
    """One number, and the same of the twin."""

    name: str  # with the network that it is of, where it is of one: "fd-squeeze"
    images: int  # that were measured; of the twin as many
    reference: int  # of the real ones that they were held against; of pairs as many
    value: Interval
    twin: Interval | None = None
    difference: Interval | None = None  # the value less the twin's


@dataclass(frozen=True)
class Quality(Record):
    """All that was measured."""

    schema: int
    artfp_version: str
    seed: int  # of the order of images, hence of the groups of intervals, and of bootstraps
    real: Images
    other: Images
    twin: Images | None
    paired_by: str | None  # "manifest", "names" or "order"; None: no pairs
    side: int | None  # the sets were seen as centre squares of this side; None: as they are
    extractor: Extractor | None
    measures: tuple[Measure, ...]
    left_out: tuple[str, ...]  # what was not measured, and why
