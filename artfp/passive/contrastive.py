"""Supervised contrastive learning: features of one class come nearer to each other than to those of all others.

Khosla, Teterwak, Wang, Sarna, Tian, Isola, Maschinot, Liu, Krishnan, NeurIPS 2020 (arXiv 2004.11362).
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from artfp.generators.dataset import Order
from artfp.statistics.exact import Ints

PROJECTED = 128  # features that are contrasted


def supervised_contrastive(features: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """The mean over items i of -mean over p of log(exp(z_i z_p / t) / sum over a of exp(z_i z_a / t)): equation (2).

    z are the features (N x D, of any length) on the unit sphere, a all other items and p those among them of the class
    of i. An item that is alone of its class teaches nothing and takes no part in the mean.
    """
    sphere = F.normalize(features, dim=1)
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    similarity = (sphere @ sphere.T / temperature).masked_fill(itself, -math.inf)
    logs = similarity - similarity.logsumexp(dim=1, keepdim=True)
    positive = (labels[:, None] == labels) & ~itself
    counts = positive.sum(dim=1)
    means = logs.masked_fill(~positive, 0).sum(dim=1) / counts.clamp(min=1)
    return -means.sum() / (counts > 0).sum().clamp(min=1)


def projection(width: int) -> nn.Module:
    """From the features that name classes to those that are contrasted."""
    return nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, PROJECTED))


class BalancedOrder:
    """Which items batch i holds: the classes take turns, so that each is there as often as the others."""

    def __init__(self, labels: Ints, batch: int, seed: int, name: str) -> None:
        self.batch = batch
        self.members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
        self.orders = [Order(len(items), 1, seed, f"{name}-{place}") for place, items in enumerate(self.members)]

    def __getitem__(self, step: int) -> Ints:
        """The indices of batch `step`."""
        turns, places = np.divmod(np.arange(step * self.batch, (step + 1) * self.batch), len(self.members))
        return np.array([self._item(p, t) for p, t in zip(places.tolist(), turns.tolist(), strict=True)], np.int64)

    def _item(self, place: int, turn: int) -> int:
        return int(self.members[place][self.orders[place][turn][0]])
