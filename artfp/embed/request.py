"""A request to mark a dataset, checked as far as that costs nothing; all that is wrong is said at once."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from artfp.codec.base import Codec
from artfp.data.manifest import read_manifest
from artfp.data.outputs import Kind, Output, output_for
from artfp.data.parquet_file import import_pyarrow
from artfp.data.readers import Source, open_source
from artfp.data.survey import Survey, free_bytes, survey
from artfp.data.writers import SHARD, differences, is_staged, staged_groups
from artfp.embed.marking import choose_marked, class_key
from artfp.embed.problems import Problems
from artfp.embed.records import EmbedPlan
from artfp.errors import ArtfpError, BadInputError, UsageError
from artfp.keys.records import Origin, check_name
from artfp.keys.registry import Registry

GROUP = 64  # source-consecutive images: the unit of the codec's batches, the journal and resuming
LAYOUT = 2  # raise when the same settings give other files
UNMARKED = -1

KeyPer = Literal["dataset", "class", "image"]  # for what there is one key, or in the last case one row of bits


@dataclass(frozen=True)
class EmbedSettings:
    """What to mark, with which key, how strongly, how much of it, and as what to write it."""

    source: Path
    target: Path
    key: str
    strength: float = 1.0
    fraction: float = 1.0
    key_per: KeyPer = "dataset"
    seed: int = 0
    skip_bad: bool = False
    format: Kind | None = None  # None: by the target's name
    images_per_file: int | None = None
    mb_per_file: int | None = None


@dataclass(frozen=True)
class Marking:
    """Which key every image gets: a position in `names`, or UNMARKED."""

    names: tuple[str, ...]
    class_names: tuple[str | None, ...]
    of: NDArray[np.signedinteger[Any]]  # of as few bytes as there are names for

    @property
    def marked(self) -> int:
        """How many images get one."""
        return int((self.of != UNMARKED).sum())


@dataclass(frozen=True)
class Request:
    """A request that can be carried out."""

    settings: EmbedSettings
    output: Output
    source: Source
    codec: Codec
    marking: Marking
    key_ids: tuple[str | None, ...]  # None for a key that is still to be made
    survey: Survey
    groups_done: int
    needed_bytes: int
    finished: dict[str, Any] | None  # the manifest, if the very same was done before

    def description(self) -> dict[str, Any]:
        """All that decides the bytes of the result; two runs may share a staging folder if these agree."""
        return _description(self.settings, self.output, self.source, self.codec, self.key_ids)

    def __getstate__(self) -> dict[str, Any]:
        """What goes to another process: the source's hash in the place of open files."""
        settings = dataclasses.replace(self.settings, source=self.source.lasting_path)
        return self.__dict__ | {"settings": settings, "source": self.source.sha256}

    def __setstate__(self, state: dict[str, Any]) -> None:
        path, sha256 = state["settings"].source, state["source"]
        source = open_source(path)
        if source.sha256 != sha256:
            raise BadInputError(f"{path}: has changed since the run began")
        self.__dict__.update(state, source=source)


def plan_embedding(settings: EmbedSettings, codec: Codec, registry: Registry | None) -> EmbedPlan:
    """What a run would do; changes nothing. A registry that is not there yet is None."""
    with checked(settings, codec, registry) as request:
        source, names = request.source, request.marking.names
        return EmbedPlan(
            source=source.title,
            target=str(settings.target),
            output=request.output.kind,
            images=len(source),
            to_mark=request.marking.marked,
            refused_files=source.refused,
            ignored_files=source.others,
            label_origin=source.labels.origin,
            classes=source.labels.count(),
            codec=codec.name,
            codec_sha256=codec.sha256,
            n_bits=codec.n_bits,
            keys=names,
            new_keys=tuple(name for name, known in zip(names, request.key_ids, strict=True) if known is None),
            sampled_sizes=request.survey.sizes,
            needed_bytes=request.needed_bytes,
            free_bytes=free_bytes(settings.target.parent),
            shards=-(-len(source) // (GROUP * SHARD)),
            resumes_after=min(request.groups_done * GROUP, len(source)),
            already_done=request.finished is not None,
        )


@contextmanager
def checked(settings: EmbedSettings, codec: Codec, registry: Registry | None) -> Iterator[Request]:
    """The request behind the settings, or one error that names everything wrong with it."""
    problems = Problems()
    output = _check_settings(settings, problems)
    source = problems.attempt(lambda: open_source(settings.source))
    if source is None:
        problems.attempt(lambda: _known_ids(settings, None, registry))
        raise problems.error()
    with source:
        request = _check_source(settings, output, source, codec, registry, problems)
        if request is None:
            raise problems.error()
        yield request


def _check_settings(settings: EmbedSettings, problems: Problems) -> Output | None:
    def need(condition: bool, message: str) -> None:
        if not condition:
            problems.found.append(UsageError(message))

    need(
        math.isfinite(settings.strength) and settings.strength >= 0,
        f"strength must be 0 or more, not {settings.strength}",
    )
    source, target = settings.source.resolve(), settings.target.resolve()
    need(target.parent.is_dir(), f"{target.parent}: no such folder to write {target.name} in; create it first")
    need(source not in (target, *target.parents), f"{settings.target}: lies inside the source; write somewhere else")
    writable = not target.parent.is_dir() or os.access(target.parent, os.W_OK)
    need(writable, f"{target.parent}: not writable")
    return problems.attempt(lambda: _output(settings))


def _output(settings: EmbedSettings) -> Output:
    output = output_for(settings.target, settings.format, settings.images_per_file, settings.mb_per_file)
    if output.kind == "parquet":
        import_pyarrow("pyarrow.parquet")
    return output


def _check_source(
    settings: EmbedSettings,
    output: Output | None,
    source: Source,
    codec: Codec,
    registry: Registry | None,
    problems: Problems,
) -> Request | None:
    if not len(source):
        others = ", ".join(f"{count} {suffix}" for suffix, count in source.others.items()) or "no files at all"
        problems.found.append(BadInputError(f"{settings.source}: holds no images ({others})"))
        return None
    tables = problems.attempt(lambda: (source.labels, source.columns))
    marking = problems.attempt(lambda: _assign(settings, source)) if tables else None
    # Looked at before the keys: whoever has begun or finished the same dataset meanwhile had made them by then.
    there, begun = os.path.lexists(settings.target), is_staged(settings.target)
    key_ids = problems.attempt(lambda: _known_ids(settings, marking, registry))
    if marking is None or key_ids is None or output is None:
        problems.attempt(lambda: _our_manifest(settings.target))
        return None
    description = _description(settings, output, source, codec, key_ids)
    finished = problems.attempt(lambda: finished_manifest(settings.target, description)) if there else None
    done = problems.attempt(lambda: staged_groups(settings.target, description)) if begun else None
    sample = survey(source)
    left = len(source) - min(len(source), (done or 0) * GROUP)
    needed = sample.needed_bytes(left, 0 if output.kind == "folder" else len(source))
    if not finished and not problems.found:
        problems.attempt(lambda: _check_space(settings.target, needed))
    if problems.found:
        return None
    return Request(settings, output, source, codec, marking, key_ids, sample, done or 0, needed, finished or None)


def _assign(settings: EmbedSettings, source: Source) -> Marking:
    images, class_name = range(len(source)), source.labels.class_name
    chosen = choose_marked(settings.seed, len(source), settings.fraction)
    if settings.key_per != "class":
        return Marking((settings.key,), (None,), np.where(chosen, np.int8(0), np.int8(UNMARKED)))
    if all(class_name(index) is None for index in images):
        raise UsageError(f"{settings.source}: has no classes, so there can be no key for each")
    missing = sum(class_name(index) is None and not source[index].problem for index in images)
    if missing:
        raise UsageError(f"{settings.source}: {missing} images have no class, so no key would be theirs")
    used = sorted({name for index in compress(images, chosen) if (name := class_name(index)) is not None})
    position: dict[str | None, int] = {name: number for number, name in enumerate(used)}
    of = (position.get(class_name(index), UNMARKED) if chosen[index] else UNMARKED for index in images)
    marking = np.fromiter(of, np.min_scalar_type(-max(1, len(used))), len(source))
    return Marking(tuple(class_key(settings.key, name) for name in used), tuple(used), marking)


def _known_ids(settings: EmbedSettings, marking: Marking | None, registry: Registry | None) -> tuple[str | None, ...]:
    """The public ids of the keys; a missing key of a class is None and will be made."""
    check_name(settings.key)
    if settings.key_per == "class":
        return tuple(_id_or_none(check_name(name), registry) for name in (marking.names if marking else ()))
    if registry is None:
        raise UsageError(f"no key {settings.key!r}: there is no registry yet; `artfp key new {settings.key}` makes one")
    key = registry.get(settings.key)
    if settings.key_per == "image" and key.origin == Origin.IMPORTED_BITS:
        raise UsageError(f"key {key.name!r} is imported bits without a secret: no image can get its own bits from them")
    return (key.key_id,)


def _id_or_none(name: str, registry: Registry | None) -> str | None:
    try:
        return registry.get(name).key_id if registry is not None else None
    except UsageError:
        return None


def _description(
    settings: EmbedSettings, output: Output, source: Source, codec: Codec, key_ids: tuple[str | None, ...]
) -> dict[str, Any]:
    return {
        "layout": LAYOUT,
        **output.settings(),
        "images": len(source),
        "source": source.sha256,
        **({"revision": source.revision} if source.revision else {}),
        "codec": codec.sha256,
        "keys": list(key_ids),
        "key per": settings.key_per,
        "strength": settings.strength,
        "fraction": settings.fraction,
        "seed": settings.seed,
        "skip-bad": settings.skip_bad,
        "device": codec.device.type,
    }


def finished_manifest(target: Path, description: dict[str, Any]) -> dict[str, Any]:
    """The manifest of the same dataset if the target is that; {} if there is nothing; an error otherwise."""
    manifest = _our_manifest(target)
    changes = differences(manifest.get("settings", {}), description) if manifest else []
    if changes:
        raise UsageError(f"{target}: exists, made with other settings ({'; '.join(changes)}); nothing is overwritten")
    return manifest


def _our_manifest(target: Path) -> dict[str, Any]:
    """The manifest of a dataset of ours, {} if there is nothing."""
    if not os.path.lexists(target):
        return {}
    manifest = read_manifest(target)
    if manifest is None:
        raise UsageError(f"{target}: exists and is not a dataset of artfp; nothing is overwritten")
    return manifest


def _check_space(target: Path, needed: int) -> None:
    free = free_bytes(target.parent)
    if needed > free:
        raise ArtfpError(
            f"{target}: needs about {needed / 1e6:,.0f} MB, but only {free / 1e6:,.0f} MB are free on its disk"
        )
