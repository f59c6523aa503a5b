"""Overwriting: marking the marked images again, with a key of one's own.

images of a key --another codec, or the same: embed a second key--> images of two keys: what is read of each?
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from artfp.attacks.adversary import Adversary, Attempt, Scene
from artfp.attacks.attempts import attempted, controls, drawn_key, marking, share_read
from artfp.codec.base import Codec
from artfp.codec.dct import DctCodec
from artfp.codec.store import LARGE, SMALL, load_codec
from artfp.errors import CannotError
from artfp.robustness import REMOVAL


def same(codec: Codec) -> Codec:
    """Who has the publisher's own codec."""
    return codec


def closed_form(codec: Codec) -> Codec:  # noqa: ARG001 - each of these is told the first
    """Who has the closed-form codec, which anyone could write down."""
    return DctCodec()


def another_learned(codec: Codec) -> Codec:
    """Who has a learned codec that was trained apart from the publisher's."""
    first = load_codec(SMALL)
    return first if first.sha256 != codec.sha256 else load_codec(LARGE)


class Overwriting(Adversary):
    """Marks again."""

    aim = REMOVAL
    costs = "Marking once more: a tenth of a second for an image, or less."
    unit = "strength of the second mark"
    strengths = (1, 2)

    def __init__(self, name: str, second: Callable[[Codec], Codec], knows: str) -> None:
        self.name, self.second, self.knows = name, second, knows

    def missing(self, scene: Scene) -> str | None:
        """A second codec that is the first is another adversary's."""
        if self.second is not same and self.second(scene.codec).sha256 == scene.codec.sha256:
            return f"the second codec would be {scene.codec.name}, which is the first"
        return super().missing(scene)

    def __call__(self, scene: Scene, strength: float) -> Attempt:
        """Mark with a key of the seed, and note how much of it is read."""
        if not 0 < strength < np.inf:
            raise CannotError(f"{self.name}: {self.unit} must be above 0, not {strength:g}")
        codec = self.second(scene.codec).to(scene.device)
        bits = drawn_key(codec.n_bits, scene.seed, "overwriting", codec.sha256)
        attempt = attempted(scene, marking(codec, bits, strength), controls(scene))
        read = share_read(codec, attempt.images, bits)
        return replace(attempt, notes={"second_codec": codec.name, "second_accuracy": read})


OUTSIDER = "That the images are marked; neither codec nor key. His own codec is "

OVERWRITING = (
    Overwriting("overwriting", same, "The publisher's codec, with its encoder; not the key."),
    Overwriting("overwriting-dct", closed_form, f"{OUTSIDER}a formula, the one called dct."),
    Overwriting("overwriting-learned", another_learned, f"{OUTSIDER}learned, and was trained apart."),
)
