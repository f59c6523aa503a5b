"""Who is given which images: a picture, marked and as it was, is on one side alone.

    marked, clean --which picture is each of?--> pictures, in an order of the seed
    the first pictures --both kinds of each--> test      others --one kind of each--> examples
    all pictures -------one kind of each-----> suspects

A marked image's picture is the original that its manifest names; without a manifest, images of one name are of one
picture. Nobody is given both kinds of a picture to learn from: with an original at hand there is nothing to detect.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from artfp.data.manifest import read_manifest, read_marked, read_sources
from artfp.data.readers import MISSING, is_there
from artfp.errors import UsageError
from artfp.evaluate.deck import Deck, all_of, unmarked
from artfp.seeds import numpy_generator

LOSSY = frozenset({".jpg", ".jpeg", ".webp"})


@dataclass(frozen=True)
class Picture:
    """The names of its images."""

    marked: str | None
    clean: str | None


@dataclass(frozen=True)
class Given:
    """Names of images of both kinds, and the places of their pictures in the order."""

    marked: tuple[str, ...]
    clean: tuple[str, ...]
    pictures: tuple[int, ...]  # of the marked, then of the clean

    def first(self, count: int) -> Given:
        """So many of each kind."""
        start = len(self.marked)
        pictures = (*self.pictures[: min(count, start)], *self.pictures[start : start + count])
        return Given(self.marked[:count], self.clean[:count], pictures)

    def __len__(self) -> int:
        """Of each kind."""
        return min(len(self.marked), len(self.clean))


@dataclass(frozen=True, eq=False)
class Pictures:
    """All pictures, in an order that the seed draws."""

    marked: Path
    clean: Path
    order: tuple[Picture, ...]
    codec_sha256: str | None  # of whoever marked, where a manifest says

    @property
    def pairs(self) -> int:
        """Pictures of which there are both kinds."""
        return sum(picture.marked is not None and picture.clean is not None for picture in self.order)

    def split(self, test: int) -> tuple[Given, Given]:
        """Images to judge by, at most so many and half of each kind, and examples to learn from."""
        seen = np.cumsum([(picture.marked is not None, picture.clean is not None) for picture in self.order], axis=0)
        wanted = min(test, int(seen[-1].min()) // 2)
        place = int(np.argmax(seen.min(axis=1) >= wanted)) + 1  # the first at which there are enough of both
        return _given(enumerate(self.order[:place])).first(wanted), self._one_of_each(place)

    def suspects(self) -> Given:
        """One image of each picture, half of them marked."""
        return self._one_of_each(0)

    def clean_suspects(self) -> Given:
        """Clean images alone; those that it calls marked are there for whoever marks them."""
        clean = [picture.clean for picture in self.order if picture.clean is not None]
        return _given((i, Picture(None, name) if i % 2 else Picture(name, None)) for i, name in enumerate(clean))

    def _one_of_each(self, start: int) -> Given:
        return _given(_thinned(enumerate(self.order[start:], start=start)))


def _thinned(pictures: Iterable[tuple[int, Picture]]) -> Iterator[tuple[int, Picture]]:
    """Of a picture of both kinds the kind of which there are fewer so far."""
    balance = 0
    for place, picture in pictures:
        if picture.marked is not None and picture.clean is not None:
            picture = Picture(picture.marked, None) if balance <= 0 else Picture(None, picture.clean)
        balance += 1 if picture.marked is not None else -1
        yield place, picture


def _given(pictures: Iterable[tuple[int, Picture]]) -> Given:
    listed = list(pictures)
    marked = [(picture.marked, place) for place, picture in listed if picture.marked is not None]
    clean = [(picture.clean, place) for place, picture in listed if picture.clean is not None]
    places = (place for _, place in (*marked, *clean))
    return Given(tuple(name for name, _ in marked), tuple(name for name, _ in clean), tuple(places))


def pictures_of(marked: Path, clean: Path, seed: int) -> Pictures:
    """The pictures of two folders or zips, of which the second has no marked images."""
    for path in (marked, clean):
        if not is_there(path):
            raise UsageError(f"{path}: {MISSING}")
    manifest = read_manifest(marked)
    decks = all_of(marked, seed), unmarked(clean, seed)
    if manifest is None:
        marked_of, clean_of = map(_by_stem, decks)
    else:
        marked_of, clean_of = _by_original(decks[0]), {name: name for name in decks[1].names}
    if manifest is None or not clean_of.keys() >= marked_of.keys():  # else marked from these very files
        _refuse_formats(marked, marked_of.values(), clean, clean_of.values())
    names = sorted(marked_of.keys() | clean_of.keys())
    drawn = numpy_generator(seed, "secrecy-pictures").permutation(len(names))
    found = (Picture(marked_of.get(names[index]), clean_of.get(names[index])) for index in drawn)
    return Pictures(marked, clean, tuple(found), None if manifest is None else manifest.get("codec_sha256"))


def _by_stem(deck: Deck) -> dict[str, str]:
    """Images by their names without suffix: of one picture as far as anyone can tell."""
    return {str(Path(name).with_suffix("")): name for name in deck.names}


def _by_original(deck: Deck) -> dict[str, str]:
    """Those of a dataset of ours that carry a key, by what they were made from."""
    carrying, sources = read_marked(deck.path), read_sources(deck.path)
    found = {sources[name]: name for name in deck.names if name in carrying}
    if not found:
        raise UsageError(f"{deck.path}: its manifest names no marked image")
    return found


def _refuse_formats(marked: Path, marked_names: Iterable[str], clean: Path, clean_names: Iterable[str]) -> None:
    """Where one kind went through a lossy format and the other did not, that is what a detector would find."""
    kinds = [{Path(name).suffix.lower() in LOSSY for name in names} for names in (marked_names, clean_names)]
    if kinds[0] != kinds[1]:
        raise UsageError(
            f"{marked} and {clean}: one holds JPEG or WebP files and the other does not, and a detector would learn "
            "that; give images of one history"
        )
