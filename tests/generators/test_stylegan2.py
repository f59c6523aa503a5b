"""Equalised rates, modulation and path lengths against closed forms and slower ways to the same numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from artfp.errors import UsageError
from artfp.generators import paths
from artfp.generators.adversarial import Part
from artfp.generators.base import Batch, Shape
from artfp.generators.equalised import Convolution, Dense, Judge, active, check_groups
from artfp.generators.layers import with_batch_spread
from artfp.generators.losses import gradient_penalty
from artfp.generators.settings import GanRecipe
from artfp.generators.stylegan2 import (
    Modulated,
    Stylegan2Discriminator,
    Stylegan2Generator,
    Stylegan2Learner,
    learner,
)
from artfp.seeds import derive_seed

RECIPE = GanRecipe(
    batch=4, latent=8, generator_width=4, generator_most=8, discriminator_width=4, discriminator_most=8, penalty_every=3
)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(11)


def new(recipe: GanRecipe = RECIPE, conditions: int = 0) -> Stylegan2Learner:
    torch.manual_seed(2)
    made = learner(recipe, Shape(16, conditions), "cpu")
    assert isinstance(made, Stylegan2Learner)
    return made


def lively(generator: Stylegan2Generator) -> Stylegan2Generator:
    """As after some training: the noise maps count, and so do the biases."""
    for name, parameter in generator.named_parameters():
        if name.endswith(("strength", "bias")):
            nn.init.normal_(parameter)
    return generator


# Equalised learning rates.


def test_a_dense_layer_divides_its_weights_by_the_root_of_its_inputs() -> None:
    layer, x = Dense(9, 2, rate=0.5, start=3.0), torch.randn(4, 9)
    torch.testing.assert_close(layer(x), x @ layer.weight.t() * 0.5 / 3 + 3)
    assert layer.bias.tolist() == [6, 6]


def test_a_convolution_divides_its_weights_by_the_root_of_its_inputs_and_pixels() -> None:
    layer, x = Convolution(4, 2, 3, stride=2), torch.randn(1, 4, 8, 8)
    torch.testing.assert_close(layer(x), F.conv2d(x, layer.weight / 6, stride=2, padding=1))
    assert layer(x).shape == (1, 2, 4, 4)


def test_unit_variance_stays_unit_variance_whatever_the_width_and_the_rate() -> None:
    """Over 512 outputs x 512 rows the mean square has a standard error of about 7 %: sqrt(2 / 512) of the weights."""
    for layer, shape in (
        (Dense(512, 512), (512, 512)),
        (Dense(512, 512, rate=0.01), (512, 512)),
        (Convolution(64, 512, 3), (8, 64, 8, 8)),
    ):
        out = layer(torch.randn(shape))[..., 1:-1] if len(shape) == 4 else layer(torch.randn(shape))
        assert out.square().mean().item() == pytest.approx(1, abs=0.1)
        assert layer.weight.std().item() * getattr(layer, "rate", 1) == pytest.approx(1, abs=0.05)


def test_a_step_of_adam_moves_the_weights_in_use_by_their_rate() -> None:
    """Its first step is the learning rate, whatever the gradient: 0.1 on the stored weight, times rate / sqrt(4)."""
    for rate in (1.0, 0.01):
        layer, x = Dense(4, 1, rate), torch.ones(1, 4)
        before, adam = layer(x).item(), torch.optim.Adam(layer.parameters(), 0.1)
        layer(x).sum().backward()
        adam.step()
        assert before - layer(x).item() == pytest.approx(0.1 * rate * (4 / 2 + 1), rel=1e-3)


def test_leaky_units_keep_the_mean_square_of_normal_numbers() -> None:
    """E f(x)^2 = 2 (1 + 0.04) / 2; 10^6 numbers give it to 0.3 % (one standard error: 0.2 %)."""
    assert active(torch.randn(1_000_000)).square().mean().item() == pytest.approx(1.04, abs=0.01)


def test_generated_images_that_are_all_alike_are_seen_beside_real_ones_that_differ() -> None:
    """Judged in one go, as in training; a group never holds both."""
    x = torch.cat([torch.randn(4, 8, 4, 4), torch.zeros(4, 8, 4, 4)])
    spread = with_batch_spread(x)[:, -1, 0, 0]
    assert spread[:4].min() > 0.5
    assert spread[4:].max() < 1e-3
    assert with_batch_spread(x[:4])[0, -1, 0, 0] == spread[0]


def test_a_batch_that_would_mix_them_is_refused() -> None:
    with pytest.raises(UsageError, match="groups of 4 images: 6 at a time"):
        check_groups(GanRecipe(family="stylegan2", batch=12, parts=2))


def test_the_judge_sees_how_much_images_differ() -> None:
    judge = Judge(8, 0)
    image = torch.randn(1, 8, 4, 4)
    alike, spread = image.repeat(4, 1, 1, 1), torch.cat([image, torch.randn(3, 8, 4, 4)])
    assert judge(alike, None)[0].item() != pytest.approx(judge(spread, None)[0].item(), abs=1e-3)


# Modulated convolutions.


@pytest.mark.parametrize("demodulates", [True, False])
def test_scaling_features_equals_convolving_each_image_with_its_own_weights(demodulates: bool) -> None:
    """Equations 1 and 3 as they stand, image by image."""
    layer = Modulated(5, 7, 3, latent=6, demodulates=demodulates)
    nn.init.normal_(layer.bias)
    x, styles = torch.randn(3, 5, 8, 8), torch.randn(3, 6)
    for image, scale, out in zip(x, layer.style(styles), layer(x, styles), strict=True):
        weights = layer.convolution.weight / math.sqrt(5 * 9) * scale[None, :, None, None]
        if demodulates:
            weights = weights / (weights.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
        wanted = F.conv2d(image[None], weights, padding=1)[0] + layer.bias
        torch.testing.assert_close(out, wanted, rtol=1e-4, atol=1e-5)


def test_demodulated_features_do_not_grow_with_their_style() -> None:
    layer, x, styles = Modulated(8, 8, 3, latent=6), torch.randn(2, 8, 8, 8), torch.randn(2, 6)
    before = layer(x, styles)
    with torch.no_grad():
        layer.style.weight.mul_(100)
        layer.style.bias.mul_(100)
    torch.testing.assert_close(layer(x, styles), before, rtol=1e-3, atol=1e-4)


# Paths.


def test_paths_of_a_linear_generator_are_as_long_as_its_transposed_product() -> None:
    """G(w) = A w has J = A: ||A^T y|| for each image."""
    matrix, styles = torch.randn(3 * 4 * 4, 6), torch.randn(5, 6, requires_grad=True)
    directions = torch.randn(5, 3, 4, 4)
    lengths = paths.lengths((styles @ matrix.t()).view(5, 3, 4, 4), styles, directions)
    torch.testing.assert_close(lengths, (directions.flatten(1) @ matrix).norm(dim=1))


def test_paths_of_the_generator_are_those_of_its_whole_jacobian() -> None:
    generator = lively(Stylegan2Generator(16, latent=4, width=4, most=8))
    styles, maps, begun = generator.read(torch.randn(2, *generator.noise_shape), None)
    directions = torch.randn(2, 3, 16, 16)
    lengths = paths.lengths(generator.paint(styles, maps, begun), styles, directions)
    for at in range(2):
        own = [one[at : at + 1] for one in maps], begun[at : at + 1]
        jacobian = torch.autograd.functional.jacobian(lambda w, own=own: generator.paint(w[None], *own)[0], styles[at])
        product = jacobian.flatten(0, 2).t() @ directions[at].flatten()
        assert lengths[at].item() == pytest.approx(product.norm().item(), rel=1e-3)


def test_the_weight_of_paths_falls_with_pixels_and_layers() -> None:
    """The authors' program has 2 for lengths over r, squares averaged over 2 log2(r) - 2 layers: 1 / (log2(r) - 1)."""
    for size in (16, 128, 1024):
        assert paths.weight(size) * size**2 == pytest.approx(1 / (math.log2(size) - 1))


def expected_lengths(generator: Stylegan2Generator, noise: Tensor, seed: int) -> Tensor:
    """Of the rows that a step looks at, in directions of its own seed."""
    random = torch.Generator().manual_seed(derive_seed(seed, "paths"))
    styles, maps, begun = generator.read(noise, None)
    return paths.lengths(
        generator.paint(styles, maps, begun), styles, torch.randn(len(noise), 3, 16, 16, generator=random)
    )


def test_the_running_mean_takes_a_hundredth_of_what_every_fourth_step_sees() -> None:
    trained, batch = new(), Batch(torch.rand(4, 3, 16, 16))
    noise = torch.randn(4, *trained.generator.noise_shape, generator=torch.Generator().manual_seed(7))
    found, wanted = [], expected_lengths(trained.generator, noise[::2], 7).mean().item()
    for step in range(9):
        seen = expected_lengths(trained.generator, noise[::2], 7).mean().item()  # before the step moves the weights
        wanted = paths.DECAY * wanted + (1 - paths.DECAY) * seen if step % paths.EVERY == 0 else wanted
        found.append(trained.learn(batch, step, seed=7)["path"])
        assert found[-1] == pytest.approx(wanted, rel=1e-5)
    assert found[0] == found[3] != found[4] == found[7] != found[8]


def looked_at(trained: Stylegan2Learner) -> list[Part]:
    """Two parts of two images."""
    return [
        Part(torch.rand(2, 3, 16, 16), None, noise, torch.rand(2), torch.rand(2, 2, 0, 4))
        for noise in torch.randn(2, 2, *trained.generator.noise_shape)
    ]


def test_the_first_look_at_paths_pulls_nowhere() -> None:
    trained = new()
    trained.regularise(looked_at(trained), 0, seed=3)
    assert trained.numbers["path"] > 0
    assert all(p.grad is None for p in trained.generator.parameters())


def test_a_look_at_paths_adds_the_gradient_of_equation_4_times_its_rarity() -> None:
    trained = new()
    trained.numbers["path"] = 40.0
    parts = looked_at(trained)
    trained.regularise(parts, paths.EVERY, seed=3)
    found = [p.grad for p in trained.generator.parameters()]

    lengths = expected_lengths(trained.generator, torch.cat([part.noise[:1] for part in parts]), 3)
    loss = paths.EVERY * paths.weight(16) * (lengths - 40).square().mean()
    wanted = torch.autograd.grad(loss, list(trained.generator.parameters()), allow_unused=True)
    for one, other in zip(found, wanted, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)
    assert not any(p.grad is not None for p in trained.discriminator.parameters())


# The networks.


@pytest.mark.parametrize("size", [16, 32, 64, 128])
def test_networks_run_at_every_size(size: int) -> None:
    generator, discriminator = Stylegan2Generator(size, 8, 4, 8), Stylegan2Discriminator(size, 4, 8)
    pixels = [16] + [side**2 for side in (8, 16, 32, 64, 128) if side <= size for _ in "ab"]
    assert generator.noise_shape == (8 + sum(pixels),)
    assert generator(torch.randn(2, *generator.noise_shape)).shape == (2, 3, size, size)
    assert discriminator(torch.randn(2, 3, size, size)).shape == (2,)


def test_no_convolution_has_groups() -> None:
    trained = new()
    found = [m for m in (*trained.generator.modules(), *trained.discriminator.modules()) if isinstance(m, nn.Conv2d)]
    assert len(found) == 5 + 3 + 1 + 2 * 3 + 1
    assert all(m.groups == 1 for m in found)


def test_a_generator_follows_from_its_shape() -> None:
    generator = lively(Stylegan2Generator(16, 8, 4, 8, conditions=3))
    again = Stylegan2Generator(**generator.shape)
    again.load_state_dict(generator.state_dict())
    noise, condition = torch.randn(2, *generator.noise_shape), torch.eye(3)[:2]
    assert torch.equal(generator(noise, condition), again(noise, condition))


def test_an_image_does_not_depend_on_its_neighbours() -> None:
    generator = lively(Stylegan2Generator(16, 8, 4, 8))
    noise = torch.randn(3, *generator.noise_shape)
    together = generator(noise)
    apart = torch.cat([generator(row[None]) for row in noise])
    torch.testing.assert_close(together, apart, rtol=1e-4, atol=1e-4)
    assert torch.equal(together, generator(noise))
    assert (together[0] - together[1]).abs().max() > 0.1


def test_noise_maps_count_by_their_strength_which_begins_at_nothing() -> None:
    generator = Stylegan2Generator(16, 8, 4, 8)
    noise = torch.randn(1, *generator.noise_shape)
    other = torch.cat([noise[:, :8], torch.randn(1, noise.shape[1] - 8)], dim=1)
    assert torch.equal(generator(noise), generator(other))
    nn.init.ones_(generator.convolutions[-1].strength)
    changed = (generator(noise) - generator(torch.cat([noise[:, :-1], noise[:, -1:] + 1], dim=1))).abs().sum(dim=1)[0]
    assert changed[-1, -1] > 0
    assert changed.sum() == changed[-1, -1]


def test_networks_heed_their_condition() -> None:
    generator, discriminator = Stylegan2Generator(16, 8, 4, 8, 3), Stylegan2Discriminator(16, 4, 8, 3)
    noise, images = torch.randn(1, *generator.noise_shape), torch.randn(1, 3, 16, 16)
    one, two = torch.eye(3)[:1], torch.eye(3)[1:2]
    assert (generator(noise, one) - generator(noise, two)).abs().max() > 1e-3
    assert (discriminator(images, one) - discriminator(images, two)).abs() > 1e-4


def test_penalties_reach_the_weights_they_should() -> None:
    """By the difference quotient: the gradient of a gradient penalty along itself."""
    discriminator, images = Stylegan2Discriminator(16, 4, 8).double(), torch.randn(4, 3, 16, 16, dtype=torch.float64)
    weight = discriminator.blocks[0].first.weight
    (gradient,) = torch.autograd.grad(gradient_penalty(discriminator, images), weight)
    step, values = 1e-5 / gradient.norm(), []
    for sign in (1, -1):
        with torch.no_grad():
            weight.add_(gradient * step * sign)
        values.append(gradient_penalty(discriminator, images).item())
        with torch.no_grad():
            weight.sub_(gradient * step * sign)
    assert (values[0] - values[1]) / 2 / step.item() == pytest.approx(gradient.square().sum().item(), rel=1e-3)


# The contract.


@pytest.mark.parametrize(("conditions", "parts"), [(0, 1), (3, 2)])
def test_a_restored_training_goes_on_exactly(conditions: int, parts: int) -> None:
    recipe = replace(RECIPE, batch=4 * parts, parts=parts)
    trained, again = new(recipe, conditions), new(recipe, conditions)
    batch = Batch(torch.rand(4, 3, 16, 16) * 2 - 1, torch.eye(3)[[0, 1, 2, 0]] if conditions else None)
    losses = [trained.learn(batch, step, step) for step in range(3)]
    assert {"d_loss", "g_loss", "margin", "r1", "path"} == losses[0].keys()
    assert all(np.isfinite(list(loss.values())).all() for loss in losses)
    again.restore({name: tensor.clone() for name, tensor in trained.state().items()}, Path("state"))
    for step in (3, 4):
        assert trained.learn(batch, step, step) == again.learn(batch, step, step)
    after = again.state()
    assert all(torch.equal(tensor, after[name]) for name, tensor in trained.state().items())
    assert after["numbers/path"] > 0
