"""One contract for every registered perturbation of weights, on every family; agreement with torch and plain loops."""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune
from torch.nn.utils.parametrizations import spectral_norm

from artfp.errors import ArtfpError, UsageError
from artfp.generators.base import Generator, Shape
from artfp.generators.families import FAMILIES, new_learner
from artfp.generators.sampling import conditions, noise
from artfp.generators.settings import GanRecipe
from artfp.perturb import grids
from artfp.perturb.image import PERTURBATIONS
from artfp.perturb.weights import WEIGHTS, Soup, WeightPerturbation, in_use, is_matrix

ALL = (*WEIGHTS, Soup.name)
WIDTHS = {"generator_width": 24, "generator_most": 24, "discriminator_width": 4, "discriminator_most": 8}
LAYERS = (nn.Conv2d, nn.Linear)


def built(family: str, seed: int) -> Generator:
    """An untrained generator whose every weight varies, as a trained one's."""
    recipe = GanRecipe(family=family, latent=16, batch=4, seed=seed, source=Path("painted"), **WIDTHS)
    classes = 5 if family == "biggan" else 0
    generator = new_learner(recipe, Shape(16, classes), "cpu").averaged.eval()
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in generator.parameters():
            weight.add_(0.05 * torch.randn(weight.shape, generator=random))
    return generator


@pytest.fixture(scope="module")
def generators() -> dict[str, tuple[Generator, Generator]]:
    """Two of every family."""
    return {family: (built(family, 0), built(family, 1)) for family in FAMILIES}


@pytest.fixture
def pair(generators: dict[str, tuple[Generator, Generator]]) -> tuple[Generator, Generator]:
    return generators["dcgan"]


def kind(name: str, other: nn.Module) -> WeightPerturbation:
    return Soup(other) if name == Soup.name else WEIGHTS[name]


def run(name: str, pair: tuple[Generator, Generator], strength: float, seed: int = 0) -> Generator:
    return kind(name, pair[1])(pair[0], strength, np.random.default_rng(seed))


def weights(network: nn.Module) -> list[Tensor]:
    return [weight.detach().clone() for weight in network.parameters()]


def flat(network: nn.Module) -> Tensor:
    return torch.cat([weight.flatten() for weight in weights(network)])


@torch.no_grad()
def images(generator: Generator) -> Tensor:
    return generator.generate(noise(generator, 0, range(8)), conditions(generator, 0, range(8)))


def loses_outputs(weight: Tensor, share: float) -> bool:
    return len(weight) > 3 and round(share * len(weight)) > 0


def layer(outputs: int = 6, inputs: int = 5) -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(inputs, outputs, 3)


def test_all_seven_are_covered_and_no_name_is_taken_twice() -> None:
    names = {"rounding", "weight-noise", "quantise", "cast", "prune", "prune-channels", "soup"}
    assert set(ALL) == set(grids.WEIGHTS) == names
    assert not names & set(PERTURBATIONS)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_convolution_and_dense_layer_changes_and_the_given_one_stays(
    family: str, name: str, generators: dict[str, tuple[Generator, Generator]]
) -> None:
    """Outputs are pruned where their share comes to one, and where they are no colours."""
    given, before = in_use(generators[family][0]), weights(generators[family][0])
    for strength in grids.WEIGHTS[name]:
        made = run(name, generators[family], strength)
        assert type(made) is type(given)
        covered = 0
        for (at, old), new in zip(given.named_modules(), made.modules(), strict=True):
            if isinstance(old, LAYERS) and (name != "prune-channels" or loses_outputs(old.weight, strength)):
                assert isinstance(new, LAYERS)
                assert not torch.equal(old.weight, new.weight), (at, strength)
                covered += 1
        assert covered >= 3
    assert all(torch.equal(a, b) for a, b in zip(before, generators[family][0].parameters(), strict=True))


@pytest.mark.parametrize("name", ALL)
def test_the_mildest_strength_is_the_identity_where_declared(name: str, pair: tuple[Generator, Generator]) -> None:
    found = kind(name, pair[1])
    made = run(name, pair, found.mildest)
    same = all(torch.equal(a, b) for a, b in zip(pair[0].parameters(), made.parameters(), strict=True))
    assert same == found.exact_identity
    assert made is not pair[0]
    assert not {id(weight) for weight in made.parameters()} & {id(weight) for weight in pair[0].parameters()}
    assert not any(found.is_identity(strength) for strength in grids.WEIGHTS[name])


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("family", FAMILIES)
def test_weights_and_images_stray_farther_along_the_grid(
    family: str, name: str, generators: dict[str, tuple[Generator, Generator]]
) -> None:
    """Mean squares over all weights, and over eight images; diffusion's take 35 passes, and so the test's time."""
    given = in_use(generators[family][0])
    made = [run(name, generators[family], strength) for strength in grids.WEIGHTS[name]]
    for of in (flat,) if family == "diffusion" else (flat, images):
        strayed = [float((of(one) - of(given)).square().mean()) for one in made]
        assert strayed[0] > 0
        assert all(mild < hard for mild, hard in pairwise(strayed)), strayed


@pytest.mark.parametrize("name", ALL)
def test_grids_go_where_damage_is_declared_to_grow(name: str, pair: tuple[Generator, Generator]) -> None:
    found, grid = kind(name, pair[1]), grids.WEIGHTS[name]
    assert list(grid) == sorted(grid, reverse=found.direction == "down")
    for strength in grid:
        found.check(strength)
    with pytest.raises(UsageError, match=f"{name}: strengths go {found.direction} from"):
        run(name, pair, 2 * found.mildest - found.hardest)
    with pytest.raises(UsageError, match="must be a number"):
        run(name, pair, float("inf"))


@pytest.mark.parametrize("name", ALL)
def test_the_seed_alone_decides(name: str, pair: tuple[Generator, Generator]) -> None:
    strength = grids.WEIGHTS[name][0]
    first, again, other = (weights(run(name, pair, strength, seed)) for seed in (3, 3, 4))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(first, other, strict=True)) == (name != "weight-noise")


@pytest.mark.parametrize("name", ["rounding", "quantise", "cast", "prune", "prune-channels"])
def test_what_changes_nothing_is_an_error(name: str) -> None:
    strength = grids.WEIGHTS[name][0]
    random = np.random.default_rng(0)
    layer_of_ones = nn.Conv2d(1, 20, 1)
    with torch.no_grad():
        layer_of_ones.weight.fill_(1)
        layer_of_ones.bias.zero_()
    with pytest.raises(ArtfpError, match=f"{name} at {strength:g} changed no weight"):
        WEIGHTS[name](layer_of_ones, strength, random)


def test_a_soup_of_one_network_is_an_error(pair: tuple[Generator, Generator]) -> None:
    with pytest.raises(ArtfpError, match=r"soup at 0\.5 changed no weight"):
        run("soup", (pair[0], copy.deepcopy(pair[0])), 0.5)


def test_weights_that_overflow_are_an_error() -> None:
    large = layer()
    with torch.no_grad():
        large.weight.mul_(1e6)
    with pytest.raises(ArtfpError, match="cast at 11 made weights that are no numbers"):
        WEIGHTS["cast"](large, 11, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("name", "strength", "message"),
    [
        ("quantise", 2.5, "whole bits"),
        ("quantise", 1, "whole bits"),
        ("cast", 16, "nothing has 16"),
        ("prune", 1.5, "share of up to 1"),
        ("prune-channels", 1.5, "share of up to 1"),
    ],
)
def test_strengths_without_a_meaning_are_refused(name: str, strength: float, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        WEIGHTS[name](layer(), strength, np.random.default_rng(0))


def test_rounded_weights_are_multiples_of_their_deviation(pair: tuple[Generator, Generator]) -> None:
    for before, after in zip(pair[0].parameters(), run("rounding", pair, 0.3).parameters(), strict=True):
        step = 0.3 * float(before.double().std(correction=0))
        assert torch.allclose((after / step).round() * step, after, atol=1e-6)
        assert (after - before).abs().max() <= step / 2 * 1.0001


def test_weight_noise_has_the_deviation_it_names() -> None:
    """Of 92,160 weights, within five standard errors, whatever their scale."""
    for scale in (0.01, 3.0):
        wide = layer(64, 160)
        with torch.no_grad():
            wide.weight.mul_(scale)
        made = WEIGHTS["weight-noise"](wide, 0.12, np.random.default_rng(0))
        ratio = float((made.weight - wide.weight).detach().std() / wide.weight.detach().std())
        assert abs(ratio / 0.12 - 1) < 5 / (2 * 92_160) ** 0.5


def test_the_same_noise_grows_with_the_strength(pair: tuple[Generator, Generator]) -> None:
    before, mild, hard = (
        weights(pair[0]),
        weights(run("weight-noise", pair, 0.1)),
        weights(run("weight-noise", pair, 0.2)),
    )
    for old, some, more in zip(before, mild, hard, strict=True):
        assert torch.allclose(more - old, 2 * (some - old), atol=1e-6)


@pytest.mark.parametrize("bits", [8, 6, 4, 3])
def test_quantised_weights_are_those_of_a_plain_loop(bits: int) -> None:
    before = layer()
    after, most = WEIGHTS["quantise"](before, bits, np.random.default_rng(0)), 2 ** (bits - 1) - 1
    for old, new in zip(before.weight.detach().numpy(), after.weight.detach().numpy(), strict=True):
        step = np.abs(old).max() / np.float32(most)
        expected = [max(-most, min(most, round(float(number) / float(step)))) * step for number in old.flatten()]
        np.testing.assert_allclose(new.flatten(), expected, rtol=1e-6, atol=1e-7)
        assert len(np.unique(new)) <= 2 * most + 1
    assert torch.equal(before.bias, after.bias)


@pytest.mark.parametrize(("bits", "dtype"), [(11, torch.float16), (8, torch.bfloat16)])
def test_casts_are_torchs(bits: int, dtype: torch.dtype) -> None:
    before = layer()
    after = WEIGHTS["cast"](before, bits, np.random.default_rng(0))
    cast = copy.deepcopy(before).to(dtype).to(torch.float32)
    assert torch.equal(after.weight, cast.weight)
    assert torch.equal(after.bias, cast.bias)


@pytest.mark.parametrize("share", [0.1, 0.5])
@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("prune", lambda module, share: prune.l1_unstructured(module, "weight", share)),
        ("prune-channels", lambda module, share: prune.ln_structured(module, "weight", share, n=2, dim=0)),
    ],
)
def test_pruned_weights_are_torchs(name: str, reference: Callable[[nn.Module, float], Any], share: float) -> None:
    for before, like in ((layer(16), torch.channels_last), (nn.Linear(12, 20), torch.contiguous_format)):
        expected = reference(copy.deepcopy(before), share)
        before.to(memory_format=like)
        after = WEIGHTS[name](before, share, np.random.default_rng(0))
        assert torch.equal(after.weight, expected.weight)
        assert torch.equal(after.bias, before.bias)


def test_no_colour_of_an_image_is_pruned() -> None:
    both = nn.Sequential(layer(16), layer(3, 16))
    made = WEIGHTS["prune-channels"](both, 0.5, np.random.default_rng(0))
    assert int((made[0].weight.flatten(1) == 0).all(dim=1).sum()) == 8
    assert torch.equal(made[1].weight, both[1].weight)


def test_a_soup_is_the_weighted_mean_of_weights_and_statistics() -> None:
    first, second = (nn.Sequential(layer(4), nn.BatchNorm2d(4)).eval() for _ in range(2))
    with torch.no_grad():
        second[0].weight.add_(1)
        second[1].running_mean.fill_(2.0)
    made = Soup(second)(first, 0.25, np.random.default_rng(0))
    assert torch.allclose(made[0].weight, first[0].weight + 0.25)
    assert torch.equal(made[1].running_mean, torch.full((4,), 0.5))
    assert torch.equal(made[1].num_batches_tracked, first[1].num_batches_tracked)


def test_a_soup_needs_one_shape(generators: dict[str, tuple[Generator, Generator]]) -> None:
    with pytest.raises(UsageError, match="another shape"):
        Soup(generators["progan"][0])(generators["dcgan"][0], 0.5, np.random.default_rng(0))


def test_weights_are_those_in_use() -> None:
    """A spectrally normalised layer is changed after its normalisation, which then does not undo the change."""
    bounded = nn.Sequential(spectral_norm(layer(8))).eval()
    x, plain = torch.randn(2, 5, 6, 6, generator=torch.Generator().manual_seed(0)), in_use(bounded)
    assert torch.equal(bounded(x), plain(x))
    pruned = WEIGHTS["prune"](bounded, 0.5, np.random.default_rng(0))
    kept = pruned[0].weight != 0
    assert torch.equal(pruned[0].weight[kept], bounded[0].weight[kept])
    assert not list(pruned.buffers())


def test_matrices_have_several_numbers_for_each_output() -> None:
    shapes = {(4,): False, (): False, (4, 1, 1): False, (4, 1): False, (4, 2): True, (1, 8, 4, 4): True}
    assert {shape: is_matrix(torch.zeros(shape)) for shape in shapes} == shapes
