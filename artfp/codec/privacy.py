"""What makes a codec private: the codec it began from, which anyone may have, must see nothing of its marks.

    image, marked image --known decoder--> log-odds of each --> the difference, in deviations between images --> loss

That is more than wrong bits: whoever fits a line from the known codec's soft bits to a few known keys finds them again
in whatever part of a mark the known decoder answers to.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from artfp.codec.networks import GRID, Decoder
from artfp.devices import fast_arithmetic
from artfp.images import resize

HEARD_FROM, HEARD_AT = 0.75, 0.95  # share of the bits read
WEIGHT = 0.2  # of what the outsider sees: at 1 it reads less than it must, and robustness pays for it (LAB)


def privacy_weight(accuracy: float) -> float:
    """Of what the outsider sees, beside the bits' cross-entropy: none until messages are read, all once they are.

    At full weight from the start nothing is learnt but to be unseen: .50 of the bits after 245 steps (LAB).
    """
    return WEIGHT * min(1.0, max(0.0, (accuracy - HEARD_FROM) / (HEARD_AT - HEARD_FROM)))


class Outsider:
    """A decoder that others have, never trained here."""

    def __init__(self, decoder: Decoder, device: str) -> None:
        self.decoder, self.device = decoder.to(device).requires_grad_(False).eval(), device

    def sees(self, images: Tensor, marked: Tensor, random: np.random.Generator) -> Tensor:
        """The mean square of what marking changed; both are moved alike, for an outsider may look from elsewhere."""
        block = images.shape[-1] // GRID
        move = [int(pixels) for pixels in random.integers(0, block, 2)] if random.random() < 0.5 else [0, 0]
        with torch.no_grad():
            before = self._reads(images.roll(move, (-2, -1)))
        change = self._reads(marked.roll(move, (-2, -1))) - before
        return (change / before.std(dim=0).mean()).square().mean()

    def _reads(self, images: Tensor) -> Tensor:
        inner = resize(images, (self.decoder.size, self.decoder.size))
        with fast_arithmetic(self.device):
            logits: Tensor = self.decoder(inner)
        return logits.float()
