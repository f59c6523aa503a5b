"""Every perturbation of a network's weights, by name: what a trained generator goes through before it is used.

    network --copy--> every weight, one tensor after another --> another network; the given one is as it was

Strengths that have a size are in standard deviations of each tensor; one that does not vary (a single number, biases at
their start) has no size to measure with, and stays. Quantising and pruning are of matrices: tensors with several
numbers for each output, as convolutions and dense layers have them. Nobody does that to biases and gains.
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from artfp.errors import CannotError
from artfp.perturb.base import Graded

Network = TypeVar("Network", bound=nn.Module)

CASTS = {11.0: torch.float16, 8.0: torch.bfloat16}  # by the bits of a number's fraction, the hidden one counted
COLOURS = 3  # outputs of a layer that makes an image, none of which is pruned


class WeightPerturbation(Graded):
    """Of networks; the change is made to a copy."""

    def __call__(self, network: Network, strength: float, random: np.random.Generator) -> Network:
        """A new network; an error where the strength is no identity and yet nothing changed."""
        self.check(strength)
        made = in_use(network)
        if self.is_identity(strength):
            return made
        before = [weight.detach().clone() for weight in made.parameters()]
        self.change(made, strength, random)
        if all(torch.equal(old, new) for old, new in zip(before, made.parameters(), strict=True)):
            raise CannotError(f"{self.name} at {strength:g} changed no weight: too mild for them, or done before")
        if not all(weight.isfinite().all() for weight in made.parameters()):
            raise CannotError(f"{self.name} at {strength:g} made weights that are no numbers")
        return made

    @abstractmethod
    def change(self, network: nn.Module, strength: float, random: np.random.Generator) -> None:
        """In place; the caller validates, copies and looks whether anything changed."""


class TensorPerturbation(WeightPerturbation):
    """Of one weight after another; a leaf is what `Graded` asks for, and the arithmetic of one tensor."""

    @torch.no_grad()
    def change(self, network: nn.Module, strength: float, random: np.random.Generator) -> None:
        """All weights, in the network's own order."""
        for weight in network.parameters():
            weight.copy_(self.apply(weight, strength, random))

    @abstractmethod
    def apply(self, weight: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """The arithmetic."""


def in_use(network: Network) -> Network:
    """A copy that holds its weights as it uses them: those that are computed from others become plain.

    Spectral normalisation divides by a norm that it follows while it trains, and would go on to divide by that of the
    weights of before.
    """
    made = copy.deepcopy(network)
    for module in list(made.modules()):
        if isinstance(parametrizations := getattr(module, "parametrizations", None), nn.ModuleDict):
            weights = {name: getattr(module, name) for name in parametrizations}
            # torch's own removal would edit the class that torch made for the layer, and copies share it
            module.__class__ = type(module).__bases__[0]
            del module.parametrizations
            for name, weight in weights.items():
                module.register_parameter(name, nn.Parameter(weight.detach().clone(), weight.requires_grad))
    return made


def size_of(weight: Tensor) -> float:
    """The standard deviation of a tensor's numbers; 0 where they are all one."""
    return float(weight.double().std(correction=0))


def is_matrix(weight: Tensor) -> bool:
    """Whether each output has several numbers; outputs are the first axis, in dense layers and convolutions."""
    return weight.ndim > 1 and weight[0].numel() > 1


class Rounding(TensorPerturbation):
    """Rounded to multiples of a number of standard deviations."""

    name, unit, mildest, hardest = "rounding", "standard deviations", 0.0, 1.0

    def apply(self, weight: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """Halves to even."""
        step = strength * size_of(weight)
        return (weight / step).round() * step if step else weight


class WeightNoise(TensorPerturbation):
    """White Gaussian noise of a number of standard deviations."""

    name, unit, mildest, hardest = "weight-noise", "standard deviations", 0.0, 0.24

    def apply(self, weight: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """The same draws at every strength."""
        noise = torch.from_numpy(random.standard_normal(weight.shape, dtype=np.float32))
        return weight + strength * size_of(weight) * noise.to(weight)


class Quantise(TensorPerturbation):
    """Matrices to whole numbers of so many bits, each output with a scale of its own, and back."""

    name, unit, mildest, hardest = "quantise", "bits", 16.0, 3.0
    exact_identity = False

    def apply(self, weight: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """As many steps above zero as below; an output's largest number stays."""
        if strength != round(strength) or strength < 2:
            raise CannotError(f"{self.name}: takes whole bits, two or more, not {strength:g}")
        if not is_matrix(weight):
            return weight
        most = 2 ** (round(strength) - 1) - 1
        scale = (weight.flatten(1).abs().amax(dim=1) / most).clamp(min=torch.finfo(weight.dtype).tiny)
        zero = torch.zeros_like(scale, dtype=torch.int32)
        return torch.fake_quantize_per_channel_affine(weight, scale, zero, 0, -most, most)


class Cast(TensorPerturbation):
    """Stored in half precision: 11 bits are float16, 8 are bfloat16."""

    name, unit, mildest, hardest = "cast", "bits of precision", 24.0, 8.0

    def apply(self, weight: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """To the other type and back."""
        if strength not in CASTS:
            raise CannotError(f"{self.name}: 11 bits are float16 and 8 are bfloat16; nothing has {strength:g}")
        return weight.to(CASTS[strength]).to(weight.dtype)


class Prune(TensorPerturbation):
    """A share of each matrix, its smallest numbers, becomes zero."""

    name, unit, mildest, hardest = "prune", "share of the weights", 0.0, 0.7

    def apply(self, weight: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """As `torch.nn.utils.prune.l1_unstructured` chooses them."""
        if not is_matrix(weight):
            return weight
        lost = smallest(weight.abs().flatten(), strength)
        return weight.flatten().index_fill(0, lost, 0).view(weight.shape)


class PruneChannels(TensorPerturbation):
    """A share of each matrix's outputs, those of the smallest norm, becomes zero; their biases stay."""

    name, unit, mildest, hardest = "prune-channels", "share of the outputs", 0.0, 0.25

    def apply(self, weight: Tensor, strength: float, random: np.random.Generator) -> Tensor:
        """As `torch.nn.utils.prune.ln_structured` chooses them; the colours of an image are not among them."""
        if not is_matrix(weight) or len(weight) <= COLOURS:
            return weight
        return weight.index_fill(0, smallest(weight.flatten(1).norm(dim=1), strength), 0)


def smallest(sizes: Tensor, share: float) -> Tensor:
    """Where the smallest are, so large a share of them."""
    if share > 1:
        raise CannotError(f"pruning takes a share of up to 1, not {share:g}")
    return sizes.topk(round(share * len(sizes)), largest=False).indices


class Soup(WeightPerturbation):
    """The weighted mean with another network of the same shape, running statistics included.

    It needs that other network, and so is the one perturbation that is not among `WEIGHTS`.
    """

    name, unit, mildest, hardest = "soup", "share of the other", 0.0, 1.0

    def __init__(self, other: nn.Module) -> None:
        self._other = tensors(in_use(other))

    @torch.no_grad()
    def change(self, network: nn.Module, strength: float, random: np.random.Generator) -> None:
        """Tensor by tensor."""
        found = tensors(network)
        shapes, others = ({name: one.shape for name, one in group.items()} for group in (found, self._other))
        if shapes != others:
            raise CannotError(f"{self.name}: the other network is of another shape")
        for name, tensor in found.items():
            tensor.lerp_(self._other[name].to(tensor), strength)


def tensors(network: nn.Module) -> dict[str, Tensor]:
    """Weights and statistics; counters are left out."""
    found = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    return {name: tensor for name, tensor in found.items() if tensor.is_floating_point()}


WEIGHTS: dict[str, WeightPerturbation] = {
    perturbation.name: perturbation
    for perturbation in (Rounding(), WeightNoise(), Quantise(), Cast(), Prune(), PruneChannels())
}
