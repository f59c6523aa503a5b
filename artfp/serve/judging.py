"""Judging requests, in the worker: the same reading, the same statistics and the same verdict as `artfp verify`.

Images of several requests share the codec's batches, which have as many places whether they are taken or not: an image
reads the same whatever it shares them with, and a full batch costs what a single image does.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np

from artfp.codec.base import Codec
from artfp.keys.registry import Registry
from artfp.reading import Judged, Loaded, Reading, load_inputs, read_loaded
from artfp.serve.answers import Answers, ImageAnswer
from artfp.serve.inquiries import Inquiry, Reply, Unreadable
from artfp.serve.settings import UNIT, Bench
from artfp.serve.telling import Finding, of_image, of_set, told
from artfp.statistics.evidence import Evidence, mean_p_values, p_values
from artfp.statistics.exact import Floats
from artfp.verdict import ImageVerdict, Verdict
from artfp.verify import readings_of, verdict_on

DECODERS = 2  # threads: each may hold an image of the largest size, several times over


class Judge:
    """Codecs and keys, loaded once; keys that are registered later are tried after a restart."""

    def __init__(self, bench: Bench, registry: Registry, codecs: Sequence[Codec]) -> None:
        self._bench, self._registry = bench, registry
        self._readings = readings_of(registry, codecs, bench.key, bench.fast)
        self._sizes = sorted({reading.codec.size for reading in self._readings})
        self._decoders = ThreadPoolExecutor(DECODERS)

    @property
    def trials(self) -> int:
        """Pairs of key and codec that are tried."""
        return sum(len(reading.pairs) for reading in self._readings)

    @property
    def pairs_hash(self) -> str:
        """A hash of these; a slow one, because the process that gets it must not find short keys by trying all."""
        found = hashlib.sha256()
        for reading in self._readings:
            found.update(reading.codec.sha256.encode() + reading.pairs.packed.tobytes())
        return hashlib.scrypt(found.digest(), salt=b"artfp serve", n=1 << 14, r=8, p=1).hex()

    def replies(self, inquiries: Sequence[Inquiry]) -> list[Reply]:
        """One for each, in their order."""
        decoded = [list(part) for part in self._loaded(inquiries)]
        costs = [sum(map(_cost, part)) for part in decoded]
        loaded = [_different(part) for part in decoded]
        problems = [self._problems(part) for part in loaded]
        soft = iter(self._read([part for part, wrong in zip(loaded, problems, strict=True) if not wrong]))
        return [
            Unreadable(wrong, cost) if wrong else self._answers(inquiry, part, next(soft), cost)
            for inquiry, part, wrong, cost in zip(inquiries, loaded, problems, costs, strict=True)
        ]

    def _problems(self, images: Sequence[Loaded]) -> tuple[str, ...]:
        """Why these are not judged."""
        least = self._bench.least_images
        few = f"{len(images)} different image(s) when decoded: this server judges sets of at least {least}"
        return tuple(each.problem for each in images if each.problem) or ((few,) if len(images) < least else ())

    def _loaded(self, inquiries: Sequence[Inquiry]) -> Iterator[Iterator[Loaded]]:
        """The images of each inquiry, decoded side by side."""
        files = [(file.name, file.content) for inquiry in inquiries for file in inquiry.files]
        load = partial(_load, sizes=self._sizes, max_pixels=self._bench.pixels)
        images = iter(list(self._decoders.map(load, files)))
        return (itertools.islice(images, len(inquiry.files)) for inquiry in inquiries)

    def _read(self, parts: Sequence[Sequence[Loaded]]) -> Iterator[list[Reading]]:
        """Of each part, what every codec reads in it."""
        images = [image for part in parts for image in part]
        soft = [iter(found) for found in read_loaded([reading.task for reading in self._readings], images)]
        for part in parts:
            yield [self._evidence(reading, rows, len(part)) for reading, rows in zip(self._readings, soft, strict=True)]

    def _evidence(self, reading: Reading, rows: Iterator[Floats], count: int) -> Reading:
        evidence = Evidence(reading.codec.n_bits)
        evidence.add(np.stack(list(itertools.islice(rows, count))))
        return replace(reading, evidence=evidence)

    def _answers(self, inquiry: Inquiry, images: Sequence[Loaded], readings: Sequence[Reading], cost: int) -> Answers:
        judged = [Judged(image.name, image.sha256) for image in images]
        test_keys = mean_p_values if self._bench.least_images > 1 else p_values
        verdict = verdict_on(self._registry, readings, judged, test_keys=test_keys)
        tell = partial(told, shown=self._bench.shown, three_words=self._bench.three_words)
        each = [
            ImageAnswer(image.name, str(image.sha256), tell(self._finding(image, verdict)))
            for image in (verdict.images if inquiry.each else ())
        ]
        together = tell(of_set(verdict)) if inquiry.together else None
        return Answers(together, tuple(each), verdict.trials, verdict.fast, cost)

    def _finding(self, image: ImageVerdict, verdict: Verdict) -> Finding:
        weakest = min(reading.codec.n_bits for reading in self._readings)
        key = self._registry.get(image.key)
        return of_image(image.q, weakest, verdict.trials, key.name, key.key_id, str(key.origin))


def _cost(image: Loaded) -> int:
    """In images of usual size."""
    return max(1, math.ceil(math.prod(image.size) / UNIT))


def _different(images: Sequence[Loaded]) -> list[Loaded]:
    """Each image once, however often and in whatever files it came; all of those that cannot be judged."""
    first: dict[bytes | int, Loaded] = {}
    for place, each in enumerate(images):
        first.setdefault(place if each.problem else _look(each), each)
    return list(first.values())


def _look(image: Loaded) -> bytes:
    """A hash of all that codecs are shown, in 8 bits."""
    shown = [inner.mul(255).round().byte().numpy().tobytes() for _, inner in sorted(image.inputs.items())]
    return hashlib.sha256(b"".join(shown)).digest()


def _load(file: tuple[str, bytes], sizes: Sequence[int], max_pixels: int) -> Loaded:
    name, content = file
    try:
        return load_inputs(name, lambda: content, sizes, max_pixels)
    except MemoryError:
        return Loaded(name, (0, 0), {}, problem=f"{name}: takes more memory than there is")
