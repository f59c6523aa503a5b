"""What the two networks of a GAN play for: losses on scores, penalties on gradients.

Scores are higher on real images. f(t) = -log(1 + exp(-t)) = -softplus(-t).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

Discriminate = Callable[[Tensor], Tensor]
DRIFT = 0.001  # Karras et al. 2018, appendix A.1


@dataclass(frozen=True)
class Game:
    """Losses of both networks on the scores of real and generated images, and what the discriminator pays beside."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor], Tensor]
    penalties: Callable[[Discriminate, Tensor, Tensor, Tensor], dict[str, Tensor]]  # of D, real, fake, uniform numbers


def relativistic_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Each real image paired with a generated one: softplus(D(fake) - D(real)).

    Equation (2) of R3GAN (Huang, Gokaslan, Kuleshov, Tompkin, NeurIPS 2024, arXiv 2501.05441), which D maximises there,
    falling on real images; here it rises on them, the usual sign.
    """
    return F.softplus(fake - real).mean()


def relativistic_generator(real: Tensor, fake: Tensor) -> Tensor:
    """The non-saturating counterpart, as the authors train: the same pairs the other way round."""
    return F.softplus(real - fake).mean()


def logistic_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """-log of the probability of the truth (Goodfellow et al., NeurIPS 2014, equation 1)."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def non_saturating_generator(real: Tensor, fake: Tensor) -> Tensor:
    """-log D(G(z)) in place of log(1 - D(G(z))) (the same paper, section 3)."""
    return F.softplus(-fake).mean()


def wasserstein_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Equation (2) of WGAN (Arjovsky, Chintala, Bottou 2017), with the drift term of progressive growing."""
    return (fake - real).mean() + DRIFT * real.square().mean()


def wasserstein_generator(real: Tensor, fake: Tensor) -> Tensor:
    """The same, from the other side."""
    return -fake.mean()


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Equation (16) of spectral normalisation (Miyato et al., ICLR 2018), as BigGAN trains."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def hinge_generator(real: Tensor, fake: Tensor) -> Tensor:
    """Equation (17) of the same."""
    return -fake.mean()


def gradient_penalty(discriminator: Discriminate, images: Tensor) -> Tensor:
    """E ||grad_x D(x)||^2, before gamma / 2: R1 on real images and R2 on generated ones (equations (3) of R3GAN)."""
    return _gradients(discriminator, images).square().sum(dim=(1, 2, 3)).mean()


def r1_and_r2(discriminator: Discriminate, real: Tensor, fake: Tensor, uniform: Tensor) -> dict[str, Tensor]:
    """Both sides' gradients."""
    return {"r1": gradient_penalty(discriminator, real), "r2": gradient_penalty(discriminator, fake)}


def r1(discriminator: Discriminate, real: Tensor, fake: Tensor, uniform: Tensor) -> dict[str, Tensor]:
    """Gradients at real images alone (Mescheder, Geiger, Nowozin, ICML 2018, equation 9)."""
    return {"r1": gradient_penalty(discriminator, real)}


def one_lipschitz(discriminator: Discriminate, real: Tensor, fake: Tensor, uniform: Tensor) -> dict[str, Tensor]:
    """E (||grad D|| - 1)^2 between real and fake (WGAN-GP: Gulrajani et al., NeurIPS 2017, equation 3)."""
    between = real.lerp(fake, uniform.view(-1, 1, 1, 1))
    norms = _gradients(discriminator, between).flatten(1).norm(dim=1)
    return {"gp": (norms - 1).square().mean()}


def no_penalty(discriminator: Discriminate, real: Tensor, fake: Tensor, uniform: Tensor) -> dict[str, Tensor]:
    """Nothing to pay: the weights themselves are bounded."""
    return {}


RELATIVISTIC = Game(relativistic_discriminator, relativistic_generator, r1_and_r2)
LOGISTIC = Game(logistic_discriminator, non_saturating_generator, r1)
WASSERSTEIN = Game(wasserstein_discriminator, wasserstein_generator, one_lipschitz)
HINGE = Game(hinge_discriminator, hinge_generator, no_penalty)
GAMES = {"relativistic": RELATIVISTIC, "logistic": LOGISTIC, "wasserstein": WASSERSTEIN, "hinge": HINGE}


def usual_gamma(size: int, batch: int) -> float:
    """A gamma in proportion to the pixels and against the batch (the rule of StyleGAN2-ADA, arXiv 2006.06676).

    Ten times as much holds back what is faint and fine, and with it the fingerprint (LAB, measured).
    """
    return 0.0002 * size**2 / batch


def lazy_weight(gamma: float, every: int) -> float:
    """The factor of a penalty applied in one step out of `every` (Karras et al., arXiv 1912.04958, section 3.1)."""
    return gamma / 2 * every


def _gradients(discriminator: Discriminate, images: Tensor) -> Tensor:
    images = images.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
    return gradient
