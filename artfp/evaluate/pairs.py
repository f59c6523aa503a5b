"""Which image was made from which real one: a manifest knows, names or the order of names may be told to.

Equal names prove nothing, since most programs call their images 0000, 0001 ...: without a manifest that names the very
source, images are paired only where somebody says that they are pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

from artfp.data.manifest import read_manifest, read_marked, read_sources
from artfp.errors import CannotError
from artfp.evaluate.deck import Deck, names_of_originals, originals_of

AUTO, YES, NO = "auto", "yes", "no"
WISHES = (AUTO, YES, NO)
MANIFEST, NAMES, ORDER = "manifest", "names", "order"


@dataclass(frozen=True, eq=False)
class Pairs:
    """Images, and in the same order what they were made from."""

    by: str
    images: Deck
    originals: Deck

    def first(self, count: int | None) -> Pairs:
        """So many of them; all, where no number is given."""
        return Pairs(self.by, self.images.first(count), self.originals.first(count))


def paired(images: Deck, real: Deck, wish: str) -> Pairs:
    """The images in their order, each with its original; of a dataset of ours those that are marked."""
    if read_manifest(images.path) is not None:
        return _by_manifest(images, real, wish)
    if wish == AUTO:
        raise CannotError("no manifest says what the images were made from; --pairs yes pairs by names, or by order")
    if set(real.names).issuperset(images.names):
        return Pairs(NAMES, images, Deck(real.path, images.names))
    return _by_order(images, real)


def _by_manifest(images: Deck, real: Deck, wish: str) -> Pairs:
    marked = read_marked(images.path).keys() & read_sources(images.path).keys()
    chosen = images.without([name for name in images.names if name not in marked])
    if (originals := originals_of(chosen, real.path)) is not None:
        return Pairs(MANIFEST, chosen, originals)
    if wish == AUTO:
        raise CannotError("they were made from other images, says their manifest; --pairs yes goes by file names")
    names = names_of_originals(chosen)
    if not set(real.names).issuperset(names):
        raise CannotError("their manifest names originals that are not among the real images")
    return Pairs(MANIFEST, chosen, Deck(real.path, names))


def _by_order(images: Deck, real: Deck) -> Pairs:
    if len(images) != len(real):
        raise CannotError(f"{len(images):,} images and {len(real):,} real ones of other names are no pairs")
    original_of = dict(zip(sorted(images.names), sorted(real.names), strict=True))
    return Pairs(ORDER, images, Deck(real.path, tuple(original_of[name] for name in images.names)))


def leading(deck: Deck, first: Deck) -> Deck:
    """The same images, with these ahead of the others."""
    return Deck(deck.path, (*first.names, *deck.without(frozenset(first.names)).names))
