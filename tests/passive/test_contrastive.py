"""Supervised contrastive learning against its equation, and batches that it can learn from."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from artfp.passive.contrastive import BalancedOrder, supervised_contrastive

LABELS = torch.tensor([0, 2, 0, 1, 2, 0, 5])


def features(seed: int = 0) -> Tensor:
    return torch.randn(len(LABELS), 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def looped(unit: list[list[float]], labels: list[int], temperature: float) -> float:
    """Equation (2) of Khosla et al., one number after the other."""

    def power(i: int, j: int) -> float:
        return math.exp(sum(a * b for a, b in zip(unit[i], unit[j], strict=True)) / temperature)

    losses = []
    for i, label in enumerate(labels):
        others = [j for j in range(len(labels)) if j != i]
        positives = [j for j in others if labels[j] == label]
        total = sum(power(i, j) for j in others)
        if positives:
            losses.append(-sum(math.log(power(i, j) / total) for j in positives) / len(positives))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("temperature", [0.07, 0.5, 1.0])
def test_the_loss_is_that_of_the_equation_at_any_temperature(temperature: float) -> None:
    expected = looped(F.normalize(features(), dim=1).tolist(), LABELS.tolist(), temperature)
    assert supervised_contrastive(features(), LABELS, temperature).item() == pytest.approx(expected, rel=1e-9)


def test_the_lower_the_temperature_the_more_a_stranger_costs_who_is_nearer_than_a_friend() -> None:
    """At a high temperature all are as near: of two others the friend has one half."""
    anchor, friend, stranger = torch.tensor([[1.0, 0.0], [1.0, 0.2], [1.0, 0.0]])
    batch, labels = torch.stack([anchor, friend, stranger]), torch.tensor([0, 0, 1])
    losses = [supervised_contrastive(batch, labels, temperature).item() for temperature in (0.07, 0.5, 50.0)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] == pytest.approx(math.log(2), abs=1e-3)


def test_the_order_of_a_batch_and_the_lengths_of_features_do_not_matter() -> None:
    places = torch.randperm(len(LABELS), generator=torch.Generator().manual_seed(1))
    loss = supervised_contrastive(features(), LABELS, 0.1)
    assert supervised_contrastive(features()[places], LABELS[places], 0.1).item() == pytest.approx(loss.item())
    assert supervised_contrastive(7 * features(), LABELS, 0.1).item() == pytest.approx(loss.item())


def test_an_item_without_another_of_its_class_teaches_nothing_and_harms_nothing() -> None:
    unlike = torch.arange(len(LABELS))
    lonely = features().requires_grad_()
    loss = supervised_contrastive(lonely, unlike, 0.07)
    loss.backward()
    assert loss.item() == 0
    assert lonely.grad is not None
    assert not lonely.grad.any()


def test_going_down_the_loss_gathers_classes() -> None:
    moved = features().requires_grad_()
    adam = torch.optim.Adam([moved], lr=0.1)
    for _ in range(60):
        adam.zero_grad()
        supervised_contrastive(moved, LABELS, 0.1).backward()
        adam.step()
    near = F.normalize(moved.detach(), dim=1) @ F.normalize(moved.detach(), dim=1).T
    same = LABELS[:, None] == LABELS
    assert near[same].min() > near[~same].max()


def test_balanced_batches_hold_every_class_alike_and_every_item_in_turn() -> None:
    labels = np.array([0] * 4 + [1] * 40 + [3] * 8)
    order = BalancedOrder(labels, 6, seed=1, name="test")
    batches = [order[step] for step in range(20)]
    assert all(sorted(labels[batch].tolist()) == [0, 0, 1, 1, 3, 3] for batch in batches)
    assert set(np.concatenate(batches)) == set(range(52))
    assert np.array_equal(order[7], BalancedOrder(labels, 6, seed=1, name="test")[7])
    assert not np.array_equal(order[0], BalancedOrder(labels, 6, seed=2, name="test")[0])
