"""The verdict as a record, what it can hold, and the words it is allowed to say. No torch: the report reads it too.

The images are given and the key is the random variable. What a small q excludes is that a key drawn without
knowledge of the images agrees with them this well; it excludes nothing else, and the words claim nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from artfp.errors import BadInputError
from artfp.recipe import MOST_BITS
from artfp.records import are_shares, read_record
from artfp.results import Record

OUTCOMES = ("match", "no match", "inconclusive")
COUNTS = ("n_images", "trials", "calibration_images")
PROBABILITIES = ("p_mean", "p_single", "q", "floor", "runner_up_q")
SHARES = ("bit_accuracy", "share", "share_low", "share_high", "calibration_share")
TOLD_AT = 1e-300  # below, a probability is told as at most this
ALONE_AT = 1e-3  # an image "matches on its own" at this p (DESIGN section 4)
SPELT_OUT = 5  # recipients in a sentence

CONDITIONS = {
    "imported-secret": "The secret of this key was made elsewhere: the probability holds if it was drawn at random, "
    "without knowledge of these images.",
    "imported-bits": "The bits of this key were chosen by their owner: the probability holds if they were drawn at "
    "random, without knowledge of these images.",
}
ADVICE = (
    "New images of the same source, tested with --key for this key alone, can decide; the same images again cannot."
)


@dataclass(frozen=True)
class ImageVerdict(Record):
    """One image on its own: its best key and the bits that match it."""

    name: str
    key: str
    matching_bits: int
    n_bits: int
    p: float  # for that key alone
    q: float  # corrected for all keys tried
    sha256: str | None = None  # of its file; verdicts of earlier versions do not tell
    codec_sha256: str | None = None  # by which it was read best; the same


@dataclass(frozen=True)
class BadFile(Record):
    """A file that could not be judged, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class NotTried(Record):
    """A codec with recorded keys whose file was not found."""

    codec_sha256: str
    keys: int


@dataclass(frozen=True)
class Verdict(Record):
    """What a set of images says about the keys tried; every number behind the statement."""

    outcome: str  # "match", "no match" or "inconclusive"
    statement: str
    key: str
    key_id: str
    key_origin: str
    key_origin_words: str
    codec: str
    codec_sha256: str
    n_bits: int
    n_images: int
    p_mean: float | None  # the folder test; None for a single image
    p_single: float  # the best single image, before its factor of n_images
    q: float  # of both tests, corrected for the trials
    log10_q: float
    trials: int  # pairs of key and codec
    floor: float  # the least q that this test could reach
    runner_up_key: str | None
    runner_up_q: float | None
    margin: float | None  # agreement of the best key less that of the runner-up, as a share of the bits
    matching_bits: int  # of the majority vote over the set
    bit_accuracy: float  # mean over images
    share: float  # of images that match the key on their own, with its 95 % interval
    share_low: float
    share_high: float
    calibration_share: float  # the same share of the codec's clean calibration images
    calibration_images: int
    bad_files: tuple[BadFile, ...] = ()
    not_tried: tuple[NotTried, ...] = ()
    images: tuple[ImageVerdict, ...] = ()
    fast: bool = False  # each image was read once, in fast arithmetic, without a search for cuts and turns


def read_verdict(path: Path) -> Verdict:
    """The verdict in a file; one that no judgement can have ended with is an error."""
    verdict = read_record(path, Verdict, "a verdict")
    if wrong := list(_wrong_in(verdict)):
        raise BadInputError(f"{path}: not a verdict ({', '.join(wrong)} cannot be)")
    return verdict


def _wrong_in(verdict: Verdict) -> Iterator[str]:
    if verdict.outcome not in OUTCOMES:
        yield "outcome"
    if not 1 <= verdict.n_bits <= MOST_BITS:
        yield "n_bits"
    if not 0 <= verdict.matching_bits <= verdict.n_bits:
        yield "matching_bits"
    yield from (name for name in COUNTS if getattr(verdict, name) < 1)
    if verdict.log10_q > 0:
        yield "log10_q"
    if abs(verdict.margin or 0) > 1:
        yield "margin"
    yield from (name for name in (*PROBABILITIES, *SHARES) if not are_shares(getattr(verdict, name)))
    if not all(_can_be(image) for image in verdict.images):
        yield "images"


def _can_be(image: ImageVerdict) -> bool:
    return 0 <= image.matching_bits <= image.n_bits <= MOST_BITS and are_shares(image.p, image.q)


def at_most(p: float) -> str:
    """`p` rounded up to two digits, so that "at most" stays true."""
    if p <= TOLD_AT:
        return f"{TOLD_AT:g}"
    if p >= 1:
        return "1"
    unit = 10.0 ** (math.floor(math.log10(p)) - 1)
    bound = min(1.0, math.ceil(p / unit - 1e-9) * unit)
    return f"{bound:.2g}" if bound >= ALONE_AT else f"{bound:.1e}"


def share_or_bound(share: float, total: int) -> str:
    """A share of `total`, or how much of them none leaves possible (the rule of three: at most 3 / M at 95 %)."""
    if not total:
        return "—"
    if share == 0:
        return f"none of {total:,}, so at most {at_most(3 / total)}"
    return f"{100 * share:.1f} %" if share >= 0.01 else f"{round(share * total):,} of {total:,}"


def statement_of_match(n_images: int, key: str, origin: str, q: float, trials: int, alone: int) -> str:
    """What a match proves, where `alone` of the images match by themselves."""
    sentences = [who_carries(n_images, key, alone), f"{_probability(q)} ({trials_words(trials)})."]
    if n_images > 1 and alone < n_images:
        sentences.append(f"{alone:,} of {n_images:,} images match on their own (p <= {ALONE_AT}).")
    if origin in CONDITIONS:
        sentences.append(CONDITIONS[origin])
    return " ".join(sentences)


def statement_of_no_match(n_images: int, trials: int) -> str:
    """What the absence of evidence proves: nothing."""
    tried = "the key tried" if trials == 1 else f"any of the {trials:,} keys tried"
    return f"No evidence of {tried} in {_these(n_images)}; this does not prove absence."


def statement_of_doubt(n_images: int, key: str, reason: str) -> str:
    """Why the evidence decides neither way, and what might."""
    return f"Inconclusive: {reason}. The closest key to {_these(n_images)} is {key}. {ADVICE}"


def statement_of_trace(n_images: int, names: Sequence[str], origins: Sequence[str], trials: int, error: float) -> str:
    """What naming recipients proves: whose keys the images carry, and not who passed them on."""
    verb, them = ("carries", "it") if n_images == 1 else ("carry", "them")
    sentences = [
        f"{_these(n_images).capitalize()} {verb} {_keys_of(names)}: made by a copy that was issued with such a key, or "
        f"put together of issued copies, or marked with it. Who passed {them} on, this does not say.",
        f"The probability that anyone is named whose key has nothing to do with {them} is at most {error:g} "
        f"({trials_words(trials)}).",
        *(CONDITIONS[origin] for origin in dict.fromkeys(origins) if origin in CONDITIONS),
    ]
    return " ".join(sentences)


def statement_of_no_power(trials: int, floor: float, error: float) -> str:
    """Why nobody could have been named."""
    return (
        f"Inconclusive: even perfect agreement would have probability {at_most(floor)} ({trials_words(trials)}), and "
        f"an error of at most {error:g} was asked for."
    )


def _keys_of(names: Sequence[str]) -> str:
    """The first few by name."""
    if len(names) == 1:
        return f"the key of {names[0]}"
    if len(names) > SPELT_OUT:
        return f"keys of {', '.join(names[:SPELT_OUT])} and {len(names) - SPELT_OUT:,} more"
    return f"keys of {', '.join(names[:-1])} and {names[-1]}"


def who_carries(n_images: int, key: str, alone: int) -> str:
    """A set's agreement is evidence about the set: one that is marked in part agrees too."""
    if n_images == 1:
        return f"This image carries the key {key}: it is marked data or comes from a model trained on it."
    if alone == n_images:
        return (
            f"These {n_images:,} images carry the key {key}: they are marked data or come from a model trained on it."
        )
    return (
        f"As a set, these {n_images:,} images carry the key {key}: at least some of them are marked data or come from "
        "a model trained on it."
    )


def _probability(q: float) -> str:
    return f"A key drawn at random would agree this well with probability at most {at_most(q)}"


def trials_words(trials: int) -> str:
    """For how many keys a probability is corrected."""
    return f"corrected for {trials:,} trial{'s' if trials != 1 else ''}"


def _these(n_images: int) -> str:
    return "this image" if n_images == 1 else f"these {n_images:,} images"
