"""What every adversary shares: what is known, what it costs, what is wanted, and one way to try.

Scene, strength --Adversary.__call__--> Attempt --whoever measures--> what is still read of the key, and at what damage
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from artfp.codec.base import Codec
from artfp.generators.base import Generator
from artfp.keys.fingerprint import Bits
from artfp.robustness import GENERATED

Pixels = NDArray[np.uint8]  # N x H x W x 3
OnProgress = Callable[[int, int, str], None]


@dataclass(frozen=True, eq=False)
class Scene:
    """Everything there is; each adversary says in `knows` which part of it he takes."""

    codec: Codec
    bits: Bits  # of the key
    images: Pixels  # that carry it, of which he wants to be rid
    originals: Pixels | None  # the same before they were marked, where there are such
    more: Callable[[int], Pixels]  # others that carry it: so many, or as many as there are, but one at least
    clean: Callable[[int], Pixels]  # likewise of the same kind that never did
    generator: Generator | None  # that made `images`, if one did
    twin: Generator | None
    scratch: Path  # a folder in which he may keep what he trains
    seed: int
    device: str
    tell: OnProgress


@dataclass(frozen=True, eq=False)
class Attempt:
    """What came out of it."""

    images: Pixels
    before: Pixels | None = None  # the same images before, for the damage; None: they are others
    clean: Pixels | None = None  # images that never had the key after the same, where that means anything
    twin: Pixels | None = None
    bits: Bits | None = None  # the key to read instead of the scene's
    notes: Mapping[str, float | int | str | bool | None] = field(default_factory=dict)


class Adversary(ABC):
    """Somebody with a purpose."""

    name: str
    aim: str  # robustness.REMOVAL or FORGERY
    knows: str  # a sentence
    costs: str  # a sentence
    unit: str  # of the strengths
    strengths: tuple[float, ...]
    needs: tuple[str, ...] = ()  # what of the scene must be there
    subject = GENERATED  # whose images he is after, where a sweep has both

    def missing(self, scene: Scene) -> str | None:
        """Why there is nothing to try here; None where there is."""
        absent = [name for name in self.needs if getattr(scene, name) is None]
        return f"there is no {' and no '.join(absent)}" if absent else None

    @abstractmethod
    def __call__(self, scene: Scene, strength: float) -> Attempt:
        """Try; all randomness comes from the scene's seed."""
