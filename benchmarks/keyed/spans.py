"""Points in the span of several copies: each row holds a copy's numbers at the place of its key, W k + b.

m copies tell m points of a flat space of as many dimensions as W has; what they span has m - 1 of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

FLAT = 1e-4  # of the widest direction; rounding of weights makes others, a ten-thousandth of that and less
ALIKE = 0.01  # of the direction in which keys differ most; along less, misread bits say more than W
INSIDE = 1e-3  # of the way from the middle of a span to a copy: what may lie outside for the copy to be in it


def span_of(copies: Tensor, others: Tensor) -> dict[str, Any]:
    """How many dimensions the copies span, and how much of other copies' way from their middle lies outside."""
    middle = copies.mean(dim=0)
    directions, rest = _basis(copies), others - middle
    outside = rest - rest @ directions.T @ directions
    share = float((outside.norm(dim=1) / rest.norm(dim=1)).mean())
    return {"copies": len(copies), "dimensions": len(directions), "outside": share}


def _basis(copies: Tensor) -> Tensor:
    """Orthonormal rows that span the copies' differences."""
    _, sizes, rows = torch.linalg.svd(copies - copies.mean(dim=0), full_matrices=False)
    return rows[sizes > FLAT * sizes[0]]


def drawn(copies: Tensor, random: torch.Generator) -> Tensor:
    """A point of the span in a random direction from the middle, as far from it as copies are from the middle of all.

    Two copies lie sqrt(2) times as far from each other as each does from there.
    """
    away = copies - copies.mean(dim=0)
    direction = torch.randn(len(copies), generator=random, dtype=copies.dtype) @ away
    far = (torch.pdist(copies).square().mean() / 2).sqrt()
    return copies.mean(dim=0) + direction * far / direction.norm()


def forged(copies: Tensor, read: Tensor, wanted: Tensor) -> Tensor:
    """The point of the span that should carry the bits wanted, as near as it can; `read` are the copies' bits, +-1.

    Bits mix as copies do: the smallest mixture about the middle that comes nearest to the bits wanted.
    """
    middle, bits = copies.mean(dim=0), read.mean(dim=0)
    mixture = torch.linalg.pinv((read - bits).T, rtol=ALIKE) @ (wanted - bits)
    return middle + mixture @ (copies - middle)


# What a key's place is overwritten with


def as_issued(numbers: Tensor, _random: torch.Generator) -> Tensor:
    """Nothing: what the others are compared with."""
    return numbers


def zeros(numbers: Tensor, _random: torch.Generator) -> Tensor:
    """Zeros."""
    return torch.zeros_like(numbers)


def noise(numbers: Tensor, random: torch.Generator) -> Tensor:
    """Normal noise, as long."""
    found = torch.randn(len(numbers), generator=random, dtype=numbers.dtype)
    return found * numbers.norm() / found.norm()


def drawn_again(numbers: Tensor, random: torch.Generator) -> Tensor:
    """As many of its own numbers, drawn at random, perhaps several times."""
    return numbers[torch.randint(len(numbers), numbers.shape, generator=random)]


SWAPS: Mapping[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "as issued": as_issued,
    "zeros": zeros,
    "noise": noise,
    "drawn again": drawn_again,
}
