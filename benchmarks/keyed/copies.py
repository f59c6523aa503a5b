"""Issued copies, what several recipients can put together of theirs, and where in a copy its key lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from artfp.generators.base import Generator, signs_of
from artfp.generators.sampling import sample
from artfp.keys.fingerprint import Bits
from benchmarks.measuring.images import Pixels

Weights = Mapping[str, Tensor]


class Mint:
    """A keyed generator that makes copies, and one plain network that shows what weights paint."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self._plain = generator.folded(np.zeros(generator.key_bits, np.uint8))

    def copy(self, bits: Bits) -> Weights:
        """What the recipient of these bits gets."""
        return self.generator.fold(signs_of(bits).to(next(self.generator.parameters()).device))

    def images(self, weights: Weights, count: int, seed: int, start: int = 0) -> Pixels:
        """What somebody samples who has these weights."""
        self._plain.load_state_dict(weights)
        return np.concatenate(list(sample(self._plain, count, seed, start)))


# Several copies as one


def mean(stack: Tensor, _random: torch.Generator) -> Tensor:
    """The average of all."""
    return stack.mean(dim=0)


def each_tensor(stack: Tensor, random: torch.Generator) -> Tensor:
    """The whole tensor from any one of them; where keys differ in one tensor, this is one of the copies."""
    return stack[int(torch.randint(len(stack), (), generator=random))]


def each_number(stack: Tensor, random: torch.Generator) -> Tensor:
    """Each number from any one of them."""
    chosen = torch.randint(len(stack), stack.shape[1:], generator=random)
    return stack.gather(0, chosen.to(stack.device)[None])[0]


def least(stack: Tensor, _random: torch.Generator) -> Tensor:
    """The least of each number."""
    return stack.amin(dim=0)


def greatest(stack: Tensor, _random: torch.Generator) -> Tensor:
    """The greatest of each number."""
    return stack.amax(dim=0)


def quarter(stack: Tensor, _random: torch.Generator) -> Tensor:
    """A quarter of the way from the first to the second."""
    return stack[0].lerp(stack[1], 0.25)


STRATEGIES: Mapping[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "mean": mean,
    "each tensor": each_tensor,
    "each number": each_number,
    "least": least,
    "greatest": greatest,
    "quarter": quarter,
}


def combined(copies: Sequence[Weights], strategy: str, seed: int) -> Weights:
    """One network of several copies, tensor by tensor."""
    random, combine = torch.Generator().manual_seed(seed), STRATEGIES[strategy]
    return {name: combine(torch.stack([copy[name] for copy in copies]), random) for name in copies[0]}


def mean_image(stacks: Sequence[Pixels]) -> Pixels:
    """The average of several copies' images of the same noise."""
    return np.rint(np.mean(stacks, axis=0)).astype(np.uint8)


# Where the key lies


def place_of_key(first: Weights, second: Weights) -> tuple[str, ...]:
    """The tensors in which two copies differ: their owners can tell, and whoever reads this program."""
    return tuple(name for name in first if not torch.equal(first[name], second[name]))


def taken_out(weights: Weights, place: Sequence[str]) -> Tensor:
    """The numbers there, in one row."""
    return torch.cat([weights[name].flatten().double().cpu() for name in place])


def put_in(weights: Weights, place: Sequence[str], numbers: Tensor) -> Weights:
    """The same weights with other numbers there."""
    parts = numbers.split([weights[name].numel() for name in place])
    fitted = (part.view(weights[name].shape).to(weights[name]) for name, part in zip(place, parts, strict=True))
    return {**weights, **dict(zip(place, fitted, strict=True))}


def pruned(weights: Weights, share: float) -> Weights:
    """Zeros for this share of the numbers of all layers' weights, those least in size; biases are left."""
    layers = [name for name, tensor in weights.items() if tensor.ndim > 1]
    sizes = torch.cat([weights[name].abs().flatten() for name in layers])
    bound = sizes.kthvalue(max(1, round(share * len(sizes)))).values
    return {**weights, **{name: weights[name].where(weights[name].abs() > bound, 0.0) for name in layers}}
