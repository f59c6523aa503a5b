"""What the attackers of a secrecy study are given: images by name, each decoded once, and what they look at in them.

pictures --> names of test images, examples and suspects --> albums, two files of the cache --> pixels --> features
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from artfp.attacks.adversary import OnProgress, Pixels
from artfp.attacks.attempts import drawn_key, marking
from artfp.attacks.detectors.artificial import COUNTS, Rounds, marked_again
from artfp.attacks.detectors.detector import Detector, Seen
from artfp.attacks.detectors.registry import supervised
from artfp.codec.base import Codec
from artfp.codec.dct import DctCodec
from artfp.codec.store import LARGE, SMALL, load_codec
from artfp.errors import UsageError
from artfp.evaluate.album import Album, kept
from artfp.evaluate.deck import Deck
from artfp.evaluate.pictures import Pictures
from artfp.seeds import derive_seed

CACHE = "cache"
MARKED, CLEAN = "marked", "clean"  # albums
PIECE = 256  # images between two signs of progress


@dataclass(frozen=True, eq=False)
class Request:
    """What is to be studied."""

    pictures: Pictures
    attackers: tuple[str, ...]  # none: all
    codec_spec: str | None  # the attacker's
    test: int
    most: int  # images of each kind that an attacker is given, at most
    seed: int
    device: str

    def codec(self) -> Codec:
        """The attacker's; if none is named the shipped one that the publisher does not have."""
        if self.codec_spec is not None:
            return load_codec(self.codec_spec).to(self.device)
        first = load_codec(LARGE)
        return (first if first.sha256 != self.pictures.codec_sha256 else load_codec(SMALL)).to(self.device)


class Gallery:
    """Images and attackers, each made ready when it is first needed."""

    def __init__(self, request: Request, folder: Path) -> None:
        self.request, self.folder = request, folder
        pictures, most = request.pictures, request.most
        self.test, examples = pictures.split(request.test)
        self.examples = examples.first(most)
        self.suspects, self.controls = (
            given.first(min(most, COUNTS[-1]) // 2) for given in (pictures.suspects(), pictures.clean_suspects())
        )
        self._looked: dict[str, tuple[Seen, Seen, Seen]] = {}
        self._rounds: dict[bool, Rounds] = {}

    @cached_property
    def codec(self) -> Codec:
        """The attacker's."""
        return self.request.codec()

    @cached_property
    def detectors(self) -> dict[str, Detector]:
        """Those who learn from examples."""
        return supervised(self.codec, self.request.device)

    @cached_property
    def places(self) -> dict[str, dict[str, int]]:
        """Of each image in its album, by name: of all that anyone is given."""
        sets = (self.test, self.examples, self.suspects)
        marked = [name for given in sets for name in given.marked]
        clean = [name for given in sets for name in given.clean] + [*self.controls.marked, *self.controls.clean]
        return {kind: _numbered(names) for kind, names in ((MARKED, marked), (CLEAN, clean))}

    def album(self, kind: str) -> Album:
        """All images of a kind, decoded once."""
        path = self.request.pictures.marked if kind == MARKED else self.request.pictures.clean
        deck = Deck(path, tuple(self.places[kind]))
        return kept(self.folder / CACHE, kind, lambda: deck.images(slice(0, len(deck))))

    def side(self) -> tuple[int, int]:
        """Height and width, which must be those of all: a detector would learn sizes, and what resizing does."""
        sizes = self.album(MARKED).sizes | self.album(CLEAN).sizes
        if len(sizes) > 1:
            told = ", ".join(f"{width} x {height}" for height, width in sorted(sizes)[:4])
            raise UsageError(f"images of several sizes ({told}): a detector would learn those; give images of one size")
        return sizes.pop()

    def pixels(self, kind: str, names: Sequence[str]) -> Pixels:
        """Images by name."""
        album, places = self.album(kind), self.places[kind]
        return np.stack([album[places[name]] for name in names])

    def looked(self, name: str, tell: OnProgress) -> tuple[Seen, Seen, Seen]:
        """What a detector looks at of marked examples, clean ones, and the test images, the marked before the clean."""
        if name not in self._looked:
            detector, given = self.detectors[name], self.examples
            count = min(detector.counts[-1], len(given))
            test = np.concatenate([self.pixels(MARKED, self.test.marked), self.pixels(CLEAN, self.test.clean)])
            sets = (self.pixels(MARKED, given.marked[:count]), self.pixels(CLEAN, given.clean[:count]), test)
            marked, clean, judged = (_in_pieces(detector, pixels, tell) for pixels in sets)
            self._looked[name] = marked, clean, judged
        return self._looked[name]

    def rounds(self, *, control: bool, tell: OnProgress) -> Rounds:
        """All suspects, marked and clean in turn, marked again; of a control all are clean, and marked here."""
        if control not in self._rounds:
            codec = DctCodec() if control else self.codec
            pixels = self._controls() if control else self._suspects()
            seed = derive_seed(self.request.seed, "secrecy-rounds", int(control))
            self._rounds[control] = marked_again(pixels, codec, seed, tell)
        return self._rounds[control]

    def _suspects(self) -> Pixels:
        return in_turn(self.pixels(MARKED, self.suspects.marked), self.pixels(CLEAN, self.suspects.clean))

    def _controls(self) -> Pixels:
        codec = DctCodec()
        key = drawn_key(codec.n_bits, self.request.seed, "secrecy-control")
        marked = marking(codec, key)(self.pixels(CLEAN, self.controls.marked))
        return in_turn(marked, self.pixels(CLEAN, self.controls.clean))


def in_turn(marked: Pixels, clean: Pixels) -> Pixels:
    """The first of one, the first of the other, the second of one ..., as many of each."""
    count = min(len(marked), len(clean))
    return np.stack([marked[:count], clean[:count]], axis=1).reshape(2 * count, *marked.shape[1:])


def _numbered(names: Sequence[str]) -> dict[str, int]:
    return {name: place for place, name in enumerate(dict.fromkeys(names))}


def _in_pieces(detector: Detector, pixels: Pixels, tell: OnProgress) -> Seen:
    found = []
    for start in range(0, len(pixels), PIECE):
        tell(start, len(pixels), f"{detector.name} looks at {len(pixels):,} images")
        found.append(detector.look(pixels[start : start + PIECE]))
    return np.concatenate(found)
