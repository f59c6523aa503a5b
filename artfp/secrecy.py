"""The records of a secrecy study: whether someone without the codec can tell marked images from clean ones.

OUT/secrecy.json        what was studied                                        `Study`
OUT/rows/ADDRESS.json   one attacker, given so many images                      `Row`

The same seed gives the same files to the byte: nothing in them tells the time, the machine or a path.
"""

from __future__ import annotations

from dataclasses import dataclass

from artfp.results import Record
from artfp.statistics.detection import Detection

SCHEMA = 1  # of both records; a reader refuses a later one
LABELLED, SUSPECTS = "labelled images of each kind", "suspects without labels, half of them marked"
OTHER_CODEC = "other-codec"  # the one who learns from examples and has a codec
CONTROL = "control"  # what the names of rows on clean images and the closed-form codec end in
REACHED = 0.9  # area from which an attacker's control shows that it works


@dataclass(frozen=True)
class Row(Record):
    """One attacker who was given so many images."""

    schema: int
    address: str  # attacker/given
    attacker: str
    given: int
    unit: str
    knows: str
    codec: str | None  # his own
    codec_sha256: str | None
    detection: Detection
    finding: str  # statistics.detection: leaks, kept or undecided


@dataclass(frozen=True)
class Study(Record):
    """What all rows are about."""

    schema: int
    artfp_version: str
    seed: int
    side: tuple[int, ...]  # height and width of all images
    marked: int
    clean: int
    pairs: int  # marked images whose own originals are among the clean ones
    test: int  # images of each kind that supervised attackers are judged by
    publishers_codec: str | None  # sha256, where the marked images tell; an attacker with it is the publisher's equal
    addresses: tuple[str, ...]


def address_of(attacker: str, given: int) -> str:
    """What a row is called."""
    return f"{attacker}/{given}"


def file_name(address: str) -> str:
    """Of its file, without suffix."""
    return address.replace("/", ".")
