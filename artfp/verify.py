"""Verification: images in, a verdict on the registered keys out.

    files --threads: decode, resize--> fixed batches --codec--> soft bits --> Evidence --decide--> Verdict

An image is resized to the codec's size as it is read, so that images of any sizes share a batch, and the last batch
is padded, so that an image reads the same whatever came before it. Memory does not grow with the images beyond
their names and hard bits.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from artfp.codec.base import MIN_SIDE, Codec
from artfp.codec.store import find_codec
from artfp.data.streams import read_ahead, thread_count
from artfp.errors import BadInputError, UsageError
from artfp.images import load_image, resize, to_tensor
from artfp.keys.records import Origin, PairTable
from artfp.keys.registry import Registry
from artfp.statistics.decision import MATCH, NO_MATCH, Decision, decide, judge_images
from artfp.statistics.evidence import Evidence
from artfp.verdict import (
    BadFile,
    ImageVerdict,
    NotTried,
    Verdict,
    statement_of_doubt,
    statement_of_match,
    statement_of_no_match,
)

BATCH = 64
LISTED = 1000  # bad files in an error message

Item = tuple[str, Callable[[], bytes]]
Progress = Callable[[int, int, str], None]


class BadFilesError(BadInputError):
    """Files that cannot be judged; `files` names every one."""

    def __init__(self, files: Sequence[BadFile], total: int) -> None:
        lines = [f"  {file.reason}" for file in files[:LISTED]]
        more = [f"  ... and {len(files) - LISTED:,} more"] if len(files) > LISTED else []
        advice = "repair or remove them, or leave them out of the verdict with --skip-bad"
        super().__init__("\n".join([f"{len(files):,} of {total:,} files cannot be judged; {advice}", *lines, *more]))
        self.files, self.total = tuple(files), total


@dataclass(eq=False)
class _Loaded:
    """One image at every internal size that is needed, or the reason why not."""

    name: str
    size: tuple[int, int]  # height and width of the file, which are what bounds the reading ahead
    inputs: dict[int, Tensor]
    problem: str = ""


@dataclass(frozen=True, eq=False)
class _Test:
    """A codec, the keys used with it, and what it reads."""

    codec: Codec
    pairs: PairTable
    evidence: Evidence


def _silent(done: int, total: int, note: str) -> None:
    """No progress shown."""


def verify(
    items: Iterable[Item],
    registry: Registry,
    codecs: Sequence[Codec],
    key: str | None = None,
    skip_bad: bool = False,
    on_progress: Progress = _silent,
) -> Verdict:
    """The verdict on all the items together; `key` (with its class keys) limits the keys tried."""
    unique = list(each_once(items))
    if not unique:
        raise UsageError("no images to verify: give image files, folders, zips or patterns")
    names = key_names(registry, key)
    tests = [_Test(codec, registry.pairs(codec.sha256, names), Evidence(codec.n_bits)) for codec in codecs]
    tests = [test for test in tests if len(test.pairs)]
    if not tests:
        raise UsageError(_nothing_recorded(registry, key))
    judged, bad = _read_all(unique, tests, skip_bad, on_progress)
    if bad and (not skip_bad or not judged):
        raise BadFilesError(bad, len(unique))
    decision = decide([(test.evidence, test.pairs, test.codec.facts()) for test in tests])
    not_tried = _not_tried(registry, names, {codec.sha256 for codec in codecs})
    images = _image_verdicts(judged, tests, decision.trials)
    return _verdict(decision, registry.get(decision.best.key).key_id, bad, not_tried, images)


def recorded_codecs(registry: Registry, key: str | None = None, extra: Sequence[str] = ()) -> list[Codec]:
    """The codecs that the keys were used with, as far as their files are found here or among `extra`."""
    recorded = registry.codecs(key_names(registry, key))
    if not recorded:
        raise UsageError(_nothing_recorded(registry, key))
    found = [codec for sha256 in recorded if (codec := find_codec(sha256, extra))]
    if not found:
        raise UsageError(
            f"no codec file found for {', '.join(sha256[:12] for sha256 in recorded)}: give the file that "
            "marked the data with --codec"
        )
    return found


def key_names(registry: Registry, key: str | None) -> list[str] | None:
    """The names to try: all of them for None, else the key and its class keys KEY/CLASS."""
    if key is None:
        return None
    names = [name for name in registry.names() if name == key or name.startswith(f"{key}/")]
    return names or [registry.get(key).name]


def each_once(items: Iterable[Item]) -> Iterator[Item]:
    """The items without those whose path came before, however it was spelled."""
    folder = functools.lru_cache(maxsize=4096)(os.path.realpath)
    seen = set()
    for name, read in items:
        path = f"{folder(os.path.dirname(name))}/{os.path.basename(name)}"  # noqa: PTH119, PTH120 - text is 20 x faster
        if path not in seen:
            seen.add(path)
            yield name, read


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


def _read_all(
    items: Sequence[Item], tests: Sequence[_Test], skip_bad: bool, on_progress: Progress
) -> tuple[list[str], list[BadFile]]:
    """Stream every image into the evidence of every codec; the names that were judged, and the bad files.

    After a bad file that ends it all, the rest is only read, to list every other bad one.
    """
    sizes = sorted({test.codec.size for test in tests})
    judged: list[str] = []
    bad: list[BadFile] = []
    batch: list[_Loaded] = []
    with ThreadPoolExecutor(thread_count()) as pool:
        load = functools.partial(_load, items, sizes)
        for done, loaded in enumerate(read_ahead(pool, load, range(len(items))), start=1):
            if loaded.problem:
                bad.append(BadFile(loaded.name, loaded.problem))
            elif skip_bad or not bad:
                judged.append(loaded.name)
                batch.append(loaded)
            if batch and (len(batch) == BATCH or done == len(items)):
                _add(batch, tests)
                batch = []
            on_progress(done, len(items), f"{len(bad)} bad" if bad else "")
    return judged, bad


def _load(items: Sequence[Item], sizes: Sequence[int], index: int) -> _Loaded:
    name, read = items[index]
    try:
        pixels = load_image(read(), name).rgb
        height, width = pixels.shape[:2]
        if min(height, width) < MIN_SIDE:
            raise BadInputError(f"{name}: {width} x {height} pixels is under {MIN_SIDE}")
        image = to_tensor(pixels)
        return _Loaded(name, (height, width), {size: resize(image, (size, size)).clamp(0, 1) for size in sizes})
    except (BadInputError, OSError) as error:
        return _Loaded(name, (0, 0), {}, str(error))


def _add(batch: Sequence[_Loaded], tests: Sequence[_Test]) -> None:
    shapes = [loaded.size for loaded in batch] + [batch[-1].size] * (BATCH - len(batch))
    aspects = torch.tensor([width / height for height, width in shapes])
    for test in tests:
        inputs = [loaded.inputs[test.codec.size] for loaded in batch]
        padded = torch.cat([*inputs, *inputs[-1:] * (BATCH - len(inputs))])
        soft = test.codec.soft_bits(padded, aspects)[: len(batch)]
        test.evidence.add(soft.to(torch.float64).cpu().numpy())


def _image_verdicts(names: Sequence[str], tests: Sequence[_Test], trials: int) -> tuple[ImageVerdict, ...]:
    """Every image on its own: the best key of the codec in which it has the least p."""
    found = [judge_images(test.evidence, test.pairs, trials) for test in tests]
    best = np.argmin([each.p for each in found], axis=0)
    keys = [_names_of(test.pairs, each.row) for test, each in zip(tests, found, strict=True)]
    return tuple(
        ImageVerdict(
            name,
            keys[i][int(found[i].row[index])],
            int(found[i].matches[index]),
            tests[i].codec.n_bits,
            float(found[i].p[index]),
            float(found[i].q[index]),
        )
        for index, (name, i) in enumerate(zip(names, best.tolist(), strict=True))
    )


def _names_of(pairs: PairTable, rows: NDArray[np.intp]) -> dict[int, str]:
    """Each row's key, looked up once."""
    return {row: pairs.names[row] for row in np.unique(rows).tolist()}


def _verdict(
    decision: Decision,
    key_id: str,
    bad: Sequence[BadFile],
    not_tried: tuple[NotTried, ...],
    images: tuple[ImageVerdict, ...],
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
    )


def _statement(decision: Decision) -> str:
    best, n_images = decision.best, decision.n_images
    if decision.outcome == MATCH:
        return statement_of_match(n_images, best.key, str(best.origin), best.q, decision.trials, decision.share.count)
    if decision.outcome == NO_MATCH:
        return statement_of_no_match(n_images, decision.trials)
    return statement_of_doubt(n_images, best.key, decision.reason)
