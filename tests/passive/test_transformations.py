"""The table of transformations that DNA-Det is taught first."""

from __future__ import annotations

import io
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from artfp.data.procedural import generate
from artfp.images import to_pixels, to_tensor
from artfp.passive.dnadet import DnaDet
from artfp.passive.transformations import QUALITIES, TRANSFORMATIONS, Transformation, second_quality


@pytest.fixture(scope="module")
def image() -> Tensor:
    return to_tensor(next(iter(generate("photo-like", 1, 32, 5))))


def of_kind(kind: str) -> list[Transformation]:
    return [each for each in TRANSFORMATIONS if each.kind == kind]


def done(transformation: Transformation, image: Tensor) -> Tensor:
    return transformation(image, np.random.default_rng(0))


def test_there_are_170_of_the_papers_kinds() -> None:
    kinds = Counter(each.kind.partition("-")[0] for each in TRANSFORMATIONS)
    assert kinds == {"jpeg": 24, "double": 24, "blur": 14, "median": 14, "resize": 80, "noise": 14}
    assert len({(each.kind, each.strengths) for each in TRANSFORMATIONS}) == len(TRANSFORMATIONS) == 170


def test_the_lite_preset_learns_some_of_every_kind() -> None:
    chosen = TRANSFORMATIONS[:: DnaDet.presets["lite"].every]
    assert {each.kind for each in chosen} == {each.kind for each in TRANSFORMATIONS}


def test_each_changes_an_image_into_another_of_8_bits_and_leaves_its_input_alone(image: Tensor) -> None:
    before = image.clone()
    for transformation in TRANSFORMATIONS:
        after = done(transformation, image)
        assert after.shape == image.shape
        assert not torch.equal(after, image), transformation
        assert torch.equal(after, to_tensor(to_pixels(after)))
    assert torch.equal(image, before)


@pytest.mark.parametrize("kind", ["blur", "median", "noise"])
def test_stronger_ones_change_more(kind: str, image: Tensor) -> None:
    weakest, strongest = of_kind(kind)[0], of_kind(kind)[-1]
    assert (done(weakest, image) - image).abs().mean() < (done(strongest, image) - image).abs().mean()


def test_jpeg_is_that_of_a_real_file_and_twice_is_two_files(image: Tensor) -> None:
    picture, double = Image.fromarray(to_pixels(image)[0]), of_kind("double-jpeg")[3]
    for quality in double.strengths:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=int(quality))
        picture = Image.open(file)
    assert torch.equal(done(double, image), to_tensor(np.asarray(picture)))


def test_every_second_quality_occurs_once_and_never_after_itself() -> None:
    seconds = [second_quality(place) for place in range(len(QUALITIES))]
    assert sorted(seconds) == list(QUALITIES)
    assert not any(first == second for first, second in zip(QUALITIES, seconds, strict=True))


def test_blur_is_the_gaussian_that_opencv_takes_for_a_side(image: Tensor) -> None:
    """Far from the border a point becomes the kernel: .8 pixels of deviation for 3 pixels, 4.7 for 29."""
    point = torch.zeros(1, 3, 65, 65)
    point[..., 32, 32] = 1
    for blur, sigma in ((of_kind("blur")[0], 0.8), (of_kind("blur")[-1], 4.7)):
        spread = blur.operation(point, blur.strengths[0], np.random.default_rng(0))[0, 0]
        variance = (spread * (torch.arange(65) - 32.0).square()).sum() / spread.sum()
        assert variance.sqrt().item() == pytest.approx(sigma, rel=0.05)


def test_noise_has_its_variance_where_nothing_clips() -> None:
    """16,384 x 3 draws: the relative deviation of a variance is .006."""
    grey = torch.full((1, 3, 128, 128), 0.5)
    for noise, variance in zip(of_kind("noise"), range(10, 50, 3), strict=True):
        found = ((done(noise, grey) - grey) * 255).var().item()
        assert found == pytest.approx(variance, rel=0.06)  # rounding adds 1/12, and 1/2 of a step is no step
