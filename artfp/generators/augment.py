"""Augmentation of what the discriminator sees, so that it cannot learn a small set of images by heart.

    real --T--> D     each image by a T of its own; T is differentiable, so the generator learns through it,
    G(z) --T--> D     and both sides go through it, so the generator is not taught to paint what T does

The augmentations and their ranges are DiffAugment's (Zhao, Liu, Lin, Zhu, Han, NeurIPS 2020, arXiv 2006.10738); how
often they happen is fixed, or adapts as in ADA (Karras et al., NeurIPS 2020, arXiv 2006.06676). Images are in opponent
colours, where zero is grey of one half, as it is in red, green and blue from -1 to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from artfp.errors import UsageError
from artfp.generators.colours import TO_OPPONENT
from artfp.generators.parallel import averaged
from artfp.generators.settings import AUGMENTATIONS, GanRecipe

WHITE = float(TO_OPPONENT[0].sum())  # what lightness gains where red, green and blue all gain one
SHIFT = 1 / 8  # of the side, at most
RISE = 100_000  # images in which p can go from 0 to 1; 500k in ADA, whose program takes this to go on from a training
KEPT = 256  # images that r_t is a running mean of: as many as the authors see between two changes of p
P, R_T = "augment_p", "r_t"  # names among a learner's numbers

Change = Callable[[Tensor, Tensor], Tensor]  # of images N x 3 x H x W and three numbers in [0, 1) for each


def recoloured(images: Tensor, chance: Tensor) -> Tensor:
    """Red, green and blue in [-1, 1] brighter by up to .5, then 0 to 2 times as saturated, then .5 to 1.5 in contrast.

    Saturation is the distance from the mean of the three, contrast that from the mean of the image. Lightness is WHITE
    times the mean of the three, and the opponent colours are differences between them: so brightness moves lightness
    alone, saturation scales the opponent colours alone, and contrast scales all three about the mean lightness.
    """
    bright, saturation, contrast = (chance + chance.new_tensor([-0.5, 0, 0.5])).mT[..., None, None, None]
    lightness, opponents = images[:, :1], images[:, 1:]
    mean = lightness.mean(dim=(2, 3), keepdim=True)
    lightness = mean + WHITE * bright + contrast * (lightness - mean)
    return torch.cat([lightness, 2 * saturation * contrast * opponents], dim=1)


def translated(images: Tensor, chance: Tensor) -> Tensor:
    """Moved by whole pixels, up to SHIFT both ways; grey comes in.

    By products with shifted unit matrices, which are exact; the gradient of gathering adds in any order on a GPU.
    """
    size = images.shape[-1]
    most = round(SHIFT * size)
    down, right = ((2 * most + 1) * chance[:, :2]).floor().sub(most).T
    return _moves(size, down).to(images) @ images @ _moves(size, right).to(images).mT


def _moves(size: int, by: Tensor) -> Tensor:
    """For each number a matrix with ones where row - column is that number."""
    places = torch.arange(size, device=by.device)
    return (places[:, None] - places == by[:, None, None])[:, None]


def cut_out(images: Tensor, chance: Tensor) -> Tensor:
    """A square of half the side made grey; its centre lies anywhere, so borders may leave less of it."""
    size = images.shape[-1]
    places = torch.arange(size, device=images.device)
    first = ((size + 1) * chance[:, :2, None]).floor() - size // 4
    rows, columns = ((first <= places) & (places < first + size // 2)).unbind(1)
    return images.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0)


CHANGES: dict[str, Change] = {"colour": recoloured, "translation": translated, "cutout": cut_out}


class Augmentation:
    """The augmentations of a recipe, each of which happens to each image with probability p.

    In the order of AUGMENTATIONS, whatever the recipe's, so that what is cut out stays grey.
    """

    def __init__(self, recipe: GanRecipe) -> None:
        chosen, self.target = recipe.augment or (), recipe.augment_target
        if unknown := [str(name) for name in chosen if name not in AUGMENTATIONS]:
            raise UsageError(f"augment: unknown {', '.join(unknown)}; known: {', '.join(AUGMENTATIONS)}")
        if self.target is not None and not chosen:
            raise UsageError("augment_target says how often to augment: name in augment what")
        self.changes = [CHANGES[name] for name in AUGMENTATIONS if name in chosen]

    def begin(self) -> dict[str, float]:
        """The numbers that a learner keeps for an adaptive p, which begins at 0 (ADA, section 3)."""
        return {} if self.target is None else {P: 0.0, R_T: 0.0}

    def draw(self, images: int, random: torch.Generator) -> Tensor:
        """Chance for each image, real and generated, and each augmentation: whether, and three times how."""
        return torch.rand(images, 2, len(self.changes), 4, generator=random)

    def __call__(self, images: Tensor, chance: Tensor, numbers: Mapping[str, float]) -> Tensor:
        """Images as the discriminator sees them, by the chance of one side."""
        for change, drawn in zip(self.changes, chance.unbind(1), strict=True):
            happens = drawn[:, 0] < numbers.get(P, 1.0)
            images = torch.where(happens[:, None, None, None], change(images, drawn[:, 1:]), images)
        return images

    def adapted(self, numbers: Mapping[str, float], real: Tensor, fake: Tensor, images: int) -> dict[str, float]:
        """The numbers after a step that showed so many images: p a little higher if r_t is above its target, or lower.

        The same in all processes, and as exact as they are saved.
        """
        if self.target is None:
            return {}
        kept, seen = torch.tensor(numbers[R_T]), torch.tensor(overfitting(real, fake))
        r_t = kept.lerp(seen, min(1.0, images / KEPT)).item()
        p = torch.tensor(numbers[P] + images / (RISE if r_t > self.target else -RISE))
        return {P: p.clamp(0, 1).item(), R_T: r_t}


def overfitting(real: Tensor, fake: Tensor) -> float:
    """r_t = E sign(D(real)) (ADA, equation 1): 1 where the discriminator knows every real image, 0 where it guesses.

    Signs are about the middle between the mean scores of both sides: scores of some games have no zero of their own
    (relativistic, Wasserstein), or another (least squares: one half).
    """
    middle = averaged({"middle": (real.mean() + fake.mean()).item() / 2})["middle"]
    return averaged({R_T: (real - middle).sign().mean().item()})[R_T]
