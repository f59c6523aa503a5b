"""The embedding itself: groups through the codec into the staging folder, a self-check, the final name."""

from __future__ import annotations

import dataclasses
import functools
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
import torch

from artfp import __version__
from artfp.codec.base import MIN_SIDE, Codec
from artfp.data import manifest
from artfp.data.manifest import TABLES
from artfp.data.streams import WriteBehind, read_ahead, same_size_batches, thread_count
from artfp.data.writers import Group, Refusal, Row, Staging, clear_leftovers, is_zip, staging
from artfp.embed.job import Job, Progress, with_keys
from artfp.embed.records import BadFilesError, BadImage, EmbedResult, KeyUse
from artfp.embed.request import GROUP, EmbedSettings, checked
from artfp.embed.selfcheck import doubts, self_check
from artfp.errors import BadInputError
from artfp.images import LoadedImage, load_image, to_pixels, to_tensor
from artfp.keys.registry import Registry

WRITING_GROUPS = 2  # whose files may still be on their way while the next is marked

NO_IMAGE = LoadedImage(np.empty((0, 0, 3), np.uint8))


@dataclass(frozen=True)
class _Loaded:
    """One image of the source, or why there is none."""

    index: int
    image: LoadedImage = NO_IMAGE
    reason: str = ""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width; of a bad file zero."""
        return self.image.size


@dataclass(frozen=True)
class _Writing:
    """A group whose files are on their way to the disk."""

    number: int
    files: list[Future[Row]]
    bad: list[_Loaded]


def _silent(done: int, total: int, note: str) -> None:
    """No progress shown."""


def embed_dataset(
    settings: EmbedSettings, codec: Codec, registry: Registry, on_progress: Progress = _silent
) -> EmbedResult:
    """Mark a dataset, or go on where an earlier run of the same settings stopped.

    The target appears at the end, whole. On bad files, unless `skip_bad`, nothing is written and BadFilesError
    names them all.
    """
    with checked(settings, codec, registry) as request:
        if request.finished is not None:
            clear_leftovers(settings.target, request.description())
            return EmbedResult.of_manifest(request.finished, str(settings.target))
        job = with_keys(request, registry)
        with staging(settings.target, job.request.description()) as stage:
            bad = _embed(job, stage, on_progress)
            if bad:
                stage.discard()
                raise BadFilesError(tuple(bad))
            return _finish(job, stage, on_progress)


def _embed(job: Job, stage: Staging, on_progress: Progress) -> list[BadImage]:
    """Mark all groups that are not finished yet; the bad files, if those put an end to it."""
    settings, source = job.request.settings, job.request.source
    first, total = stage.resume(GROUP), len(source)
    with ThreadPoolExecutor(thread_count()) as pool:
        loaded = read_ahead(pool, functools.partial(_load, job), range(first * GROUP, total))
        if source.refused and not settings.skip_bad:
            return _list_bad(job, loaded, on_progress)
        writer = WriteBehind(pool)
        writing: deque[_Writing] = deque()
        for number in range(first, -(-total // GROUP)):
            group = _Writing(number, [], [])
            for item in _marked(job, _good(islice(loaded, GROUP), group.bad)):
                group.files.append(writer.submit(item, functools.partial(_write, stage)))
            if group.bad and not settings.skip_bad:
                return _list_bad(job, chain(group.bad, loaded), on_progress)
            writing.append(group)
            if len(writing) > WRITING_GROUPS:
                _record(stage, writing.popleft())
                on_progress((number + 1 - WRITING_GROUPS) * GROUP, total, "marking")
        for group in writing:
            _record(stage, group)
    on_progress(total, total, "marked")
    return []


def _load(job: Job, index: int) -> _Loaded:
    source = job.request.source
    name = source[index].name
    try:
        image = load_image(source.read_at(index), name)
    except BadInputError as error:
        return _Loaded(index, reason=str(error).removeprefix(f"{name}: "))
    height, width = image.size
    if min(height, width) < MIN_SIDE:
        return _Loaded(index, reason=f"{width} x {height} pixels are too few; {MIN_SIDE} x {MIN_SIDE} is the least")
    return _Loaded(index, image)


def _good(items: Iterable[_Loaded], bad: list[_Loaded]) -> Iterator[_Loaded]:
    """The images among the items; what is none goes to `bad`."""
    for item in items:
        if item.reason:
            bad.append(item)
        else:
            yield item


def _marked(job: Job, items: Iterable[_Loaded]) -> Iterator[_Loaded]:
    """The same images, those to be marked marked; the codec sees batches that the group alone determines."""
    request = job.request
    for batch in same_size_batches(items):
        chosen = [item for item in batch if job.key_of(item.index) is not None]
        yield from (item for item in batch if job.key_of(item.index) is None)
        if chosen:
            bits = torch.from_numpy(job.bits_of([item.index for item in chosen]))
            pixels = request.codec.embed(_batch(item.image for item in chosen), bits, request.settings.strength)
            for item, rgb in zip(chosen, to_pixels(pixels), strict=True):
                yield dataclasses.replace(item, image=dataclasses.replace(item.image, rgb=rgb))


def _write(stage: Staging, item: _Loaded) -> Row:
    return stage.write(item.index, item.image)


def _record(stage: Staging, group: _Writing) -> None:
    """Wait for a group's files and note it in the journal."""
    rows = sorted(file.result() for file in group.files)
    stage.record(Group(group.number, rows, [Refusal(item.index, item.reason) for item in group.bad]))


def _list_bad(job: Job, items: Iterable[_Loaded], on_progress: Progress) -> list[BadImage]:
    """Go on only to find every bad file."""
    source, bad = job.request.source, []
    for item in items:
        if item.reason:
            bad.append(BadImage(item.index, source[item.index].name, item.reason))
        if item.index % GROUP == 0:
            on_progress(item.index, len(source), f"looking for more unusable files, {len(bad)} so far")
    return bad


def _finish(job: Job, stage: Staging, on_progress: Progress) -> EmbedResult:
    """Check what lies on the disk, write the tables, give the dataset its name."""
    request, source = job.request, job.request.source
    bad = tuple(BadImage(item.image, source[item.image].name, item.reason) for g in stage.groups() for item in g.bad)
    if len(bad) == len(source):
        stage.discard()
        raise BadFilesError(bad)
    totals = manifest.count(stage.rows(), source, job.key_of)
    check = self_check(job, stage, {item.index for item in bad}, on_progress)
    labelled = totals.labelled == totals.images
    on_progress(len(source), len(source), "writing tables")
    manifest.write_tables(stage.dataset, stage.rows(), source, job.mark_of, labelled)
    result = EmbedResult(
        output="zip" if is_zip(request.settings.target) else "folder",
        codec=request.codec.name,
        codec_sha256=request.codec.sha256,
        n_bits=request.codec.n_bits,
        keys=_key_uses(job, stage.rows()),
        strength=request.settings.strength,
        fraction=request.settings.fraction,
        seed=request.settings.seed,
        totals=totals,
        ignored_files=source.others,
        bad=bad,
        self_check=check,
        warnings=(*manifest.warnings(totals, source), *doubts(check)),
        key_per=request.settings.key_per,
        target=str(request.settings.target),
    )
    head = {"artfp": __version__, "settings": request.description()}
    manifest.write_manifest(stage.dataset, head | result.manifest())
    on_progress(len(source), len(source), "giving it its name")
    stage.publish(TABLES)
    return result


def _key_uses(job: Job, rows: Iterable[Row]) -> tuple[KeyUse, ...]:
    marking = job.request.marking
    counts = np.zeros(len(marking.names) + 1, np.int64)  # the last one counts UNMARKED, which is -1
    for row in rows:
        counts[marking.of[row.image]] += 1
    return tuple(map(KeyUse, job.key_ids, marking.class_names, counts.tolist()))


def _batch(images: Iterable[LoadedImage]) -> torch.Tensor:
    return to_tensor(np.stack([image.rgb for image in images]))
