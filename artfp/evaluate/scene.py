"""What an adversary finds: everything that a sweep has, from which he takes what he says that he knows."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from artfp.attacks.adversary import Pixels, Scene
from artfp.errors import CannotError
from artfp.evaluate.album import Album
from artfp.evaluate.deck import names_of_originals
from artfp.evaluate.workbench import ORIGINALS, Workbench
from artfp.reading import silent
from artfp.robustness import GENERATED
from artfp.seeds import derive_seed

CARRYING = "that carry the key"


def scene_of(bench: Workbench, subject: str, adversary: str) -> Scene:
    """The scene of one adversary; what he draws depends on his name, not on who came before."""
    scratch = bench.cache / "scratch" / adversary
    scratch.mkdir(parents=True, exist_ok=True)
    return Scene(
        codec=bench.codec,
        bits=bench.request.bits,
        images=_together(bench.album(subject)),
        originals=_originals(bench, subject),
        more=lambda count: _more(bench, subject, count),
        clean=lambda count: _clean(bench, count),
        generator=bench.generator,
        twin=bench.twin,
        scratch=scratch,
        seed=derive_seed(bench.request.seed, "robustness", adversary),
        device=bench.device,
        tell=silent,
    )


def _together(images: Album) -> Pixels:
    if len(images.sizes) != 1:
        raise CannotError("the images are of different sizes, and adversaries take those of one")
    return np.stack(images[:])


def _originals(bench: Workbench, subject: str) -> Pixels | None:
    return None if subject == GENERATED or bench.originals is None else _together(bench.album(ORIGINALS))


def _more(bench: Workbench, subject: str, count: int) -> Pixels:
    """Beyond those of the rows."""
    if subject == GENERATED and bench.generator is not None:
        return _some(bench.sampled(bench.generator, count, start=bench.count), count, CARRYING)
    deck = bench.data
    beyond = () if deck is None else deck.images(slice(bench.count, bench.count + count), bench.side)
    return _some(beyond, count, CARRYING)


def _clean(bench: Workbench, count: int) -> Pixels:
    """None of them called as the original of an image that is attacked, if that is known.

    They come from the end of the order in which marked images and the row's own clean ones come from the start: where
    there are enough, nobody learns from both sides of one picture, or is held against what he learnt from.
    """
    if bench.clean is None:
        raise CannotError("there are no clean images; --clean names some")
    known = () if bench.data is None else names_of_originals(bench.data)[: bench.count]
    others = bench.clean.without(frozenset(known)).reversed()
    return _some(others.images(slice(0, count), bench.side), count, "that never had the key")


def _some(images: Iterable[Pixels], most: int, what: str) -> Pixels:
    """All of them in one array, which is filled as they come: ten thousand would not fit twice."""
    found, count = np.empty(0, np.uint8), 0
    for image in images:
        if not count:
            found = np.empty((most, *image.shape), np.uint8)
        if image.shape != found.shape[1:]:
            raise CannotError(f"the other images {what} are of different sizes, and adversaries take those of one")
        found[count] = image
        count += 1
    if not count:
        raise CannotError(f"there are no other images {what}")
    return found[:count]
