"""A dataset from its shards: an engine has them done, here or by several runs of one command, and the last one ends it.

whole:  staging alone  --engine: all shards-->                          finish
share:  staging shared --engine: every n-th shard--> was it the last? --alone--> finish
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from artfp.codec.base import Codec
from artfp.data.writers import BusyError, Staging, clear_leftovers, staging, staging_of_others, staging_path
from artfp.embed.job import Advance, Job, Progress, with_keys
from artfp.embed.records import BadFilesError, EmbedResult, ShareResult
from artfp.embed.request import GROUP, EmbedSettings, Request, checked, finished_manifest
from artfp.embed.run import bad_images, finish, is_noted, process_shard, shard_count, shard_images
from artfp.errors import BadInputError, UsageError
from artfp.keys.registry import Registry


class Engine(Protocol):
    """Who does the shards."""

    def run(self, job: Job, stage: Staging, shards: Sequence[int], advance: Advance) -> None:
        """Have `process_shard` do each of them, in any order, in processes of any machine; both arguments pickle."""


class InProcess:
    """One shard after the other, here."""

    def run(self, job: Job, stage: Staging, shards: Sequence[int], advance: Advance) -> None:
        """Do them in order."""
        for number in shards:
            process_shard(job, stage, number, advance)


IN_PROCESS = InProcess()


@dataclass(frozen=True)
class Share:
    """Every `count`-th shard from `index` on: what is for one of several runs of the same command."""

    index: int
    count: int

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.count:
            raise UsageError(f"shard index {self.index} of {self.count}: it counts from 0 to {self.count - 1}")

    def of(self, shards: int) -> range:
        """Its own among so many."""
        return range(self.index, shards, self.count)


def _silent(done: int, total: int, note: str) -> None:
    """No progress shown."""


def embed_dataset(
    settings: EmbedSettings,
    codec: Codec,
    registry: Registry,
    on_progress: Progress = _silent,
    engine: Engine = IN_PROCESS,
) -> EmbedResult:
    """Mark a dataset, or go on where earlier runs of the same settings stopped.

    The target appears at the end, whole. On bad files, unless `skip_bad`, nothing is written and BadFilesError
    names them all.
    """
    with checked(settings, codec, registry) as request:
        if request.finished is None:
            job = with_keys(request, registry)
            request = job.request
            with staging(settings.target, request.description()) as stage:
                if not os.path.lexists(settings.target):
                    stage.refusals.forget()
                    _work(job, stage, range(shard_count(job, stage)), engine, on_progress)
                    return _end(job, stage, on_progress)
        return _there_already(request)


def embed_share(
    settings: EmbedSettings,
    codec: Codec,
    registry: Registry,
    share: Share,
    on_progress: Progress = _silent,
    engine: Engine = IN_PROCESS,
) -> EmbedResult | ShareResult:
    """Do one share of a dataset, while other runs do theirs; the last to be done puts the dataset together."""
    with checked(settings, codec, registry) as request:
        if request.finished is None:
            job = with_keys(request, registry)
            try:
                with staging(settings.target, job.request.description(), shared=True) as stage:
                    if not os.path.lexists(settings.target):
                        _work(job, stage, share.of(shard_count(job, stage)), engine, on_progress)
            except BusyError:
                stage = staging_of_others(settings.target, job.request.description())
                # or else another run has every shard, and puts it together, or has just done so or given it up
                if _count_left(job, stage) and stage.root.exists() and not os.path.lexists(settings.target):
                    raise
            return _end_if_last(job, stage, share, on_progress)
        return _there_already(request)


def _there_already(request: Request) -> EmbedResult:
    target, description = request.settings.target, request.description()
    clear_leftovers(target, description)
    return EmbedResult.of_manifest(finished_manifest(target, description), str(target))


def _work(job: Job, stage: Staging, shards: range, engine: Engine, on_progress: Progress) -> None:
    source = job.request.source
    if source.refused and not job.request.settings.skip_bad:
        stage.refusals.begin()
    total = sum(len(shard_images(job, stage, number)) for number in shards)
    engine.run(job, stage, shards, _Sum(total, stage.refusals.are_there, on_progress))
    if not stage.refusals.are_there:
        on_progress(total, total, "marked")


class _Sum:
    """Adds up what is said of the shards, whoever does them."""

    def __init__(self, total: int, searching: bool, on_progress: Progress) -> None:
        self._images = self._bad = 0
        self._total, self._searching, self._on_progress = total, searching, on_progress

    def __call__(self, images: int, bad: int) -> None:
        self._images, self._bad = self._images + images, self._bad + bad
        searching = self._searching or self._bad
        note = f"looking for more unusable files, {self._bad} so far" if searching else "marking"
        self._on_progress(self._images, self._total, note)


def _end(job: Job, stage: Staging, on_progress: Progress) -> EmbedResult:
    """Make a dataset of the shards, or name every file that there can be none with."""
    if stage.refusals.are_there:
        bad = bad_images(job, stage.refusals.all())
        stage.discard()
        raise BadFilesError(bad)
    return finish(job, stage, on_progress)


def _end_if_last(job: Job, stage: Staging, share: Share, on_progress: Progress) -> EmbedResult | ShareResult:
    """End it if every shard is done, and nobody is at it who looks later: each run looks after it has left."""
    target, left = job.request.settings.target, _count_left(job, stage)
    with suppress(BusyError):
        if not left:
            with staging(target, job.request.description(), new=False) as alone:
                for number in range(shard_count(job, alone)):
                    alone.resume(GROUP, number)  # another machine may have lost files that it had noted
                left = _count_left(job, alone)
                if not left:
                    return _end(job, alone, on_progress)
    is_gone = not staging_path(target).exists()  # asked first: it goes after the dataset has got its name
    if os.path.lexists(target):
        return _there_already(job.request)
    if is_gone:
        raise BadInputError(f"{target}: given up by another run, which found unusable files and has named them all")
    if stage.refusals.are_there:
        raise _not_all_bad(job, stage)
    shards = shard_count(job, stage)
    return ShareResult(str(target), share.index, share.count, shards, len(share.of(shards)), left)


def _not_all_bad(job: Job, stage: Staging) -> BadInputError:
    """Some unusable files; whoever ends the search names all."""
    bad = bad_images(job, stage.refusals.all())
    if bad:
        return BadFilesError(bad)
    return BadInputError(f"{stage.target}: another run found unusable files, and will name them")


def _count_left(job: Job, stage: Staging) -> int:
    """How many shards are neither noted as marked nor searched to their end."""
    shards = range(shard_count(job, stage))
    return sum(not (is_noted(job, stage, number) or stage.refusals.has(number)) for number in shards)
