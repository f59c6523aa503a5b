"""What networks trained on photographs see: LPIPS distances, and features for distances between sets of images.

SqueezeNet 1.1, whose numbers are comparable with no published FID, and the Inception network of published FIDs, for
who has its weights. Weights are never downloaded: a file must lie where torch.hub keeps it
($TORCH_HOME/hub/checkpoints), or be named, and be one of those known by their hash: distances that another network
sees would look just like these. SqueezeNet needs the extra `quality`, Inception the package torch-fidelity.
"""

from __future__ import annotations

import importlib
import warnings
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

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
INCEPTION_WEIGHTS = ("pt_inception-2015-12-05-6726825d.pth", "weights-inception-2015-12-05-6726825d.pth")
KNOWN_INCEPTION = ("6726825d",)  # pytorch-fid's and torch-fidelity's are one file under two names
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


class Eyes(Protocol):
    """A network that sees images as feature vectors; measures bear its name."""

    name: str
    sha256: str  # of its weights
    smallest: int  # pixels of the shorter side of what it sees

    def features(self, images: Tensor) -> Tensor:
        """N x d features of a batch of the convention."""


class Perceptual:
    """SqueezeNet, with the LPIPS heads of its seven layers."""

    name = "squeeze"
    smallest = MIN_SIDE

    def __init__(self, device: str = "cpu") -> None:
        if missing := what_is_missing():
            raise UsageError(f"perceptual distances need {missing}")
        self.sha256 = _checked_weights(weights_path(), KNOWN, "SqueezeNet's")
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


def inception_path() -> Path | None:
    """Inception's weights where torch.hub would keep them, under either name; None where they are not."""
    places = [weights_path().with_name(name) for name in INCEPTION_WEIGHTS]
    return next((path for path in places if path.is_file()), None)


class Inception:
    """The Inception network of 2015 that published FIDs are measured with, as torch-fidelity rebuilds it.

    It takes 8-bit images of any size and enlarges them itself, as the first implementation did.
    """

    name = "inception"
    smallest = 1

    def __init__(self, weights: Path, device: str = "cpu") -> None:
        self.sha256 = _checked_weights(weights, KNOWN_INCEPTION, "Inception's")
        try:
            import_torchvision()  # which torch-fidelity imports as it is
            library: Any = importlib.import_module("torch_fidelity.feature_extractor_inceptionv3")
        except ImportError as error:
            raise UsageError(f"Inception needs torch-fidelity ({error}): pip install torch-fidelity") from error
        seen = ("inception-v3-compat", ["2048"])
        self._network = library.FeatureExtractorInceptionV3(*seen, feature_extractor_weights_path=str(weights))
        self._network.to(device)

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """N x 2048 features: the last layer before the classes, averaged over places."""
        (seen,) = self._network((images * 255).round().to(torch.uint8))
        return seen


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
def _checked_weights(path: Path, known: tuple[str, ...], whose: str) -> str:
    """The SHA-256 of weights; a file that only bears the name is refused."""
    try:
        digest = sha256_file(path)
    except OSError as error:
        raise BadInputError(f"{path}: not readable ({error.strerror})") from error
    if not digest.startswith(known):
        raise BadInputError(f"{path}: not {whose} weights, or damaged: its SHA-256 begins with {digest[:8]}")
    return digest


def _squeezenet() -> nn.Module:
    path = weights_path()
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
