"""Reading images that were cut to the middle or turned: the decoder looks again at each likely correction.

A correction is chosen by how sure the decoder is of what it reads, never by what it reads: under the null hypothesis
the bits are still a function of the image alone, and every p-value stands as it is (DESIGN, section 4).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from artfp.perturb.geometry import turned

# (degrees, zoom) that undo a turn or a cut; half a step is what training calls a small error (`Realigned`)
ZOOMS = (0.965, 0.93, 0.895, 0.86, 0.825, 0.79, 0.76)
TURNS = (1.5, 3.0, 4.5, 6.0)
CORRECTIONS = (*((0.0, zoom) for zoom in ZOOMS), *((sign * turn, 1.0) for turn in TURNS for sign in (-1, 1)))
SURE = 9.0  # mean log-odds, either way, of an image that is read without another look
SURER = 1.15  # times as sure must a correction make the decoder before it is believed


def aligned_logits(decoder: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """The log-odds of every image as it is, or under the correction that makes the decoder surest."""
    logits = decoder(images)
    unsure = (_certainty(logits) < SURE).nonzero().flatten()
    if len(unsure):
        logits[unsure] = _surest(decoder, images[unsure], logits[unsure])
    return logits


def _surest(decoder: Callable[[Tensor], Tensor], images: Tensor, best: Tensor) -> Tensor:
    to_beat = SURER * _certainty(best)
    for degrees, zoom in CORRECTIONS:
        again = decoder(turned(images, degrees, zoom))
        certainty = _certainty(again)
        surer = certainty > to_beat
        best = torch.where(surer[:, None], again, best)
        to_beat = torch.where(surer, certainty, to_beat)
    return best


def _certainty(logits: Tensor) -> Tensor:
    return logits.abs().mean(dim=1)
