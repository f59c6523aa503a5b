"""The last bits: gradient steps through the decoder, for the few images that the encoder leaves with weak ones.

An encoder makes one guess for every image; stripes, print and logos now and then defeat it. Of photographs about one
in twenty needs a step, and hardly any a second (LAB.md).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from artfp.codec.mask import bounded_residual

WEAK = 2.0  # log-odds under which a bit may be lost to rounding or a mirror
STEPS = 4
STEP = 0.2  # of the raw residual's root mean square


def touched_up(decoder: nn.Module, raw: Tensor, images: Tensor, bits: Tensor, psnr: float) -> Tensor:
    """The raw residuals, corrected where a bit reads weakly; marks stay as strong as they were."""
    raw, signs = raw.detach().clone(), 2 * bits - 1
    weak = torch.arange(len(raw), device=raw.device)
    for _ in range(STEPS):
        weak = weak[_reads_weakly(decoder, raw[weak], images[weak], signs[weak], psnr)]
        if not len(weak):
            break
        raw[weak] = _stepped(decoder, raw[weak], images[weak], signs[weak], psnr)
    return raw


@torch.no_grad()
def _reads_weakly(decoder: nn.Module, raw: Tensor, images: Tensor, signs: Tensor, psnr: float) -> Tensor:
    """Of each image whether its weakest bit is."""
    least: Tensor = (signs * decoder(_marked(raw, images, psnr))).amin(dim=1)
    return least < WEAK


def _marked(raw: Tensor, images: Tensor, psnr: float) -> Tensor:
    return (images + bounded_residual(raw, images, psnr)).clamp(0, 1)


@torch.enable_grad()
def _stepped(decoder: nn.Module, raw: Tensor, images: Tensor, signs: Tensor, psnr: float) -> Tensor:
    """One step down the cross-entropy, of a length that does not depend on the gradient's."""
    raw = raw.clone().requires_grad_()
    loss = F.softplus(WEAK - signs * decoder(_marked(raw, images, psnr))).mean(dim=1).sum()
    (gradient,) = torch.autograd.grad(loss, raw)
    return (raw - STEP * gradient * _size(raw) / _size(gradient).clamp(min=1e-12)).detach()


def _size(values: Tensor) -> Tensor:
    return values.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
