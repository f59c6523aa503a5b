"""Sets of images made comparable, and looked at: as many of each, in one order, of one size.

    images, twin, real --as many, pairs at the same places--> decks --one size--> network --> Seen, of each

Only what is seen of the real images may be kept: they are what models and twins are held against, again and again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from artfp.errors import CannotError
from artfp.evaluate.deck import Deck
from artfp.evaluate.features import Pixels, Seen, kept, key_of, see
from artfp.evaluate.pairs import Pairs, leading
from artfp.perceptual import Eyes
from artfp.statistics.jackknife import GROUPS

FEWEST = 2 * GROUPS  # images of a set, which a jackknife takes

Size = tuple[int, int]
Advance = Callable[[int, int, str], None]
Watch = Callable[[str], AbstractContextManager[Advance]]


@dataclass(frozen=True, eq=False)
class Sets:
    """Decks of which those of the images and of a twin are of one length; each a multiple of the jackknife's groups."""

    images: Deck
    twin: Deck | None
    real: Deck

    def named(self) -> list[tuple[str, Deck]]:
        """All of them in the order of `distances.measured`, under names for who waits."""
        twin = [] if self.twin is None else [("twin's images", self.twin)]
        return [("images", self.images), *twin, ("real images", self.real)]


def comparable(images: Deck, twin: Deck | None, real: Deck, pairs: Pairs | None, count: int | None) -> Sets:
    """At most `count` of each; those that are pairs at the same places, so that they fall into one group."""
    if pairs is not None:
        images, real = leading(images, pairs.images), leading(real, pairs.originals)
    others = len(images) if twin is None else min(len(images), len(twin))
    kept_of, kept_real = (min(there, count or there) // GROUPS * GROUPS for there in (others, len(real)))
    if min(kept_of, kept_real) < FEWEST:
        raise CannotError(f"intervals take {FEWEST} images of each; here are {others:,}, and {len(real):,} real ones")
    return Sets(images.first(kept_of), twin and twin.first(kept_of), real.first(kept_real))


@dataclass(frozen=True, eq=False)
class Look:
    """Who looks, and how."""

    eyes: Eyes
    side: int | None  # at centre squares of this side; None: at images as they are
    cache: Path | None  # where what was seen of the real images is kept
    device: str

    def at(self, sets: Sets, watch: Watch) -> list[Seen]:
        """What is seen of each."""
        size = self._size(sets)
        found = []
        for name, deck in sets.named():
            with watch(name) as advance:
                look = partial(self._see, deck, size, advance)
                cache = self.cache if deck is sets.real else None
                found.append(look() if cache is None else kept(cache, self._key(deck), look))
        return found

    def _see(self, deck: Deck, size: Size, advance: Advance) -> Seen:
        images = deck.images(slice(None), self.side)
        return see(_counted(_of_size(images, size), len(deck), advance), self.eyes, self.device)

    def _key(self, deck: Deck) -> str:
        return key_of(deck.files(), self.eyes, self.side)

    def _size(self, sets: Sets) -> Size:
        """Of the first images: sets of two sizes differ in that alone, and are told before anything is looked at."""
        firsts = [image for _, deck in sets.named() for image in deck.images(slice(1), self.side)]
        list(_of_size(firsts, size := _size_of(firsts[-1])))
        if min(size) < self.eyes.smallest:
            raise CannotError(f"{self.eyes.name} sees images of {self.eyes.smallest} pixels at least")
        return size


def _of_size(images: Iterable[Pixels], size: Size) -> Iterator[Pixels]:
    for image in images:
        if (found := _size_of(image)) != size:
            sizes = " and of ".join(f"{width} x {height}" for height, width in (size, found))
            raise CannotError(
                f"here are images of {sizes} pixels; --side N takes the centre square of each, at N pixels"
            )
        yield image


def _size_of(image: Pixels) -> Size:
    return image.shape[0], image.shape[1]


def _counted(images: Iterable[Pixels], total: int, advance: Advance) -> Iterator[Pixels]:
    for done, image in enumerate(images, start=1):
        yield image
        advance(done, total, "")
