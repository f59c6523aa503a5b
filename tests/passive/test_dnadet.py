"""What is DNA-Det's own: patches, pre-training, losses on logits. The contract's tests hold for all systems."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from passives import NAMES, SIZE, TINY, tiny
from torch import nn

from artfp.errors import UsageError
from artfp.passive.base import PAPER, Course
from artfp.passive.classes import Examples, Lessons
from artfp.passive.contrastive import supervised_contrastive
from artfp.passive.dnadet import (
    DnaDet,
    DnaDetSettings,
    PatchNetwork,
    Pupil,
    enlarge,
    grid,
    random_patches,
    transformed,
)
from artfp.passive.transformations import TRANSFORMATIONS


def textures(count: int, seed: int) -> Examples:
    """Two classes of one look: white noise, and noise whose columns come in pairs."""
    random = np.random.default_rng(seed)
    noise = random.integers(0, 256, (2 * count, 32, 32, 3), np.uint8)
    labels = np.arange(2 * count) % 2
    noise[labels == 1, :, 1::2] = noise[labels == 1, :, ::2]
    return Examples(noise, labels, tuple(map(str, labels)))


def changed(**values: Any) -> DnaDetSettings:
    return dataclasses.replace(TINY["dnadet"], **values)


@pytest.mark.parametrize(("side", "patch"), [(512, 64), (64, 64), (96, 64), (100, 32), (33, 32)])
def test_the_grid_covers_the_image_with_patches_inside_it(side: int, patch: int) -> None:
    covered = np.zeros((side, side), bool)
    for y, x in grid(side, patch):
        assert min(y, x) >= 0
        assert max(y, x) <= side - patch
        covered[y : y + patch, x : x + patch] = True
    assert covered.all()
    assert len(grid(side, patch)) == len(set(grid(side, patch))) == (-(-side // patch)) ** 2


def test_an_image_scores_the_mean_of_its_patches_logits() -> None:
    torch.manual_seed(0)
    network = PatchNetwork(3, changed(enlarged=2)).eval()
    images = torch.rand(2, 3, 24, 24)
    large = enlarge(images, 2)
    alone = [network.head(network.features(large[..., y : y + 16, x : x + 16])) for y, x in grid(48, 16)]
    assert len(alone) == 9
    assert torch.allclose(network(images), sum(alone) / 9, atol=1e-6)


def test_random_patches_lie_inside_their_own_image_and_follow_from_the_seed() -> None:
    """Pixels tell where they are from: the image, the row, the column."""
    rows, columns = torch.meshgrid(torch.arange(20.0), torch.arange(20.0), indexing="ij")
    images = torch.stack([torch.stack([torch.full((20, 20), float(n)), rows, columns]) for n in range(5)])
    patches = random_patches(images, 16, 8, np.random.default_rng(3))
    assert patches.shape == (40, 3, 16, 16)
    for place, (image, row, column) in enumerate(patches):
        assert (image == place // 8).all()
        assert torch.equal(row[:, 0], row[0, 0] + torch.arange(16.0))
        assert torch.equal(column[0], column[0, 0] + torch.arange(16.0))
    assert patches[:, 1:, 0, 0].unique(dim=0).shape[0] > 10
    assert torch.equal(patches, random_patches(images, 16, 8, np.random.default_rng(3)))
    assert not torch.equal(patches, random_patches(images, 16, 8, np.random.default_rng(4)))


def test_a_patch_larger_than_the_image_is_refused() -> None:
    with pytest.raises(UsageError, match="no patch of 64 x 64"):
        DnaDet(changed(enlarged=2, patch=64), NAMES, SIZE)


def test_the_paper_preset_is_the_published_network() -> None:
    """Four stages of two convolutions, 64 to 512 channels; 128 pixels become 512, of which patches have 64."""
    settings = DnaDet.presets[PAPER]
    convolutions = [each for each in PatchNetwork(5, settings).modules() if isinstance(each, nn.Conv2d)]
    assert [each.out_channels for each in convolutions] == [64, 64, 128, 128, 256, 256, 512, 512]
    assert [(each.kernel_size[0], each.stride[0]) for each in convolutions] == [(4, 2), (3, 1)] * 4
    assert (128 * settings.enlarged, settings.patch, settings.patches, settings.temperature) == (512, 64, 16, 0.07)
    assert len(TRANSFORMATIONS[:: settings.every]) == 170


def test_cross_entropy_is_taken_on_logits() -> None:
    """Sure and right costs nothing: after a softmax too many it would cost .34 with three classes and never less."""
    pupil = Pupil(PatchNetwork(3, changed()), 0.07).eval()
    with torch.no_grad():
        pupil.network.head[1].weight.zero_()
        pupil.network.head[1].bias.copy_(torch.tensor([50.0, 0.0, 0.0]))
        patches, labels = torch.rand(4, 3, 16, 16), torch.zeros(4, dtype=torch.long)
        near = (pupil(patches, labels) - 2 * torch.log(torch.tensor(2.0))) * 2
        contrast = supervised_contrastive(pupil.projection(pupil.network.features(patches)), labels, 0.07)
    assert near.item() == pytest.approx(contrast.item(), abs=1e-4)


def test_the_weights_of_the_losses_are_learnt() -> None:
    """The larger of the losses loses weight."""
    torch.manual_seed(0)
    pupil = Pupil(PatchNetwork(2, changed()), 0.07)
    pupil(torch.rand(8, 3, 16, 16), torch.arange(8) % 2).backward()
    assert pupil.spread.grad is not None
    named, near = pupil.spread.grad.tolist()
    assert near < named  # a descent raises the spread of the contrastive loss by more


def test_transformed_images_come_with_what_was_done_to_them() -> None:
    examples, table = textures(8, seed=0), TRANSFORMATIONS[::40]
    images, labels = transformed(examples, np.arange(16), table, np.random.default_rng(1), "cpu")
    again, _ = transformed(examples, np.arange(16), table, np.random.default_rng(1), "cpu")
    assert torch.equal(images, again)
    assert len(set(labels.tolist())) > 2
    before, _ = examples.batch(np.arange(16), "cpu")
    for image, label, plain in zip(images, labels, before, strict=True):
        if not table[label].kind.startswith("noise"):
            assert torch.equal(image, table[label](plain[None], np.random.default_rng(0))[0])


def test_two_textures_are_told_apart_from_patches_that_show_a_quarter() -> None:
    lessons = Lessons(("pairs", "plain"), textures(40, seed=1), textures(10, seed=2))
    system = DnaDet(changed(pretraining_steps=0, steps=150, decay_every=40, patches=2), lessons.classes, 32)
    assert system.fit(lessons, Course(1)) == {}
    strangers = textures(20, seed=3)
    assert (system.scores_of(strangers.pixels).argmax(axis=1) == strangers.labels).mean() > 0.95


def test_pretraining_is_where_training_begins_and_says_how_well_it_went(lessons: Lessons) -> None:
    steps = {"pretraining_steps": 6, "steps": 1, "rate": 1e-7}
    system = DnaDet(changed(**steps), NAMES, SIZE)
    facts = system.fit(lessons, Course(1))
    assert facts["transformations"] == 10
    assert 0 <= float(facts["transformations_told"] or 0) <= 1
    plain = DnaDet(changed(**steps | {"pretraining_steps": 0}), NAMES, SIZE)
    plain.fit(lessons, Course(1))
    first, second = (each.network.stages[0][0].weight for each in (system, plain))
    assert not torch.allclose(first, second, atol=1e-4)
    assert torch.allclose(system.network.head[1].weight, plain.network.head[1].weight, atol=1e-4)


def test_a_finished_pretraining_is_not_repeated(
    lessons: Lessons, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tiny("dnadet")
    whole.fit(lessons, Course(1, folder=tmp_path))
    (tmp_path / "training.safetensors").unlink()
    (tmp_path / "training.jsonl").unlink()
    notes: list[str] = []
    again = tiny("dnadet")
    again.fit(lessons, Course(1, folder=tmp_path, tell=lambda done, total, note: notes.append(note.split()[0])))
    assert [name for name, _ in itertools.groupby(notes)] == ["training"]
    state = again.state()
    assert all(torch.equal(tensor, state[name]) for name, tensor in whole.state().items())
