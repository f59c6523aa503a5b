"""The gradient attack with the true decoder: the bound for all who change images by so little.

image --+ at most epsilon in every value--> decoder --> log-odds, signed by the key --> to where none is left
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from artfp.attacks.adversary import Adversary, Attempt, Scene
from artfp.attacks.attempts import by_batch, whole
from artfp.attacks.gradients import STEPS, descended
from artfp.codec.base import Codec
from artfp.generators.base import signs_of
from artfp.robustness import REMOVAL


def support(codec: Codec, signs: Tensor, images: Tensor) -> Tensor:
    """What each image has to say for the key, or against it, where that is more: somebody wants little of either.

    Where soft bits speak as much against the key as for it, half of the bits agree, and a set of such images is as one
    without a key. Bits that all disagree would tell of him.
    """
    signed = codec.logits_as_they_are(images) * signs
    speaks = torch.tanh(signed / 2).mean(dim=1).sign()
    return F.softplus(speaks[:, None] * signed).mean(dim=1)


class WhiteBox(Adversary):
    """Follows the true decoder's gradient away from the true key."""

    name = "white-box"
    aim = REMOVAL
    knows = "The decoder with its weights, and the bits of the key, which the publisher keeps to himself."
    costs = f"For every image {STEPS} passes through the decoder and back: a minute or so for 256 at 64 pixels."
    unit = "steps of 255 in every value"
    strengths = (1, 2, 4, 8)

    def __call__(self, scene: Scene, strength: float) -> Attempt:
        """Descend; clean images, from which nothing can be removed, would only match less."""
        epsilon, signs = whole(self, strength), signs_of(scene.bits).to(scene.codec.device)

        def change(images: Tensor) -> Tensor:
            return descended(images, lambda seen: support(scene.codec, signs, seen), epsilon, scene.seed)

        return Attempt(images=by_batch(change, str(scene.codec.device))(scene.images), before=scene.images)
