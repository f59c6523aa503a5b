"""What one process of a sweep has at hand: codec, key, images and generators, each loaded when it is first needed.

    OUT/cache/{data,originals,generated,clean,twin}   albums, filled once
    OUT/cache/null/                                   what was read in clean images, piece by piece
    OUT/cache/scratch/NAME/                           what an adversary keeps

All that is in OUT/cache follows from the request, and may be deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np
import torch

from artfp.codec.base import Codec
from artfp.errors import UsageError
from artfp.evaluate import damage
from artfp.evaluate.album import Album, Pixels, kept, side_of
from artfp.evaluate.deck import Deck, carrying, originals_of, unmarked
from artfp.evaluate.request import Request
from artfp.generators.base import Generator
from artfp.generators.sampling import load_generator, read_sources, sample
from artfp.images import to_pixels, to_tensor
from artfp.perceptual import Perceptual
from artfp.perturb.base import Perturbation
from artfp.reading import read_pixels, silent
from artfp.robustness import DATA, GENERATED, Damage
from artfp.seeds import derive_seed
from artfp.statistics.exact import Floats

CLEAN, TWIN, ORIGINALS = "clean", "twin", "originals"  # albums beside those of the subjects


class Workbench:
    """Everything that a row is made of."""

    def __init__(self, request: Request, folder: Path, device: str) -> None:
        self.request, self.folder, self.device = request, folder, device
        self.cache = folder / "cache"

    @cached_property
    def codec(self) -> Codec:
        """Where it is to compute."""
        return self.request.codec().to(self.device)

    @cached_property
    def generator(self) -> Generator | None:
        """The one that learnt from marked images."""
        return self._network(self.request.subjects.generator)

    @cached_property
    def twin(self) -> Generator | None:
        """The one that did not."""
        return self._network(self.request.subjects.twin)

    def _network(self, path: Path | None) -> Generator | None:
        if path is None:
            return None
        network = load_generator(path).to(self.device)
        if network.key_bits and network.codec_sha256 != self.request.codec_sha256:
            raise UsageError(f"{path}: a keyed generator of another codec")
        if network.reads_images and self.request.subjects.source is None:
            raise UsageError(f"{path}: translates images: --source names a folder or zip of them")
        return network

    @cached_property
    def data(self) -> Deck | None:
        """Images that carry the key."""
        path = self.request.subjects.images
        return None if path is None else carrying(path, self.request.key, self.request.seed)

    @cached_property
    def originals(self) -> Deck | None:
        """The same before they were marked."""
        clean = self.request.subjects.clean
        return None if self.data is None or clean is None else originals_of(self.data, clean)

    @cached_property
    def clean(self) -> Deck | None:
        """Images that never had the key."""
        path = self.request.subjects.clean
        return None if path is None else unmarked(path, self.request.seed)

    @property
    def subjects(self) -> tuple[str, ...]:
        """What is swept."""
        named = ((DATA, self.request.subjects.images), (GENERATED, self.request.subjects.generator))
        return tuple(name for name, path in named if path is not None)

    @cached_property
    def count(self) -> int:
        """Images of each subject."""
        return self.request.count if self.data is None else min(self.request.count, len(self.data))

    @cached_property
    def side(self) -> int | None:
        """Of the subjects' images, where all are squares of one."""
        return side_of(self.album(name) for name in self.subjects)

    def album(self, name: str) -> Album:
        """The images of a subject, or those beside them."""
        return kept(self.cache, name, lambda: self._filling(name))

    def _filling(self, name: str) -> Iterable[Pixels]:
        first, controls = slice(0, self.count), self.request.suite.controls
        if name == GENERATED and self.generator is not None:
            return self.sampled(self.generator, self.count)
        if name in (TWIN, CLEAN):
            return self.keyless(name, 0, controls if name == TWIN else max(self.count, controls))
        deck = {DATA: self.data, ORIGINALS: self.originals}.get(name)
        return () if deck is None else deck.images(first)

    def sampled(self, network: Generator, count: int, start: int = 0) -> Iterator[Pixels]:
        """Images of a network: of the same noise, whatever became of its weights."""
        keys = self.request.bits[None] if network.key_bits else None
        batches = sample(network, count, self.request.seed, start, sources=self.sources, keys=keys)
        return chain.from_iterable(batches)

    @cached_property
    def sources(self) -> Pixels | None:
        """What the generators translate, where they do."""
        networks = [network for network in (self.generator, self.twin) if network is not None]
        reader = next((network for network in networks if network.reads_images), None)
        return None if reader is None else read_sources(reader, self.request.subjects.source, silent)

    def controls(self) -> dict[str, Sequence[Pixels]]:
        """Those images without the key that go through every attack."""
        there = ((CLEAN, self.clean is not None), (TWIN, self.twin is not None))
        return {name: self.album(name)[: self.request.suite.controls] for name, has in there if has}

    def keyless(self, name: str, start: int, count: int) -> Iterable[Pixels]:
        """Clean images, or the twin's, from any place on."""
        if name == TWIN:
            return () if self.twin is None else self.sampled(self.twin, count, start)
        return () if self.clean is None else self.clean.images(slice(start, start + count), self.side)

    def read(self, *sets: Sequence[Pixels]) -> list[Floats]:
        """The soft bits of sets of images, read together: batches are whole, and a whole one costs as much."""
        soft = read_pixels(self.codec, [image for images in sets for image in images])
        return np.split(soft, np.cumsum([len(images) for images in sets])[:-1])

    def perturbed(self, kind: Perturbation, images: Sequence[Pixels], strength: float) -> list[Pixels]:
        """Each image with draws of its own place's seed, rounded as a file is."""
        seeds = [derive_seed(self.request.seed, "robustness", place) for place in range(len(images))]
        tensors = (to_tensor(image).to(self.device) for image in images)
        pairs = zip(tensors, seeds, strict=True)
        return [to_pixels(kind.each(image, strength, [seed]))[0] for image, seed in pairs]

    @cached_property
    def eyes(self) -> Perceptual | None:
        """Who sees as people do, where that is at hand."""
        return damage.eyes_for(self.side, self.device)

    @cached_property
    def clean_features(self) -> Floats | None:
        """Of as many clean images as a subject has."""
        if self.eyes is None or self.clean is None:
            return None
        return damage.features(self.eyes, self.album(CLEAN)[: self.count], self.device)

    @torch.no_grad()
    def damage(self, before: Sequence[Pixels] | None, after: Sequence[Pixels], *, generated: bool) -> Damage:
        """Against the images before, where there are such; of a generator's also against clean ones."""
        paired = before is not None and [image.shape for image in before] == [image.shape for image in after]
        clean = self.clean_features if generated and self.eyes else None
        return Damage(
            psnr=damage.psnr(before, after) if paired and before is not None else None,
            lpips=damage.lpips(self.eyes, before, after, self.device) if paired and before and self.eyes else None,
            frechet=damage.frechet(self.eyes, after, clean, self.device) if self.eyes and clean is not None else None,
        )
