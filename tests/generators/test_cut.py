"""CUT: its losses against their definitions, its networks' geometry, and the contract of learners."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from artfp.errors import UsageError
from artfp.generators.adversarial import Part
from artfp.generators.base import Batch, Shape
from artfp.generators.cut import (
    FEATURES,
    LEAST_SQUARES,
    PATCHES,
    TEMPERATURE,
    CutDiscriminator,
    CutGenerator,
    CutLearner,
    Heads,
    learner,
    patch_nce,
)
from artfp.generators.settings import GanRecipe


def tiny(parts: int = 1, size: int = 16) -> CutLearner:
    torch.manual_seed(1)
    widths = {"generator_width": 4, "generator_most": 8, "discriminator_width": 4, "discriminator_most": 8}
    made = learner(GanRecipe(source=Path("sketches"), batch=4, parts=parts, **widths), Shape(size), "cpu")
    assert isinstance(made, CutLearner)
    return made


def images(seed: int, count: int = 4) -> Tensor:
    return torch.randn(count, 3, 16, 16, generator=torch.Generator().manual_seed(seed))


BATCH = Batch(images(1), sources=images(2))


# The losses.


def directions(seed: int, *shape: int) -> Tensor:
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def test_patch_nce_is_a_cross_entropy_over_the_patches_of_one_image() -> None:
    """Equations 2 and 3, patch by patch."""
    queries, keys = directions(1, 3, 5, 7), directions(2, 3, 5, 7)
    for image, found in enumerate(patch_nce(queries, keys)):
        wanted = 0.0
        for place in range(5):
            likeness = [math.exp(float(queries[image, place] @ keys[image, n]) / TEMPERATURE) for n in range(5)]
            wanted -= math.log(likeness[place] / sum(likeness)) / 5
        assert found.item() == pytest.approx(wanted, rel=1e-4)


def test_patches_that_cannot_be_told_apart_cost_the_logarithm_of_their_number_and_clear_ones_nothing() -> None:
    same = torch.ones(1, 8, 4) / 2
    assert patch_nce(same, same).item() == pytest.approx(math.log(8))
    apart = torch.eye(8)[None]
    assert patch_nce(apart, apart).item() == pytest.approx(math.log1p(7 * math.exp(-1 / TEMPERATURE)), abs=1e-6)
    assert patch_nce(apart, apart.flip(1)).item() > 1 / TEMPERATURE


def test_patches_play_for_ones_and_zeros() -> None:
    real, fake = torch.tensor([[1.0, 0.5], [0.0, 1.0]]), torch.tensor([[0.0, 1.0], [2.0, 0.0]])
    assert LEAST_SQUARES.discriminator(real, fake).item() == pytest.approx((0.25 + 1) / 4 / 2 + (1 + 4) / 4 / 2)
    assert LEAST_SQUARES.generator(real, fake).item() == pytest.approx((1 + 0 + 1 + 1) / 4 / 2)
    assert LEAST_SQUARES.penalties(torch.sum, real, fake, torch.zeros(2)) == {}


# The networks.


@pytest.mark.parametrize(("size", "patches"), [(16, 4), (32, 4), (64, 36), (128, 196)])
def test_images_keep_their_size_and_the_discriminator_judges_patches(size: int, patches: int) -> None:
    pictures = torch.zeros(2, 3, size, size)
    generator = CutGenerator(size, 4, 8)
    assert generator(pictures).shape == pictures.shape == (2, *generator.noise_shape)
    assert CutDiscriminator(size, 4, 8)(pictures).shape == (2, patches)
    shapes = [(feature.shape[1], size // feature.shape[2]) for feature in generator.features(pictures)]
    assert shapes == list(zip(generator.feature_channels, (1, 2, 4, 4, 4), strict=True))


def test_a_patch_has_seventy_pixels() -> None:
    pictures = torch.zeros(1, 3, 128, 128, requires_grad=True)
    CutDiscriminator(128, 4, 8)(pictures)[0, 7 * 14 + 7].backward()
    assert pictures.grad is not None
    seen = pictures.grad[0].abs().sum(0) > 0
    assert (seen.any(0).sum(), seen.any(1).sum()) == (70, 70)


def test_what_becomes_of_an_image_does_not_depend_on_its_neighbours() -> None:
    networks = tiny()
    both = images(3, 2)
    for network in (networks.generator, networks.discriminator):
        apart = torch.cat([network(both[:1]), network(both[1:])])
        torch.testing.assert_close(network(both), apart, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(network(both, torch.ones(2, 3)), network(both))
        assert not torch.allclose(apart[0], apart[1], atol=1e-3)


def test_the_features_are_those_that_the_image_is_made_from() -> None:
    generator, seen = tiny().generator, []
    for stage in generator.encoder:
        stage.register_forward_hook(lambda module, entering, leaving: seen.append(leaving))
    generator(images(3))
    passed = [images(3), *seen]
    for feature, layer in zip(generator.features(images(3)), (0, 2, 3, 4, 8), strict=True):
        torch.testing.assert_close(feature, passed[layer])


def test_heads_give_each_place_a_direction() -> None:
    heads, features = Heads([3, 5]), [torch.randn(2, 3, 4, 4), torch.randn(2, 5, 2, 2)]
    found = heads(features, [torch.tensor([6, 1, 15]), torch.tensor([2])])
    assert [tuple(x.shape) for x in found] == [(2, 3, FEATURES), (2, 1, FEATURES)]
    torch.testing.assert_close(found[0].norm(dim=2), torch.ones(2, 3))
    at = F.relu(heads.first[0](features[0][1, :, 1, 2]))
    torch.testing.assert_close(found[0][1, 0], F.normalize(heads.second[0](at), dim=0))


def test_the_shape_makes_the_same_architecture_again() -> None:
    generator = CutGenerator(16, 4, 8)
    again = CutGenerator(**generator.shape)
    again.load_state_dict(generator.state_dict())
    assert again.shape == {"size": 16, "width": 4, "most": 8}
    assert generator.reads_images


# Learning.


@pytest.mark.parametrize("parts", [1, 2])
def test_a_state_restores_to_the_byte(parts: int) -> None:
    first = tiny(parts)
    losses = [first.learn(BATCH, step, step) for step in range(3)]
    assert all(math.isfinite(value) for loss in losses for value in loss.values())
    assert set(losses[0]) == {"d_loss", "g_loss", "margin", "nce", "identity_nce"}
    again = tiny(parts)
    again.restore({name: tensor.clone() for name, tensor in first.state().items()}, Path("state"))
    assert first.learn(BATCH, 3, 3) == again.learn(BATCH, 3, 3)
    after = again.state()
    assert all(torch.equal(tensor, after[name]) for name, tensor in first.state().items())
    assert set(first.parameters()) == {"generator", "discriminator", "heads"}


def test_without_sources_there_is_nothing_to_translate() -> None:
    with pytest.raises(UsageError, match="cut translates images: --source, or the recipe's source, must name them"):
        learner(GanRecipe(), Shape(16), "cpu")


def test_places_are_drawn_anew_in_every_step_and_never_twice_in_one() -> None:
    made = tiny(size=64)
    draws = [made._places(torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert [len(places) for places in draws[0]] == [PATCHES, PATCHES, PATCHES, PATCHES, PATCHES]
    assert all(len(places.unique()) == len(places) for places in draws[0])
    assert all(torch.equal(one, other) for one, other in zip(draws[0], draws[1], strict=True))
    assert not torch.equal(draws[0][0], draws[2][0])
    assert [len(places) for places in tiny()._places(torch.Generator())] == [256, 64, 16, 16, 16]


def test_sources_and_target_images_are_each_compared_with_their_translations() -> None:
    """The mean over layers; float tolerance is that of bf16, where the machine has it."""
    made = tiny()
    part = Part(BATCH.images, None, images(2), torch.zeros(4), torch.zeros(4, 2, 0, 4))
    places = made._places(torch.Generator().manual_seed(1))
    found = made._compare(part, places)
    for term, entering in zip(found, (part.noise, part.real), strict=True):
        features = made.generator.features
        layers = zip(*(made.heads(features(x), places) for x in (made.generator(entering), entering)), strict=True)
        wanted = torch.stack([patch_nce(queries, keys).mean() for queries, keys in layers]).mean()
        assert term.item() == pytest.approx(wanted.item(), rel=0.02)


def test_comparing_teaches_generator_and_heads_and_leaves_the_discriminator_alone() -> None:
    made = tiny()
    before = [p.detach().clone() for p in made.heads.parameters()]
    made.regularise([Part(BATCH.images, None, images(2), torch.zeros(4), torch.zeros(4, 2, 0, 4))], 0, 0)
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in made.generator.decoder.parameters())
    assert all(p.grad is None for p in made.discriminator.parameters())
    assert all(not torch.equal(p, q) for p, q in zip(made.heads.parameters(), before, strict=True))


def test_patches_come_to_resemble_those_they_were_made_from() -> None:
    made = tiny()
    losses = [made.learn(BATCH, step, step) for step in range(25)]
    nce = [loss["nce"] + loss["identity_nce"] for loss in losses]
    assert sum(nce[-5:]) < 0.9 * sum(nce[:5])
