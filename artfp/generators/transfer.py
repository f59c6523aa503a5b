"""The transfer monitor: how much of a fingerprint the samples of a training generator carry, and how sure that is."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from artfp.codec.base import Codec
from artfp.codec.store import find_codec, load_codec
from artfp.data.manifest import read_manifest
from artfp.errors import UsageError
from artfp.generators.base import Generator
from artfp.generators.sampling import Pixels, sample
from artfp.images import to_tensor
from artfp.keys.fingerprint import Bits, pack
from artfp.keys.registry import Registry
from artfp.results import Record
from artfp.statistics.calibration import matching_bits, matching_share
from artfp.statistics.decision import IMAGE_AT
from artfp.statistics.evidence import Evidence, p_values
from artfp.statistics.exact import Packed


@dataclass(frozen=True)
class Transfer(Record):
    """What one look at the samples found, counts first."""

    images: int  # looked at
    matching_bits: int  # of all of them together
    total_bits: int
    matching_images: int  # that match on their own
    p: float  # of all of them as one set, for this key alone; in a keyed training each for its own
    log10_p: float
    single_at: float = IMAGE_AT  # where an image matches on its own

    @property
    def bit_accuracy(self) -> float:
        """The share of matching bits."""
        return self.matching_bits / self.total_bits

    def __str__(self) -> str:
        return f"bits {self.bit_accuracy:.3f}  p {self.p:.0e}  single {self.matching_images / self.images:.0%}"


class Watch(ABC):
    """Looks on with a codec as a generator learns; shows no bits."""

    def __init__(self, codec: Codec, key_id: str) -> None:
        self.codec, self.key_id = codec, key_id

    def __repr__(self) -> str:
        return f"{type(self).__name__}(codec={self.codec.name!r}, key_id={self.key_id!r})"

    def identity(self) -> dict[str, str]:
        """What a resumed training must watch again."""
        return {"codec_sha256": self.codec.sha256, "key_id": self.key_id}

    @abstractmethod
    def watch(self, generator: Generator, count: int, seed: int, sources: Pixels | None = None) -> Transfer:
        """Look at so many samples."""

    def read(self, batches: Iterable[Pixels]) -> Evidence:
        """Decode images, N x H x W x 3 bytes a batch.

        As they are: a young generator's images are all unsure, and a search for cuts and turns in each of them
        took as long as the training itself (LAB).
        """
        evidence = Evidence(self.codec.n_bits)
        for pixels in batches:
            evidence.add(self.codec.soft_bits_as_they_are(to_tensor(pixels)).cpu().numpy())
        return evidence


class Monitor(Watch):
    """Looks for one fingerprint."""

    def __init__(self, codec: Codec, bits: Bits, key_id: str) -> None:
        super().__init__(codec, key_id)
        self._key = pack(bits)

    def watch(self, generator: Generator, count: int, seed: int, sources: Pixels | None = None) -> Transfer:
        """Look for it in samples."""
        return self.look(sample(generator, count, seed, sources=sources))

    def look(self, batches: Iterable[Pixels]) -> Transfer:
        """Test images for the key."""
        return transfer_of(self.read(batches), self._key)


def transfer_of(evidence: Evidence, key: Packed, single_at: float = IMAGE_AT) -> Transfer:
    """What was read, held against one packed key."""
    n_bits, p = evidence.n_bits, min(1.0, float(p_values(evidence, key[None]).combined[0]))
    return Transfer(
        images=evidence.n_images,
        matching_bits=int(matching_bits(evidence.hard, key, n_bits).sum()),
        total_bits=evidence.n_images * n_bits,
        matching_images=matching_share(evidence.hard, key, n_bits, single_at).count,
        p=p,
        log10_p=math.log10(p),
        single_at=single_at,
    )


def monitor_for(data: Path, registry: Registry | None, key: str | None, codec_spec: str | None) -> Monitor:
    """The monitor of a dataset: its manifest names codec and key, and `key` and `codec_spec` come before it.

    Where that is not enough, a UsageError says what is missing.
    """
    manifest = read_manifest(data)
    if manifest is not None and key is None and manifest.get("key_per") == "image":
        raise UsageError(
            f"{data}: every image has bits of its own; no one key to look for, but keyed = true learns them"
        )
    if manifest is None and (key is None or codec_spec is None):
        raise UsageError(f"{data}: has no artfp manifest to name codec and key (--key and --codec together do)")
    if registry is None:
        raise UsageError("there is no key registry to take the fingerprint from (--registry)")
    codec = codec_of(manifest or {}, codec_spec)
    name = key if key is not None else key_name(manifest or {}, registry, data)
    key_id = registry.get(name).key_id
    pairs = registry.pairs(codec.sha256, [name])
    if not len(pairs):
        raise UsageError(f"the key {name!r} has never been used with the codec {codec.name}: nothing to look for")
    return Monitor(codec, pairs.bits(0), key_id)


def codec_of(manifest: Mapping[str, Any], spec: str | None) -> Codec:
    """The codec called `spec`, or the one of the manifest."""
    if spec not in (None, "auto"):  # auto: the one that suits the data is the one they were marked with
        return load_codec(spec)
    codec = find_codec(str(manifest["codec_sha256"]))
    if codec is None:
        raise UsageError(f"the dataset's codec {manifest['codec']!r} is not here; give its file with --codec")
    return codec


def key_name(manifest: Mapping[str, Any], registry: Registry, data: Path) -> str:
    """The registered name of the manifest's one key."""
    ids = [use["key_id"] for use in manifest["keys"]]
    if len(ids) != 1:
        raise UsageError(f"{data}: marked with {len(ids)} keys; choose the one to watch with --key")
    name = next((key.name for key in registry.keys() if key.key_id == ids[0]), None)  # noqa: SIM118 - not a dict
    if name is None:
        raise UsageError(f"{data}: the key with the id {ids[0]} is not in the registry (--registry)")
    return name
