"""The records of a robustness sweep: what it was of, and a row for every attack at every strength on every subject.

OUT/sweep.json          what was swept, and the thresholds of all rows        `Sweep`
OUT/rows/ADDRESS.json   one row; the slashes of its address become dots       `Row`
OUT/rows.csv            all of them as a table
OUT/thumbs/ADDRESS.png  the first image of each row

The same seed gives the same files to the byte: nothing in them tells the time, the machine or a path.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from artfp.results import Record
from artfp.statistics.calibration import Share
from artfp.statistics.jackknife import Interval

SCHEMA = 1  # of both records; a reader refuses a later one
IMAGE, WEIGHTS, ADVERSARY = "image", "weights", "adversary"  # kinds of rows
DATA, GENERATED = "data", "generated"  # subjects: images that were marked, or made by a generator that learnt from such
REMOVAL, FORGERY = "removal", "forgery"  # what an adversary wants: images without the key, or others' images with it
SWEEP, SETTINGS, ROWS, TABLE, THUMBS = (
    "sweep.json",
    "settings.json",
    "rows",
    "rows.csv",
    "thumbs",
)  # in a sweep's folder
CORRECTED = "corrected_matches"  # the note of who forges by trying many keys: how many match, corrected for all of them
UNTOUCHED = "untouched"  # the attack of the row that all others are compared with


@dataclass(frozen=True)
class Readout(Record):
    """What the decoder reads in a row's images of the key."""

    images: int
    matching_bits: int
    total_bits: int
    accuracy: Interval  # the share of matching bits; the bootstrap draws images, not bits
    single: Share  # of the images, each with p <= 1e-6 by its own bits
    single_empirical: Share | None  # of the images, each over the sweep's empirical threshold
    log10_p: float  # of all the images as one set, for this key alone
    images_needed: int | None  # the fewest of which 95 % of drawn sets have p <= 1e-6; None: not even all
    matches: tuple[int, ...] = ()  # matching bits of every image, in order, so that two sweeps compare image by image


@dataclass(frozen=True)
class Control(Record):
    """How often images that never had the key pass for it after the same attack."""

    single: Share  # at p <= 1e-6
    single_empirical: Share | None


@dataclass(frozen=True)
class Damage(Record):
    """What the attack does to the images beside what it does to the key; None where there is nothing to compare."""

    # mean over images, dB, to the image before; of weights to the unharmed generator's; None: no change
    psnr: float | None
    lpips: float | None  # SqueezeNet, mean over images
    frechet: float | None  # SqueezeNet, of a generator's images to clean ones


@dataclass(frozen=True)
class Row(Record):
    """One attack, at one strength, on one subject."""

    schema: int
    address: str  # kind/attack/strength/subject
    kind: str
    attack: str
    strength: float
    unit: str
    subject: str
    readout: Readout | None  # None: it could not be carried out, and `failure` says why
    damage: Damage | None
    clean: Control | None  # clean images through the same attack, where that can be done to them
    twin: Control | None  # the clean twin's
    failure: str | None = None
    aim: str = REMOVAL
    knows: str | None = None  # what an adversary has to know
    costs: str | None = None  # and to spend
    notes: dict[str, Any] = field(default_factory=dict)  # numbers of this attack alone, by name

    @property
    def frechet(self) -> float | None:
        """The Fréchet distance, where it was measured."""
        return None if self.damage is None else self.damage.frechet


@dataclass(frozen=True)
class Thresholds(Record):
    """From how many matching bits on an image matches by itself: the same in every row."""

    theoretical: int  # p <= 1e-6 by the binomial
    empirical: int | None  # at most 0.1 % of the clean images reach it; None: too few were read
    clean_matches: tuple[int, ...]  # of the clean images so many match in 0, 1 ... n bits
    twin_matches: tuple[int, ...] | None  # likewise of the twin's images


@dataclass(frozen=True)
class Sweep(Record):
    """What all rows are about."""

    schema: int
    artfp_version: str
    name: str
    suite: str
    seed: int
    key: str
    key_id: str
    codec: str
    codec_sha256: str
    n_bits: int
    images: int  # of each subject
    side: int | None  # of the images; None: of different sizes
    subjects: tuple[str, ...]
    generator_sha256: str | None
    twin_sha256: str | None
    family: str | None
    addresses: tuple[str, ...]  # of all rows that are asked for, in the order of the report
    thresholds: Thresholds


def address_of(kind: str, attack: str, strength: float, subject: str) -> str:
    """The name of a row, by which a report, a court or a test can point at it."""
    return f"{kind}/{attack}/{strength:g}/{subject}"


def file_name(address: str) -> str:
    """What the files of a row are called, without their suffix: no address leads out of its folder."""
    return address.replace("/", ".")


def row_path(folder: Path, address: str) -> Path:
    """Where a row lies in the folder of its sweep."""
    return folder / ROWS / f"{file_name(address)}.json"


def thumb_path(folder: Path, address: str) -> Path:
    """Where the first of its images does."""
    return folder / THUMBS / f"{file_name(address)}.png"
