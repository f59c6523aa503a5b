"""Losses and averages against their closed forms."""

from __future__ import annotations

import math
from contextlib import nullcontext
from unittest import mock

import pytest
import torch
from torch import nn

from artfp.generators.adversarial import AdversarialLearner, Part
from artfp.generators.averaging import kept_share
from artfp.generators.base import Batch, Shape
from artfp.generators.dcgan import DcganDiscriminator, DcganGenerator
from artfp.generators.families import new_learner
from artfp.generators.losses import (
    GAMES,
    HINGE,
    LOGISTIC,
    RELATIVISTIC,
    WASSERSTEIN,
    Game,
    gradient_penalty,
    lazy_weight,
    relativistic_discriminator,
    relativistic_generator,
    usual_gamma,
)
from artfp.generators.settings import GanRecipe


def test_each_pair_costs_the_logarithm_of_one_plus_the_exponential_of_its_difference() -> None:
    real, fake = torch.tensor([1.0, -0.5]), torch.tensor([0.25, 2.0])
    wanted = (math.log1p(math.exp(0.25 - 1.0)) + math.log1p(math.exp(2.0 + 0.5))) / 2
    assert relativistic_discriminator(real, fake).item() == pytest.approx(wanted)
    assert relativistic_generator(fake, real).item() == pytest.approx(wanted)


def test_networks_that_cannot_tell_pay_log_two() -> None:
    same = torch.zeros(3)
    assert relativistic_discriminator(same, same).item() == pytest.approx(math.log(2))
    assert relativistic_generator(same, same).item() == pytest.approx(math.log(2))


def test_the_penalty_of_a_linear_discriminator_is_the_square_of_its_weights() -> None:
    weights = torch.randn(3 * 4 * 4, generator=torch.Generator().manual_seed(1))
    images = torch.zeros(5, 3, 4, 4)
    assert gradient_penalty(lambda x: x.flatten(1) @ weights, images).item() == pytest.approx(
        weights.square().sum().item()
    )


def test_the_penalty_of_a_quadratic_discriminator_averages_over_the_images() -> None:
    """D(x) = |x|^2 / 2 has the gradient x; the penalty's own gradient reaches a scale of D: d (a^2 |x|^2) / da."""
    images = torch.stack([torch.full((3, 2, 2), 0.5), torch.full((3, 2, 2), -1.0)])
    scale = torch.tensor(3.0, requires_grad=True)
    penalty = gradient_penalty(lambda x: scale * x.square().sum((1, 2, 3)) / 2, images)
    mean_square = (12 * 0.25 + 12 * 1.0) / 2
    assert penalty.item() == pytest.approx(9 * mean_square)
    penalty.backward()
    assert scale.grad is not None
    assert scale.grad.item() == pytest.approx(2 * 3 * mean_square)


def test_a_lazy_penalty_weighs_as_much_as_one_in_every_step() -> None:
    assert sum(lazy_weight(0.6, 8) for step in range(64) if step % 8 == 0) == pytest.approx(64 * 0.6 / 2)


def test_gamma_grows_with_the_pixels_and_falls_with_the_batch() -> None:
    assert usual_gamma(64, 16) == pytest.approx(0.0512)
    assert usual_gamma(64, 32) == usual_gamma(128, 128) == pytest.approx(0.0256)
    nets = DcganGenerator(16, 8, 4, 8), DcganDiscriminator(16, 4, 8)
    weights = [AdversarialLearner(GanRecipe(gamma=gamma), *nets, "cpu").penalty_weight for gamma in (None, 0.0, 0.4)]
    assert weights == [pytest.approx(0.0002 * 256 / 16 / 2 * 16), 0, pytest.approx(0.4 / 2 * 16)]


def test_the_average_halves_after_its_half_life_and_has_no_memory_at_first() -> None:
    kept = 1.0
    for _ in range(500 // 20):
        kept *= kept_share(20, 500, shown=1_000_000)
    assert kept == pytest.approx(0.5)
    assert kept_share(20, 500, shown=20) < 1e-6
    assert kept_share(20, 0, shown=1000) == 0


def test_the_average_follows_the_weights_by_its_closed_form() -> None:
    """After every step, averaged = keep * averaged + (1 - keep) * weights, for each parameter."""
    recipe = GanRecipe(batch=4, average=2)
    learner = AdversarialLearner(recipe, DcganGenerator(16, 8, 4, 8), DcganDiscriminator(16, 4, 8), "cpu")
    wanted = [p.detach().clone() for p in learner.averaged.parameters()]
    for step in range(16):
        learner.learn(Batch(torch.zeros(4, 3, 16, 16)), step, seed=step)
        keep = 0.5 ** (4 / min(2, 0.05 * 4 * (step + 1)))
        for mean, weight in zip(wanted, learner.generator.parameters(), strict=True):
            mean.mul_(keep).add_(weight.detach(), alpha=1 - keep)
    for mean, found in zip(wanted, learner.averaged.parameters(), strict=True):
        torch.testing.assert_close(found, mean, rtol=1e-4, atol=1e-5)


def test_penalties_are_applied_in_one_step_out_of_every_few() -> None:
    recipe = GanRecipe(batch=2, penalty_every=3, gamma=1.0)
    learner = AdversarialLearner(recipe, DcganGenerator(16, 8, 4, 8), DcganDiscriminator(16, 4, 8), "cpu")
    seen = [learner.learn(Batch(torch.rand(2, 3, 16, 16)), step, step)["r1"] for step in range(6)]
    assert seen[0] == seen[1] == seen[2] != seen[3] == seen[4] == seen[5]


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("game", [RELATIVISTIC, LOGISTIC, WASSERSTEIN], ids=["r1 and r2", "r1", "gp"])
def test_the_discriminator_gets_the_gradient_of_its_penalties(game: Game, parts: int) -> None:
    """That of weight * (sum of the terms) over the whole batch, as autograd has it; float32 sums in another order."""
    torch.manual_seed(4)
    nets = DcganGenerator(16, 8, 4, 8, conditions=2), DcganDiscriminator(16, 4, 8, conditions=2)
    learner = AdversarialLearner(GanRecipe(batch=4, parts=parts, gamma=0.6, penalty_every=8), *nets, "cpu")
    learner.game = game
    real, fake, uniform, told = *torch.randn(2, 4, 3, 16, 16), torch.rand(4), torch.eye(2)[[0, 1, 1, 0]]
    prepared = []
    for some in zip(*(whole.chunk(parts) for whole in (real, fake, uniform, told)), strict=True):
        prepared.append(Part(some[0], some[3], torch.zeros(0), some[2], torch.zeros(0)))
        prepared[-1].seen = some[0], some[1]
    learner._penalise(prepared)

    terms = game.penalties(lambda images: learner.discriminator(images, told), real, fake, uniform)
    assert learner.numbers == pytest.approx({name: term.item() for name, term in terms.items()}, rel=1e-4)
    weights = list(learner.discriminator.parameters())
    wanted = torch.autograd.grad(0.6 / 2 * 8 * sum(terms.values()), weights, allow_unused=True)
    assert sum(gradient is not None and bool(gradient.any()) for gradient in wanted) >= 4
    for weight, gradient in zip(weights, wanted, strict=True):
        found = torch.zeros_like(weight) if weight.grad is None else weight.grad
        torch.testing.assert_close(found, torch.zeros_like(weight) if gradient is None else gradient)


@pytest.mark.parametrize("size", [16, 32, 64])
def test_networks_have_no_pooling_blur_or_pixel_shuffle(size: int) -> None:
    """What is faint and fine must pass: every layer of the discriminator is a plain convolution or dense."""
    generator, discriminator = DcganGenerator(size, 8, 4, 8), DcganDiscriminator(size, 4, 8)
    assert generator(torch.zeros(2, 8)).shape == (2, 3, size, size)
    assert discriminator(torch.zeros(2, 3, size, size)).shape == (2,)
    leaves = [m for network in (generator, discriminator) for m in network.modules() if not list(m.children())]
    assert all(isinstance(m, nn.Conv2d | nn.Linear) and getattr(m, "groups", 1) == 1 for m in leaves)


def test_the_parts_of_a_batch_learn_what_the_whole_learns() -> None:
    """Gradients add up; float32 sums in another order."""
    after = []
    for parts in (1, 4):
        torch.manual_seed(3)
        recipe = GanRecipe(batch=8, parts=parts, learning_rate=1e-3, gamma=1.0, penalty_every=1)
        nets = DcganGenerator(16, 8, 4, 8, conditions=2), DcganDiscriminator(16, 4, 8, conditions=2)
        learner = AdversarialLearner(recipe, *nets, "cpu")
        batch = Batch(torch.rand(8, 3, 16, 16, generator=torch.Generator().manual_seed(1)), torch.eye(2).repeat(4, 1))
        with mock.patch("artfp.generators.adversarial.fast_arithmetic", return_value=nullcontext()):
            losses = [learner.learn(batch, step, step) for step in range(2)]
        after.append((losses, learner.state()))
    for one, four in zip(after[0][0], after[1][0], strict=True):
        assert one == pytest.approx(four, rel=1e-3)
    for _, state in after:
        del state["discriminator/out.bias"]  # pairs cancel it: its gradient is rounding, which Adam makes steps of
    torch.testing.assert_close(after[0][1], after[1][1], rtol=1e-2, atol=1e-4)


def test_the_other_games_by_hand() -> None:
    real, fake = torch.tensor([2.0, -1.0]), torch.tensor([0.5, -3.0])
    assert HINGE.discriminator(real, fake).item() == pytest.approx((0 + 2) / 2 + (1.5 + 0) / 2)
    assert HINGE.generator(real, fake).item() == pytest.approx(1.25)
    drift = 0.001 * (4 + 1) / 2
    assert WASSERSTEIN.discriminator(real, fake).item() == pytest.approx((-1.5 - 2) / 2 + drift)
    soft = [math.log1p(math.exp(-2)), math.log1p(math.exp(1)), math.log1p(math.exp(0.5)), math.log1p(math.exp(-3))]
    assert LOGISTIC.discriminator(real, fake).item() == pytest.approx(sum(soft) / 2)
    wanted = (math.log1p(math.exp(-0.5)) + math.log1p(math.exp(3))) / 2
    assert LOGISTIC.generator(real, fake).item() == pytest.approx(wanted)


def test_a_linear_discriminator_pays_for_the_distance_of_its_slope_from_one() -> None:
    weights = torch.full((12,), 0.5)  # of norm sqrt 3
    images = torch.rand(2, 5, 3, 2, 2)
    terms = WASSERSTEIN.penalties(lambda x: x.flatten(1) @ weights, *images, torch.rand(5))
    assert terms["gp"].item() == pytest.approx((3**0.5 - 1) ** 2, rel=1e-5)


@pytest.mark.parametrize("family", ["dcgan", "progan", "stylegan2", "r3gan"])
def test_networks_play_for_what_the_recipe_says_and_else_for_what_their_family_does(family: str) -> None:
    small = {"generator_width": 4, "generator_most": 8, "discriminator_width": 4, "discriminator_most": 8}
    usual = new_learner(GanRecipe(family=family, latent=4, **small), Shape(16), "cpu")
    for name, game in GAMES.items():
        learner = new_learner(GanRecipe(family=family, latent=4, loss=name, **small), Shape(16), "cpu")
        assert isinstance(learner, AdversarialLearner)
        assert learner.game is game
    assert isinstance(usual, AdversarialLearner)
    assert usual.game is type(usual).game
