"""The colours that generators and discriminators work in: lightness and two opponent colours, these amplified.

Photographs hold little colour beside their lightness, and a network on red, green and blue neither sees nor controls
that little: what it paints is coloured noise, in which fingerprints drown (LAB, measured). The axes are the principal
ones of natural images (Ruderman, Cronin, Chiao 1998, JOSA A 15(8), section 3), here on the pixels themselves.
"""

from __future__ import annotations

import torch
from torch import Tensor

AMPLIFIED = 4.0  # both colours, against lightness
AXES = torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, -2.0], [1.0, -1.0, 0.0]])  # lightness, yellow-blue, red-green
TO_OPPONENT = torch.tensor([[1.0], [AMPLIFIED], [AMPLIFIED]]) * AXES / AXES.norm(dim=1, keepdim=True)
TO_RGB = torch.linalg.inv(TO_OPPONENT).contiguous()


def to_opponent(images: Tensor) -> Tensor:
    """Images in [0, 1] as the networks see them; grey of one half is all zero."""
    return _mixed(images * 2 - 1, TO_OPPONENT)


def to_rgb(images: Tensor) -> Tensor:
    """Images of the convention from what a network painted."""
    return unclamped_rgb(images).clamp(0, 1).contiguous()


def unclamped_rgb(images: Tensor) -> Tensor:
    """The same before what does not exist is cut off, and with it its gradient."""
    return _mixed(images.float(), TO_RGB).add(1).div(2)


def _mixed(images: Tensor, matrix: Tensor) -> Tensor:
    return torch.einsum("ij,njhw->nihw", matrix.to(images.device), images)
