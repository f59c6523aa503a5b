"""What adversaries who work on images share: clean images of two uses, one way to treat them all, what they keep.

Scene --Work--> images of the key, clean ones, the twin's: all treated alike --> Attempt
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from artfp.attacks.adversary import Adversary, Attempt, Pixels, Scene
from artfp.checkpoints import load_into, load_tensors, save_tensors
from artfp.codec.base import Codec
from artfp.errors import CannotError
from artfp.files import sha256_bytes
from artfp.generators.sampling import sample
from artfp.images import to_pixels, to_tensor
from artfp.keys.fingerprint import Bits, pack
from artfp.seeds import numpy_generator
from artfp.statistics.calibration import matching_bits
from artfp.statistics.evidence import Evidence

Work = Callable[[Pixels], Pixels]  # the same shape, whatever the number of images
BATCH = 64


def whole(adversary: Adversary, strength: float) -> int:
    """The strength as the positive whole number that it has to be."""
    if not np.isfinite(strength) or strength < 1 or strength != int(strength):
        raise CannotError(f"{adversary.name}: {adversary.unit} must be a whole number from 1, not {strength:g}")
    return int(strength)


def by_batch(change: Callable[[Tensor], Tensor], device: str = "cpu") -> Work:
    """What is to be done to a batch of the image convention, done to any number of 8-bit images."""

    def work(pixels: Pixels) -> Pixels:
        batches = (pixels[start : start + BATCH] for start in range(0, len(pixels), BATCH))
        return np.concatenate([to_pixels(change(to_tensor(batch).to(device))) for batch in batches])

    return work


def controls(scene: Scene) -> Pixels | None:
    """Clean images to compare with, for who does not learn from others; None where there are none."""
    try:
        return clean_images(scene, 0)[0]
    except CannotError:
        return None


def clean_images(scene: Scene, more: int) -> tuple[Pixels, Pixels]:
    """Clean images to compare with, as many as there are of the key's, and up to `more` others for whoever learns.

    The first are the same whatever is wanted of the second, as long as there are enough; else each gets half.
    """
    count = len(scene.images)
    found = scene.clean(count + more)
    if len(found) < 2:
        raise CannotError(f"{len(found)} clean images are too few to learn from and to compare with")
    if len(found) < count + more:
        count = min(count, len(found) // 2)
    return found[:count], found[count:]


def attempted(scene: Scene, work: Work, clean: Pixels | None, **notes: float | int | str | bool | None) -> Attempt:
    """The same done to the images of the key, and to clean ones and the twin's where there are such."""
    twin = twin_images(scene)
    return Attempt(
        images=work(scene.images),
        before=scene.images,
        clean=None if clean is None else work(clean),
        twin=None if twin is None else work(twin),
        notes=notes,
    )


def twin_images(scene: Scene) -> Pixels | None:
    """As many as there are of the key's; None where there is no twin, or one that wants images to translate."""
    if scene.twin is None or scene.twin.reads_images:
        return None
    return np.concatenate(list(sample(scene.twin, len(scene.images), scene.seed)))


def drawn_key(n_bits: int, *seed: int | str) -> Bits:
    """Bits that are nobody's, drawn from the seed that a sweep may be repeated."""
    return numpy_generator(*seed).integers(0, 2, n_bits, np.uint8)


def marking(codec: Codec, bits: Bits, strength: float = 1.0) -> Work:
    """Marks whatever it is given, as the codec does by itself."""
    return by_batch(lambda images: codec.embed(images, torch.from_numpy(bits), strength))


def share_read(codec: Codec, pixels: Pixels, key: Bits) -> float:
    """The share of all bits of all images that are a key's."""
    return float(matching_bits(read(codec, pixels).hard, pack(key), codec.n_bits).mean() / codec.n_bits)


def read(codec: Codec, pixels: Pixels) -> Evidence:
    """What the codec reads from the images, whatever the key."""
    evidence = Evidence(codec.n_bits)
    for start in range(0, len(pixels), BATCH):
        evidence.add(codec.soft_bits(to_tensor(pixels[start : start + BATCH])).cpu().numpy())
    return evidence


def keep_trained(
    network: nn.Module, kind: str, scene: Scene, facts: Mapping[str, Any], data: Pixels, train: Callable[[], None]
) -> None:
    """Train, or load what was trained before with the same settings on the same images.

    The file appears in the scene's scratch folder, whole or not at all; its name is of all that determines it.
    """
    known = {**facts, "seed": scene.seed, "data": [list(data.shape), sha256_bytes(data.tobytes())]}
    name = sha256_bytes(json.dumps([kind, known], sort_keys=True).encode())[:16]
    path = scene.scratch / f"{kind}-{name}.safetensors"
    if path.exists():
        load_into(network, load_tensors(path, kind)[0], path)
        return
    train()
    scene.scratch.mkdir(parents=True, exist_ok=True)
    save_tensors(path, network.state_dict(), {"kind": kind})
