"""The visualisation network: correlations against NumPy, layers, losses, and what its fingerprints look like."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from passives import NAMES, SIZE, TINY, patterned, tiny
from torch import nn

from artfp.errors import UsageError
from artfp.images import load_image
from artfp.passive.attnet import Shown
from artfp.passive.base import PAPER, Course
from artfp.passive.classes import Examples, Lessons
from artfp.passive.visnet import (
    Templates,
    Visnet,
    VisnetLearner,
    VisnetSettings,
    VisualisationNetwork,
    write_fingerprints,
)


def network(settings: VisnetSettings = TINY["visnet"], size: int = SIZE) -> VisualisationNetwork:
    torch.manual_seed(1)
    return VisualisationNetwork(settings, len(NAMES), size)


def test_logits_are_the_correlations_that_numpy_finds() -> None:
    templates, fingerprints = Templates(3, SIZE), torch.randn(5, 3, SIZE, SIZE)
    expected = np.einsum("nchw,kchw->nk", fingerprints.numpy(), templates.weight.detach().numpy())
    assert np.allclose(templates(fingerprints).detach().numpy(), expected / np.sqrt(3 * SIZE**2), atol=1e-4)


def test_fingerprint_and_reconstruction_sum_to_the_image_and_decide_the_logits() -> None:
    visnet, images = network(), torch.rand(4, 3, SIZE, SIZE)
    whole = visnet.fingerprints(images) + visnet.reconstruct(2 * images - 1)
    assert torch.allclose(whole, 2 * images - 1, atol=1e-6)
    assert torch.equal(visnet(images), visnet.templates(visnet.fingerprints(images)))


def test_a_reconstruction_is_an_image_of_the_same_size() -> None:
    for size in (8, 32, 64):
        found = network(size=size).reconstruct(torch.rand(2, 3, size, size))
        assert found.shape == (2, 3, size, size)
        assert found.abs().max() <= 1


def test_the_published_layers_narrow_to_512_channels_at_4_pixels_and_widen_again() -> None:
    sides: list[tuple[int, int]] = []
    visnet = network(Visnet.presets[PAPER], 128)
    for module in visnet.decoder.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda _, given, out: sides.append((out.shape[1], out.shape[2])))
    visnet(torch.rand(1, 3, 128, 128))
    blocks = [(512, 4), (256, 8), (128, 16), (64, 32), (32, 64), (16, 128)]
    assert sides == [block for block in blocks for _ in "ab"] + [(3, 128)]


def learner(settings: VisnetSettings = TINY["visnet"]) -> tuple[VisnetLearner, Shown]:
    shown = Shown(patterned(8, seed=1), settings.batch, Course(1))
    return VisnetLearner(network(settings), settings, shown, Course(1)), shown


def test_the_published_weights_are_those_of_the_loss() -> None:
    paper = Visnet.presets[PAPER]
    assert (paper.reconstruction, paper.adversarial, paper.batch) == (20, 0.1, 32)


def test_the_reconstruction_loss_is_twenty_times_the_mean_distance() -> None:
    taught, shown = learner()
    images, _ = shown[0]
    distance = taught.network.fingerprints(images).abs().mean().item()
    assert taught.learn(0)["reconstruction"] == pytest.approx(20 * distance, rel=0.05)  # some arithmetic is in bf16


def test_a_step_changes_both_players() -> None:
    taught, _ = learner()
    before = {name: [weight.clone() for weight in player.parameters()] for name, player in taught.networks().items()}
    assert list(taught.learn(0)) == ["cross_entropy", "reconstruction", "adversarial", "judged"]
    for name, player in taught.networks().items():
        assert any(not torch.equal(old, new) for old, new in zip(before[name], player.parameters(), strict=True))


def test_the_discriminator_is_no_part_of_what_is_saved() -> None:
    assert {name.split(".")[0] for name in tiny("visnet").state()} == {"encoder", "decoder", "templates"}


def test_a_template_learns_what_is_added_to_its_class() -> None:
    """Grey images with a fixed pattern in one of two classes: their templates' difference shows it."""
    pattern = np.sign(np.random.default_rng(0).normal(size=(SIZE, SIZE, 3))) * 8
    pattern = np.concatenate([pattern[:, : SIZE // 2], pattern[:, : SIZE // 2][:, ::-1]], axis=1)  # images are mirrored
    labels = np.arange(128) % 2
    noise = np.random.default_rng(1).normal(128, 20, (128, SIZE, SIZE, 3))
    pixels = (noise + pattern * labels[:, None, None, None]).clip(0, 255).astype(np.uint8)
    lessons = Lessons(("ant", "bee"), Examples(pixels, labels, tuple(map(str, labels))), patterned(1, 1, classes=2))
    system = Visnet(TINY["visnet"], lessons.classes, SIZE)
    system.fit(lessons, Course(1))
    first, second = system.network.templates.weight.detach().numpy()
    start = Visnet(TINY["visnet"], lessons.classes, SIZE)
    start.begin(1)
    old = start.network.templates.weight.detach().numpy()
    learnt = ((second - old[1]) - (first - old[0])).transpose(1, 2, 0)
    assert np.corrcoef(learnt.ravel(), pattern.ravel())[0, 1] > 0.3


def test_fingerprints_are_drawn_side_by_side_about_grey_and_equally_strong(tmp_path: Path) -> None:
    faint = torch.randn(2, 3, SIZE, SIZE) * torch.tensor([1e-3, 5.0]).view(2, 1, 1, 1)
    write_fingerprints(tmp_path / "fingerprints.png", faint)
    drawn = load_image(tmp_path / "fingerprints.png", "fingerprints").rgb
    assert drawn.shape == (SIZE, 2 * SIZE, 3)
    for half in (drawn[:, :SIZE], drawn[:, SIZE:]):
        assert half.std() == pytest.approx(0.25 * 255, rel=0.1)
        assert half.mean() == pytest.approx(127.5, abs=10)


def test_a_training_draws_its_templates(lessons: Lessons, tmp_path: Path) -> None:
    system = Visnet(replace(TINY["visnet"], steps=1), NAMES, SIZE)
    system.fit(lessons, Course(1, folder=tmp_path))
    assert load_image(tmp_path / "fingerprints.png", "fingerprints").size == (SIZE, len(NAMES) * SIZE)


def test_a_side_that_does_not_halve_is_refused() -> None:
    with pytest.raises(UsageError, match="power of two"):
        Visnet(VisnetSettings(), NAMES, 24)
