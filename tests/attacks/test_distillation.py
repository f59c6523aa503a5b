"""Distillation: pairs that are the teacher's, and a student that comes nearer to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from artfp.attacks.distillation import Pairs, Student, difference, distilled, untaught
from artfp.checkpoints import load_tensors
from artfp.generators.biggan import BigganGenerator
from artfp.generators.colours import to_opponent
from artfp.generators.dcgan import DcganGenerator
from artfp.generators.sampling import noise, sample
from artfp.generators.settings import GanRecipe
from artfp.images import to_tensor

RECIPE = GanRecipe(learning_rate=2e-3, average=0)


@pytest.fixture
def teacher() -> DcganGenerator:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return DcganGenerator(16, 8, 4, 8).requires_grad_(False).eval()


def losses(student: Student, pairs: Pairs, steps: int) -> list[float]:
    return [student.learn(pairs[step], step, 0)["loss"] for step in range(steps)]


def test_pairs_are_what_the_teacher_samples_of_the_same_noise(teacher: DcganGenerator) -> None:
    pairs = Pairs(teacher, 32, seed=7)
    batch = pairs[1]
    assert torch.equal(batch.sources, noise(teacher, pairs.seed, range(32, 64)))
    (sampled,) = sample(teacher, 32, pairs.seed, 32)
    assert (batch.images - to_opponent(to_tensor(sampled))).abs().max() < 0.03  # half of a level, amplified


def test_pairs_are_fresh_in_every_batch_and_not_those_of_samples(teacher: DcganGenerator) -> None:
    pairs = Pairs(teacher, 4, seed=7)
    assert torch.equal(pairs[2].images, pairs[2].images)
    assert not torch.equal(pairs[2].sources, pairs[3].sources)
    assert not torch.equal(pairs[0].sources, noise(teacher, 7, range(4)))


def test_a_student_with_the_teachers_weights_has_nothing_to_learn(teacher: DcganGenerator) -> None:
    batch = Pairs(teacher, 8, seed=7)[0]
    inside = ((batch.images - teacher(batch.sources)).abs() < 1e-5).all(dim=(1, 2, 3))
    assert inside.any()  # of the others a part was cut off, as it does not exist
    batch = type(batch)(batch.images[inside], None, batch.sources[inside])
    assert difference(teacher, batch, "cpu") < 1e-6


def test_the_difference_of_images_that_are_lighter_everywhere_is_by_how_much(teacher: DcganGenerator) -> None:
    batch = Pairs(teacher, 2, seed=7)[0]
    shifted = type(batch)(teacher(batch.sources) + 0.25, None, batch.sources)
    assert difference(teacher, shifted, "cpu").item() == pytest.approx(0.25)


def test_a_student_comes_nearer_to_its_teacher(teacher: DcganGenerator) -> None:
    """The teacher is within its reach: it has the same shape."""
    student = Student(RECIPE, untaught(teacher, 3), "cpu")
    seen = losses(student, Pairs(teacher, 16, seed=7), 150)
    assert np.mean(seen[-10:]) < 0.6 * np.mean(seen[:10])


def test_a_student_begins_with_weights_of_its_own(teacher: DcganGenerator) -> None:
    before = torch.random.get_rng_state()
    first, again, other = untaught(teacher, 3), untaught(teacher, 3), untaught(teacher, 4)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert first.shape == teacher.shape
    assert torch.equal(first.dense.weight, again.dense.weight)
    assert not torch.equal(first.dense.weight, other.dense.weight)
    assert not torch.equal(first.dense.weight, teacher.dense.weight)


def test_stages_make_what_one_go_makes(teacher: DcganGenerator, tmp_path: Path) -> None:
    made = [
        distilled(teacher, shown, tmp_path / name, 3, "cpu", lambda *_: None) / "generator.safetensors"
        for name, shown in (("stages", [16, 40]), ("one go", [40]))
    ]
    assert made[0].read_bytes() == made[1].read_bytes()
    assert load_tensors(made[0], "generator")[1]["images_shown"] == 40


def test_a_student_is_told_the_classes_that_its_teacher_was() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        teacher = BigganGenerator(16, 8, 4, 8, 3).requires_grad_(False).eval()
    pairs = Pairs(teacher, 8, seed=7)
    assert pairs[0].condition.sum(dim=1).tolist() == [1.0] * 8
    assert np.isfinite(losses(Student(RECIPE, untaught(teacher, 3), "cpu"), pairs, 2)).all()
