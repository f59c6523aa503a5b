"""Perturbations that move pixels."""

from __future__ import annotations

import math

import kornia
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from artfp.images import resize
from artfp.perturb.base import Perturbation


class Resize(Perturbation):
    """Resized to a fraction of the side and back."""

    name, unit, mildest, hardest = "resize", "share of the side", 1.0, 0.25

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """Down, then up, both antialiased."""
        height, width = images.shape[-2:]
        small = (max(1, round(height * strength)), max(1, round(width * strength)))
        return resize(resize(images, small), (height, width))


class Crop(Perturbation):
    """A crop to a fraction of the side at a random place, resized back."""

    name, unit, mildest, hardest = "crop", "share of the side", 1.0, 0.78

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """One place for the whole batch."""
        height, width = images.shape[-2:]
        h, w = max(1, round(height * strength)), max(1, round(width * strength))
        top, left = self.corner(height - h, width - w, random)
        return resize(images[..., top : top + h, left : left + w], (height, width))

    def corner(self, free_rows: int, free_columns: int, random: np.random.Generator) -> tuple[int, int]:
        """Where the crop begins."""
        return int(random.integers(free_rows + 1)), int(random.integers(free_columns + 1))


class CentreCrop(Crop):
    """A crop to the middle, resized back."""

    name = "centre-crop"

    def corner(self, free_rows: int, free_columns: int, random: np.random.Generator) -> tuple[int, int]:
        """Half of what is cut off on either side."""
        return free_rows // 2, free_columns // 2


class Rotate(Perturbation):
    """Turned about the centre by degrees, either way; the corners show what lies mirrored at the border."""

    name, unit, mildest, hardest = "rotate", "degrees", 0.0, 5.0

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """One direction for the whole batch."""
        return turned(images, strength * random.choice((-1, 1)), 1.0)


class Realigned(Perturbation):
    """Cut to the middle and turned, then set right but for a small error: what a decoder sees after its search.

    Strength 1 stands for cuts to `LEAST` and turns by `MOST`, and for errors of `ZOOM_ERROR` and `TURN_ERROR`.
    """

    name, unit, mildest, hardest = "realigned", "share of its limits", 0.0, 1.0
    LEAST, MOST = 0.76, 7.0
    ZOOM_ERROR, TURN_ERROR = 0.02, 0.9

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """The same cut, turn and errors for the whole batch."""
        cut, turn, zoom_error, turn_error = strength * random.uniform((0, -1, -1, -1), 1)
        zoom, degrees = 1 / (1 - (1 - self.LEAST) * cut), self.MOST * turn
        damaged = turned(images, degrees, zoom)
        return turned(damaged, -degrees + self.TURN_ERROR * turn_error, (1 + self.ZOOM_ERROR * zoom_error) / zoom)


def turned(images: Tensor, degrees: float, zoom: float, aspects: Tensor | None = None) -> Tensor:
    """Turned about the centre and enlarged; what comes from outside is mirrored at the border.

    `aspects` are the images' widths over their heights where these differ from the tensor's: images resized to a
    square are turned as they would have been before.
    """
    if aspects is None:
        aspects = images.new_full((len(images),), images.shape[-1] / images.shape[-2])
    cos, sin = math.cos(math.radians(degrees)) / zoom, math.sin(math.radians(degrees)) / zoom
    # affine_grid measures both axes in half sides: a turn of pixels needs the aspect on the off-diagonal
    turns = images.new_zeros(len(images), 2, 3)
    turns[:, 0, 0] = turns[:, 1, 1] = cos
    turns[:, 0, 1], turns[:, 1, 0] = -sin / aspects, sin * aspects
    places = F.affine_grid(turns, list(images.shape), align_corners=False)
    return F.grid_sample(images, places, padding_mode="reflection", align_corners=False)


class Perspective(Perturbation):
    """Every corner moves by up to a fraction of the side, either way on both axes; outside lies what is mirrored."""

    name, unit, mildest, hardest = "perspective", "share of the side", 0.0, 0.1

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """The same corners for the whole batch."""
        last = torch.tensor([images.shape[-1] - 1.0, images.shape[-2] - 1.0])
        corners = last * torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
        moved = corners + strength * last * torch.from_numpy(random.uniform(-1, 1, (4, 2))).float()
        return seen_through(images, corners, moved)


def seen_through(images: Tensor, corners: Tensor, moved: Tensor) -> Tensor:
    """The images under the projection that takes the four corners (x, y, in pixels) to where they are moved."""
    projection = kornia.geometry.get_perspective_transform(corners[None], moved[None]).to(images.device)
    projections, size = projection.expand(len(images), 3, 3), tuple(images.shape[-2:])
    seen: Tensor = kornia.geometry.warp_perspective(images, projections, size, padding_mode="reflection")
    return seen


class Flip(Perturbation):
    """Mirrors each image with the probability given as strength."""

    name, unit, mildest, hardest = "flip", "probability", 0.0, 1.0

    def apply(self, images: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """Left becomes right."""
        mirrored = torch.from_numpy(random.random(len(images)) < strength).to(images.device)
        return torch.where(mirrored[:, None, None, None], images.flip(-1), images)
