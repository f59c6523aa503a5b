"""Every perturbation of images, by name: the noise layers of codec training, and the rows of sweeps."""

from __future__ import annotations

from artfp.perturb.base import Perturbation
from artfp.perturb.chains import Screenshot, Several
from artfp.perturb.filters import Blur, MotionBlur, Sharpen
from artfp.perturb.geometry import CentreCrop, Crop, Flip, Perspective, Realigned, Resize, Rotate
from artfp.perturb.jpeg import Jpeg
from artfp.perturb.noise import Noise, SaltAndPepper
from artfp.perturb.occlusion import CutOut, Logo, Text
from artfp.perturb.pillow import Median, Posterise, WebP
from artfp.perturb.tone import Color, Grey, Hue, Relighting, Tone, brightened, contrasted, darkened, saturated

SINGLE: dict[str, Perturbation] = {
    perturbation.name: perturbation
    for perturbation in (
        Jpeg(),
        WebP(),
        Noise(),
        SaltAndPepper(),
        Blur(),
        MotionBlur(),
        Median(),
        Sharpen(),
        Resize(),
        CentreCrop(),
        Crop(),
        CutOut(),
        Rotate(),
        Perspective(),
        Realigned(),
        Flip(),
        Tone("brightness", brightened),
        Tone("contrast", contrasted),
        Tone("saturation", saturated),
        Tone("gamma", darkened, "exponent"),
        Hue(),
        Grey(),
        Color(),
        Posterise(),
        Relighting(),
        Text(),
        Logo(),
    )
}
CHAINS: tuple[Perturbation, ...] = (
    Screenshot(SINGLE["jpeg"]),
    Several("two", 2, SINGLE),
    Several("three", 3, SINGLE),
)

PERTURBATIONS: dict[str, Perturbation] = SINGLE | {chain.name: chain for chain in CHAINS}
