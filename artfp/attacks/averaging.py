"""The averaging attack: what all marks of one key have in common, learned from N marked images without the codec.

    N marked images (+ clean ones) --estimate--> mean residual --x strength--> subtracted: removed, added: forged

Yang, Ci, Song and Shou, "Can Simple Averaging Defeat Modern Watermarks?", NeurIPS 2024 (arXiv 2406.09026): it takes
marks that do not depend on content, and fails on those that do. Their grey box is `paired` here, their black box
`unpaired`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from artfp.attacks.adversary import Adversary, Attempt, Pixels, Scene
from artfp.attacks.attempts import BATCH, Work, attempted, by_batch, clean_images, controls, whole
from artfp.errors import ArtfpError, CannotError
from artfp.images import check_images, round_to_8_bits, to_tensor
from artfp.robustness import DATA, FORGERY, REMOVAL

# what each attacker gives `estimate` as `clean`: the originals of the marked images, others of their kind, or nothing
VARIANTS: dict[str, str | None] = {"paired": "originals", "unpaired": "others", "blind": None}

WINDOW = 7  # of the local mean: 3 and 5 hide more of the marks that are here, 9 and 13 let through more content
GUESS = 38.0  # dB of a mark, for whoever cannot know: what published codecs and this one's recipes aim at
NOISE = 1e-4  # variance that every pixel has, so that flat ones do not decide alone; a tenth or ten times is as good


@torch.no_grad()
def estimate(marked: Tensor, clean: Tensor | None) -> Tensor:
    """The key's mean residual, 3 x H x W, from N marked images and what `VARIANTS` says of `clean`.

    The mean difference of pairs is the difference of the means, so one line serves originals and others alike; the
    images themselves cancel with the first, and leave an error that falls with the square root of N with the second.
    """
    if clean is None:
        return high_pass_mean(torch.split(_some(marked), BATCH))
    if marked.shape[1:] != clean.shape[1:]:
        raise ArtfpError(f"marked images {tuple(marked.shape[1:])} and clean {tuple(clean.shape[1:])} differ in size")
    return (_mean(_some(marked)) - _mean(_some(clean))).float()


def mean_difference(marked: Pixels, clean: Pixels) -> Tensor:
    """What `estimate` finds of tensors with its mean difference, from bytes: 10,000 images need no copy in floats."""
    if not (len(marked) and len(clean)):
        raise CannotError("nothing to average: no images")
    if marked.shape[1:] != clean.shape[1:]:
        raise CannotError(f"marked images {marked.shape[1:]} and clean {clean.shape[1:]} differ in size")
    difference = marked.mean(axis=0, dtype=np.float64) - clean.mean(axis=0, dtype=np.float64)
    return torch.from_numpy((difference / 255).astype(np.float32)).permute(2, 0, 1)


def removed(images: Tensor, mean_residual: Tensor, strength: float) -> Tensor:
    """Marked images less the estimate, as 8-bit files hold them."""
    return _shifted(images, mean_residual, -strength)


def forged(clean: Tensor, mean_residual: Tensor, strength: float) -> Tensor:
    """Clean images plus the estimate, as 8-bit files hold them."""
    return _shifted(clean, mean_residual, strength)


def strength_at(mean_residual: Tensor, psnr: float) -> float:
    """The strength at which the estimate changes images by this PSNR, rounding and clipping aside."""
    level = float(mean_residual.square().mean(dtype=torch.float64).sqrt())
    if level == 0:
        raise ArtfpError("an estimate that is zero everywhere has no strength to scale")
    return 10 ** (-psnr / 20) / level


def common_share(residuals: Tensor) -> float:
    """The share of the energy of N residuals of one key that their mean holds: 1 where content has no say.

    Taken as the mean inner product of two different residuals over the mean energy: the energy of the mean itself would
    count 1/N of all that differs, too.
    """
    n = len(residuals)
    if n < 2:
        raise ArtfpError("one residual has nothing in common with another")
    total = float(residuals.sum(dim=0, dtype=torch.float64).square().sum())
    own = float(residuals.square().sum(dtype=torch.float64))
    return (total - own) / (n - 1) / own if own else 0.0


def _some(images: Tensor) -> Tensor:
    if not len(images):
        raise ArtfpError("nothing to average: no images")
    return check_images(images)


def _mean(images: Tensor) -> Tensor:
    return images.mean(dim=0, dtype=torch.float64)


@torch.no_grad()
def high_pass_mean(batches: Iterable[Tensor]) -> Tensor:
    """The mean of image less local mean, every pixel weighted by the inverse of its local variance (Gauss and Markov).

    As in Wiener's filter texture counts little, but no residual shrinks. From 150 flowers and a learned codec it finds
    a cosine of .96 with the true mean residual; equal weights find .85.
    """
    weighted, weights = torch.zeros(()), torch.zeros(())
    for images in batches:
        detail, weight = high_pass(images)
        weighted = weighted + (detail * weight).sum(dim=0, dtype=torch.float64)
        weights = weights + weight.sum(dim=0, dtype=torch.float64)
    return (weighted / weights).float()


def high_pass(images: Tensor) -> tuple[Tensor, Tensor]:
    """What every pixel has beyond its local mean, and what that is worth beside others."""
    detail = images - _local_mean(images)
    return detail, 1 / (_local_mean(detail.square()) + NOISE)


def _local_mean(images: Tensor) -> Tensor:
    return F.avg_pool2d(F.pad(images, (WINDOW // 2,) * 4, mode="reflect"), WINDOW, stride=1)


@dataclass(frozen=True, eq=False)
class Estimate:
    """What an attacker found, how much of it he takes, and what he tells of it."""

    residual: Tensor
    strength: float
    notes: dict[str, int]

    def done(self, way: Callable[[Tensor, Tensor, float], Tensor]) -> Work:
        """`removed` or `forged`, with any number of images."""
        return by_batch(lambda images: way(images, self.residual, self.strength))


def blindly_found(marked: Pixels) -> Estimate:
    """What images have in common beside content, as loud as the attacker guesses marks to be."""
    if not len(marked):
        raise CannotError("nothing to average: no images")
    found = high_pass_mean(to_tensor(marked[start : start + BATCH]) for start in range(0, len(marked), BATCH))
    return Estimate(found, strength_at(found, GUESS), {"averaged": len(marked)})


@torch.no_grad()
def _shifted(images: Tensor, mean_residual: Tensor, strength: float) -> Tensor:
    if images.shape[1:] != mean_residual.shape:
        raise ArtfpError(f"an estimate of {tuple(mean_residual.shape)} is for images of that size, not {images.shape}")
    return round_to_8_bits((check_images(images) + strength * mean_residual).clamp(0, 1))


class _Averaging(Adversary):
    """Whoever subtracts or adds what he found: all of it where he averaged clean images too, as published."""

    unit = "images averaged"
    strengths: tuple[float, ...] = (10, 100, 1000, 10_000)

    def __init__(self, name: str, *, blind: bool = False) -> None:
        self.name, self.blind = name, blind
        if blind:
            self.knows = f"Images that carry the key, and nothing else. He guesses that marks are of {GUESS:g} dB."
            self.costs = "As many images, and seconds of computing."
        else:
            self.knows = (
                "Images that carry the key and clean ones of their kind, of other pictures as far as there are enough; "
                "neither codec nor key."
            )
            self.costs = "As many images of both kinds, and seconds of computing."

    def _learnt(self, scene: Scene, strength: float) -> tuple[Estimate, Pixels | None]:
        """What he found, and clean images that it was not made of."""
        count = whole(self, strength)
        if self.blind:
            return blindly_found(scene.more(count)), controls(scene)
        clean, others = clean_images(scene, count)
        marked = scene.more(count)
        found = mean_difference(marked, others[:count])
        return Estimate(found, 1.0, {"averaged": len(marked), "averaged_clean": len(others[:count])}), clean


class AveragingRemoval(_Averaging):
    """Subtracts the estimate from images of the key that it was not made of."""

    aim = REMOVAL

    def __call__(self, scene: Scene, strength: float) -> Attempt:
        """Average, subtract."""
        found, clean = self._learnt(scene, strength)
        return attempted(scene, found.done(removed), clean, **found.notes)


class AveragingForgery(_Averaging):
    """Adds the estimate to clean photographs."""

    aim = FORGERY

    def __call__(self, scene: Scene, strength: float) -> Attempt:
        """Average, add."""
        found, clean = self._learnt(scene, strength)
        if clean is None:
            raise CannotError(f"{self.name}: there are no clean images to put a key on")
        return Attempt(images=found.done(forged)(clean), before=clean, notes=found.notes)


class PairedRemoval(Adversary):
    """Subtracts what he learned from the first half of the images and their originals from the second half."""

    name = "averaging-paired"
    aim = REMOVAL
    subject = DATA
    unit = _Averaging.unit
    strengths = (10, 100)
    needs = ("originals",)
    knows = "Images that carry the key and the very same pictures without it; neither codec nor key."
    costs = "As many pairs, which only the publisher should have, and seconds of computing."

    def __call__(self, scene: Scene, strength: float) -> Attempt:
        """Average the pairs' differences, subtract from the other images."""
        count, half = whole(self, strength), len(scene.images) // 2
        if scene.originals is None or not half:
            raise CannotError(f"{self.name}: wants two images of the key and their originals")
        learnt = slice(min(count, half))
        found = Estimate(mean_difference(scene.images[learnt], scene.originals[learnt]), 1.0, {})
        victims = replace(scene, images=scene.images[half:])
        return attempted(victims, found.done(removed), controls(scene), averaged=min(count, half))


AVERAGING = (
    AveragingRemoval("averaging-removal"),
    AveragingForgery("averaging-forgery"),
    AveragingRemoval("averaging-blind-removal", blind=True),
    AveragingForgery("averaging-blind-forgery", blind=True),
    PairedRemoval(),
)
