"""What another codec's decoder reads in marked images: log-odds of bits that nobody put there for it.

images --attacker's decoder--> log-odds of n bits, and their sizes in order --> features
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from artfp.attacks.adversary import Pixels
from artfp.attacks.attempts import BATCH
from artfp.codec.base import Codec
from artfp.images import to_tensor
from artfp.statistics.exact import Floats


@torch.no_grad()
def log_odds(codec: Codec, pixels: Pixels) -> Floats:
    """N x n."""
    batches = (whole_batch(pixels, start).to(codec.device) for start in range(0, len(pixels), BATCH))
    found = [codec.logits_as_they_are(images).double().cpu().numpy() for images in batches]
    return np.concatenate(found)[: len(pixels)]


def whole_batch(pixels: Pixels, start: int) -> Tensor:
    """The images from a place on, as many as a batch has; those that are missing at the end are the last one again."""
    return to_tensor(pixels[np.minimum(np.arange(start, start + BATCH), len(pixels) - 1)])


def certainties(codec: Codec, pixels: Pixels) -> Floats:
    """N x n sizes of the log-odds in rising order, which know of no key and no place of a bit."""
    return np.sort(np.abs(log_odds(codec, pixels)), axis=1)


def both(codec: Codec, pixels: Pixels) -> Floats:
    """N x 2n: one key in all images leans each log-odds to a side of its own, whatever key makes all of them large."""
    read = log_odds(codec, pixels)
    return np.concatenate([read, np.sort(np.abs(read), axis=1)], axis=1)
