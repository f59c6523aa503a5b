"""The loss of R3GAN (Huang, Gokaslan, Kuleshov, Tompkin, NeurIPS 2024, arXiv 2501.05441).

The paper's D falls on real images; here it rises on them, the usual sign. f(t) = -log(1 + exp(-t)) = -softplus(-t).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Equation (2), which D maximises: softplus(D(fake) - D(real)), each real image paired with a generated one."""
    return F.softplus(fake - real).mean()


def generator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """The non-saturating counterpart of equation (2), as the authors train: the same pairs the other way round."""
    return F.softplus(real - fake).mean()


def gradient_penalty(discriminator: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """E ||grad_x D(x)||^2 of equations (3): R1 on real images and R2 on generated ones, before gamma / 2."""
    images = images.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()


def usual_gamma(size: int, batch: int) -> float:
    """A gamma in proportion to the pixels and against the batch (the rule of StyleGAN2-ADA, arXiv 2006.06676).

    Ten times as much holds back what is faint and fine, and with it the fingerprint (LAB, measured).
    """
    return 0.0002 * size**2 / batch


def lazy_weight(gamma: float, every: int) -> float:
    """The factor of a penalty applied in one step out of `every` (Karras et al., arXiv 1912.04958, section 3.1)."""
    return gamma / 2 * every
