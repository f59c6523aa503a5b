"""A request to mark a dataset, checked as far as that costs nothing; all that is wrong is said at once."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from artfp.codec.base import Codec
from artfp.data.manifest import read_manifest
from artfp.data.readers import Source, open_source
from artfp.data.survey import Survey, free_bytes, survey
from artfp.data.writers import SHARD, differences, is_staged, is_zip, staged_groups
from artfp.embed.problems import Problems
from artfp.embed.records import EmbedPlan
from artfp.errors import ArtfpError, BadInputError, UsageError
from artfp.keys.records import Origin, check_name
from artfp.keys.registry import Registry
from artfp.seeds import derive_seed

GROUP = 64  # source-consecutive images: the unit of the codec's batches, the journal and resuming
LAYOUT = 1  # raise when the same settings give other files
UNMARKED = -1

KeyPer = Literal["dataset", "class", "image"]  # for what there is one key, or in the last case one row of bits


@dataclass(frozen=True)
class EmbedSettings:
    """What to mark, with which key, how strongly, and how much of it."""

    source: Path
    target: Path
    key: str
    strength: float = 1.0
    fraction: float = 1.0
    key_per: KeyPer = "dataset"
    seed: int = 0
    skip_bad: bool = False


@dataclass(frozen=True)
class Marking:
    """Which key every image gets: a position in `names`, or UNMARKED."""

    names: tuple[str, ...]
    class_names: tuple[str | None, ...]
    of: NDArray[np.int32]

    @property
    def marked(self) -> int:
        """How many images get one."""
        return int((self.of != UNMARKED).sum())


@dataclass(frozen=True)
class Request:
    """A request that can be carried out."""

    settings: EmbedSettings
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
        return _description(self.settings, self.source, self.codec, self.key_ids)

    def __getstate__(self) -> dict[str, Any]:
        """What goes to another process: the source's hash in the place of open files."""
        settings = dataclasses.replace(self.settings, source=self.settings.source.absolute())
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
            source=str(settings.source),
            target=str(settings.target),
            output="zip" if is_zip(settings.target) else "folder",
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
    _check_settings(settings, problems)
    source = problems.attempt(lambda: open_source(settings.source))
    if source is None:
        problems.attempt(lambda: _known_ids(settings, None, registry))
        raise problems.error()
    with source:
        request = _check_source(settings, source, codec, registry, problems)
        if request is None:
            raise problems.error()
        yield request


def _check_settings(settings: EmbedSettings, problems: Problems) -> None:
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


def _check_source(
    settings: EmbedSettings, source: Source, codec: Codec, registry: Registry | None, problems: Problems
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
    if marking is None or key_ids is None:
        problems.attempt(lambda: _our_manifest(settings.target))
        return None
    description = _description(settings, source, codec, key_ids)
    finished = problems.attempt(lambda: finished_manifest(settings.target, description)) if there else None
    done = problems.attempt(lambda: staged_groups(settings.target, description)) if begun else None
    sample = survey(source)
    left = len(source) - min(len(source), (done or 0) * GROUP)
    needed = sample.needed_bytes(left, len(source) if is_zip(settings.target) else 0)
    if not finished and not problems.found:
        problems.attempt(lambda: _check_space(settings.target, needed))
    if problems.found:
        return None
    return Request(settings, source, codec, marking, key_ids, sample, done or 0, needed, finished or None)


def _assign(settings: EmbedSettings, source: Source) -> Marking:
    chosen = choose_marked(settings.seed, len(source), settings.fraction)
    if settings.key_per != "class":
        return Marking((settings.key,), (None,), np.where(chosen, 0, UNMARKED).astype(np.int32))
    classes = [source.labels.class_name(index) for index in range(len(source))]
    if all(name is None for name in classes):
        raise UsageError(f"{settings.source}: has no classes, so there can be no key for each")
    missing = sum(name is None and not source[index].problem for index, name in enumerate(classes))
    if missing:
        raise UsageError(f"{settings.source}: {missing} images have no class, so no key would be theirs")
    used = sorted({name for index, name in enumerate(classes) if name is not None and chosen[index]})
    position = {name: number for number, name in enumerate(used)}
    of = [position.get(name or "", UNMARKED) if chosen[index] else UNMARKED for index, name in enumerate(classes)]
    return Marking(tuple(class_key(settings.key, name) for name in used), tuple(used), np.array(of, np.int32))


def choose_marked(seed: int, count: int, fraction: float) -> NDArray[np.bool_]:
    """Exactly round(fraction * count) images: those whose hash of (seed, index) ranks lowest."""
    if not 0 <= fraction <= 1:
        raise UsageError(f"fraction must lie between 0 and 1, not {fraction}")
    wanted = round(fraction * count)
    if wanted in (0, count):
        return np.full(count, wanted == count and count > 0)
    hashes = np.array([derive_seed(seed, "marked", index) for index in range(count)])
    chosen = np.zeros(count, np.bool_)
    chosen[np.argsort(hashes, kind="stable")[:wanted]] = True
    return chosen


def class_key(name: str, class_name: str) -> str:
    """NAME/CLASS; what key names do not allow becomes `-`, and a hash keeps such classes apart."""
    allowed = re.sub(r"[^A-Za-z0-9._-]+", "-", class_name)[:64]
    if allowed != class_name:
        allowed += "-" + hashlib.sha256(class_name.encode()).hexdigest()[:8]
    return f"{name}/{allowed}"


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
    settings: EmbedSettings, source: Source, codec: Codec, key_ids: tuple[str | None, ...]
) -> dict[str, Any]:
    return {
        "layout": LAYOUT,
        "output": "zip" if is_zip(settings.target) else "folder",
        "images": len(source),
        "source": source.sha256,
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
