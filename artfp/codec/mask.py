"""Where an eye forgives: more residual on texture, less on flat, black and blown-out regions.

Texture masking and luminance adaptation after the just-noticeable-difference model of
Chou and Li, IEEE Trans. CSVT 5 (1995), reduced to one smooth factor a pixel (the mask: where inside an
image) and one an image (the room: how much in all).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

WINDOW = 5
FLAT = 0.1  # factor on perfectly flat regions, against 1 on texture
TEXTURE = 0.1  # local standard deviation at which texture counts half
DETAIL = 0.035  # fine detail of the median photograph at 64 px: the room there is 1
SILENCE = 0.02  # root mean square of the masked raw residual under which it is no longer amplified
ROOM_LIMIT = 10 ** (3 / 20)  # 3 dB to either side: beyond, noise would drown in marks and skies lose theirs


def perceptual_mask(images: Tensor) -> Tensor:
    """N x 1 x H x W factors in (0, 1]."""
    grey = images.mean(1, keepdim=True)
    padded = F.pad(grey, (WINDOW // 2,) * 4, mode="reflect")
    mean = F.avg_pool2d(padded, WINDOW, stride=1)
    square = F.avg_pool2d(padded**2, WINDOW, stride=1)
    deviation = (square - mean**2).clamp(min=0).add(1e-8).sqrt()
    texture = FLAT + (1 - FLAT) * deviation / (deviation + TEXTURE)
    # Weber's law fails in the dark, and near either end the residual would be clipped
    midtone = 0.5 + 0.5 * (1 - (2 * mean - 1).abs() ** 4)
    return torch.minimum(texture * midtone, torch.ones_like(texture))


def hiding_room(images: Tensor) -> Tensor:
    """N x 1 x 1 x 1 factors about 1: the square root of each image's fine detail.

    Detail hides a residual from the eye and from the decoder alike, so a busy image needs more of it and bears more.
    """
    grey = images.mean(1, keepdim=True)
    smooth = F.avg_pool2d(F.pad(grey, (1,) * 4, mode="replicate"), 3, stride=1)
    detail = (grey - smooth).square().mean(dim=(1, 2, 3), keepdim=True).add(1e-12).sqrt()
    return (detail / DETAIL).sqrt().clamp(1 / ROOM_LIMIT, ROOM_LIMIT)


def bounded_residual(raw: Tensor, images: Tensor, psnr: float) -> Tensor:
    """The raw residual masked and scaled so that an image of ordinary detail is marked at this PSNR.

    The scale is part of the network: the residual cannot grow, so training needs no fidelity weight.
    """
    masked = torch.tanh(raw) * perceptual_mask(images)
    level = masked.square().mean(dim=(1, 2, 3), keepdim=True).add(1e-12).sqrt()
    return masked * (10 ** (-psnr / 20) * hiding_room(images) / level.clamp(min=SILENCE))
