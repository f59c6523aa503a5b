"""Paths of equal length: a step of w should change an image by as much whatever w is (StyleGAN2, arXiv 1912.04958).

    images, styles, directions --lengths--> ||J_w^T y||      a running mean of them <--followed-- of each look

`stylegan2` adds gamma E (||J_w^T y|| - a)^2 (equation 4) to the generator's loss, once in `EVERY` steps.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

EVERY = 4  # steps between looks, as the authors train
DECAY = 0.99  # of the running mean (appendix B)


def lengths(images: Tensor, styles: Tensor, directions: Tensor) -> Tensor:
    """||J_w^T y|| of equation 4 for each image, by J_w^T y = grad_w (g(w) . y) (section 3.2)."""
    (gradient,) = torch.autograd.grad((images * directions).sum(), styles, create_graph=True)
    return gradient.norm(dim=1)


def weight(size: int) -> float:
    """The gamma_pl of appendix B, ln 2 / (r^2 (ln r - ln 2)): against the pixels, and the layers that w reaches."""
    return math.log(2) / (size**2 * (math.log(size) - math.log(2)))


def followed(mean: float | None, seen: float) -> float:
    """The running mean a after a look, as exact as a state saves it.

    It begins as what is seen first, a look that pulls nowhere. Begun at zero, as in the authors' program, it would
    first pull the images of a short training, or of one that goes on from another's networks, towards each other.
    """
    kept = torch.tensor(seen if mean is None else mean)
    return kept.lerp(torch.tensor(seen), 1 - DECAY).item()
