"""What the paper published of its own robustness, to be put beside the rows of a sweep.

Yu, Skripniuk, Abdelnabi, Fritz, ICCV 2021, arXiv 2007.08457: bit accuracy of images that a ProGAN generated at 128 x
128 after training on marked CelebA, 100 bits; read off the plots, +-.005. Where its strengths are in the units of
`perturb/grids.py`, the points lie on the grids.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SOURCE = "arXiv 2007.08457"
ORIGIN = "ProGAN on CelebA at 128 px, 100 bits; read off the plot, ±.005"
KERNELS = {1.8: 0.937, 3.4: 0.885, 5.1: 0.795, 6.7: 0.697, 8.4: 0.619}  # of blur, in pixels of 128
NEAREST_KERNEL = 6.7
BLUR = 0.012  # the sigma, as a share of the side, that this kernel is put beside
WINDOWS = ", ".join(f"{size} px {accuracy:.3f}" for size, accuracy in KERNELS.items())
BLUR_NOTE = (
    f"The paper states the window of its blur in pixels of 128, not its sigma. A window of {NEAREST_KERNEL} pixels "
    "holds 97 % of a Gaussian whose sigma is 1.2 % of 128 pixels, so that this row is the nearest to it; it is not the "
    f"same blur. The paper's blur at every window: {WINDOWS}."
)


@dataclass(frozen=True)
class Published:
    """The curve of one attack: accuracy by strength, and the Fréchet distance where it is told."""

    accuracy: Mapping[float, float]
    untouched: float | None = None  # at no strength at all, on the same plot
    frechet: Mapping[float, float] | None = None  # Inception's, as the paper has it: to none of ours comparable
    note: str = ""


PUBLISHED: Mapping[str, Published] = {
    "jpeg": Published({90: 0.905, 80: 0.856, 70: 0.818, 60: 0.790, 50: 0.758, 40: 0.726, 30: 0.688}),
    "noise": Published({0.056: 0.853, 0.111: 0.738, 0.167: 0.677, 0.222: 0.639}, untouched=0.957),
    "blur": Published({BLUR: KERNELS[NEAREST_KERNEL]}, note=BLUR_NOTE),
    "centre-crop": Published({121 / 128: 0.931, 114 / 128: 0.870, 107 / 128: 0.815, 100 / 128: 0.743, 93 / 128: 0.700}),
    "rounding": Published({0.1: 0.983, 1: 0.652}, frechet={0.1: 14, 1: 83}),
    "weight-noise": Published(
        {0.06: 0.962, 0.12: 0.864, 0.18: 0.772, 0.24: 0.709}, frechet={0.06: 15, 0.12: 19, 0.18: 33, 0.24: 47}
    ),
}
