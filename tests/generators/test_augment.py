"""Augmentation: each against loops over pixels in red, green and blue; its chance, its adapting p, exact resume."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from torch import Tensor

from artfp import recipe as recipes
from artfp.checkpoints import load_tensors, under
from artfp.data.procedural import generate
from artfp.errors import UsageError
from artfp.generators import augment
from artfp.generators.adversarial import AdversarialLearner
from artfp.generators.augment import CHANGES, KEPT, RISE, Augmentation, cut_out, overfitting, recoloured, translated
from artfp.generators.base import Batch, Shape
from artfp.generators.colours import TO_RGB, to_opponent
from artfp.generators.families import FAMILIES, new_learner
from artfp.generators.settings import AUGMENTATIONS, GanRecipe
from artfp.generators.training import plan, train

ADVERSARIAL = [family for family in FAMILIES if family != "diffusion"]


def random(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(seed: int, count: int = 4, size: int = 16) -> Tensor:
    return torch.randn(count, 3, size, size, generator=random(seed))


def learner(recipe: GanRecipe) -> AdversarialLearner:
    made = new_learner(recipe, Shape(16), "cpu")
    assert isinstance(made, AdversarialLearner)
    return made


@pytest.fixture
def augmented(tiny: GanRecipe) -> GanRecipe:
    return replace(tiny, augment=AUGMENTATIONS)


# The augmentations.


def test_colour_is_brightness_saturation_and_contrast_in_red_green_and_blue() -> None:
    """DiffAugment's three, one after the other, on [-1, 1]; the extremes of all ranges among the chances."""
    chance = torch.tensor([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.5, 0.5, 0.5], [0.9, 0.2, 0.7], [0.1, 0.8, 0.3]])
    rgb = torch.rand(5, 3, 6, 6, generator=random(1))
    wanted = []
    for pixels, (bright, saturation, contrast) in zip(2 * rgb.double().numpy() - 1, chance.tolist(), strict=True):
        pixels = pixels + (bright - 0.5)
        grey = (pixels[0] + pixels[1] + pixels[2]) / 3
        pixels = np.stack([grey + 2 * saturation * (channel - grey) for channel in pixels])
        mean = pixels.sum() / pixels.size
        wanted.append(mean + (0.5 + contrast) * (pixels - mean))
    found = torch.einsum("ij,njhw->nihw", TO_RGB, recoloured(to_opponent(rgb), chance))
    torch.testing.assert_close(found.double(), torch.from_numpy(np.stack(wanted)), atol=1e-5, rtol=0)
    torch.testing.assert_close(found[2], 2 * rgb[2] - 1, atol=1e-5, rtol=0)  # the middle of all ranges changes nothing


@pytest.mark.parametrize("size", [16, 64])
def test_translation_moves_whole_pixels_and_lets_grey_in(size: int) -> None:
    most, before = size // 8, images(2, 9, size)
    shifts = [(0, 0), (most, 0), (0, -most), (-most, most), (1, -1), (-1, 2), (most, most), (-2, 0), (0, 1)]
    chance = (torch.tensor([(*shift, 0) for shift in shifts]) + most + 0.5) / (2 * most + 1)
    for moved, image, (down, right) in zip(translated(before, chance), before, shifts, strict=True):
        wanted = torch.zeros_like(image)
        for row in range(max(0, down), min(size, size + down)):
            for column in range(max(0, right), min(size, size + right)):
                wanted[:, row, column] = image[:, row - down, column - right]
        assert torch.equal(moved, wanted)


def test_translation_reaches_an_eighth_each_way_and_no_further() -> None:
    """Of a white image, what is left says how far it went; the highest number that `torch.rand` gives is 1 - 2^-24."""
    white = torch.ones(1, 3, 32, 32)
    for number, first, last in ((0.0, 0, 27), (1 - 2**-24, 4, 31), (0.5, 0, 31)):
        there = translated(white, torch.full((1, 3), number))[0, 0]
        assert there.any(dim=1).nonzero().flatten().tolist() == list(range(first, last + 1))
        assert torch.equal(there, there.T)
    numbers = (torch.arange(900) + 0.5) / 900
    left = translated(white.expand(900, -1, -1, -1), torch.stack([numbers, 0 * numbers + 0.5, numbers], dim=1))
    rows = left[:, 0, :, 16].sum(dim=1)
    assert [int((rows == kept).sum()) for kept in (28, 29, 30, 31, 32)] == [200, 200, 200, 200, 100]


@pytest.mark.parametrize(
    ("number", "rows"), [(0.5, range(4, 12)), (0.0, range(0, 4)), (1 - 2**-24, range(12, 16)), (0.8, range(9, 16))]
)
def test_cutout_makes_a_square_of_half_the_side_grey(number: float, rows: range) -> None:
    """A quarter of the image, less where borders leave less of the square."""
    before = images(3)
    found = cut_out(before, torch.tensor([[number, 0.5, 0.3]]).expand(4, 3))
    wanted = before.clone()
    for row in rows:
        for column in range(4, 12):
            wanted[:, :, row, column] = 0
    assert torch.equal(found, wanted)
    assert (found == 0).float().mean().item() == pytest.approx(len(rows) / 16 / 2)


def test_the_mean_share_that_cutout_takes_is_that_of_centres_anywhere() -> None:
    """Of 16 rows, a centre at c = 0 ... 16 takes min(16, c + 4) - max(0, c - 4)."""
    numbers = (torch.arange(17 * 17) + 0.5) / 17
    chance = torch.stack([(numbers.floor() + 0.5) / 17, numbers.frac(), numbers], dim=1)
    share = sum(min(16, c + 4) - max(0, c - 4) for c in range(17)) / 17 / 16
    cut = cut_out(torch.ones(17 * 17, 3, 16, 16), chance) == 0
    assert cut.float().mean().item() == pytest.approx(share**2)


@pytest.mark.parametrize("name", CHANGES)
def test_gradients_reach_the_images(name: str) -> None:
    chance = torch.rand(2, 3, generator=random(4))
    entering = images(5, 2, 8).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: CHANGES[name](x, chance), entering)


def test_there_is_one_for_each_name() -> None:
    assert tuple(CHANGES) == AUGMENTATIONS == ("colour", "translation", "cutout")


# Who is augmented, and how.


def test_each_image_is_augmented_by_its_own_chance_with_probability_p() -> None:
    made = Augmentation(GanRecipe(augment=("cutout", "colour"), augment_target=0.6))
    chance, before = made.draw(6, random(6))[:, 0], images(7, 6)
    chance[:, :, 0] = torch.tensor([0.1, 0.9, 0.3, 0.39, 0.4, 0.0])[:, None]
    found = made(before, chance, {"augment_p": 0.4})
    wanted = cut_out(recoloured(before, chance[:, 0, 1:]), chance[:, 1, 1:])
    for index, happens in enumerate([True, False, True, True, False, True]):
        assert torch.equal(found[index], (wanted if happens else before)[index])
    assert torch.equal(made(before, chance, {"augment_p": 0.0}), before)
    assert torch.equal(made(before, chance, {}), wanted)


def test_without_augmentation_images_are_not_even_copied() -> None:
    made, before = Augmentation(GanRecipe()), images(8)
    assert made(before, made.draw(4, random(9))[:, 1], {}) is before
    assert made.begin() == made.adapted({}, before, before, 4) == {}


def judged(made: AdversarialLearner, batch: Batch, step: int = 1, seed: int = 3) -> list[Tensor]:
    """What the discriminator sees in a step: both sides as it learns, then the generated images."""
    with mock.patch.object(made.discriminator, "forward", wraps=made.discriminator.forward) as forward:
        made.learn(batch, step, seed)
    return [call.args[0].detach() for call in forward.call_args_list]


def test_real_and_generated_images_are_augmented_apart_and_alike_for_both_networks(augmented: GanRecipe) -> None:
    both, generated = judged(learner(augmented), Batch(images(10)))
    made = learner(augmented)
    (part,) = made._parts(Batch(images(10)), 3)
    fake = made._generate(part).detach()
    wanted = [made.augment(part.real, part.chance[:, 0], {}), made.augment(fake, part.chance[:, 1], {})]
    assert torch.equal(both, torch.cat(wanted))
    assert torch.equal(generated, wanted[1])
    draws = part.chance.flatten(0, 1).flatten(1)
    assert len(draws.unique(dim=0)) == 8  # four images on each side, and no two go through the same
    assert all((before != after).any() for before, after in zip(torch.cat([part.real, fake]), both, strict=True))


def test_the_seed_decides_all(augmented: GanRecipe) -> None:
    seen = [torch.cat(judged(learner(augmented), Batch(images(10)), seed=seed)) for seed in (3, 3, 4)]
    assert torch.equal(seen[0], seen[1])
    assert all((one != other).any() for one, other in zip(seen[0][:4], seen[2][:4], strict=True))


def test_the_generator_learns_through_augmentation(augmented: GanRecipe) -> None:
    """The gradient at a generated image is the discriminator's at the augmented one, taken back through it."""
    made = learner(augmented)
    (part,) = made._parts(Batch(images(10)), 3)
    made._teach_discriminator(part, 1)
    part.fake = part.fake.detach().requires_grad_()
    made._teach_generator(part, 1)
    seen = part.seen[1].detach().requires_grad_()
    made.game.generator(part.real_scores, made._judge(seen, None)).backward()
    (back,) = torch.autograd.grad(made._augmented(part, part.fake, 1), part.fake, seen.grad)
    assert back.any()
    torch.testing.assert_close(part.fake.grad, back)


def test_penalties_are_taken_at_the_augmented_images(augmented: GanRecipe) -> None:
    made, found = learner(augmented), []

    def penalties(judge: object, real: Tensor, fake: Tensor, uniform: Tensor) -> dict[str, Tensor]:
        found.extend([real, fake])
        return {}

    made.game = replace(made.game, penalties=penalties)
    both, _ = judged(made, Batch(images(10)), step=0)
    assert torch.equal(torch.cat(found), both)


def test_the_parts_of_a_batch_are_augmented_as_the_whole(augmented: GanRecipe) -> None:
    whole, parts = (judged(learner(replace(augmented, parts=count)), Batch(images(10))) for count in (1, 2))
    for side in (0, 1):
        found = torch.cat([both.chunk(2)[side] for both in parts[:2]])
        torch.testing.assert_close(found, whole[0].chunk(2)[side], atol=0.1 * side + 1e-5, rtol=0)  # painted in bf16


# The adapting p.


def scores(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)


@pytest.mark.parametrize("zero", [0.0, 0.5, -40.0])
def test_r_t_is_the_mean_sign_of_real_scores_about_the_middle_of_both_sides(zero: float) -> None:
    real, fake = scores(3, 1, -1, 1) + zero, scores(-3, -1, 1, -1) + zero
    assert overfitting(real, fake) == pytest.approx((1 + 1 - 1 + 1) / 4)
    assert overfitting(real, real) == 0
    assert overfitting(scores(2, 3) + zero, fake) == 1


def test_p_goes_by_a_fixed_amount_for_each_image_towards_the_side_of_the_target() -> None:
    made = Augmentation(GanRecipe(augment=("colour",), augment_target=0.6))
    sure, guessing = (scores(2, 3), scores(-2, -1)), (scores(1, -1), scores(1, -1))
    numbers, ps = made.begin(), []
    assert numbers == {"augment_p": 0.0, "r_t": 0.0}
    for pair in [sure] * 5 + [guessing] * 9:
        numbers = made.adapted(numbers, *pair, KEPT // 2)
        ps.append(numbers["augment_p"])
    # r_t is 1/2, 3/4 ... 31/32, and from there half of itself at each step.
    steps = [0, 1, 2, 3, 4, 3, 2, 1, 0, 0, 0, 0, 0, 0]
    assert ps == pytest.approx([count * KEPT / 2 / RISE for count in steps], abs=1e-8)
    assert made.adapted({"augment_p": 1.0, "r_t": 1.0}, *sure, RISE // 2)["augment_p"] == 1
    assert made.adapted({"augment_p": 0.0, "r_t": 1.0}, *sure, RISE // 2)["augment_p"] == 0.5


@pytest.mark.parametrize("known", [True, False])
def test_p_rises_while_the_discriminator_knows_the_images_and_falls_while_it_can_but_guess(
    tiny: GanRecipe, known: bool
) -> None:
    """Against a generator that stands still: sixteen images are soon known, fresh ones of its own never.

    Guesses make r_t 0 with a deviation of .05, ten of which are below the target.
    """
    made = learner(replace(tiny, batch=16, augment=("translation",), augment_target=0.5, learning_rate=0.003))
    made.generator_adam.param_groups[0]["lr"] = 0.0
    made.numbers["augment_p"] = 0.2
    same, rows = Batch(to_opponent(torch.rand(16, 3, 16, 16, generator=random(11)))), []
    for step in range(40):
        noise = torch.randn(16, *made.generator.noise_shape, generator=random(1000 + step))
        rows.append(made.learn(same if known else Batch(made.generator(noise).detach()), step, step))
    assert (rows[-1]["r_t"] > 0.5) == known
    ps = [row["augment_p"] for row in rows[-8:]]
    assert all((before < after) == known for before, after in pairwise(ps))


# The whole training.


@pytest.mark.parametrize("family", ADVERSARIAL)
def test_every_adversarial_family_resumes_to_the_same_bytes(
    family: str,
    suited: Callable[..., GanRecipe],
    tmp_path: Path,
    write_pngs: Callable[[Path, np.ndarray], Sequence[Path]],
) -> None:
    """p among them, which half of the images meet at first: a run that forgot it would begin there again."""
    pixels = np.stack(list(generate("photo-like", 8, 16, seed=3)))
    for name, some in (("ash", pixels[:4]), ("oak", pixels[4:])):
        write_pngs(tmp_path / "data" / name, some)
    settings = {"source": tmp_path / "data", "classes": True, "augment": AUGMENTATIONS, "augment_target": 0.5}
    recipe = suited(family, images=24, log_every=4, checkpoint_every=8, **settings)

    def stop(done: int, total: int, note: str) -> None:
        if done == 20:
            raise KeyboardInterrupt

    halfway = mock.patch.object(Augmentation, "begin", side_effect=lambda: {"augment_p": 0.5, "r_t": 0.0})
    with mock.patch.object(augment, "RISE", 64), halfway:
        with pytest.raises(KeyboardInterrupt):
            train(recipe, tmp_path / "data", tmp_path / "stopped", on_progress=stop)
        digests = {train(recipe, tmp_path / "data", tmp_path / name).sha256 for name in ("stopped", "straight")}
    files = [
        {name: (tmp_path / run / name).read_bytes() for name in ("state.safetensors", "stats.jsonl", "recipe.json")}
        for run in ("stopped", "straight")
    ]
    assert len(digests) == 1
    assert files[0] == files[1]
    rows = [json.loads(line) for line in files[0]["stats.jsonl"].splitlines()]
    assert [row["images_shown"] for row in rows] == [4, 8, 12, 16, 20, 24]
    assert len({row["augment_p"] for row in rows}) > 4
    state = load_tensors(tmp_path / "stopped" / "state.safetensors", "gan-state")[0]
    assert under("numbers", state)["augment_p"].item() == rows[-1]["augment_p"]


def test_augmentation_changes_what_is_learned_and_nothing_that_is_drawn(tiny: GanRecipe, augmented: GanRecipe) -> None:
    made = [learner(recipe) for recipe in (tiny, augmented)]
    parts = [one._parts(Batch(images(10)), 3)[0] for one in made]
    assert torch.equal(parts[0].noise, parts[1].noise)
    assert torch.equal(parts[0].uniform, parts[1].uniform)
    assert made[0].learn(Batch(images(10)), 0, 3) != made[1].learn(Batch(images(10)), 0, 3)


TWO = """
import json, sys
from pathlib import Path
import torch
from artfp.generators import augment, parallel
from artfp.generators.base import Batch, Shape
from artfp.generators.families import new_learner
from artfp.generators.settings import GanRecipe
augment.RISE = 64
with parallel.together("cpu"):
    values = json.loads(sys.argv[1])
    learner = new_learner(GanRecipe(**values), Shape(16), "cpu")
    learner.numbers["augment_p"] = 0.5
    random = torch.Generator().manual_seed(12)
    batch = Batch(torch.randn(4, 3, 16, 16, generator=random))
    rows = [learner.learn(batch, step, step) for step in range(6)]
    rank = torch.distributed.get_rank() if torch.distributed.is_initialized() else "alone"
    Path(sys.argv[2], f"{rank}.json").write_text(json.dumps([(row["augment_p"], row["r_t"]) for row in rows]))
"""


def test_two_processes_agree_on_p_to_the_bit_and_with_one_alone(tmp_path: Path) -> None:
    """They see other images, so other signs. Sums in another order move the middle, and may turn two signs."""
    values = {"batch": 4, "latent": 8, "generator_width": 4, "generator_most": 8, "discriminator_width": 4}
    values |= {"discriminator_most": 8, "augment": AUGMENTATIONS, "augment_target": 0.2}
    (tmp_path / "two.py").write_text(TWO)
    program = [str(tmp_path / "two.py"), json.dumps(values), str(tmp_path)]
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for before in (launch, []):
        quiet = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, *before, *program]
        run = subprocess.run(command, env=quiet, capture_output=True, text=True, timeout=900)
        assert run.returncode == 0, run.stderr
    first, second, alone = (json.loads((tmp_path / f"{who}.json").read_text()) for who in ("0", "1", "alone"))
    assert first == second
    assert len({p for p, _ in first}) > 4
    np.testing.assert_allclose(first, alone, atol=0.02)


# What is refused.


def test_a_recipe_file_names_augmentations() -> None:
    parsed = recipes.parse({"augment": ["cutout", "colour"], "augment_target": 0.6}, GanRecipe, "x.toml")
    assert parsed.augment == ("cutout", "colour")
    assert (GanRecipe().augment, GanRecipe().augment_target) == (None, None)
    with pytest.raises(UsageError, match=r"2 problem\(s\)"):
        recipes.parse({"augment": "cutout", "augment_target": 1.5}, GanRecipe, "x.toml")


def test_what_cannot_be_augmented_is_refused_before_anything_is_written(
    tiny: GanRecipe, photos: Path, tmp_path: Path
) -> None:
    refused = {
        "augment: unknown hue; known: colour, translation, cutout": {"augment": ("hue", "cutout")},
        "name in augment what": {"augment_target": 0.6},
        "diffusion makes no use of .*augment": {"augment": ("cutout",), "family": "diffusion"},
    }
    for message, settings in refused.items():
        recipe = replace(tiny, **settings)
        with pytest.raises(UsageError, match=message):
            plan(recipe, photos, tmp_path / "out", None, twin=False)
        with pytest.raises(UsageError, match=message):
            train(recipe, photos, tmp_path / "out")
    assert not any((tmp_path / "out").glob("*.json"))


def test_a_training_from_before_there_was_augmentation_goes_on(tiny: GanRecipe, photos: Path, tmp_path: Path) -> None:
    train(tiny, photos, tmp_path / "out")
    settings = json.loads((tmp_path / "out" / "recipe.json").read_text())
    del settings["augment"], settings["augment_target"]
    (tmp_path / "out" / "recipe.json").write_text(json.dumps(settings))
    assert train(tiny, photos, tmp_path / "out").finished_before
    with pytest.raises(UsageError, match=r"augment: None, now \['cutout'\]"):
        train(replace(tiny, augment=("cutout",)), photos, tmp_path / "out")
