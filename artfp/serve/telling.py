"""What strangers are told: a verdict, on which side of a threshold p lies, and the key's name where it is proved.

Every number of a verdict is a slope to climb (docs/threats.md, "Oracle queries"): told q, whoever has the public
encoder finds a key in 65 questions. So p is told as the side of the match's own threshold that it lies on, which says
nothing beyond the verdict; no key is named but one that is proved; and what `verify` calls inconclusive because p lies
between its two thresholds is no match here, unless the operator wants all three words: by chance one image in a
thousand gets below the upper threshold, from where answers lead on, and one in a million below the lower.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from artfp.serve.answers import Answer
from artfp.statistics.decision import INCONCLUSIVE, MATCH, MATCH_AT, NO_MATCH, NO_MATCH_ABOVE, corrected, judge
from artfp.verdict import CONDITIONS, Verdict, trials_words, who_carries


@dataclass(frozen=True)
class Finding:
    """What the worker knows of a set or an image, and strangers are told a part of."""

    outcome: str
    floor: float  # the least p that could have been
    images: int
    key: str
    key_id: str
    origin: str
    trials: int


def of_set(verdict: Verdict) -> Finding:
    """Of a verdict as it is."""
    v = verdict
    return Finding(v.outcome, v.floor, v.n_images, v.key, v.key_id, v.key_origin, v.trials)


def of_image(q: float, n_bits: int, trials: int, key: str, key_id: str, origin: str) -> Finding:
    """Of one image by itself, as `verify` judges a set of one; `n_bits` of the least codec that was tried."""
    floor = float(corrected(2.0**-n_bits, trials))
    return Finding(judge(q, floor)[0], floor, 1, key, key_id, origin, trials)


def told(finding: Finding, shown: Mapping[str, str], three_words: bool) -> Answer:
    """The part that strangers are told."""
    verdict = _verdict(finding, three_words)
    above, most = _bounds(finding, verdict, three_words)
    name = shown.get(finding.key, finding.key)
    proved = verdict == MATCH
    return Answer(
        verdict=verdict,
        p_above=above,
        p_at_most=most,
        key=name if proved else None,
        key_id=finding.key_id if proved else None,
        statement=_statement(finding, verdict, name),
        images=finding.images,
    )


def _has_power(finding: Finding) -> bool:
    """Whether these images could have been a match here: that tells of no key."""
    return finding.floor <= MATCH_AT


def _verdict(finding: Finding, three_words: bool) -> str:
    if finding.outcome == INCONCLUSIVE and _has_power(finding) and not three_words:
        return NO_MATCH
    return finding.outcome


def _bounds(finding: Finding, verdict: str, three_words: bool) -> tuple[float | None, float]:
    if verdict == MATCH:
        return None, MATCH_AT
    if not (three_words and _has_power(finding)):
        return MATCH_AT, 1.0
    return (MATCH_AT, NO_MATCH_ABOVE) if verdict == INCONCLUSIVE else (NO_MATCH_ABOVE, 1.0)


def _statement(finding: Finding, verdict: str, name: str) -> str:
    these = "this image" if finding.images == 1 else f"these {finding.images:,} images as one set"
    if verdict == MATCH:
        return _statement_of_match(finding, name)
    if verdict == NO_MATCH:
        return f"{_tried(finding.trials)} proved in {these}. This does not prove that none is there."
    if not _has_power(finding):
        return "Inconclusive: the keys tried here are so many, or so short, that no image could prove one of them."
    verb = "agrees" if finding.images == 1 else "agree"
    return (
        f"Inconclusive: {these} {verb} with a key better than chance mostly brings about, and not well enough to prove "
        "it. New images of the same source can decide; the same ones again cannot."
    )


def _statement_of_match(finding: Finding, name: str) -> str:
    alone = 1 if finding.images == 1 else 0  # how many match by themselves is not told
    sentences = [
        who_carries(finding.images, name, alone),
        f"Of keys drawn at random, at most one in a million would agree this well ({trials_words(finding.trials)}).",
        CONDITIONS.get(finding.origin, ""),
    ]
    return " ".join(filter(None, sentences))


def _tried(trials: int) -> str:
    return "The key that is tried here is not" if trials == 1 else f"None of the {trials:,} keys tried here is"
