"""Verification: images in, a verdict on the registered keys out.

files --reading--> Evidence of every codec --decide--> Verdict
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from artfp.codec.base import Codec
from artfp.codec.store import find_codecs
from artfp.errors import UsageError
from artfp.keys.records import Origin
from artfp.keys.registry import Registry
from artfp.reading import Item, Judged, Progress, Reading, image_verdicts, listed, read_images, silent
from artfp.statistics.decision import MATCH, NO_MATCH, Decision, TestKeys, decide
from artfp.statistics.evidence import Evidence, p_values
from artfp.verdict import (
    BadFile,
    ImageVerdict,
    NotTried,
    Verdict,
    statement_of_doubt,
    statement_of_match,
    statement_of_no_match,
)


def verify(
    items: Iterable[Item],
    registry: Registry,
    codecs: Sequence[Codec],
    key: str | None = None,
    skip_bad: bool = False,
    on_progress: Progress = silent,
    fast: bool = False,
) -> Verdict:
    """The verdict on all the items together; `key` (with its class keys) limits the keys tried.

    `fast` reads every image once, in fast arithmetic: what was cut or turned is not searched for.
    """
    unique = listed(items)
    readings = readings_of(registry, codecs, key, fast)
    judged, bad = read_images(unique, readings, skip_bad, on_progress)
    not_tried = _not_tried(registry, key_names(registry, key), {codec.sha256 for codec in codecs})
    return verdict_on(registry, readings, judged, bad, not_tried)


def readings_of(
    registry: Registry, codecs: Sequence[Codec], key: str | None = None, fast: bool = False
) -> list[Reading]:
    """Every codec with the keys that are to be tried with it, and nothing read yet."""
    names = key_names(registry, key)
    readings = [Reading(codec, registry.pairs(codec.sha256, names), Evidence(codec.n_bits), fast) for codec in codecs]
    if found := [reading for reading in readings if len(reading.pairs)]:
        return found
    raise UsageError(_nothing_recorded(registry, key))


def verdict_on(
    registry: Registry,
    readings: Sequence[Reading],
    judged: Sequence[Judged],
    bad: Sequence[BadFile] = (),
    not_tried: tuple[NotTried, ...] = (),
    test_keys: TestKeys = p_values,
) -> Verdict:
    """The verdict on images of which all has been read."""
    found = [(reading.evidence, reading.pairs, reading.codec.facts()) for reading in readings]
    decision = decide(found, test_keys)
    images = image_verdicts(judged, readings, decision.trials)
    key_id = registry.get(decision.best.key).key_id
    return _verdict(decision, key_id, bad, not_tried, images, readings[0].fast)


def recorded_codecs(registry: Registry, key: str | None = None, extra: Sequence[str] = ()) -> list[Codec]:
    """The codecs that the keys were used with, as far as their files are found here or among `extra`."""
    recorded = registry.codecs(key_names(registry, key))
    if not recorded:
        raise UsageError(_nothing_recorded(registry, key))
    return find_codecs(recorded, extra)


def key_names(registry: Registry, key: str | None) -> list[str] | None:
    """The names to try: all of them for None, else the key and its class keys KEY/CLASS."""
    if key is None:
        return None
    names = [name for name in registry.names() if name == key or name.startswith(f"{key}/")]
    return names or [registry.get(key).name]


def _nothing_recorded(registry: Registry, key: str | None) -> str:
    if key is not None and key in registry.names() and registry.image_uses(key):
        return (
            f"the key {key} gave every image bits of its own (--key-per image): no image carries the key itself, so "
            "there is nothing to verify. Such data are for keyed generators, whose images carry the key they are told"
        )
    who = "no key has" if key is None else f"the key {key} has not"
    return (
        f"{who} been used with any codec yet: mark data with `artfp embed-dataset SRC DST --key NAME` first; "
        "a key that marked data elsewhere is imported with --codec"
    )


def _not_tried(registry: Registry, names: Sequence[str] | None, tried: set[str]) -> tuple[NotTried, ...]:
    missing = [sha256 for sha256 in registry.codecs(names) if sha256 not in tried]
    return tuple(NotTried(sha256, len(registry.pairs(sha256, names))) for sha256 in missing)


def _verdict(
    decision: Decision,
    key_id: str,
    bad: Sequence[BadFile],
    not_tried: tuple[NotTried, ...],
    images: tuple[ImageVerdict, ...],
    fast: bool,
) -> Verdict:
    best, runner_up = decision.best, decision.runner_up
    return Verdict(
        outcome=decision.outcome,
        statement=_statement(decision),
        key=best.key,
        key_id=key_id,
        key_origin=str(best.origin),
        key_origin_words=Origin(best.origin).meaning,
        codec=best.codec,
        codec_sha256=best.codec_sha256,
        n_bits=best.n_bits,
        n_images=decision.n_images,
        p_mean=best.p_mean,
        p_single=best.p_single,
        q=best.q,
        log10_q=best.log10_q,
        trials=decision.trials,
        floor=decision.floor,
        runner_up_key=runner_up.key if runner_up else None,
        runner_up_q=runner_up.q if runner_up else None,
        margin=decision.margin,
        matching_bits=best.matches,
        bit_accuracy=best.bit_accuracy,
        share=decision.share.rate,
        share_low=decision.share.low,
        share_high=decision.share.high,
        calibration_share=decision.calibration_share.rate,
        calibration_images=decision.calibration_share.total,
        bad_files=tuple(bad),
        not_tried=not_tried,
        images=images,
        fast=fast,
    )


def _statement(decision: Decision) -> str:
    best, n_images = decision.best, decision.n_images
    if decision.outcome == MATCH:
        return statement_of_match(n_images, best.key, str(best.origin), best.q, decision.trials, decision.share.count)
    if decision.outcome == NO_MATCH:
        return statement_of_no_match(n_images, decision.trials)
    return statement_of_doubt(n_images, best.key, decision.reason)
