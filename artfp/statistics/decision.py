"""From evidence to a verdict: the best pair of key and codec, its corrected p, and one of three words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from artfp.errors import ArtfpError, UsageError
from artfp.results import Record
from artfp.statistics.calibration import Share, matching_bits, matching_share
from artfp.statistics.evidence import Evidence as Evidence
from artfp.statistics.evidence import PValues, p_values
from artfp.statistics.exact import Floats, Packed, binomial_tails

MATCH_AT = 1e-6
NO_MATCH_ABOVE = 1e-3
IMAGE_AT = 1e-3  # where a single image counts as matching in the shares
ACCEPTED = 0.999  # the counter rule of keys keeps at least this part of all fingerprints

MATCH, NO_MATCH, INCONCLUSIVE = "match", "no match", "inconclusive"

TestKeys = Callable[[Evidence, Packed], PValues]


class Pairs(Protocol):
    """The recorded fingerprints of one codec, as `keys.registry.PairTable` has them."""

    @property
    def packed(self) -> Packed:
        """(K, bytes) packed bits."""

    @property
    def n_bits(self) -> int:
        """Bits of a fingerprint."""

    @property
    def names(self) -> Sequence[str]:
        """The key of each row, perhaps looked up only when asked."""

    @property
    def origins(self) -> Sequence[str]:
        """Where the key of each row came from."""


class Facts(Protocol):
    """What the verdict says of a codec, as `keys.fingerprint.CodecFacts` has it."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def sha256(self) -> str:
        """Its identity."""

    @property
    def calibration(self) -> NDArray[np.uint8]:
        """(M, n) hard bits of single clean images."""


@dataclass(frozen=True)
class Candidate(Record):
    """One pair of key and codec with all that was found of it."""

    key: str
    origin: str
    codec: str
    codec_sha256: str
    n_bits: int
    matches: int  # bits on which the key agrees with the set's vote (for one image: with its bits)
    bit_agreement: float  # matches / n_bits
    bit_accuracy: float  # mean over the images of the agreeing part of their own bits
    p_mean: float | None  # of T on the mean soft bits; None for one image
    log10_p_mean: float | None
    p_single: float  # of the best single image, before its factor N
    log10_p_single: float
    p: float  # of the whole test, for this pair alone
    log10_p: float
    q: float  # p corrected for the counter rule and all pairs tried
    log10_q: float


@dataclass(frozen=True)
class Decision(Record):
    """The verdict on one set of images."""

    outcome: str  # "match", "no match" or "inconclusive"
    reason: str  # why it is inconclusive; empty otherwise
    n_images: int
    trials: int  # pairs of key and codec that were tried
    floor: float  # the least q that the weakest of the tests could reach
    best: Candidate
    runner_up: Candidate | None  # the best pair of another key
    margin: float | None  # bit agreement of the best less that of the runner-up
    share: Share  # images that match the best key individually at 1e-3
    calibration_share: Share  # the same on the codec's clean calibration images


@dataclass(frozen=True, eq=False)
class ImageVerdicts:
    """The nearest key of every image, as arrays of one entry for each image."""

    row: NDArray[np.intp]  # in the table of pairs; the first of equals
    matches: NDArray[np.intp]
    p: Floats  # binomial tail, for that key alone
    q: Floats  # corrected for the counter rule and the keys tried


@dataclass(frozen=True, eq=False)
class _Test:
    """One codec's share of the trials."""

    evidence: Evidence
    pairs: Pairs
    facts: Facts
    p: PValues


def decide(evidences: Sequence[tuple[Evidence, Pairs, Facts]], test_keys: TestKeys = p_values) -> Decision:
    """Try every pair of every codec on the same images and judge the best one."""
    evidences = [each for each in evidences if len(each[1].packed)]
    _check(evidences)
    tests = [_Test(*each, test_keys(each[0], each[1].packed)) for each in evidences]
    trials = sum(len(test.pairs.packed) for test in tests)
    best, runner_up, test, row = _ranking(tests, trials)
    floor = float(corrected(max(test.p.floor for test in tests), trials))
    outcome, reason = judge(best.q, floor)
    key, hard = test.pairs.packed[row], test.evidence.hard
    clean = np.packbits(test.facts.calibration, axis=1)
    return Decision(
        outcome=outcome,
        reason=reason,
        n_images=test.evidence.n_images,
        trials=trials,
        floor=floor,
        best=best,
        runner_up=runner_up,
        margin=None if runner_up is None else best.bit_agreement - runner_up.bit_agreement,
        share=matching_share(hard, key, test.pairs.n_bits, IMAGE_AT),
        calibration_share=matching_share(clean, key, test.pairs.n_bits, IMAGE_AT),
    )


def judge_images(evidence: Evidence, pairs: Pairs, trials: int | None = None) -> ImageVerdicts:
    """Each image on its own: the nearest key and its p; `trials` counts the pairs of all codecs tried."""
    found = evidence.against(pairs.packed)
    p = binomial_tails(pairs.n_bits)[found.matches]
    tried = len(pairs.packed) if trials is None else trials
    return ImageVerdicts(found.row, found.matches, p, corrected(p, tried))


def corrected(p: ArrayLike, trials: int) -> Floats:
    """q: p after the counter rule and so many trials, elementwise."""
    return np.minimum(np.asarray(p, np.float64) / ACCEPTED * trials, 1.0)


def _check(evidences: Sequence[tuple[Evidence, Pairs, Facts]]) -> None:
    if not evidences:
        raise UsageError("no key has been used with any of these codecs: there is nothing to test")
    if {evidence.n_images for evidence, _, _ in evidences} == {0}:
        raise UsageError("no images: there is nothing to test")
    if len({evidence.n_images for evidence, _, _ in evidences}) > 1:
        raise ArtfpError("every codec must have read the same images")
    if any(evidence.n_bits != pairs.n_bits for evidence, pairs, _ in evidences):
        raise ArtfpError("evidence and pairs differ in their number of bits")


def judge(q: float, floor: float) -> tuple[str, str]:
    """The outcome, and why it is inconclusive where it is.

    A match needs no excuse; whatever could not have become a match is not evidence of absence.
    """
    if q <= MATCH_AT:
        return MATCH, ""
    if floor > MATCH_AT:
        return INCONCLUSIVE, f"even perfect agreement could not fall below {floor:.1e} here; a match takes {MATCH_AT:g}"
    if q > NO_MATCH_ABOVE:
        return NO_MATCH, ""
    return INCONCLUSIVE, f"the corrected p lies between {MATCH_AT:g} and {NO_MATCH_ABOVE:g}"


def _ranking(tests: Sequence[_Test], trials: int) -> tuple[Candidate, Candidate | None, _Test, int]:
    """The best pair, the best pair of another key, and where the best one is.

    Two rows of each codec are enough: a key is in each codec's table once.
    """
    found = [
        ((float(test.p.combined[row]), place), _candidate(test, row, trials), test, row)
        for test in tests
        for place, row in enumerate(_first_two(test.p))
    ]
    found.sort(key=lambda f: (*f[0], -f[1].bit_agreement, f[1].codec_sha256))
    _, best, test, row = found[0]
    return best, next((other for _, other, _, _ in found if other.key != best.key), None), test, row


def _first_two(p: PValues) -> list[int]:
    """The rows of the two least p; equals by score, then by matches, then the one registered first."""
    limit = np.partition(p.combined, 1)[1] if len(p.combined) > 1 else p.combined[0]
    rows = np.flatnonzero(p.combined <= limit)
    order = np.lexsort((-p.matches[rows], -p.score[rows], p.combined[rows]))
    return [int(row) for row in rows[order[:2]]]


def _candidate(test: _Test, row: int, trials: int) -> Candidate:
    key, n_bits = test.pairs.packed[row], test.pairs.n_bits
    matches = int(matching_bits(test.evidence.vote[None], key, n_bits)[0])
    p_mean = None if test.p.mean is None else float(test.p.mean[row])
    p_single, p = float(test.p.single[row]), min(1.0, float(test.p.combined[row]))
    q = float(corrected(p, trials))
    return Candidate(
        key=test.pairs.names[row],
        origin=test.pairs.origins[row],
        codec=test.facts.name,
        codec_sha256=test.facts.sha256,
        n_bits=n_bits,
        matches=matches,
        bit_agreement=matches / n_bits,
        bit_accuracy=float(matching_bits(test.evidence.hard, key, n_bits).mean() / n_bits),
        p_mean=p_mean,
        log10_p_mean=None if p_mean is None else math.log10(p_mean),
        p_single=p_single,
        log10_p_single=math.log10(p_single),
        p=p,
        log10_p=math.log10(p),
        q=q,
        log10_q=math.log10(q),
    )
