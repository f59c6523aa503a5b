"""Features of a set of images, in memory that does not grow with it; and those of a reference, kept in a folder.

    images --batches--> network --blocks--> moments of G groups, of all images      for Fréchet distances
                                        --> the features of the first SAMPLE        for kernel distances and neighbours

Image i is in group i mod G of the jackknife: images must come in random order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from artfp.checkpoints import load_tensors, save_tensors
from artfp.errors import BadInputError
from artfp.images import to_tensor
from artfp.perceptual import Eyes
from artfp.statistics.exact import Floats
from artfp.statistics.frechet import Moments
from artfp.statistics.jackknife import GROUPS

BATCH, BATCH_PIXELS = 32, 1 << 20  # that are looked at together: 32 images of up to 181 px, 4 of 512 px
BLOCK = 64 * GROUPS  # images whose features are added to the moments at once
SAMPLE = 2000  # the most images whose features are kept
KIND = "features/1"  # of files; another number where what they hold changes

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Seen:
    """What is kept of the features of a set."""

    groups: tuple[Moments, ...]
    sample: Floats  # of the first images, SAMPLE x d at most

    def __len__(self) -> int:
        return sum(group.count for group in self.groups)

    def moments(self, left_out: int | None = None) -> Moments:
        """Those of all images, or of all outside one group."""
        return reduce(add, (group for index, group in enumerate(self.groups) if index != left_out))


def see(images: Iterable[Pixels], eyes: Eyes, device: str) -> Seen:
    """Look at images of one size, G at least."""
    groups: list[Moments] = []
    sample: list[Floats] = []
    for block in _blocks(feature_batches(images, eyes, device)):
        parts = [Moments.of(block[index::GROUPS]) for index in range(min(GROUPS, len(block)))]
        groups = [*map(add, groups, parts), *groups[len(parts) :]] if groups else parts
        sample.append(block[: max(0, SAMPLE - sum(map(len, sample)))])
    return Seen(tuple(groups), np.concatenate(sample))


def _blocks(rows: Iterable[Floats]) -> Iterator[Floats]:
    """The same rows, BLOCK at a time; the last block may be smaller."""
    waiting = None
    for some in rows:
        waiting = some if waiting is None else np.concatenate([waiting, some])
        if len(waiting) >= BLOCK:
            yield waiting[:BLOCK]
            waiting = waiting[BLOCK:]
    if waiting is not None and len(waiting):
        yield waiting


def feature_batches(images: Iterable[Pixels], eyes: Eyes, device: str) -> Iterator[Floats]:
    """The features n x d of one batch after another."""
    for batch in batches(images):
        yield eyes.features(to_tensor(batch).to(device)).double().cpu().numpy()


def batches(images: Iterable[Pixels]) -> Iterator[Pixels]:
    """Images of one size, n x H x W x 3; the larger, the fewer."""
    waiting: list[Pixels] = []
    for image in images:
        waiting.append(image)
        if len(waiting) == BATCH or len(waiting) * image[..., 0].size >= BATCH_PIXELS:
            yield np.stack(waiting)
            waiting = []
    if waiting:
        yield np.stack(waiting)


def key_of(files: Iterable[bytes], eyes: Eyes, side: int | None) -> str:
    """A name for what these eyes see in these files: of the bytes of every file, in order, and of the weights."""
    digest = hashlib.sha256(f"{KIND} {eyes.name} {eyes.sha256} {side}\n".encode())
    for file in files:
        digest.update(hashlib.sha256(file).digest())
    return digest.hexdigest()


def kept(folder: Path, key: str, look: Callable[[], Seen]) -> Seen:
    """What was seen before under this key, or is seen now and kept."""
    path = folder / f"{key}.safetensors"
    if path.exists():
        return _load(path)
    seen = look()
    folder.mkdir(parents=True, exist_ok=True)
    _save(path, seen)
    return seen


def _save(path: Path, seen: Seen) -> None:
    counts = torch.tensor([group.count for group in seen.groups])
    means, scatters = (np.stack([getattr(group, name) for group in seen.groups]) for name in ("mean", "scatter"))
    arrays = {"means": means, "scatters": scatters, "sample": seen.sample}
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    save_tensors(path, {"counts": counts, **tensors}, {"kind": KIND})


def _load(path: Path) -> Seen:
    tensors, _ = load_tensors(path, KIND)
    try:
        counts, *arrays = (tensors[name].numpy() for name in ("counts", "means", "scatters", "sample"))
    except KeyError as error:
        raise BadInputError(f"{path}: holds no {error}; delete it, and it will be made anew") from error
    means, scatters, sample = arrays
    groups = zip(counts.tolist(), means, scatters, strict=True)
    return Seen(tuple(Moments(*group) for group in groups), sample)
