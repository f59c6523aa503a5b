"""The records that strangers get, and that alone leave the worker; what is in them is decided in `telling`."""

from __future__ import annotations

from dataclasses import dataclass

from artfp.results import Record


@dataclass(frozen=True)
class Answer(Record):
    """On one set of images, or on one image."""

    verdict: str  # "match", "no match" or "inconclusive"
    p_above: float | None  # p is more than this; None: it is not told how small it is
    p_at_most: float
    key: str | None  # what the public calls the key, where one is proved
    key_id: str | None  # a hash, by which its owner tells which one
    statement: str
    images: int


@dataclass(frozen=True)
class ImageAnswer(Record):
    """On one image of a request."""

    name: str
    sha256: str
    answer: Answer


@dataclass(frozen=True)
class Answers(Record):
    """On a request."""

    together: Answer | None
    each: tuple[ImageAnswer, ...]
    keys_tried: int  # pairs of key and codec; p is corrected for them
    fast: bool
    cost: int  # images of the client's share: a large one counts as several
