"""The embedding itself: a shard's groups through the codec into the staging folder; self-check and final name of all.

`process_shard` may run in any process of any machine that sees the source and the staging folder, beside others that
do other shards; `finish` runs once, after the last of them. `dataset.py` calls both.
"""

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
from torch import Tensor

from artfp import __version__
from artfp.artefacts import Provenance, files_below, write_list
from artfp.codec.base import MIN_SIDE
from artfp.data import manifest
from artfp.data.contents import Contents
from artfp.data.journal import Group, Refusal, Row
from artfp.data.packing import pack
from artfp.data.streams import WriteBehind, in_batches, read_ahead, thread_count
from artfp.data.writers import Staging
from artfp.embed.job import Advance, Job, Progress
from artfp.embed.records import BadFilesError, BadImage, EmbedResult, KeyUse, ShardRecord
from artfp.embed.request import GROUP
from artfp.embed.selfcheck import doubts, self_check
from artfp.errors import BadInputError
from artfp.files import sha256_bytes
from artfp.images import LoadedImage, load_image
from artfp.memory import give_back_memory
from artfp.strips import shrunk, with_residual

MARKED_PIXELS = 1 << 23  # of images that the codec marks at once: 64 of up to 362 px, 8 of 1,024 px
WRITING_GROUPS = 2  # whose files may still be on their way while the next is marked

NO_IMAGE = LoadedImage(np.empty((0, 0, 3), np.uint8))


@dataclass(frozen=True, eq=False)
class _Loaded:
    """One image of the source, or why there is none."""

    index: int
    image: LoadedImage = NO_IMAGE
    sha256: str = ""  # of the file
    reason: str = ""
    inner: Tensor | None = None  # the image at the codec's size, if it is to be marked
    residual: Tensor | None = None  # what marks it, at that size

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


def _silent(images: int, bad: int) -> None:
    """No progress shown."""


def process_shard(job: Job, stage: Staging, number: int, advance: Advance = _silent, sharing: int = 1) -> ShardRecord:
    """Mark one shard, or what earlier attempts have left of it; whoever does it, and however often, the same files.

    Unless bad files are skipped, one of them ends the marking, of this shard and of all others: from then on they are
    only searched for more. `sharing` is how many such processes this machine's cores are for.
    """
    images = shard_images(job, stage, number)
    with stage.shard(number), ThreadPoolExecutor(thread_count(sharing)) as pool:
        first = stage.resume(GROUP, number)
        left = range(min(first * GROUP, images.stop), images.stop)
        if len(left) < len(images):
            advance(len(images) - len(left), 0)
        loaded = read_ahead(pool, functools.partial(_load, job), left)
        suspects = _mark(job, stage, WriteBehind(pool), loaded, left, advance)
        bad = [] if suspects is None else _search(suspects, advance)
        if suspects is not None:
            stage.refusals.write(number, bad)
    give_back_memory()
    return ShardRecord(number, len(images), len(bad))


def shard_count(job: Job, stage: Staging) -> int:
    """How many shards a dataset has."""
    return -(-len(job.request.source) // (GROUP * stage.shard_groups))


def shard_images(job: Job, stage: Staging, number: int) -> range:
    """The images of a shard, by their indices in the source."""
    size = GROUP * stage.shard_groups
    return range(number * size, min((number + 1) * size, len(job.request.source)))


def is_noted(job: Job, stage: Staging, number: int) -> bool:
    """Whether a shard is noted as marked; nobody has looked at its files."""
    return stage.recorded(number) * GROUP >= len(shard_images(job, stage, number))


def _mark(
    job: Job, stage: Staging, writer: WriteBehind, loaded: Iterator[_Loaded], images: range, advance: Advance
) -> Iterable[_Loaded] | None:
    """Mark a shard's images; if a bad file puts an end to that, what is still to be searched."""
    writing: deque[_Writing] = deque()
    for start in images[::GROUP]:
        if stage.refusals.are_there:
            return loaded
        group = _Writing(start // GROUP, [], [])
        for item in _marked(job, _good(islice(loaded, GROUP), group.bad)):
            group.files.append(writer.submit(item, functools.partial(_write, job, stage)))
        if group.bad and not job.request.settings.skip_bad:
            stage.refusals.begin()
            return chain(group.bad, loaded)
        writing.append(group)
        if len(writing) > WRITING_GROUPS:
            _note(stage, writing.popleft(), advance)
    for group in writing:
        _note(stage, group, advance)
    return None


def _note(stage: Staging, group: _Writing, advance: Advance) -> None:
    _record(stage, group)
    advance(len(group.files) + len(group.bad), 0)


def _load(job: Job, index: int) -> _Loaded:
    source = job.request.source
    name = source[index].name
    try:
        file = source.read_at(index)
        image = load_image(file, name)
    except BadInputError as error:
        return _Loaded(index, reason=str(error).removeprefix(f"{name}: "))
    height, width = image.size
    if min(height, width) < MIN_SIDE:
        return _Loaded(index, reason=f"{width} x {height} pixels are too few; {MIN_SIDE} x {MIN_SIDE} is the least")
    inner = None if job.key_of(index) is None else shrunk(image.rgb, job.request.codec.size)
    return _Loaded(index, image, sha256_bytes(file), inner=inner)


def _good(items: Iterable[_Loaded], bad: list[_Loaded]) -> Iterator[_Loaded]:
    """The images among the items; what is none goes to `bad`."""
    for item in items:
        if item.reason:
            bad.append(item)
        else:
            yield item


def _marked(job: Job, items: Iterable[_Loaded]) -> Iterator[_Loaded]:
    """The same images, those to be marked with what marks them; the group alone determines the codec's batches."""
    for batch in in_batches(items, MARKED_PIXELS):
        yield from (item for item in batch if item.inner is None)
        chosen = [(item, item.inner) for item in batch if item.inner is not None]
        if chosen:
            bits = torch.from_numpy(job.bits_of([item.index for item, _ in chosen]))
            residuals = job.request.codec.residuals(torch.cat([inner for _, inner in chosen]), bits).cpu()
            for (item, _), residual in zip(chosen, residuals, strict=True):
                yield dataclasses.replace(item, inner=None, residual=residual)


def _write(job: Job, stage: Staging, item: _Loaded) -> Row:
    image = item.image
    if item.residual is not None:
        marked = with_residual(image.rgb, item.residual, job.request.settings.strength)
        image = dataclasses.replace(image, rgb=marked)
    return stage.write(item.index, image, item.sha256)


def _record(stage: Staging, group: _Writing) -> None:
    """Wait for a group's files and note it in the journal."""
    rows = sorted(file.result() for file in group.files)
    stage.record(Group(group.number, rows, [Refusal(item.index, item.reason) for item in group.bad]))


def _search(items: Iterable[_Loaded], advance: Advance) -> list[Refusal]:
    """Go on only to find every bad file."""
    bad = []
    for item in items:
        if item.reason:
            bad.append(Refusal(item.index, item.reason))
        advance(1, int(bool(item.reason)))
    return bad


def bad_images(job: Job, refusals: Iterable[Refusal]) -> tuple[BadImage, ...]:
    """Files that cannot be used, by name."""
    return tuple(BadImage(item.image, job.request.source[item.image].name, item.reason) for item in refusals)


def finish(job: Job, stage: Staging, on_progress: Progress) -> EmbedResult:
    """When every shard is marked: check what lies on the disk, write the tables, give the dataset its name."""
    request, source = job.request, job.request.source
    bad = bad_images(job, (item for group in stage.groups() for item in group.bad))
    if len(bad) == len(source):
        stage.discard()
        raise BadFilesError(bad)
    totals = manifest.count(stage.rows(), source, job.key_of)
    check = self_check(job, stage, {item.index for item in bad}, on_progress)
    labelled = totals.labelled == totals.images
    on_progress(len(source), len(source), "writing tables")
    contents = Contents(stage.dataset, stage.rows, source, request.output)
    manifest.write_tables(contents, job.mark_of, labelled)
    result = EmbedResult(
        output=request.output.kind,
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
        warnings=(*manifest.warnings(totals, contents), *doubts(check)),
        key_per=request.settings.key_per,
        files=contents.files,
        target=str(request.settings.target),
    )
    head = {"artfp": __version__, "settings": request.description()}
    manifest.write_manifest(contents, head | result.manifest())
    ready = pack(contents, stage.root, lambda done: on_progress(done, totals.images, "packing"))
    if request.output.is_sharded:  # no hash of the shards is in the manifest, which is written before them
        write_list(ready, Provenance("dataset", manifest.made_from(head | result.manifest())), files_below(ready))
    on_progress(len(source), len(source), "giving it its name")
    stage.publish(ready)
    return result


def _key_uses(job: Job, rows: Iterable[Row]) -> tuple[KeyUse, ...]:
    marking = job.request.marking
    counts = np.zeros(len(marking.names) + 1, np.int64)  # the last one counts UNMARKED, which is -1
    for row in rows:
        counts[marking.of[row.image]] += 1
    return tuple(map(KeyUse, job.key_ids, marking.class_names, counts.tolist()))
