"""Averaging: what marked images have in common beyond clean ones, and how much of it another image has.

marked, clean --high-pass mean of each--> difference;   image --high pass--> correlation with it, less a threshold
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from artfp.attacks.adversary import OnProgress, Pixels
from artfp.attacks.attempts import BATCH
from artfp.attacks.averaging import high_pass, high_pass_mean
from artfp.attacks.detectors.detector import Detector, Scorer, Seen
from artfp.images import to_tensor
from artfp.statistics.exact import Floats


class Averaging(Detector):
    """The averaging attack's estimate, to find a mark with instead of removing it."""

    name = "averaging"
    knows = "Labelled images of both kinds, which he averages; neither codec nor key."
    counts = (10, 100, 1000, 10_000)

    def learned(self, marked: Seen, clean: Seen, seed: int, tell: OnProgress) -> Scorer:  # noqa: ARG002 - draws nothing
        """Correlations, less what is midway between those of the examples of the two kinds."""
        template = high_pass_mean(_batches(marked)) - high_pass_mean(_batches(clean))
        middle = (correlations(marked, template).mean() + correlations(clean, template).mean()) / 2
        return lambda pixels: correlations(pixels, template) - middle


@torch.no_grad()
def correlations(pixels: Pixels, template: Tensor) -> Floats:
    """Cosines of images' detail with a template, where every pixel of an image counts as much as it is worth."""
    found = []
    for images in _batches(pixels):
        detail, weight = high_pass(images)
        along, own, wanted = (
            (weight * product).sum(dim=(1, 2, 3), dtype=torch.float64)
            for product in (detail * template, detail.square(), template.square())
        )
        found.append((along / (own * wanted).sqrt().clamp(min=1e-12)).numpy())
    return np.concatenate(found)


def _batches(pixels: Pixels) -> Iterator[Tensor]:
    return (to_tensor(pixels[start : start + BATCH]) for start in range(0, len(pixels), BATCH))
