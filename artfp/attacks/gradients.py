"""Small changes that a network's gradient leads to: what every adversary does who has one to follow.

8-bit images --+ shift, 8 bits--> network --> loss of each image --sign of its gradient--> shift, within epsilon steps

Madry, Makelov, Schmidt, Tsipras and Vladu, "Towards Deep Learning Models Resistant to Adversarial Attacks", ICLR 2018
(arXiv 1706.06083), with steps that grow smaller.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from artfp.images import check_images, round_to_8_bits

STEPS = 20
REACH = 2.5  # how far all steps together could go, in epsilon: enough to turn round on the way (Madry's)


def descended(images: Tensor, losses: Callable[[Tensor], Tensor], epsilon: int, seed: int) -> Tensor:
    """Images of 8 bits at which `losses`, one for each image, are less; no value moves by more than `epsilon` of 255.

    Every look is at rounded values, as the file will hold them. Where the gradient of an image is zero, it stays as it
    is. Each value begins at a fraction of a step, the same in all images, that rounding does not let show: otherwise
    all would turn at once.
    """
    limit = epsilon / 255
    random = torch.Generator().manual_seed(seed)
    now = check_images(images) + ((torch.rand(images.shape[1:], generator=random) - 0.5) * 0.98 / 255).to(images.device)
    for left in range(STEPS, 0, -1):
        seen = round_to_8_bits(now.clamp(0, 1)).requires_grad_(True)
        (slope,) = torch.autograd.grad(losses(seen).sum(), seen)
        moved = now - slope.sign() * REACH * limit * left / sum(range(STEPS + 1))
        now = (images + (moved - images).clamp(-limit, limit)).clamp(0, 1)
    return round_to_8_bits(now)
