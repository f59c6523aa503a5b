"""Collusion: the weights of two generators with different keys are averaged, that neither key be left.

generator --fine-tuned on images with another key--> a second one --x share------+--> the average
    +--------------------------------------------------------------x (1 - share)-+

Weights can only be averaged where both networks grew from one, so here the second grows from the first. To learn
another key is to unlearn the own one: what is still read of the first in the second alone is told beside the rest.
"""

from __future__ import annotations

from pathlib import Path

from artfp.attacks.adversary import Scene
from artfp.attacks.attempts import drawn_key, marking, share_read
from artfp.attacks.fine_tuning import Trainer, tuned
from artfp.attacks.released import Notes, samples
from artfp.generators.base import Generator
from artfp.generators.sampling import load_generator
from artfp.keys.fingerprint import Bits
from artfp.perturb.weights import Soup
from artfp.seeds import numpy_generator


class Collusion(Trainer):
    """Averages the generator with one of another key, which he lets grow from it on so many images."""

    name = "collusion"
    unit = "share of the other"

    def __init__(self, strengths: tuple[float, ...], clean: int, shown: int) -> None:
        self.strengths, self.clean, self.shown = strengths, clean, shown
        self.knows = (
            "The weights of two generators of one origin with different keys of one codec, and neither key nor codec. "
            f"The second is made for this: the first, trained on with {clean:,} images that carry another key."
        )
        self.costs = (
            f"Two releases and an addition; here also a training of {shown:,} images, which the publisher does."
        )

    def made(self, scene: Scene, generator: Generator, strength: float) -> tuple[Generator, Notes]:
        """The average, and the share of the bits that is read of both keys."""
        other_key = drawn_key(scene.codec.n_bits, scene.seed, "another key")
        other = load_generator(self._second(scene, generator, other_key)).to(scene.device)
        made = Soup(other)(generator, strength, numpy_generator(scene.seed, self.name))
        both, alone = samples(made, scene), samples(other, scene)
        return made, {
            "second_key": share_read(scene.codec, both, other_key),
            "second_key_in_the_second": share_read(scene.codec, alone, other_key),
            "first_key_in_the_second": share_read(scene.codec, alone, scene.bits),
            "images_shown": self.shown,
        }

    def _second(self, scene: Scene, generator: Generator, key: Bits) -> Path:
        """The folder of the second generator."""
        images = marking(scene.codec, key)(scene.clean(self.clean))
        return tuned(generator, images, [self.shown], self.folder(scene), scene.seed, scene.device, scene.tell)


COLLUSION = (Collusion((0.25, 0.5, 0.75), clean=1_000, shown=5_000),)
