"""Growth: its schedule in closed form, and that nothing jumps where a doubling begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from artfp.errors import UsageError
from artfp.generators.base import Batch, Shape
from artfp.generators.progan import (
    GROWN,
    Doubling,
    ProganDiscriminator,
    ProganGenerator,
    ProganLearner,
    learner,
    shrunk,
    stage,
)
from artfp.generators.settings import GanRecipe
from artfp.generators.training import plan, train

RECIPE = GanRecipe(
    images=80,
    batch=4,
    latent=8,
    gamma=20,
    penalty_every=1,
    generator_width=4,
    generator_most=8,
    discriminator_width=4,
    discriminator_most=8,
)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(12)


def new(recipe: GanRecipe = RECIPE, conditions: int = 0) -> ProganLearner:
    torch.manual_seed(2)
    made = learner(recipe, Shape(16, conditions), "cpu")
    assert isinstance(made, ProganLearner)
    return made


def blocky(images: Tensor, side: int) -> Tensor:
    """Means over squares, each painted over its whole square."""
    count = images.shape[-1] // side
    means = images.unflatten(3, (side, count)).unflatten(2, (side, count)).mean(dim=(3, 5))
    return means.repeat_interleave(count, 2).repeat_interleave(count, 3)


# The schedule.


@pytest.mark.parametrize(
    ("shown", "side", "alpha"),
    [
        (0, 4, 1.0),
        (1199, 4, 1.0),
        (1200, 8, 0.0),
        (1500, 8, 0.5),
        (1800, 8, 1.0),
        (2399, 8, 1.0),
        (2550, 16, 0.25),
        (3600, 32, 0.0),
        (3900, 32, 0.5),
        (4200, 32, 1.0),
        (4800, 32, 1.0),
        (8000, 32, 1.0),
    ],
)
def test_every_side_has_an_equal_share_and_fades_in_over_half_of_it(shown: int, side: int, alpha: float) -> None:
    """Of 8000 images 4800 are for growing, 1200 for each of 4, 8, 16 and 32 pixels."""
    assert stage(shown, 8000, 32) == (side, pytest.approx(alpha, abs=1e-9))


def test_growth_never_goes_back_and_ends_at_full_size() -> None:
    stages = [stage(shown, 1000, 128) for shown in range(1001)]
    detail = [side * (0.5 + alpha / 2) for side, alpha in stages]  # the same where one stage ends and the next begins
    assert all(0 <= later - now <= 128 * 0.02 for now, later in pairwise(detail))
    assert {side for side, _ in stages} == {4, 8, 16, 32, 64, 128}
    assert set(stages[int(1000 * GROWN) :]) == {(128, 1.0)}


def test_four_pixels_need_no_growth() -> None:
    assert {stage(shown, 10, 4) for shown in range(11)} == {(4, 1.0)}


# The networks.


@pytest.mark.parametrize("size", [16, 32, 64, 128])
def test_networks_run_at_every_size_and_stage(size: int) -> None:
    generator, discriminator = ProganGenerator(size, 8, 4, 8), ProganDiscriminator(size, 4, 8)
    for side in (4, size // 2, size):
        for alpha in (1.0, 0.3)[: 1 if side == 4 else 2]:
            generator.growth.set(side, alpha)
            discriminator.growth.set(side, alpha)
            images = generator(torch.randn(2, 8))
            assert images.shape == (2, 3, size, size)
            torch.testing.assert_close(images, blocky(images, side))
            assert discriminator(images).shape == (2,)


def test_new_networks_have_their_full_size() -> None:
    assert ProganGenerator(32, 8, 4, 8).growth.now() == ProganDiscriminator(32, 4, 8).growth.now() == (3, 1.0)


@pytest.mark.parametrize("side", [4, 8])
def test_a_doubling_begins_where_the_last_stage_ended(side: int) -> None:
    generator, discriminator = ProganGenerator(16, 8, 4, 8), ProganDiscriminator(16, 4, 8)
    noise, images = torch.randn(4, 8), torch.randn(4, 3, 16, 16)
    found = []
    for stage_ in ((side, 1.0), (2 * side, 0.0), (2 * side, 1.0)):
        generator.growth.set(*stage_)
        discriminator.growth.set(*stage_)
        found.append((generator(noise), discriminator(images)))
    for old, faded, grown in zip(*found, strict=True):
        torch.testing.assert_close(old, faded)
        assert (grown - old).abs().max() > 1e-3


def test_a_fading_image_is_the_weighted_mean_of_both() -> None:
    generator, noise = ProganGenerator(16, 8, 4, 8), torch.randn(3, 8)
    images = {}
    for alpha in (0.0, 0.25, 1.0):
        generator.growth.set(16, alpha)
        images[alpha] = generator(noise)
    torch.testing.assert_close(images[0.25], 0.75 * images[0.0] + 0.25 * images[1.0])


def test_the_discriminator_sees_no_detail_beyond_its_stage() -> None:
    discriminator, images = ProganDiscriminator(16, 4, 8), torch.randn(4, 3, 16, 16)
    discriminator.growth.set(8, 1.0)
    torch.testing.assert_close(discriminator(images), discriminator(blocky(images, 8)))
    assert (discriminator(images) - discriminator(blocky(images, 4))).abs().max() > 1e-3


def test_a_gradient_at_full_size_is_as_many_times_shorter_as_its_image_is_larger() -> None:
    discriminator, small = ProganDiscriminator(16, 4, 8), torch.randn(4, 3, 4, 4, requires_grad=True)
    discriminator.growth.set(4, 1.0)
    large = F.interpolate(small, size=16).detach().requires_grad_()
    (at_small,) = torch.autograd.grad(discriminator(F.interpolate(small, size=16)).sum(), small)
    (at_large,) = torch.autograd.grad(discriminator(large).sum(), large)
    assert at_large.norm().item() == pytest.approx(at_small.norm().item() * 4 / 16)


def test_features_have_unit_mean_square() -> None:
    out = Doubling(4, 8)(torch.randn(2, 4, 4, 4))
    assert out.shape == (2, 8, 8, 8)
    torch.testing.assert_close(out.square().mean(dim=1), torch.ones(2, 8, 8))


def test_a_generator_saved_half_grown_samples_as_it_did() -> None:
    generator = ProganGenerator(16, 8, 4, 8)
    generator.growth.set(8, 0.5)
    again = ProganGenerator(**generator.shape)
    again.load_state_dict(generator.state_dict())
    noise = torch.randn(2, 8)
    assert again.growth.now() == (1, 0.5)
    assert torch.equal(generator(noise), again(noise))


def test_an_image_does_not_depend_on_its_neighbours() -> None:
    generator, noise = ProganGenerator(16, 8, 4, 8), torch.randn(3, 8)
    together = generator(noise)
    apart = torch.cat([generator(row[None]) for row in noise])
    torch.testing.assert_close(together, apart, rtol=1e-4, atol=1e-4)
    assert torch.equal(together, generator(noise))
    assert (together[0] - together[1]).abs().max() > 0.1


def test_networks_heed_their_condition() -> None:
    generator, discriminator = ProganGenerator(16, 8, 4, 8, 3), ProganDiscriminator(16, 4, 8, 3)
    noise, images = torch.randn(1, 8), torch.randn(1, 3, 16, 16)
    one, two = torch.eye(3)[:1], torch.eye(3)[1:2]
    assert (generator(noise, one) - generator(noise, two)).abs().max() > 1e-3
    assert (discriminator(images, one) - discriminator(images, two)).abs() > 1e-4


# The learner.


def test_real_images_lose_the_detail_that_generated_ones_cannot_have() -> None:
    """Of 80 images 48 are for growing, 16 for each side; after 20 of them 8 pixels have come in by one half."""
    trained, real = new(), torch.randn(4, 3, 16, 16)
    for shown, wanted in ((0, blocky(real, 4)), (20, (blocky(real, 4) + blocky(real, 8)) / 2), (48, real)):
        trained.prepare(shown)
        torch.testing.assert_close(trained.visible(real), wanted)
    assert shrunk(real, 4).shape == (4, 3, 4, 4)


def test_all_networks_are_at_the_same_stage() -> None:
    trained = new()
    trained.prepare(36)
    networks = (trained.generator, trained.averaged, trained.discriminator)
    assert [network.growth.now() for network in networks] == [(2, 0.5)] * 3


def test_networks_of_another_training_do_not_shrink() -> None:
    trained = new(replace(RECIPE, start=Path("other")))
    trained.prepare(0)
    assert trained.generator.growth.now() == trained.discriminator.growth.now() == (2, 1.0)


def test_networks_that_have_not_grown_up_are_nothing_to_begin_with(
    suited: Callable[..., GanRecipe], photos: Path, tmp_path: Path
) -> None:
    """Of 80 images 48 are for growing; stopped after 20 and after 60."""
    recipe = suited("progan", images=80, checkpoint_every=20)
    for shown in (20, 60):

        def stop(done: int, total: int, note: str, at: int = shown) -> None:
            if done == at + 4:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train(recipe, photos, tmp_path / "first", on_progress=stop)
        on = replace(recipe, images=8, start=tmp_path / "first")
        for attempt in (partial(plan, monitor=None, twin=False), train) if shown == 20 else ():
            with pytest.raises(UsageError, match="still growing, at 8 of 16 px: finish their training first"):
                attempt(on, photos, tmp_path / "out")
        assert not (tmp_path / "out").exists()
    train(on, photos, tmp_path / "out")
    assert train(recipe, photos, tmp_path / "first").images_shown == 80


def test_a_gamma_of_twenty_in_every_step_is_the_usual_ten() -> None:
    assert new().penalty_weight == 10


@pytest.mark.parametrize("conditions", [0, 3])
def test_a_training_restored_between_stages_goes_on_exactly(conditions: int) -> None:
    """Steps of 4 images: 8 pixels begin at the fifth, 16 at the ninth, whose layers Adam has not seen before."""
    trained, again = new(conditions=conditions), new(conditions=conditions)
    batch = Batch(torch.rand(4, 3, 16, 16) * 2 - 1, torch.eye(3)[[0, 1, 2, 0]] if conditions else None)
    losses = [trained.learn(batch, step, step) for step in range(7)]
    assert {"d_loss", "g_loss", "margin", "gp"} == losses[0].keys()
    assert all(np.isfinite(list(loss.values())).all() for loss in losses)
    again.restore({name: tensor.clone() for name, tensor in trained.state().items()}, Path("state"))
    assert again.averaged.growth.now() == trained.averaged.growth.now() == (1, 1.0)
    for step in range(7, 11):
        assert trained.learn(batch, step, step) == again.learn(batch, step, step)
    after = again.state()
    assert all(torch.equal(tensor, after[name]) for name, tensor in trained.state().items())
