"""What is the harness's own: backbones, objectives, tasks. The contract's tests hold for all systems."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from passives import NAMES, SIZE, TINY

from artfp import recipe as recipes
from artfp.errors import UsageError
from artfp.passive import backbones
from artfp.passive.backbones import BACKBONES, PUBLISHED, SMALL, backbone
from artfp.passive.base import LITE, OWN, PAPER, Course
from artfp.passive.classes import ClassSource, Examples, Lessons
from artfp.passive.contrastive import supervised_contrastive
from artfp.passive.harness import (
    BINARY,
    CONTRASTIVE,
    CROSS_ENTROPY,
    MULTI_CLASS,
    OBJECTIVES,
    Classifier,
    Harness,
    HarnessSettings,
    as_task,
    generated_margin,
    variants,
)

SOURCES = [ClassSource(name, Path(name)) for name in ("gan", "photos", "diffusion")]


@pytest.mark.parametrize("name", ["resnet-18", "convnext-tiny", "small-16", "small-64"])
def test_a_backbone_turns_images_into_as_many_features_as_it_says(name: str) -> None:
    network, count = backbone(name, 32)
    assert network.eval()(torch.rand(2, 3, 32, 32)).shape == (2, count)


@pytest.mark.parametrize(
    ("name", "features", "millions"),
    [("resnet-18", 512, 11.2), ("resnet-50", 2048, 23.5), ("convnext-tiny", 768, 27.8), ("vit-small", 384, 21.7)],
)
def test_published_backbones_have_the_published_size(name: str, features: int, millions: float) -> None:
    """Without their last layer, as the papers count the rest."""
    network, count = backbone(name, 224)
    assert count == features
    assert sum(each.numel() for each in network.parameters()) / 1e6 == pytest.approx(millions, abs=0.06)


def test_without_torchvision_a_published_backbone_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> None:
        raise ModuleNotFoundError("No module named 'torchvision'")

    monkeypatch.setattr(backbones, "import_torchvision", absent)
    assert backbone("small-16", 32)[1] == 64
    with pytest.raises(UsageError, match=r"pip install 'artfp\[quality\]'"):
        backbone("resnet-18", 32)


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_a_side_that_a_published_backbone_cannot_halve_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="multiple of 32, not 48"):
        backbone(name, 48)


def test_presets_vary_over_every_backbone_of_theirs_and_both_objectives() -> None:
    found = variants(LITE) | variants(PAPER)
    assert len(found) == 2 * (3 + 5) == 2 * len(BACKBONES)
    assert {(each.backbone, each.objective) for each in found.values()} == set(product(BACKBONES, OBJECTIVES))
    assert {each.backbone for each in variants(LITE).values()} == set(SMALL)
    assert {(each.backbone, each.side) for each in variants(PAPER).values()} == {(name, 224) for name in PUBLISHED}
    assert all(recipes.parse(recipes.to_dict(each), HarnessSettings, name) == each for name, each in found.items())


def test_variants_are_stamped_with_what_they_are() -> None:
    chosen = variants(LITE)["lite small-16 contrastive"]
    assert Harness(chosen, NAMES, SIZE).stamp == f"harness lite small-16 contrastive at {SIZE} px"
    assert Harness(replace(chosen, steps=7), NAMES, SIZE).preset == OWN
    assert Harness(Harness.presets[LITE], NAMES, SIZE).preset == LITE


def test_an_unknown_backbone_is_refused() -> None:
    with pytest.raises(UsageError, match="must be one of resnet-18"):
        recipes.parse({"backbone": "alexnet"}, HarnessSettings, "here")


def test_the_objectives_are_cross_entropy_on_logits_and_the_same_with_contrast() -> None:
    images, labels = torch.rand(6, 3, 32, 32), torch.arange(6) % 3
    for objective in OBJECTIVES:
        torch.manual_seed(0)
        network = Classifier(3, 32, HarnessSettings("small-16", objective)).eval()
        expected = F.cross_entropy(network(images), labels)
        if network.projection is not None:
            features = network.projection(network.features(images))
            expected = expected + supervised_contrastive(features, labels, 0.07)
        assert (network.projection is None) == (objective == CROSS_ENTROPY)
        assert network.loss(images, labels).item() == pytest.approx(expected.item(), abs=1e-5)


def test_images_are_resized_to_the_side_of_the_settings() -> None:
    network = Classifier(3, SIZE, HarnessSettings("small-16", side=64))
    seen: list[tuple[int, ...]] = []
    network.backbone.register_forward_pre_hook(lambda _module, given: seen.append(tuple(given[0].shape)))
    network(torch.rand(2, 3, SIZE, SIZE))
    assert seen == [(2, 3, 64, 64)]


def test_it_learns_by_cross_entropy_alone_too(lessons: Lessons, strangers: Examples) -> None:
    system = Harness(replace(TINY["harness"], objective=CROSS_ENTROPY), NAMES, SIZE)
    facts = system.fit(lessons, Course(1))
    assert facts == {"parameters": sum(each.numel() for each in system.network.parameters())}
    assert (system.scores_of(strangers.pixels).argmax(axis=1) == strangers.labels).mean() > 0.6


def test_the_binary_task_puts_all_generators_together() -> None:
    assert as_task(SOURCES, MULTI_CLASS, "photos") == SOURCES
    binary = as_task(SOURCES, BINARY, "photos")
    assert [each.name for each in binary] == ["generated", "photos", "generated"]
    assert [each.path for each in binary] == [each.path for each in SOURCES]
    with pytest.raises(UsageError, match="which one is real"):
        as_task(SOURCES, BINARY, "real")
    with pytest.raises(UsageError, match="there are binary, multi-class"):
        as_task(SOURCES, "ternary", "photos")


def test_a_multi_class_system_detects_by_the_odds_of_all_generators_together() -> None:
    logits = np.random.default_rng(0).normal(0, 3, (20, 4))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.allclose(generated_margin(logits, 2), np.log((1 - shares[:, 2]) / shares[:, 2]))
    assert np.allclose(generated_margin(logits[:, :2], 0), logits[:, 1] - logits[:, 0])


def test_contrast_is_an_objective_of_the_tiny_settings_that_the_contract_tests() -> None:
    assert TINY["harness"].objective == CONTRASTIVE
