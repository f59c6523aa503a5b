"""Marking at a given PSNR: the strength that hits it, the embedding, and what lies on the disk afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from artfp.codec.base import Codec
from artfp.codec.fidelity import Fidelity
from artfp.data.survey import evenly_spaced
from artfp.embed import EmbedSettings, embed_dataset
from artfp.embed.marking import choose_marked
from artfp.embed.request import KeyPer
from artfp.errors import ArtfpError
from artfp.files import read_json, write_json
from artfp.generators.sampling import fresh_keys
from artfp.images import to_tensor
from artfp.keys.fingerprint import Bits
from artfp.keys.registry import Registry
from artfp.strips import with_residual
from benchmarks.measuring.images import Pixels, at_side
from benchmarks.measuring.progress import Tell

TUNED_ON = 256  # images, spread over those to be marked
BATCH = 64
CLOSE = 0.02  # dB
ROUNDS = 10


@dataclass(frozen=True)
class Marks:
    """How data are to be marked."""

    key: str  # its name in the registry
    side: int  # of the images
    psnr: float  # of the marked ones, dB
    fraction: float = 1.0  # of the images
    seed: int = 0  # of which
    key_per: KeyPer = "dataset"  # or "image": every one with bits of its own, from this key's secret


def mark(marks: Marks, data: Path, folder: Path, codec: Codec, registry: Registry, tell: Tell) -> dict[str, Any]:
    """Mark the data into `folder`/marked.zip, or go on with it; what came of it."""
    target, clean = folder / "marked.zip", at_side(data, marks.side, tell)
    strength = _strength(marks, clean, folder / "strength.json", codec, registry)
    settings = EmbedSettings(data, target, marks.key, strength, marks.fraction, marks.key_per, marks.seed)
    result = embed_dataset(settings, codec, registry, tell)
    check = result.self_check
    if check is None:
        raise ArtfpError(f"{marks.key}: marks no image")
    error = squared_error(clean, at_side(target, marks.side, tell))
    values = result.totals.marked * clean[0].size  # unmarked images differ nowhere
    return {
        "strength": strength,
        "images": result.totals.images,
        "marked": result.totals.marked,
        "psnr": Fidelity(squared_error=error, values=values).psnr,  # pooled over all marked files
        "self_check": {name: value for name, value in check.to_dict().items() if name != "passed"},
    }


def _strength(marks: Marks, clean: Pixels, memory: Path, codec: Codec, registry: Registry) -> float:
    """Found once for a codec: a resumed embedding must find the same to the last digit."""
    found = read_json(memory) if memory.exists() else {}
    if found.get("codec_sha256") != codec.sha256:
        images = _to_tune_on(marks, clean)
        strength = strength_for(codec, images, _to_tune_with(marks, len(images), codec, registry), marks.psnr)
        found = {"codec_sha256": codec.sha256, "strength": strength}
        write_json(memory, found)
    return float(found["strength"])


def _to_tune_on(marks: Marks, clean: Pixels) -> Pixels:
    """Some of the images that will be marked: those that the self-check reads."""
    chosen = np.flatnonzero(choose_marked(marks.seed, len(clean), marks.fraction))
    return clean[chosen[evenly_spaced(len(chosen), TUNED_ON)]]


def _to_tune_with(marks: Marks, count: int, codec: Codec, registry: Registry) -> Bits:
    """The key's bits; where every image has its own, any will do that are as random."""
    if marks.key_per == "image":
        return fresh_keys(codec.n_bits, marks.seed, range(count))
    return registry.pair(marks.key, codec.facts()).bits


def strength_for(codec: Codec, clean: Pixels, bits: Bits, psnr: float) -> float:
    """The strength at which the images are marked at `psnr`: by the law of logarithms, then against the rounding."""
    residual = residuals(codec, clean, bits)
    strength = 1.0
    for _ in range(ROUNDS):
        marked = marked_with(clean, residual, strength)
        off = Fidelity(squared_error=squared_error(clean, marked), values=clean.size).psnr - psnr
        if abs(off) <= CLOSE:
            return strength
        strength *= 10 ** (off / 20)
    raise ArtfpError(f"no strength of {codec.name} marks at {psnr} dB")


def residuals(codec: Codec, clean: Pixels, bits: Bits) -> Tensor:
    """What the codec adds at strength 1, at its own size: `Codec.embed` would compute it anew for each strength.

    `bits` are those of all images, or a row for each.
    """
    wanted = torch.from_numpy(bits.copy()).expand(len(clean), -1)
    portions = (slice(start, start + BATCH) for start in range(0, len(clean), BATCH))
    return torch.cat([codec.residuals(to_tensor(clean[part]), wanted[part]).cpu() for part in portions])


def marked_with(clean: Pixels, residual: Tensor, strength: float) -> Pixels:
    """As `embed-dataset` adds it."""
    return np.stack([with_residual(*each, strength) for each in zip(clean, residual, strict=True)])


def squared_error(first: Pixels, second: Pixels) -> int:
    """Of 8-bit values, summed; in parts, since the difference of all of CIFAR-10 would take a gigabyte."""
    parts = (slice(start, start + 1024) for start in range(0, len(first), 1024))
    return sum(int(((first[part].astype(np.int64) - second[part]) ** 2).sum()) for part in parts)
