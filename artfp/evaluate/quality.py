"""`artfp quality`: images against real ones, pair by pair where they are pairs, and as sets.

    REAL, OTHER --paired--> likeness of pairs
    REAL, OTHER, TWIN --one order, as many images--> features --> distances of sets --> Quality

What cannot be measured is left out, and said; what was asked for by name is an error then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from artfp import __version__
from artfp.data.readers import open_source
from artfp.errors import UsageError
from artfp.evaluate import distances, likeness
from artfp.evaluate.deck import Deck, all_of
from artfp.evaluate.pairs import AUTO, NO, YES, Pairs, paired
from artfp.evaluate.sets import Look, Sets, Watch, comparable
from artfp.perceptual import (
    INCEPTION_WEIGHTS,
    Eyes,
    Inception,
    Perceptual,
    inception_path,
    weights_path,
    what_is_missing,
)
from artfp.quality import SCHEMA, Extractor, Images, Measure, Quality

SQUEEZE, INCEPTION = Perceptual.name, Inception.name
FEATURES = (AUTO, SQUEEZE, INCEPTION)

T = TypeVar("T")


@dataclass(frozen=True)
class Request:
    """What is to be measured, and how."""

    real: Path
    other: Path
    twin: Path | None = None
    pairs: str = AUTO
    features: str = AUTO
    inception: Path | None = None  # its weights
    side: int | None = None  # of the centre squares that sets are seen as; None: images as they are
    count: int | None = None  # the most images of each; None: all
    seed: int = 0
    cache: Path | None = None  # keeps what was seen of the real images


def measure(request: Request, device: str, watch: Watch) -> Quality:
    """All that can be measured; an error where that is nothing."""
    job = Job(request, device, watch)
    pairs = job.attempt("pairs", job.wants_pairs, job.pairs)
    sets = job.attempt("sets", job.wants_sets, partial(job.sets, pairs))
    of_pairs = pairs and job.attempt("pairs", job.wants_pairs, partial(job.of_pairs, pairs))
    of_sets = sets and job.attempt("sets", job.wants_sets, partial(job.of_sets, *sets))
    if not (of_pairs or of_sets):
        raise UsageError("\n  ".join(["nothing can be measured", *job.left_out]))
    return Quality(
        schema=SCHEMA,
        artfp_version=__version__,
        seed=request.seed,
        real=_described(job.real),
        other=_described(job.other),
        twin=_described(job.twin) if job.twin else None,
        paired_by=pairs.by if pairs and of_pairs else None,
        side=request.side,
        extractor=_extractor(sets[0].eyes) if sets and of_sets else None,
        measures=(*(of_pairs or ()), *(of_sets or ())),
        left_out=tuple(job.left_out),
    )


class Job:
    """The parts of a measurement, and what had to be left out of it."""

    def __init__(self, request: Request, device: str, watch: Watch) -> None:
        self.request, self.device, self.watch = request, device, watch
        self.real, self.other = (all_of(path, request.seed) for path in (request.real, request.other))
        self.twin = all_of(request.twin, request.seed) if request.twin else None
        self.missing = what_is_missing()
        self.squeeze = None if self.missing else Perceptual(device)
        self.left_out: list[str] = []

    @property
    def wants_pairs(self) -> bool:
        """Whether measures of pairs were asked for by name."""
        return self.request.pairs == YES

    @property
    def wants_sets(self) -> bool:
        """Whether measures of sets were, or what they alone have a use for."""
        request = self.request
        return request.features != AUTO or request.inception is not None or request.twin is not None

    def attempt(self, what: str, wanted: bool, step: Callable[[], T]) -> T | None:
        """What a step gives; where it cannot be and nobody wants it, None, and the reason among what is left out."""
        try:
            return step()
        except UsageError as error:
            if wanted:
                raise
            self.left_out.append(f"{what}: {error}")
            return None

    def pairs(self) -> Pairs | None:
        """Which of the images were made from which real ones."""
        if self.request.pairs == NO:
            return None
        return paired(self.other, self.real, self.request.pairs).first(self.request.count)

    def of_pairs(self, pairs: Pairs) -> list[Measure]:
        """How alike they are."""
        with self.watch("pairs") as advance:
            found, left_out = likeness.measured(pairs, self.squeeze, self.device, self.request.seed, advance)
        self.left_out += left_out
        if self.missing:
            self.left_out.append(f"{likeness.LPIPS}: needs {self.missing}")
        return found

    def sets(self, pairs: Pairs | None) -> tuple[Look, Sets]:
        """Who looks, and at what."""
        request = self.request
        look = Look(self._eyes(), request.side, request.cache, self.device)
        return look, comparable(self.other, self.twin, self.real, pairs, request.count)

    def _eyes(self) -> Eyes:
        """Those asked for; where it is left to us, Inception's if all that they take is here."""
        request, here = self.request, inception_path()
        if request.features == SQUEEZE and request.inception:
            raise UsageError("--inception names weights that --features squeeze has no use for")
        if request.features == INCEPTION or request.inception:
            return self._inception(request.inception or here)
        if request.features == AUTO and here:
            inception = self.attempt("fid-inception", False, partial(self._inception, here))
            if inception is not None:
                return inception
        if self.squeeze is None:
            raise UsageError(f"features need {self.missing}")
        return self.squeeze

    def _inception(self, weights: Path | None) -> Eyes:
        if weights is None:
            place = f"put {INCEPTION_WEIGHTS[0]} into {weights_path().parent}, or name the file with --inception"
            raise UsageError(f"there are no weights of Inception here: {place}")
        return Inception(weights, self.device)

    def of_sets(self, look: Look, sets: Sets) -> list[Measure]:
        """How far apart they are."""
        return distances.measured(look.at(sets, self.watch), look.eyes.name, self.request.seed)


def _extractor(eyes: Eyes) -> Extractor:
    return Extractor(eyes.name, eyes.sha256)


def _described(deck: Deck) -> Images:
    with open_source(deck.path) as source:
        return Images(deck.path.name, len(deck), source.sha256)
