"""The images of a folder or zip, in an order that the seed draws: the first of them are a fair sample.

marked data --the manifest, where there is one--> those that carry the key --shuffle--> Deck
                                                  their originals, in the same order --> Deck
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from artfp.codec.pool import centre_square
from artfp.data.manifest import read_manifest, read_marked, read_sources
from artfp.data.readers import Source, open_source
from artfp.data.streams import read_ahead, thread_count
from artfp.errors import UsageError
from artfp.evaluate.album import Pixels
from artfp.images import LoadedImage
from artfp.keys.records import Key, Origin
from artfp.reading import load_readable
from artfp.seeds import numpy_generator


@dataclass(frozen=True, eq=False)
class Deck:
    """Images in an order."""

    path: Path
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def without(self, names: Collection[str]) -> Deck:
        """The others."""
        return Deck(self.path, tuple(name for name in self.names if name not in names))

    def reversed(self) -> Deck:
        """The last image first."""
        return Deck(self.path, self.names[::-1])

    def first(self, count: int | None) -> Deck:
        """So many of them; all, where no number is given."""
        return Deck(self.path, self.names[:count])

    def files(self) -> Iterator[bytes]:
        """The bytes of their files."""
        with open_source(self.path) as source:
            for index in self._places(source, slice(None)):
                yield source.read_at(index)

    def images(self, chosen: slice, side: int | None = None) -> Iterator[Pixels]:
        """Those at these places: as they are, or the largest centre square of each at this side."""
        with open_source(self.path) as source, ThreadPoolExecutor(thread_count()) as pool:
            for loaded in read_ahead(pool, partial(_load, source), self._places(source, chosen)):
                yield loaded.rgb if side is None else centre_square(loaded.rgb, side)

    def _places(self, source: Source, chosen: slice) -> list[int]:
        index_of = {source[index].name: index for index in range(len(source))}
        return [index_of[name] for name in self.names[chosen]]


def _load(source: Source, index: int) -> LoadedImage:
    return load_readable(source.read_at(index), source[index].name)


def all_of(path: Path, seed: int) -> Deck:
    """Every image of a folder or zip; at least one."""
    with open_source(path) as source:
        return _shuffled(path, [entry.name for entry in source], seed)


def unmarked(path: Path, seed: int) -> Deck:
    """Every image of a folder or zip that is to have no key; every rate would be wrong if some of them had one."""
    if read_manifest(path) is not None and read_marked(path):
        raise UsageError(f"{path}: holds marked images; --clean names images that never had a key")
    return all_of(path, seed)


def carrying(path: Path, key: Key, seed: int) -> Deck:
    """Those that carry a key: in a dataset of ours what its manifest says to, elsewhere all."""
    if read_manifest(path) is None:
        return all_of(path, seed)
    marked = read_marked(path)
    called = _id_in(marked, key, path)
    wanted = {name for name, key_id in marked.items() if key_id == called}
    with open_source(path) as source:
        return _shuffled(path, [entry.name for entry in source if entry.name in wanted], seed)


def _id_in(marked: Mapping[str, str], key: Key, path: Path) -> str:
    """What a manifest calls the key: of bits that were imported, whose id is drawn anew, the only key that it names."""
    named = set(marked.values())
    if key.origin == Origin.IMPORTED_BITS and len(named) == 1:
        return named.pop()
    if named and key.key_id not in named:
        raise UsageError(f"{path}: its manifest names no image of the key {key.name}; --key names one that it carries")
    return key.key_id


def originals_of(deck: Deck, clean: Path) -> Deck | None:
    """What the images were made from, in their order; None where it is not known, or `clean` is another collection.

    Other collections have files of the same names, so the manifest's hash of all of them decides.
    """
    manifest = read_manifest(deck.path)
    if manifest is None:
        return None
    with open_source(clean) as source:
        if manifest.get("settings", {}).get("source") != source.sha256:
            return None
    return Deck(clean, names_of_originals(deck))


def names_of_originals(deck: Deck) -> tuple[str, ...]:
    """What the files were called that the images were made from, in their order; empty where it is not known."""
    if read_manifest(deck.path) is None:
        return ()
    sources = read_sources(deck.path)
    return tuple(sources[name] for name in deck.names)


def _shuffled(path: Path, names: Sequence[str], seed: int) -> Deck:
    if not names:
        raise UsageError(f"{path}: holds no images that can be used")
    order = numpy_generator(seed, "robustness-order").permutation(len(names))
    return Deck(path, tuple(names[index] for index in order))
