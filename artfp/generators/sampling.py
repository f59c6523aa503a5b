"""Sampling: image i follows from the seed and i alone, whatever else is sampled with it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from artfp.artefacts import Provenance, files_below, write_list
from artfp.checkpoints import check_planned, load_into, load_tensors, save_tensors
from artfp.data.readers import open_source
from artfp.errors import ArtfpError, BadInputError, UsageError
from artfp.files import new_folder, sha256_file
from artfp.generators.base import Generator, signs_of
from artfp.generators.colours import to_opponent
from artfp.generators.dataset import decode
from artfp.generators.families import FAMILIES
from artfp.generators.folder import FILE, STATE
from artfp.images import LoadedImage, check_images, encode_png, to_pixels, to_tensor
from artfp.keys.fingerprint import Bits
from artfp.seeds import numpy_generator

KIND = "generator"
FORMAT = 2  # of the colours that networks work in; weights of another are worth nothing
OTHER_FORMAT = "of another version of artfp; train it again, or install the one that made it"
BATCH = 32  # always: kernels, and so last digits, depend on it

Pixels = NDArray[np.uint8]
OnProgress = Callable[[int, int, str], None]


class Takes(Protocol):
    """What something that makes images of noise takes for each of them."""

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """Of its noise."""

    @property
    def classes(self) -> int:
        """Classes that it knows; 0: none."""

    @property
    def key_bits(self) -> int:
        """Bits of the key that it is told; 0: none."""


def save_generator(path: Path, generator: Generator, family: str, facts: dict[str, Any]) -> str:
    """Write weights, family, shape and facts; returns the file's hash."""
    config = {"kind": KIND, "format": FORMAT, "family": family, "shape": generator.shape, **facts}
    if generator.key_bits:
        config["codec_sha256"] = generator.codec_sha256
    save_tensors(path, generator.state_dict(), config)
    return sha256_file(path)


def load_generator(path: Path) -> Generator:
    """The generator in a checkpoint, or in a finished run's folder."""
    return read_generator(checkpoint_of(path))[0]


def read_generator(path: Path) -> tuple[Generator, dict[str, Any]]:
    """The generator in a checkpoint, and what `save_generator` wrote beside its weights."""
    tensors, config = load_tensors(path, KIND)
    if config.get("format") != FORMAT:
        raise BadInputError(f"{path}: a generator {OTHER_FORMAT}")
    if not isinstance(config.get("family"), str) or config["family"] not in FAMILIES:
        raise BadInputError(f"{path}: of the family {config.get('family')!r}; known here: {', '.join(FAMILIES)}")
    try:
        build = partial(FAMILIES[config["family"]].generator, **config["shape"])
        check_planned(build, tensors, path)
        generator = build()
    # whatever networks make of settings that are none
    except (KeyError, TypeError, ValueError, RuntimeError, ArithmeticError, AttributeError, IndexError) as error:
        raise BadInputError(f"{path}: not a generator of this version ({error})") from error
    load_into(generator, tensors, path)
    generator.codec_sha256 = config.get("codec_sha256")
    generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return generator.requires_grad_(False).eval(), config


def checkpoint_of(path: Path) -> Path:
    """The checkpoint in a finished run's folder; of anything else itself."""
    if not path.is_dir():
        return path
    if (path / FILE).is_file():
        return path / FILE
    if (path / STATE).is_file():
        raise UsageError(f"{path}: its training is not finished; run the same `artfp train-gan` again, then sample")
    raise UsageError(f"{path}: holds no {FILE}; give a checkpoint or the folder of a training run")


def noise(generator: Takes, seed: int, indices: range) -> Tensor:
    """The noise of the images at these indices."""
    rows = [numpy_generator(seed, "z", index).standard_normal(generator.noise_shape, np.float32) for index in indices]
    return torch.from_numpy(np.stack(rows))


def conditions(
    generator: Takes, seed: int, indices: range, chosen: int | None = None, keys: Bits | None = None
) -> Tensor | None:
    """What a generator is told for the images at these indices: for each a class and a key of its own draw, or these.

    Of `keys` image i gets row i, after the last the first again: one row is the key of all images.
    """
    told = []
    if generator.classes:
        draws = (numpy_generator(seed, "class", index).integers(generator.classes) for index in indices)
        told.append(torch.eye(generator.classes)[[int(draw) if chosen is None else chosen for draw in draws]])
    if generator.key_bits:
        drawn = fresh_keys(generator.key_bits, seed, indices) if keys is None else keys[np.asarray(indices) % len(keys)]
        told.append(signs_of(drawn))
    return torch.cat(told, dim=1) if told else None


def fresh_keys(n_bits: int, seed: int, indices: range) -> Bits:
    """Keys that nobody has: for each of these images uniformly random bits."""
    return np.stack([numpy_generator(seed, "key", index).integers(0, 2, n_bits, np.uint8) for index in indices])


def inputs(generator: Generator, seed: int, indices: range, sources: Pixels | None) -> Tensor:
    """What the images at these indices are made of: noise, or the images to translate, again from the first."""
    if not generator.reads_images:
        return noise(generator, seed, indices)
    if sources is None or not len(sources):
        raise UsageError("there are no images to translate")
    return to_opponent(to_tensor(sources[np.asarray(indices) % len(sources)]))


@torch.no_grad()
def sample(
    generator: Generator,
    count: int,
    seed: int,
    start: int = 0,
    chosen: int | None = None,
    sources: Pixels | None = None,
    keys: Bits | None = None,
) -> Iterator[Pixels]:
    """Images start ... start + count - 1 as N x H x W x 3 bytes, in batches of at most BATCH.

    Whole batches at fixed places are computed, whatever is asked for, so that every image keeps its neighbours.
    """
    device, stop = next(generator.parameters()).device, start + count
    for first in range(start - start % BATCH, stop, BATCH):
        indices = range(first, first + BATCH)
        told = conditions(generator, seed, indices, chosen, keys)
        whole = inputs(generator, seed, indices, sources).to(device)
        yield to_pixels(generator.generate(whole, None if told is None else told.to(device)))[
            max(0, start - first) : stop - first
        ]


def check_class(generator: Takes, chosen: int | None) -> None:
    """Refuse a class that the generator does not know."""
    if chosen is not None and chosen >= generator.classes:
        known = f"classes 0 to {generator.classes - 1}" if generator.classes else "no classes"
        raise UsageError(f"--class {chosen}: this generator knows {known}")


def read_sources(generator: Generator, source: Path | None, on_progress: OnProgress) -> Pixels | None:
    """The images that a generator is to translate, at its size; None for one that makes them of noise."""
    if not generator.reads_images:
        return None
    if source is None:
        raise UsageError("this generator translates images: --source names a folder or zip of them")
    with open_source(source) as images, tempfile.TemporaryDirectory() as scratch:
        return decode(images, generator.size, True, Path(scratch), on_progress)


def written(images: Tensor, where: Path) -> Pixels:
    """Images of someone else's generator as bytes, or what is wrong with them."""
    try:
        return to_pixels(check_images(images.clamp(0, 1)))
    except ArtfpError as error:
        raise BadInputError(f"{where}: {error}") from error


def write_samples(
    generator: Generator,
    target: Path,
    count: int,
    seed: int,
    on_progress: OnProgress,
    chosen: int | None = None,
    sources: Pixels | None = None,
    made_from: Mapping[str, str | None] | None = None,
) -> None:
    """The first `count` images of a generator as files; with a list of them, where the generator's hash is told."""
    provenance = None if made_from is None else provenance_of(made_from, count, seed)
    write_images(sample(generator, count, seed, 0, chosen, sources), target, count, on_progress, provenance)


def write_images(
    batches: Iterator[Pixels],
    target: Path,
    count: int,
    on_progress: OnProgress,
    provenance: Provenance | None = None,
    xmp: str | None = None,
) -> tuple[int, int]:
    """PNG files img00000000.png ... in the folder `target`, which appears at the end, whole; their height and width.

    Where their provenance is known, a list of them says so. `xmp` is a packet for each file.
    """
    height = width = 0
    with new_folder(target) as stage:
        for index, pixels in enumerate(chain.from_iterable(batches)):
            (stage / f"img{index:08d}.png").write_bytes(encode_png(LoadedImage(pixels), xmp))
            height, width = pixels.shape[:2]
            on_progress(index + 1, count, "")
        if provenance:
            write_list(stage, provenance, files_below(stage))
    return height, width


def made_from_of(generator: Path, source: Path | None = None) -> dict[str, str | None]:
    """The hashes of a generator, and of the images that it translates where it does."""
    made_from: dict[str, str | None] = {"generator": sha256_file(checkpoint_of(generator))}
    if source is None:
        return made_from
    with open_source(source) as images:
        return made_from | {"source": images.sha256}


def provenance_of(made_from: Mapping[str, str | None], count: int, seed: int, **others: Any) -> Provenance:
    """Where generated images come from: what made them, and all that it was told."""
    return Provenance("generated", made_from, {"count": count, "seed": seed, **others})
