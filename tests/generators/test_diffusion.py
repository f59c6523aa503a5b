"""The diffusion generator against the identities of its paper, closed-form solutions, and the contract of learners."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor

from artfp.generators.averaging import kept_share
from artfp.generators.base import Batch, Shape
from artfp.generators.diffusion import (
    P_MEAN,
    P_STD,
    RHO,
    SIGMA_DATA,
    SIGMA_MAX,
    SIGMA_MIN,
    DiffusionGenerator,
    DiffusionLearner,
    c_in,
    c_noise,
    c_out,
    c_skip,
    heun,
    learner,
    loss_weight,
    noise_levels,
    time_steps,
)
from artfp.generators.settings import GanRecipe
from artfp.generators.unet import Attention, Block, UNet, waves

LEVELS = torch.logspace(-4, 3, 50, dtype=torch.float64)


def tiny(conditions: int = 0, parts: int = 1) -> DiffusionLearner:
    torch.manual_seed(conditions)
    recipe = GanRecipe(batch=4, parts=parts, generator_width=4, generator_most=8, learning_rate=3e-3, average=16)
    made = learner(recipe, Shape(16, conditions), "cpu")
    assert isinstance(made, DiffusionLearner)
    return made


def images(count: int = 4) -> Tensor:
    return torch.randn(count, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def noise(count: int) -> Tensor:
    return torch.randn(count, 3, 16, 16, generator=torch.Generator().manual_seed(2))


def taught(conditions: int = 0) -> DiffusionGenerator:
    """A generator that paints something, and minds what it is told."""
    made = tiny(conditions)
    for step in range(6):
        told = torch.eye(conditions)[torch.arange(4) % conditions] if conditions else None
        made.learn(Batch(images(), told), step, seed=step)
    return made.generator.requires_grad_(False)


# The formulas.


def test_what_the_network_sees_and_what_it_should_say_have_unit_variance() -> None:
    """Var(y) = sigma_data^2 and Var(n) = sigma^2, in c_in (y + n) and in (y - c_skip (y + n)) / c_out."""
    seen = c_in(LEVELS) ** 2 * (SIGMA_DATA**2 + LEVELS**2)
    wanted = ((1 - c_skip(LEVELS)) ** 2 * SIGMA_DATA**2 + (c_skip(LEVELS) * LEVELS) ** 2) / c_out(LEVELS) ** 2
    torch.testing.assert_close(seen, torch.ones_like(LEVELS))
    torch.testing.assert_close(wanted, torch.ones_like(LEVELS))


def test_errors_of_the_network_cost_the_same_at_every_level() -> None:
    torch.testing.assert_close(loss_weight(LEVELS) * c_out(LEVELS) ** 2, torch.ones_like(LEVELS))


def test_almost_clean_images_stay_and_pure_noise_goes() -> None:
    ends = torch.tensor([1e-6, SIGMA_DATA, 1e6], dtype=torch.float64)
    torch.testing.assert_close(c_skip(ends), torch.tensor([1.0, 0.5, 0.0], dtype=torch.float64), atol=1e-9, rtol=0)
    assert c_out(ends).tolist() == pytest.approx([1e-6, SIGMA_DATA / 2**0.5, SIGMA_DATA])
    assert c_noise(torch.tensor([1.0, math.e])).tolist() == pytest.approx([0, 0.25])


def test_noise_levels_are_log_normal() -> None:
    """Standard errors of .004 and .003: the bounds are five of them, and the seed is fixed."""
    logs = noise_levels(100_000, torch.Generator().manual_seed(3)).log()
    assert logs.mean().item() == pytest.approx(P_MEAN, abs=0.02)
    assert logs.std().item() == pytest.approx(P_STD, abs=0.015)


def test_time_steps_fall_from_end_to_end_evenly_in_their_seventh_root() -> None:
    levels = time_steps(18)
    assert len(levels) == 19
    assert (levels[0], levels[-2], levels[-1]) == (pytest.approx(SIGMA_MAX), pytest.approx(SIGMA_MIN), 0)
    roots = [level ** (1 / RHO) for level in levels[:-1]]
    gaps = [higher - lower for higher, lower in pairwise(roots)]
    assert gaps == pytest.approx([gaps[0]] * 17)
    assert gaps[0] > 0


# The sampler. Gaussian data of standard deviation s have the denoiser x s^2 / (s^2 + sigma^2), and the differential
# equation then has the solution x(t) in proportion to sqrt(s^2 + t^2).

SPREAD = 0.7


def gaussian(noisy: Tensor, sigma: Tensor) -> Tensor:
    return noisy * (SPREAD**2 / (SPREAD**2 + sigma**2)).view(-1, 1)


def solution(start: Tensor, level: float) -> Tensor:
    return start * ((SPREAD**2 + level**2) / (SPREAD**2 + SIGMA_MAX**2)) ** 0.5


@pytest.mark.parametrize(("count", "excess"), [(18, 0.05), (48, 0.006)])
def test_few_steps_exaggerate_the_gaussian_case_a_little(count: int, excess: float) -> None:
    """What varies by .7 comes out with 5 % more contrast after 18 steps: the paper's steps trade that for speed."""
    start = torch.tensor([[80.0, -30.0], [1.0, 1e-3]], dtype=torch.float64)
    ratio = heun(gaussian, start, time_steps(count)) / solution(start, 0)
    torch.testing.assert_close(ratio, torch.full_like(ratio, 1 + excess), atol=excess / 10, rtol=0)


def test_the_sampler_is_of_second_order() -> None:
    """Half the step, a quarter of the error."""
    start = torch.full((1, 1), SIGMA_MAX, dtype=torch.float64)
    exact = solution(start, SIGMA_MIN)
    errors = [(heun(gaussian, start, time_steps(count)[:-1]) - exact).abs().item() for count in (65, 129, 257)]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.05)


def test_a_sample_takes_two_looks_a_step_and_one_in_the_last() -> None:
    seen: list[float] = []

    def watched(noisy: Tensor, sigma: Tensor) -> Tensor:
        seen.append(sigma.unique().item())
        return torch.zeros_like(noisy)

    assert heun(watched, torch.ones(2, 1), [4.0, 1.0, 0.0]).tolist() == [[0.0], [0.0]]
    assert seen == [4, 1, 1]


# The network.


@pytest.mark.parametrize("size", [16, 32, 64])
def test_the_network_begins_with_zeros_and_so_the_denoiser_with_its_skip(size: int) -> None:
    generator, noisy = DiffusionGenerator(size, 4, 8), torch.randn(2, 3, size, size)
    sigma = torch.tensor([0.1, 10.0])
    torch.testing.assert_close(generator.denoise(noisy, sigma), c_skip(sigma).view(-1, 1, 1, 1) * noisy)


def test_a_block_adds_nothing_at_first_and_then_what_it_is_told() -> None:
    block, hidden, told = Block(8, 8, 4), torch.randn(2, 8, 4, 4), torch.randn(2, 4)
    torch.testing.assert_close(block(hidden, told), hidden, rtol=0, atol=0)
    torch.nn.init.normal_(block.second.weight)
    assert not torch.allclose(block(hidden, told), block(hidden, told + 1), atol=0.01)


def test_attention_is_a_mean_of_values_weighted_by_the_likeness_of_queries_and_keys() -> None:
    attention, hidden = Attention(8), torch.randn(2, 8, 3, 3)
    asked = attention.asks(attention.norm(hidden))
    found = attention(hidden, torch.empty(0))
    for image in range(2):
        queries, keys, values = asked[image].flatten(1).chunk(3)
        for place in range(9):
            shares = torch.stack([queries[:, place] @ keys[:, other] / 8**0.5 for other in range(9)]).softmax(0)
            torch.testing.assert_close(found[image].flatten(1)[:, place], values @ shares)


def test_waves_tell_nearby_levels_apart() -> None:
    told = waves(c_noise(LEVELS))
    torch.testing.assert_close(told.square().sum(1), torch.full_like(told[:, 0], told.shape[1] / 2))
    assert torch.pdist(told).min() > 0.5


# The generator.


def test_images_are_the_samplers_and_do_not_depend_on_their_neighbours() -> None:
    generator, both = taught(), noise(2)
    together = generator(both)
    assert together.shape == (2, *generator.noise_shape)
    torch.testing.assert_close(together, torch.cat([generator(both[:1]), generator(both[1:])]), atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(together, generator(both), atol=0, rtol=0)
    assert not torch.allclose(together[0], together[1], atol=0.1)


def test_it_minds_the_condition() -> None:
    generator, told = taught(conditions=2), torch.eye(2)
    one, other = (generator(noise(1), row[None]) for row in told)
    assert (one - other).abs().max() > 1e-3


def test_the_shape_makes_the_same_architecture_again() -> None:
    generator = DiffusionGenerator(16, 4, 8, conditions=3)
    again = DiffusionGenerator(**generator.shape)
    again.load_state_dict(generator.state_dict())
    assert again.shape == {"size": 16, "width": 4, "most": 8, "conditions": 3, "key_bits": 0}
    assert isinstance(again.network, UNet)


# Learning.


@pytest.mark.parametrize(("conditions", "parts"), [(0, 1), (3, 2)])
def test_a_state_restores_to_the_byte(conditions: int, parts: int) -> None:
    told = torch.eye(3)[[0, 1, 2, 0]] if conditions else None
    batch, first = Batch(images(), told), tiny(conditions, parts)
    losses = [first.learn(batch, step, step) for step in range(3)]
    assert all(math.isfinite(loss["loss"]) for loss in losses)
    again = tiny(conditions, parts)
    again.restore({name: tensor.clone() for name, tensor in first.state().items()}, Path("state"))
    assert first.learn(batch, 3, 3) == again.learn(batch, 3, 3)
    after = again.state()
    assert all(torch.equal(tensor, after[name]) for name, tensor in first.state().items())


def test_the_first_loss_is_that_of_the_skip_alone() -> None:
    """With y the image and n = sigma e: lambda |c_skip (y + n) - y|^2, drawn from the step's seed in this order."""
    random = torch.Generator().manual_seed(5)
    sigma, drawn = noise_levels(4, random), torch.randn(4, 3, 16, 16, generator=random)
    level = sigma.view(-1, 1, 1, 1)
    wanted = loss_weight(level) * (c_skip(level) * (images() + level * drawn) - images()).square()
    assert tiny().learn(Batch(images()), 0, seed=5)["loss"] == pytest.approx(wanted.mean().item(), rel=1e-4)


def test_parts_add_up_to_the_batch() -> None:
    """Up to bf16, where the machine has it."""
    whole, halves = tiny(), tiny(parts=2)
    for step in range(3):
        one, other = (made.learn(Batch(images()), step, step)["loss"] for made in (whole, halves))
        assert one == pytest.approx(other, rel=0.01)


def test_one_odd_batch_cannot_pull_far() -> None:
    made = tiny()
    made.learn(Batch(images() * 1000), 0, seed=0)
    gradients = [p.grad.flatten() for p in made.generator.parameters() if p.grad is not None]
    assert torch.cat(gradients).norm().item() == pytest.approx(1, rel=1e-3)


def test_the_average_follows_by_its_closed_form() -> None:
    made = tiny()
    wanted = [p.detach().clone() for p in made.averaged.parameters()]
    for step in range(5):
        made.learn(Batch(images()), step, seed=step)
        keep = kept_share(4, 16, 4 * (step + 1))
        for mean, weight in zip(wanted, made.generator.parameters(), strict=True):
            mean.mul_(keep).add_(weight.detach(), alpha=1 - keep)
    for mean, found in zip(wanted, made.averaged.parameters(), strict=True):
        torch.testing.assert_close(found, mean, rtol=1e-4, atol=1e-6)


def test_it_learns_what_images_have_in_common() -> None:
    """Images of one colour: noise is then the differences between pixels, and the network finds that out."""
    made = tiny()
    random = torch.Generator().manual_seed(7)
    losses = []
    for step in range(60):
        colours = torch.randn(4, 3, 1, 1, generator=random).expand(-1, -1, 16, 16)
        losses.append(made.learn(Batch(colours), step, seed=step)["loss"])
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])
