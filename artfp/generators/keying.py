"""Keyed trainings: every image with a key of its own, so that the generator learns to follow any key that it is told.

    manifest's seeds + registry's secret --Registry.image_bits--> a row of bits for every image
    [class | +-1 bits] --Batch.condition--> both networks         an unmarked image is told zeros
    samples for fresh keys --Keying.watch--> Transfer             `guided`: what the codec misreads joins the loss

The discriminator learns which bits an image carries, and calls an image false that carries others than it is said to.
So the generator learns how the codec writes any bits; whether it did is seen on keys that no image ever had.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from artfp.codec.base import Codec
from artfp.data.manifest import read_manifest, read_seeds
from artfp.data.readers import Source
from artfp.errors import BadInputError, UsageError
from artfp.generators.base import Generator, Guide
from artfp.generators.colours import unclamped_rgb
from artfp.generators.dataset import Conditions
from artfp.generators.sampling import Pixels, fresh_keys, sample
from artfp.generators.settings import GanRecipe
from artfp.generators.transfer import Transfer, Watch, codec_of, key_name
from artfp.images import round_to_8_bits
from artfp.keys.fingerprint import Bits, pack
from artfp.keys.registry import Registry
from artfp.statistics.calibration import matching_bits
from artfp.statistics.exact import binomial_tail, matches_needed

SINGLE_AT = 1e-6  # where a single image matches its own key


class Keying(Watch):
    """The keys of a keyed training: those of its images by file name, and fresh ones to watch it with."""

    def __init__(self, codec: Codec, key_id: str, bits: Mapping[str, Bits | None]) -> None:
        super().__init__(codec, key_id)
        self._bits = bits

    def told(self, source: Source) -> Conditions:
        """What the networks are told of the images' keys: -1 and +1, and of unmarked images nothing."""
        names = [entry.name for entry in source]
        if missing := [name for name in names if name not in self._bits]:
            raise BadInputError(f"{source.path}: its manifest names no key for {missing[0]}; embed the images again")
        rows = (self._bits[name] for name in names)
        nothing = np.zeros(self.codec.n_bits, np.float32)
        return np.stack([nothing if row is None else 2 * row.astype(np.float32) - 1 for row in rows])

    def guide(self, weight: float) -> Guide:
        """The codec as a guide."""
        return Reader(self.codec, weight)

    def watch(self, generator: Generator, count: int, seed: int, sources: Pixels | None = None) -> Transfer:
        """Sample for keys drawn from the seed, which no image was trained with, and read each image for its own.

        The keys are uniform and independent of each other, so all bits of all images are one binomial draw: p is exact.
        """
        n_bits, keys = self.codec.n_bits, fresh_keys(self.codec.n_bits, seed, range(count))
        evidence = self.read(sample(generator, count, seed, sources=sources, keys=keys))
        matches = matching_bits(evidence.hard, pack(keys), n_bits)
        total = count * n_bits
        p = max(float(binomial_tail(int(matches.sum()), total)), np.finfo(float).tiny)
        return Transfer(
            images=count,
            matching_bits=int(matches.sum()),
            total_bits=total,
            matching_images=int((matches >= matches_needed(n_bits, SINGLE_AT)).sum()),
            p=p,
            log10_p=float(np.log10(p)),
            single_at=SINGLE_AT,
        )


class Reader(Guide):
    """A codec that stands still and reads generated images as their files will hold them.

    The gradient passes rounding and the limits of what exists as if they were not there: beyond the limits there would
    be none, and a generator that paints too white could not learn to write there.
    """

    def __init__(self, codec: Codec, weight: float) -> None:
        self.codec, self.weight = codec, weight

    def __call__(self, images: Tensor, condition: Tensor) -> Tensor:
        """The cross-entropy in the mean over the key's bits, which are the condition's last; of zeros a constant."""
        logits = self.codec.logits_as_they_are(round_to_8_bits(unclamped_rgb(images)))
        return F.softplus(-condition[:, -self.codec.n_bits :] * logits).mean(dim=1)


def keying_for(data: Path, registry: Registry | None, codec_spec: str | None) -> Keying:
    """The keying of a dataset that was marked with --key-per image; a UsageError says what is missing."""
    manifest = read_manifest(data)
    if manifest is None or manifest.get("key_per") != "image":
        raise UsageError(f"{data}: keyed = true needs data marked by `artfp embed-dataset --key-per image`")
    if registry is None:
        raise UsageError("there is no key registry to take the secret of the images' keys from (--registry)")
    codec = codec_of(manifest, codec_spec)
    if codec.sha256 != manifest["codec_sha256"]:
        raise UsageError(f"{data}: marked with the codec {manifest['codec']}; {codec.name} writes other bits")
    name, seeds = key_name(manifest, registry, data), read_seeds(data)
    marked = {image: seed for image, seed in seeds.items() if seed is not None}
    bits = registry.image_bits(name, codec.facts(), list(marked.values()))
    return Keying(codec, registry.get(name).key_id, dict.fromkeys(seeds) | dict(zip(marked, bits, strict=True)))


def keying_of(recipe: GanRecipe, monitor: Watch | None) -> Keying | None:
    """What watches a training, where that is a keyed one; refuses what does not go together."""
    if recipe.guided and not recipe.keyed:
        raise UsageError("guided: towards what? It goes with keyed = true")
    if not recipe.keyed:
        return None
    if not isinstance(monitor, Keying):
        raise UsageError("keyed = true needs data marked by `artfp embed-dataset --key-per image`, and their key")
    return monitor


def key_for(generator: Generator, registry: Registry, name: str, codec_spec: str | None) -> Bits:
    """The bits of a registered key for the codec that a keyed generator was trained with; records their use."""
    if not generator.key_bits:
        raise UsageError("--key: this generator is not keyed; its images carry what its training data did, or nothing")
    return registry.pair(name, codec_of_keys(generator, codec_spec).facts()).bits


def codec_of_keys(generator: Generator, spec: str | None) -> Codec:
    """The codec that a keyed generator was trained with, which is the one called `spec` where that is given."""
    sha256 = str(generator.codec_sha256)
    codec = codec_of({"codec": sha256[:12], "codec_sha256": sha256}, spec)
    if codec.sha256 != sha256:
        raise UsageError(f"--codec: this generator follows keys of the codec {sha256[:12]}, not of {codec.name}")
    return codec
