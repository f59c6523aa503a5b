"""R3GAN: what its blocks and resampling come to, and the contract of a family."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from artfp.generators import r3gan
from artfp.generators.base import Batch, Shape
from artfp.generators.dcgan import SLOPE
from artfp.generators.r3gan import Block, R3ganDiscriminator, R3ganGenerator, downwards, groups_at, learner, upwards
from artfp.generators.settings import GanRecipe

RECIPE = GanRecipe(
    batch=4, latent=8, generator_width=4, generator_most=8, discriminator_width=4, discriminator_most=8, penalty_every=2
)


def random(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("groups", [1, 4])
def test_a_block_starts_as_the_identity(groups: int) -> None:
    x = random(2, 8, 4, 4)
    assert torch.equal(Block(8, groups, blocks=6)(x), x)


def test_a_block_starts_the_smaller_the_deeper_the_network() -> None:
    """Standard deviations of 2,048 and 36,864 normal numbers: off by 8 % with a chance below 1e-6."""
    torch.manual_seed(2)
    block = Block(32, 1, blocks=16)
    leaky_gain = (2 / 1.04) ** 0.5
    assert block.widen.weight.std().item() == pytest.approx(leaky_gain / 2 / 32**0.5, rel=0.08)
    assert block.mix.weight.std().item() == pytest.approx(leaky_gain / 2 / (64 * 9) ** 0.5, rel=0.08)
    assert block.widen.bias is not None
    assert not block.widen.bias.any()


def test_groups_have_fewer_weights_and_mix_only_among_themselves() -> None:
    block, plain, x = Block(8, 4, 6), Block(8, 1, 6), random(2, 8, 5, 5)
    nn.init.normal_(block.narrow.weight)
    assert parameters(plain) - parameters(block) == 16 * (16 - 4) * 9
    hidden = F.leaky_relu(F.conv2d(x, block.widen.weight, block.widen.bias), SLOPE)
    four = [slice(start, start + 4) for start in range(0, 16, 4)]
    mixed = torch.cat([F.conv2d(hidden[:, g], block.mix.weight[g], padding=1) for g in four], dim=1)
    wanted = x + F.conv2d(F.leaky_relu(mixed, SLOPE), block.narrow.weight)
    torch.testing.assert_close(block(x), wanted)


def test_groups_are_equally_wide_at_every_scale() -> None:
    assert [2 * channels // groups_at(channels, 192, 24) for channels in (24, 48, 96, 192)] == [16] * 4
    assert {groups_at(channels, 192, 1) for channels in (2, 24, 192)} == {1}
    assert all(2 * channels % groups_at(channels, 200, 25) == 0 for channels in range(1, 201))


def test_resampling_keeps_constants_and_follows_straight_lines() -> None:
    (up,), (down,) = upwards(3, 3), downwards(3, 3)
    constant = torch.full((1, 3, 4, 4), 0.7)
    torch.testing.assert_close(up(constant), torch.full((1, 3, 8, 8), 0.7))
    torch.testing.assert_close(down(constant), torch.full((1, 3, 2, 2), 0.7))
    line = torch.arange(8.0).expand(1, 3, 8, 8)
    torch.testing.assert_close(up(line)[0, 0, 0, 1:-1], torch.arange(0.25, 7, 0.5))
    torch.testing.assert_close(down(line), F.interpolate(line, scale_factor=0.5, mode="bilinear"))


def test_channels_change_by_a_convolution_on_the_fewer_pixels_which_is_the_same_on_the_more() -> None:
    x = random(2, 3, 4, 4)
    convolution, up = upwards(3, 5)
    torch.testing.assert_close(up(convolution(x)), convolution(up(x)))
    down, convolution = downwards(3, 5)
    torch.testing.assert_close(convolution(down(x)), down(convolution(x)))


def test_the_basis_of_the_discriminator_is_a_depthwise_convolution() -> None:
    discriminator, images = R3ganDiscriminator(16, 4, 8), random(2, 3, 16, 16)
    hidden = discriminator.trunk(discriminator.first(images))
    reduced = F.conv2d(hidden, discriminator.basis[:, None], groups=8).flatten(1)
    torch.testing.assert_close(discriminator(images), reduced @ discriminator.out.weight[0])


@pytest.mark.parametrize("size", [16, 32, 64, 128])
@pytest.mark.parametrize("groups", [1, 2])
def test_networks_fit_every_size(size: int, groups: int) -> None:
    generator, discriminator = R3ganGenerator(size, 8, 4, 8, groups=groups), R3ganDiscriminator(size, 4, 8, 0, groups)
    images = generator(random(1, 8))
    assert images.shape == (1, 3, size, size)
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert discriminator(images).shape == (1,)


def test_groups_are_for_gpus_and_their_weights_for_everyone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(r3gan, "AdversarialLearner", lambda recipe, generator, discriminator, device: generator)
    recipe = GanRecipe(generator_width=8, generator_most=32)
    assert learner(recipe, Shape(16), "cpu").shape["groups"] == 1  # type: ignore[attr-defined]
    trained = learner(recipe, Shape(16, 3), "cuda:0")
    assert isinstance(trained, R3ganGenerator)
    assert trained.shape["groups"] == 2 * 32 / 16
    loaded = R3ganGenerator(**trained.shape)
    loaded.load_state_dict(trained.state_dict())
    noise, condition = random(2, recipe.latent), torch.eye(3)[[0, 2]]
    assert torch.equal(loaded(noise, condition), trained(noise, condition))


@pytest.mark.parametrize("conditions", [0, 3])
def test_it_learns_and_a_state_restores_to_the_byte(conditions: int) -> None:
    first, second = (learner(RECIPE, Shape(16, conditions), "cpu") for _ in range(2))
    batch = Batch(random(4, 3, 16, 16), torch.eye(conditions)[[0, 1, 2, 0]] if conditions else None)
    losses = [first.learn(batch, step, step) for step in range(3)]
    assert all(np.isfinite(list(loss.values())).all() for loss in losses)
    assert set(losses[0]) == {"d_loss", "g_loss", "margin", "r1", "r2"}
    second.restore({name: tensor.clone() for name, tensor in first.state().items()}, Path("state"))
    assert first.learn(batch, 3, 3) == second.learn(batch, 3, 3)
    after = second.state()
    assert all(torch.equal(tensor, after[name]) for name, tensor in first.state().items())


def test_the_second_derivative_of_the_discriminator_is_right() -> None:
    """In double precision, against differences, at weights that have left their start."""
    discriminator = R3ganDiscriminator(16, 2, 2, 2).double()
    for parameter in discriminator.parameters():
        nn.init.normal_(parameter, std=0.5)
    images, condition = random(1, 3, 16, 16).double().requires_grad_(), torch.eye(2, dtype=torch.float64)[:1]
    weight = discriminator.first.weight

    def penalty(weight: Tensor) -> Tensor:
        score = torch.func.functional_call(discriminator, {"first.weight": weight}, (images, condition))
        (gradient,) = torch.autograd.grad(score.sum(), images, create_graph=True)
        return gradient.square().sum()

    (found,) = torch.autograd.grad(penalty(weight), weight)
    direction = random(*weight.shape, seed=3).double()
    ahead, behind = penalty(weight + 1e-6 * direction), penalty(weight - 1e-6 * direction)
    assert (found * direction).sum().item() == pytest.approx((ahead - behind).item() / 2e-6, rel=1e-4)


@torch.no_grad()
def test_an_image_follows_from_its_own_noise_and_condition_alone() -> None:
    generator, noise, condition = R3ganGenerator(16, 8, 4, 8, 3).eval(), random(2, 8), torch.eye(3)[[0, 2]]
    both = generator(noise, condition)
    for row in (slice(0, 1), slice(1, 2)):
        torch.testing.assert_close(both[row], generator(noise[row], condition[row]))
    assert not torch.allclose(both, generator(noise, condition.flip(0)))
