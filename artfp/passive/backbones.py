"""Networks from images to features: five of torchvision's, at a random start, and small ones for two CPU cores.

image --3 x 3--> [block, half the side, twice the channels but for the first] x 3 --mean over places--> features
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from artfp.errors import UsageError
from artfp.perceptual import import_torchvision

VIT_PATCH, VIT_LAYERS = 16, 12
MULTIPLE = 32  # which ConvNeXt halves to a whole number, and which whole patches of ViT cover


@dataclass(frozen=True)
class Published:
    """A network of torchvision's."""

    build: Callable[[Any, int], nn.Module]  # from torchvision's models, for images of a side
    head: str  # the linear layer that names classes: what it is given are the features


def _vit(models: Any, side: int, heads: int, width: int) -> nn.Module:
    network: nn.Module = models.VisionTransformer(side, VIT_PATCH, VIT_LAYERS, heads, width, 4 * width)
    return network


PUBLISHED: dict[str, Published] = {
    "resnet-18": Published(lambda models, _: models.resnet18(), "fc"),
    "resnet-50": Published(lambda models, _: models.resnet50(), "fc"),
    "convnext-tiny": Published(lambda models, _: models.convnext_tiny(), "classifier.2"),
    "vit-small": Published(lambda models, side: _vit(models, side, 6, 384), "heads.head"),
    "vit-base": Published(lambda models, side: _vit(models, side, 12, 768), "heads.head"),
}
SMALL: dict[str, int] = {"small-16": 16, "small-32": 32, "small-64": 64}  # channels of the first block
BACKBONES = (*PUBLISHED, *SMALL)


def backbone(name: str, side: int) -> tuple[nn.Module, int]:
    """The network of this name for images of a side, and how many features it gives."""
    if name in SMALL:
        return SmallResNet(SMALL[name]), 4 * SMALL[name]
    if side % MULTIPLE:
        raise UsageError(f"{name} takes images whose side is a multiple of {MULTIPLE}, not {side}: have them resized")
    published = PUBLISHED[name]
    network = published.build(_models(), side)
    features: Any = network.get_submodule(published.head)
    network.set_submodule(published.head, nn.Identity())
    return network, features.in_features


def _models() -> Any:
    try:
        return import_torchvision().models
    except ImportError as error:
        raise UsageError(
            f"this backbone needs torchvision, of the extra `quality` ({error}): pip install 'artfp[quality]'"
        ) from error


class SmallResNet(nn.Module):
    """Three residual blocks at half, a quarter and an eighth of the side."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.blocks = nn.Sequential(Block(width, width), Block(width, 2 * width), Block(2 * width, 4 * width))

    def forward(self, images: Tensor) -> Tensor:
        """Features."""
        seen: Tensor = self.blocks(self.stem(images)).mean(dim=(2, 3))
        return seen


class Block(nn.Module):
    """Two 3 x 3 convolutions beside a 1 x 1, at half the side (He, Zhang, Ren, Sun, CVPR 2016)."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.short = nn.Sequential(nn.Conv2d(before, after, 1, stride=2, bias=False), nn.BatchNorm2d(after))

    def forward(self, seen: Tensor) -> Tensor:
        """Their sum, where it is positive."""
        return F.relu(self.path(seen) + self.short(seen))
