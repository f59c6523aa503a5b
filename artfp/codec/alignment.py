"""Reading images that were cut to the middle or turned: the decoder looks again at each likely correction.

A correction is chosen by how sure the decoder is of what it reads, never by what it reads: under the null hypothesis
the bits are still a function of the image alone, and every p-value stands as it is (DESIGN, section 4).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from artfp.devices import fast_arithmetic
from artfp.perturb.geometry import turned

# degrees and zooms that undo a turn or a cut; half a step is what training calls a small error (`Realigned`)
ZOOMS = (0.965, 0.93, 0.895, 0.86, 0.825, 0.79, 0.76)
TURNS = (1.5, 3.0, 4.5, 6.0)
CORRECTIONS = (*((0.0, zoom) for zoom in ZOOMS), *((sign * turn, 1.0) for turn in TURNS for sign in (-1, 1)))
SURER = 1.5  # times as sure must a correction make the decoder before it is believed (LAB, measured)
PORTION = 16  # images looked at together, always: an image must read the same beside any others

Decode = Callable[[Tensor], Tensor]


def aligned_logits(decoder: Decode, images: Tensor, aspects: Tensor, logits: Tensor) -> Tensor:
    """The log-odds of every image as it is, or under the correction that makes the decoder surest.

    Images stand at the codec's square size; `aspects` are width over height before, `logits` what is read as they are.
    """
    found = []
    for start in range(0, len(images), PORTION):
        padded = torch.arange(start, start + PORTION, device=images.device).clamp(max=len(images) - 1)
        found.append(_surest(decoder, images[padded], aspects[padded], logits[padded]))
    return torch.cat([logits[:0], *found])[: len(images)]


def certainty(logits: Tensor) -> Tensor:
    """How sure the decoder is of each image: the mean log-odds, either way."""
    return logits.abs().mean(dim=1)


def _surest(decoder: Decode, images: Tensor, aspects: Tensor, logits: Tensor) -> Tensor:
    """Fast arithmetic is enough to choose by (LAB, measured); what is chosen is read in full precision."""
    to_beat, best = SURER * certainty(logits), images
    corrected = torch.zeros(len(images), dtype=torch.bool, device=images.device)
    for degrees, zoom in CORRECTIONS:
        other = turned(images, degrees, zoom, aspects)
        with fast_arithmetic(str(images.device)):
            found = certainty(decoder(other).float())
        surer = found > to_beat
        best = torch.where(surer.view(-1, 1, 1, 1), other, best)
        to_beat, corrected = torch.where(surer, found, to_beat), corrected | surer
    return torch.where(corrected[:, None], decoder(best), logits) if corrected.any() else logits
