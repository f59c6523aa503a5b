"""One contract for every registered perturbation of images."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from artfp.data.procedural import generate
from artfp.errors import UsageError
from artfp.images import check_images, to_tensor
from artfp.perturb.grids import BOTH_WAYS, IMAGES
from artfp.perturb.image import PERTURBATIONS
from artfp.perturb.weights import WEIGHTS, Soup

ALL = sorted(PERTURBATIONS)
TRAINING_ONLY = {"realigned": (0.5, 1.0)}  # no row of a sweep; strengths to hold it to the contract
GRIDS = {**IMAGES, **TRAINING_ONLY}

FILES = {"jpeg", "webp", "posterise", "screenshot"}
DETAIL = {"noise", "salt-and-pepper", "blur", "motion-blur", "median", "sharpen"}
PLACES = {"resize", "centre-crop", "crop", "rotate", "perspective", "realigned", "flip"}
TONES = {"brightness", "contrast", "saturation", "gamma", "hue", "grey", "color", "relighting"}
COVERS = {"cut-out", "text", "logo"}
CHAINS = {"two", "three"}


def run(name: str, images: torch.Tensor, strength: float, seed: int = 0) -> torch.Tensor:
    return PERTURBATIONS[name](images, strength, np.random.default_rng(seed))


def each(name: str, images: torch.Tensor, strength: float, first: int = 0) -> torch.Tensor:
    return PERTURBATIONS[name].each(images, strength, range(first, first + len(images)))


def sides(name: str) -> list[tuple[float, ...]]:
    """The grid, cut in two where damage grows both ways."""
    mildest, grid = PERTURBATIONS[name].mildest, GRIDS[name]
    below, above = (tuple(s for s in grid if (s > mildest) == higher) for higher in (False, True))
    return [side for side in (below, above) if side]


def test_all_thirty_are_covered() -> None:
    assert set(ALL) == FILES | DETAIL | PLACES | TONES | COVERS | CHAINS == set(GRIDS)
    assert len(ALL) == 30


def test_the_grids_name_those_that_go_both_ways() -> None:
    kinds = {**PERTURBATIONS, **WEIGHTS, Soup.name: Soup}
    assert {name for name, kind in kinds.items() if kind.both_ways} == BOTH_WAYS


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("shape", [(16, 16), (21, 48), (200, 137)])
def test_shape_type_and_range_are_kept(name: str, shape: tuple[int, int]) -> None:
    images = to_tensor(np.stack(list(generate("photo-like", 2, max(shape), 5))))[..., : shape[0], : shape[1]]
    for strength in (GRIDS[name][0], GRIDS[name][-1]):
        out = check_images(each(name, images, strength))
        assert out.shape == images.shape
        assert not torch.equal(out, images)


@pytest.mark.parametrize("name", ALL)
def test_the_mildest_strength_is_the_identity_where_declared(name: str, batch: torch.Tensor) -> None:
    kind = PERTURBATIONS[name]
    assert torch.equal(run(name, batch, kind.mildest), batch) == kind.exact_identity == kind.is_identity(kind.mildest)
    assert not any(kind.is_identity(strength) for strength in GRIDS[name])


@pytest.mark.parametrize("name", ALL)
def test_average_damage_grows_along_the_grid(name: str, batch: torch.Tensor) -> None:
    """Over eight seeds for each of six images."""
    for side in sides(name):
        changes = [[each(name, batch, strength, 6 * turn) - batch for turn in range(8)] for strength in side]
        damage = [float(torch.cat(change).square().mean()) for change in changes]
        assert damage[0] > 0
        assert all(mild < hard for mild, hard in pairwise(damage)), damage


@pytest.mark.parametrize("name", ALL)
def test_grids_go_where_damage_is_declared_to_grow(name: str) -> None:
    kind = PERTURBATIONS[name]
    assert len(sides(name)) == 1 + kind.both_ways
    for side in sides(name):
        assert list(side) == sorted(side, key=lambda strength: abs(strength - kind.mildest))
        for strength in side:
            kind.check(strength)


@pytest.mark.parametrize("name", ALL)
def test_the_seed_alone_decides(name: str, batch: torch.Tensor) -> None:
    strength = GRIDS[name][0]
    assert torch.equal(run(name, batch, strength, 3), run(name, batch, strength, 3))


@pytest.mark.parametrize("name", ALL)
def test_what_becomes_of_an_image_depends_on_its_own_seed_alone(name: str, batch: torch.Tensor) -> None:
    kind, strength, order = PERTURBATIONS[name], GRIDS[name][-1], [4, 1, 5, 0, 2, 3]
    together = each(name, batch, strength)
    assert torch.equal(kind.each(batch[order], strength, order), together[order])
    for index in order:
        assert torch.equal(each(name, batch[index : index + 1], strength, index), together[index : index + 1])


@pytest.mark.parametrize("name", ALL)
def test_gradients_reach_the_images(name: str, batch: torch.Tensor) -> None:
    kind, images = PERTURBATIONS[name], batch.clone().requires_grad_()
    run(name, images, kind.at_level(0.5)).sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_gradients_of_flat_images_are_numbers(name: str, level: float) -> None:
    flat = torch.full((1, 3, 16, 20), level)
    for side in sides(name):
        images = flat.clone().requires_grad_()
        run(name, images, side[-1]).sum().backward()
        assert images.grad is not None
        assert images.grad.isfinite().all()


@pytest.mark.parametrize("name", ALL)
def test_strengths_that_are_none_are_refused(name: str, batch: torch.Tensor) -> None:
    kind = PERTURBATIONS[name]
    with pytest.raises(UsageError, match=f"{name}: strength must be a number"):
        run(name, batch, float("nan"))
    if not kind.both_ways:
        with pytest.raises(UsageError, match=f"{name}: strengths go {kind.direction} from"):
            run(name, batch, 2 * kind.mildest - kind.hardest)


def test_a_seed_draws_the_same_at_every_strength(batch: torch.Tensor) -> None:
    """So what is lost at a small strength is lost at a greater."""
    for name in ("salt-and-pepper", "noise"):
        mild, hard = (each(name, batch, strength) - batch for strength in GRIDS[name][:2])
        assert ((hard - mild) * mild.sign() >= -1e-6).all()


def test_images_and_seeds_must_be_as_many(batch: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="shorter"):
        PERTURBATIONS["noise"].each(batch, 0.1, range(5))
