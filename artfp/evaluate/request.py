"""What is to be swept: paths, a key and a codec, of a run folder or of whatever the user names.

RUN/data/marked, data/original, model, twin, run.json, embed.json --of_run--> Subjects
Subjects + key + codec + suite --> Request, which every process of a sweep gets
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from artfp.codec.base import Codec
from artfp.codec.store import find_codecs, load_codec
from artfp.data.readers import MISSING, is_there
from artfp.errors import BadInputError, UsageError
from artfp.generators.folder import FILE
from artfp.generators.sampling import checkpoint_of
from artfp.keys.fingerprint import Bits
from artfp.keys.records import Key
from artfp.keys.registry import Registry
from artfp.perturb.grids import SUITES, Suite
from artfp.records import read_table
from artfp.verify import recorded_codecs


@dataclass(frozen=True)
class Subjects:
    """Where things are, and what is known of the key."""

    name: str
    images: Path | None = None  # marked, or made by some generator
    generator: Path | None = None
    twin: Path | None = None
    clean: Path | None = None  # never had the key
    source: Path | None = None  # what a generator translates
    key: str | None = None
    codec_sha256: str | None = None


@dataclass(frozen=True)
class Request:
    """A sweep."""

    subjects: Subjects
    key: Key
    bits: Bits = field(repr=False)
    codec_sha256: str
    codec_spec: str | None  # where it is no shipped codec
    suite_name: str
    count: int  # images of each subject, at most
    seed: int

    @property
    def suite(self) -> Suite:
        """What is measured."""
        return SUITES[self.suite_name]

    def codec(self) -> Codec:
        """The codec, loaded."""
        return find_codecs([self.codec_sha256], [self.codec_spec] if self.codec_spec else [])[0]


def of_run(folder: Path) -> Subjects:
    """The subjects that a folder of `artfp run` holds."""
    if not (folder / "run.json").is_file() or not (folder / "embed.json").is_file():
        raise UsageError(f"{folder}: not the folder of a finished `artfp run`; or give --generator or --images")
    described, embedded = read_table(folder / "run.json"), read_table(folder / "embed.json")
    try:
        recipe = described["recipe"]
        data, source = recipe["data"]["path"], recipe["gan"]["source"]
        return Subjects(
            name=described["name"],
            images=folder / "data" / "marked",
            generator=folder / "model",
            twin=folder / "twin" if (folder / "twin" / FILE).is_file() else None,
            clean=Path(data) if data else folder / "data" / "original",
            source=Path(source) if source else None,
            key=recipe["key"],
            codec_sha256=embedded["codec_sha256"],
        )
    except (KeyError, TypeError) as error:
        raise BadInputError(f"{folder}: its run.json or embed.json is not one of `artfp run` ({error})") from error


def requested(
    subjects: Subjects, registry: Registry, codec_spec: str | None, suite: str, count: int, seed: int
) -> Request:
    """The sweep of these subjects, with the key's bits; the registry is as it was."""
    if subjects.key is None:
        raise UsageError("--key names the key that the images carry")
    _check_there(subjects)
    codec = _codec(subjects, registry, codec_spec)
    pairs = registry.pairs(codec.sha256, [subjects.key])
    if not len(pairs):
        raise UsageError(f"the key {subjects.key} has not been used with the codec {codec.name}")
    key = registry.get(subjects.key)
    return Request(subjects, key, pairs.bits(0), codec.sha256, codec_spec, suite, count, seed)


def _check_there(subjects: Subjects) -> None:
    for path in (subjects.images, subjects.clean, subjects.source):
        if path is not None and not is_there(path):
            raise UsageError(f"{path}: {MISSING}; clean images elsewhere are named with --clean")
    for network in (subjects.generator, subjects.twin):
        if network is not None and not checkpoint_of(network).is_file():
            raise UsageError(f"{network}: no such checkpoint or training folder")


def _codec(subjects: Subjects, registry: Registry, spec: str | None) -> Codec:
    if spec is not None:
        return load_codec(spec)
    if subjects.codec_sha256 is not None:
        return find_codecs([subjects.codec_sha256])[0]
    found = recorded_codecs(registry, subjects.key)
    if len(found) > 1:
        names = ", ".join(codec.name for codec in found)
        raise UsageError(f"the key {subjects.key} was used with several codecs ({names}): name one with --codec")
    return found[0]
