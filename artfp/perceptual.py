"""What a network trained on photographs sees: LPIPS distances, and features for Fréchet distances.

SqueezeNet 1.1 alone, so no number from here is a published-FID-comparable one. Its weights are never downloaded: the
file must lie where torch.hub keeps it ($TORCH_HOME/hub/checkpoints), and be one of those known by their hash: distances
that another network sees would look just like these. Needs the extra `quality`.
"""

from __future__ import annotations

import importlib
import warnings
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from artfp.errors import BadInputError, UsageError
from artfp.files import sha256_file

MIN_SIDE = 32  # under it SqueezeNet's last pool has nothing left
WEIGHTS = "squeezenet1_1-b8a52dc0.pth"
KNOWN = (  # how the SHA-256 of such a file begins
    "b8a52dc0",  # torchvision's own, which is named after it
    "26c7da4cde677c6af7259bb40017fd7b2c49c258b7d45df13e96a438f0fa3e48",  # saved anew; artfp's own numbers are of it
)
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # mean and deviation that SqueezeNet was trained with
MISSING_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def weights_path() -> Path:
    """Where torch.hub would keep SqueezeNet's weights."""
    return Path(torch.hub.get_dir()) / "checkpoints" / WEIGHTS


def what_is_missing(side: int = MIN_SIDE) -> str | None:
    """What perceptual measurements of images of this side would need; None if they can be made."""
    if side < MIN_SIDE:
        return f"images of {MIN_SIDE} pixels at least"
    if not weights_path().is_file():
        return f"SqueezeNet's weights: put {WEIGHTS} into {weights_path().parent}"
    try:
        import_torchvision()
        importlib.import_module("lpips")
    except ImportError as error:
        return f"the extra `quality` ({error}): pip install 'artfp[quality]'"
    return None


class Perceptual:
    """SqueezeNet, with the LPIPS heads of its seven layers."""

    def __init__(self, device: str = "cpu") -> None:
        if missing := what_is_missing():
            raise UsageError(f"perceptual distances need {missing}")
        self._features = _squeezenet().to(device)
        self._lpips = _lpips(self._features).to(device)
        self._mean, self._deviation = (torch.tensor(values, device=device).view(1, 3, 1, 1) for values in IMAGENET)

    @torch.no_grad()
    def distances(self, first: Tensor, second: Tensor) -> Tensor:
        """N LPIPS distances of image pairs."""
        found: Tensor = self._lpips(2 * first - 1, 2 * second - 1)
        return found.flatten()

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """N x 512 features: the last layer, averaged over places."""
        seen: Tensor = self._features((images - self._mean) / self._deviation)
        return seen.mean(dim=(2, 3))


# what it declares lives as long as it
_declared: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]


@cache
def import_torchvision() -> ModuleType:
    """torchvision, which at its CPU build's partner version needs two operators declared before it imports."""
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms does not exist" not in str(error):
            raise
    for schema in MISSING_SCHEMAS:
        _declared.define(schema)
    return importlib.import_module("torchvision")


@cache
def _check_weights(path: Path) -> None:
    """Refuse a file that only bears the name; once a process."""
    try:
        digest = sha256_file(path)
    except OSError as error:
        raise BadInputError(f"{path}: not readable ({error.strerror})") from error
    if not digest.startswith(KNOWN):
        raise BadInputError(f"{path}: not SqueezeNet's weights, or damaged: its SHA-256 begins with {digest[:8]}")


def _squeezenet() -> nn.Module:
    path = weights_path()
    _check_weights(path)
    network: Any = import_torchvision().models.squeezenet1_1()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))  # tensors alone: nothing is run
    features: nn.Module = network.features.eval().requires_grad_(False)
    return features


def _lpips(features: nn.Module) -> nn.Module:
    """LPIPS on our SqueezeNet: the package would download its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # lpips calls torchvision by an older signature
        distance: Any = importlib.import_module("lpips").LPIPS(net="squeeze", pnet_rand=True, verbose=False)
    layers = dict(features.named_children())
    for part in distance.net.children():
        for index, layer in part.named_children():
            layer.load_state_dict(layers[index].state_dict())
    network: nn.Module = distance.eval().requires_grad_(False)
    return network
