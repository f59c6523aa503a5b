"""BigGAN: its parts against explicit computations, and the contract of a family."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from artfp.errors import UsageError
from artfp.generators.base import Batch, Shape
from artfp.generators.biggan import (
    EMBEDDED,
    ORTHOGONAL,
    BigganDiscriminator,
    BigganGenerator,
    BigganLearner,
    ConditionalNorm,
    SelfAttention,
    UpBlock,
    filter_overlap,
    learner,
)
from artfp.generators.losses import hinge_discriminator, hinge_generator
from artfp.generators.settings import GanRecipe

RECIPE = GanRecipe(batch=4, latent=8, generator_width=4, generator_most=8, discriminator_width=4, discriminator_most=8)
CONDITION = torch.eye(3)[[0, 1, 2, 0]]


def random(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def new_learner() -> BigganLearner:
    made = learner(RECIPE, Shape(16, 3), "cpu")
    assert isinstance(made, BigganLearner)
    return made


@torch.no_grad()
def test_gains_and_biases_are_told_for_every_image() -> None:
    layer, x, told = ConditionalNorm(3, 5), random(4, 3, 2, 2), random(4, 5, seed=2)
    found = layer(x, told).numpy()
    pixels = x.numpy()
    mean, variance = pixels.mean(axis=(0, 2, 3)), pixels.var(axis=(0, 2, 3))
    gains, biases = layer.eval().gain(told).numpy(), layer.bias(told).numpy()  # eval: sigma stays that of the pass
    for n, c in np.ndindex(4, 3):
        normal = (pixels[n, c] - mean[c]) / np.sqrt(variance[c] + 1e-5)
        np.testing.assert_allclose(found[n, c], (1 + gains[n, c]) * normal + biases[n, c], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_standing_statistics_normalise_in_eval_mode() -> None:
    layer, x, told = ConditionalNorm(1, 5).eval(), random(2, 1, 2, 2), torch.zeros(2, 5)
    layer.norm.running_mean, layer.norm.running_var = torch.tensor([3.0]), torch.tensor([4.0])
    torch.testing.assert_close(layer(x, told), (x - 3) / (4 + 1e-5) ** 0.5)


@pytest.mark.parametrize("shape", [(3, 2, 3, 3), (4, 5), (9, 5), (1, 6)])
def test_filters_overlap_as_a_loop_over_their_pairs_says(shape: tuple[int, ...]) -> None:
    weight = random(*shape)
    filters = weight.flatten(1).numpy().astype(np.float64)
    wanted = sum((one @ other) ** 2 for i, one in enumerate(filters) for j, other in enumerate(filters) if i != j)
    assert filter_overlap(weight).item() == pytest.approx(wanted, rel=1e-5, abs=1e-5)


def test_overlap_pushes_every_matrix_of_the_generator_but_the_embedding() -> None:
    """The gradient of equation (3) is 4 beta (W W^T * (1 - I)) W, where filters are rows."""
    made = new_learner()
    for weight in made.generator.parameters():
        nn.init.normal_(weight)
    assert made.regularise([], 0, 0)["overlap"] > 0
    for name, weight in made.generator.named_parameters():
        if weight.ndim < 2 or name == "embed.weight":
            assert weight.grad is None, name
        else:
            rows = weight.detach().flatten(1)
            wanted = 4 * ORTHOGONAL * ((rows @ rows.T) * (1 - torch.eye(len(rows)))) @ rows
            assert weight.grad is not None, name
            torch.testing.assert_close(weight.grad.flatten(1), wanted, rtol=1e-3, atol=1e-4)


@torch.no_grad()
def test_no_layer_but_the_embedding_amplifies() -> None:
    """After the power iterations of fifty passes at random weights, of which some converge slowly: so from a seed."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        made = new_learner()
        for weight in [*made.generator.parameters(), *made.discriminator.parameters()]:
            nn.init.normal_(weight)
    for _ in range(50):
        made.discriminator(made.generator(random(4, 8), CONDITION), CONDITION)
    bounded = 0
    for network in (made.generator.eval(), made.discriminator.eval()):
        for name, module in network.named_modules():
            if isinstance(module, nn.Conv2d | nn.Linear) and name != "embed":
                assert is_parametrized(module, "weight"), name
                largest = np.linalg.svd(module.weight.flatten(1).numpy(), compute_uv=False)[0]
                assert largest == pytest.approx(1, abs=0.02), name
                bounded += 1
    assert bounded == 2 + 2 * 7 + 2 + 3 * 3 - 1


@torch.no_grad()
def test_the_score_is_a_dense_layer_and_a_projection_on_the_class() -> None:
    discriminator, maps = BigganDiscriminator(16, 4, 8, 3).eval(), random(4, 8, 4, 4)
    discriminator.trunk = nn.Sequential()
    hidden = np.maximum(maps.numpy(), 0).sum(axis=(2, 3))
    classes, dense = discriminator.told.embed.weight.numpy().T, discriminator.out.weight.numpy()[0]
    wanted = [h @ dense + h @ classes[c] / np.sqrt(8) for h, c in zip(hidden, (0, 1, 2, 0), strict=True)]
    np.testing.assert_allclose(discriminator(maps, CONDITION).numpy(), wanted, rtol=1e-4)


def test_hinges_stop_at_one() -> None:
    real, fake = torch.tensor([2.0, 0.5, -1.0]), torch.tensor([-3.0, 0.25, -0.5])
    assert hinge_discriminator(real, fake).item() == pytest.approx((0 + 0.5 + 2) / 3 + (0 + 1.25 + 0.5) / 3)
    assert hinge_generator(real, fake).item() == pytest.approx((3 - 0.25 + 0.5) / 3)


@torch.no_grad()
def test_attention_starts_as_the_identity_and_is_a_weighted_mean() -> None:
    layer, x = SelfAttention(8).eval(), random(2, 8, 4, 4)
    assert torch.equal(layer(x), x)
    layer.gamma.fill_(0.5)
    query, key, value = (part(x).numpy() for part in (layer.query, layer.key, layer.value))
    key, value = (part.reshape(2, -1, 2, 2, 2, 2).max(axis=(3, 5)).reshape(2, -1, 4) for part in (key, value))
    seen = np.zeros((2, 4, 4, 4), np.float32)
    for n, i, j in np.ndindex(2, 4, 4):
        likeness = np.exp(query[n, :, i, j] @ key[n])
        seen[n, :, i, j] = value[n] @ (likeness / likeness.sum())
    torch.testing.assert_close(layer(x), x + 0.5 * layer.back(torch.from_numpy(seen)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("size", "attentions"), [(16, 0), (32, 0), (64, 1), (128, 1)])
def test_networks_fit_every_size_and_attend_once_at_32_px(size: int, attentions: int) -> None:
    sides: list[int] = []
    generator, discriminator = BigganGenerator(size, 8, 4, 8, 3), BigganDiscriminator(size, 4, 8, 3)
    for network in (generator, discriminator):
        for module in network.modules():
            if isinstance(module, SelfAttention):
                module.register_forward_hook(lambda _, inputs, __: sides.append(inputs[0].shape[-1]))
    images = generator(random(2, 8), CONDITION[:2])
    assert images.shape == (2, 3, size, size)
    assert discriminator(images, CONDITION[:2]).shape == (2,)
    assert sides == [32] * 2 * attentions


@torch.no_grad()
@pytest.mark.parametrize("latent", [2, 8])
def test_every_block_is_told_its_own_part_of_the_noise(latent: int) -> None:
    """Noise of fewer numbers than there are parts leaves the last parts empty."""
    generator, outputs = BigganGenerator(32, latent, 4, 8, 3).eval(), list[Tensor]()
    blocks = [block for block in generator.blocks if isinstance(block, UpBlock)]
    assert [b.first_norm.gain.in_features - EMBEDDED for b in blocks] == ([2, 2, 2] if latent == 8 else [1, 0, 0])
    for block in blocks:
        block.register_forward_hook(lambda _, __, output: outputs.append(output))
    noise = random(1, latent)
    generator(noise, CONDITION[:1])
    noise[0, -1] += 1
    generator(noise, CONDITION[:1])
    same = [torch.equal(before, after) for before, after in zip(outputs[:3], outputs[3:], strict=True)]
    assert same == ([True, True, False] if latent == 8 else [False, False, False])


def test_without_classes_it_says_what_to_set() -> None:
    with pytest.raises(UsageError, match="biggan needs classes: set classes = true"):
        learner(RECIPE, Shape(16), "cpu")


def test_it_learns_and_a_state_restores_to_the_byte() -> None:
    first, second, batch = new_learner(), new_learner(), Batch(random(4, 3, 16, 16), CONDITION)
    losses = [first.learn(batch, step, step) for step in range(3)]
    assert all(np.isfinite(list(loss.values())).all() for loss in losses)
    assert set(losses[0]) == {"d_loss", "g_loss", "margin", "overlap"}
    second.restore({name: tensor.clone() for name, tensor in first.state().items()}, Path("state"))
    assert first.learn(batch, 3, 3) == second.learn(batch, 3, 3)
    after = second.state()
    assert {name.rsplit(".", 1)[-1] for name in after} >= {"_u", "_v", "running_mean", "running_var"}
    assert all(torch.equal(tensor, after[name]) for name, tensor in first.state().items())


def test_the_average_takes_standing_statistics_and_singular_vectors_of_the_trained() -> None:
    made = new_learner()
    before = copy.deepcopy(made.averaged.state_dict())
    made.learn(Batch(random(4, 3, 16, 16), CONDITION), 0, 0)
    assert not made.averaged.training
    trained = dict(made.generator.named_buffers())
    assert all(torch.equal(kept, trained[name]) for name, kept in made.averaged.named_buffers())
    assert all(not torch.equal(kept, before[n]) for n, kept in made.averaged.named_buffers() if "running" in n)


@torch.no_grad()
def test_an_image_follows_from_its_own_noise_and_condition_alone() -> None:
    trained = BigganGenerator(16, 8, 4, 8, 3)
    trained(random(16, 8, seed=2), torch.eye(3)[[0, 1, 2, 0] * 4])  # standing statistics that are not those of a start
    generator = BigganGenerator(**trained.shape)
    generator.load_state_dict(trained.state_dict())
    noise, condition = random(2, 8), torch.eye(3)[[0, 2]]
    both = generator.eval()(noise, condition)
    assert torch.equal(both, trained.eval()(noise, condition))
    for row in (slice(0, 1), slice(1, 2)):
        torch.testing.assert_close(both[row], generator(noise[row], condition[row]))
    assert not torch.allclose(both, generator(noise, condition.flip(0)))
