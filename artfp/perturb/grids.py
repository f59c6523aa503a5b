"""The sweeps, as data: of each perturbation the strengths to measure, mildest first to either side; no torch.

JPEG, noise, crops, rounding and weight noise hold the strengths of the published curves (arXiv 2007.08457), so that
rows can be put beside them. `realigned` has none: it stands for a decoder's search, and nobody does it to images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Grid = Mapping[str, tuple[float, ...]]

CROPS = (121 / 128, 114 / 128, 107 / 128, 100 / 128, 93 / 128)

IMAGES: Grid = {
    "jpeg": (90, 80, 70, 60, 50, 40, 30),
    "webp": (90, 80, 50, 30),
    "noise": (0.056, 0.111, 0.167, 0.222),
    "salt-and-pepper": (0.01, 0.03, 0.1),
    "blur": (0.012, 0.018, 0.024, 0.036),
    "motion-blur": (0.02, 0.04, 0.08),
    "median": (3, 5, 7),
    "sharpen": (2, 4, 8),
    "resize": (0.75, 0.5, 0.25),
    "centre-crop": CROPS,
    "crop": CROPS,
    "cut-out": (0.2, 0.35, 0.5),
    "rotate": (2, 5, 10, 20),
    "perspective": (0.02, 0.05, 0.1),
    "flip": (1,),
    "brightness": (0.75, 0.5, 1.25, 1.5),
    "contrast": (0.75, 0.5, 1.25, 1.5),
    "saturation": (0.5, 0.25, 1.5, 2),
    "gamma": (0.75, 0.5, 1.5, 2),
    "hue": (15, 45, 90, 180),
    "grey": (1,),
    "color": (0.25, 0.5),
    "posterise": (5, 4, 3, 2),
    "relighting": (0.1, 0.2, 0.4),
    "text": (0.1, 0.2, 0.3),
    "logo": (0.2, 0.35, 0.5),
    "screenshot": (1, 2, 3),
    "two": (0.5, 1),
    "three": (0.5, 1),
}
WEIGHTS: Grid = {
    "rounding": (0.1, 0.3, 1),
    "weight-noise": (0.06, 0.12, 0.18, 0.24),
    "quantise": (8, 6, 4, 3),
    "cast": (11, 8),
    "prune": (0.1, 0.3, 0.5, 0.7),
    "prune-channels": (0.05, 0.1, 0.25),
    "soup": (0.25, 0.5, 0.75),
}
BOTH_WAYS = frozenset({"brightness", "contrast", "saturation", "gamma"})  # milder in the middle than at either end

CLEAN_DECODES = 10_000  # below this a threshold that 0.1 % of clean images reach rests on fewer than ten of them


@dataclass(frozen=True)
class Suite:
    """What is measured together, and on how many images that never had the key.

    Clean images cost most: a decoder that is not sure of what it reads searches, and of a clean image it never is.
    """

    images: Grid
    weights: Grid
    controls: int  # clean images, and as many of the twin's, in every row
    clean_decodes: int = 0  # for the empirical threshold; 0: there is none
    adversaries: bool = False  # whether those of `attacks/registry.py` come too, each at its own strengths


SUITES: dict[str, Suite] = {
    "quick": Suite(
        images={
            "jpeg": (80, 50),
            "noise": (0.056, 0.111),
            "blur": (0.012, 0.024),
            "resize": (0.5, 0.25),
            "centre-crop": (114 / 128, 100 / 128),
            "rotate": (5, 10),
            "brightness": (0.5, 1.5),
            "two": (0.5, 1),
        },
        weights={
            "rounding": (0.1, 1),
            "weight-noise": (0.12, 0.24),
            "quantise": (8, 4),
            "prune": (0.3, 0.5),
        },
        controls=32,
    ),
    "standard": Suite(IMAGES, WEIGHTS, controls=128, clean_decodes=CLEAN_DECODES),
    "full": Suite(IMAGES, WEIGHTS, controls=128, clean_decodes=CLEAN_DECODES, adversaries=True),
}
