"""One contract for every registered perturbation, and agreement with reference implementations."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageFilter
from scipy import ndimage

from artfp.data.procedural import generate
from artfp.errors import ArtfpError
from artfp.images import to_pixels, to_tensor
from artfp.perturb.geometry import turned
from artfp.perturb.image import PERTURBATIONS

ALL = sorted(PERTURBATIONS)


@pytest.fixture(scope="module")
def batch() -> torch.Tensor:
    return to_tensor(np.stack(list(generate("photo-like", 6, 32, 5))))


def run(name: str, images: torch.Tensor, level: float, seed: int = 0) -> torch.Tensor:
    kind = PERTURBATIONS[name]
    return kind(images, kind.at_level(level), np.random.default_rng(seed))


def test_all_fourteen_are_covered() -> None:
    tones, places = (
        ["brightness", "color", "contrast", "saturation"],
        ["centre-crop", "crop", "flip", "realigned", "resize", "rotate"],
    )
    assert sorted([*tones, *places, "blur", "jpeg", "noise", "three"]) == ALL


@pytest.mark.parametrize("name", ALL)
def test_shape_type_and_range_are_kept(name: str, batch: torch.Tensor) -> None:
    for level in (0.0, 0.3, 1.0):
        out = run(name, batch, level)
        assert out.shape == batch.shape
        assert out.dtype == torch.float32
        assert out.min() >= 0
        assert out.max() <= 1


@pytest.mark.parametrize("name", ALL)
def test_the_mildest_strength_is_the_identity_where_declared(name: str, batch: torch.Tensor) -> None:
    assert torch.equal(run(name, batch, 0.0), batch) == PERTURBATIONS[name].exact_identity


@pytest.mark.parametrize("name", ALL)
def test_average_damage_grows_with_strength(name: str, batch: torch.Tensor) -> None:
    damage = [
        np.mean([float((run(name, batch, level, seed) - batch).square().mean()) for seed in range(12)])
        for level in (0.1, 0.5, 1.0)
    ]
    assert damage == sorted(damage)
    assert damage[-1] > 0


@pytest.mark.parametrize("name", ALL)
def test_the_seed_alone_decides(name: str, batch: torch.Tensor) -> None:
    assert torch.equal(run(name, batch, 0.7, 3), run(name, batch, 0.7, 3))


@pytest.mark.parametrize("name", ALL)
def test_gradients_reach_the_images(name: str, batch: torch.Tensor) -> None:
    images = batch.clone().requires_grad_()
    run(name, images, 0.5).sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0


@pytest.mark.parametrize("name", ALL)
def test_a_strength_that_is_no_number_is_refused(name: str, batch: torch.Tensor) -> None:
    with pytest.raises(ArtfpError, match=name):
        PERTURBATIONS[name](batch, float("nan"), np.random.default_rng(0))


def test_jpeg_is_pillows(batch: torch.Tensor) -> None:
    out = PERTURBATIONS["jpeg"](batch, 60, np.random.default_rng(0))
    for image, pixels in zip(out, to_pixels(batch), strict=True):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=60)
        assert np.array_equal(to_pixels(image[None])[0], np.asarray(Image.open(buffer)))


def test_blur_agrees_with_scipy(batch: torch.Tensor) -> None:
    out = PERTURBATIONS["blur"](batch, 0.04, np.random.default_rng(0)).numpy()
    expected = ndimage.gaussian_filter(batch.numpy(), (0, 0, 0.04 * 32, 0.04 * 32), mode="mirror", radius=4)
    assert np.allclose(out, expected, atol=1e-5)


def test_resize_agrees_with_pillow(batch: torch.Tensor) -> None:
    out = PERTURBATIONS["resize"](batch, 0.5, np.random.default_rng(0))
    for image, pixels in zip(to_pixels(out), to_pixels(batch), strict=True):
        small = Image.fromarray(pixels).resize((16, 16), Image.Resampling.BILINEAR)
        back = small.resize((32, 32), Image.Resampling.BILINEAR)
        assert np.abs(image.astype(int) - np.asarray(back)).max() <= 2


def test_flip_at_full_strength_mirrors_every_image(batch: torch.Tensor) -> None:
    assert torch.equal(run("flip", batch, 1.0), batch.flip(-1))


def test_noise_has_the_deviation_it_names() -> None:
    grey = torch.full((8, 3, 64, 64), 0.5)
    noisy = PERTURBATIONS["noise"](grey, 0.05, np.random.default_rng(0))
    assert abs(float(noisy.std()) - 0.05) < 0.001  # 98,304 draws: five standard errors


def test_blur_is_not_pillows_box_approximation(batch: torch.Tensor) -> None:
    pixels = to_pixels(batch)[0]
    ours = to_pixels(PERTURBATIONS["blur"](batch[:1], 0.06, np.random.default_rng(0)))[0]
    theirs = np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(0.06 * 32)))
    inner = np.s_[6:-6, 6:-6]
    assert np.abs(ours[inner].astype(int) - theirs[inner]).mean() < 2


def test_a_crop_of_the_centre_is_pillows(batch: torch.Tensor) -> None:
    out = PERTURBATIONS["centre-crop"](batch, 0.75, np.random.default_rng(0))
    for image, pixels in zip(to_pixels(out), to_pixels(batch), strict=True):
        theirs = Image.fromarray(pixels).crop((4, 4, 28, 28)).resize((32, 32), Image.Resampling.BILINEAR)
        assert np.abs(image.astype(int) - np.asarray(theirs)).max() <= 2


@pytest.mark.parametrize("shape", [(32, 32), (20, 32)])
def test_a_turn_agrees_with_pillow_and_keeps_its_shape(batch: torch.Tensor, shape: tuple[int, int]) -> None:
    images = batch[..., : shape[0], : shape[1]]
    out = to_pixels(PERTURBATIONS["rotate"](images, 5.0, np.random.default_rng(0)))
    inner = np.s_[4:-4, 4:-4]
    for image, pixels in zip(out, to_pixels(images), strict=True):
        theirs = [Image.fromarray(pixels).rotate(angle, Image.Resampling.BILINEAR) for angle in (-5, 5)]
        gaps = [np.abs(image[inner].astype(int) - np.asarray(other)[inner]).max() for other in theirs]
        assert min(gaps) <= 2


def test_what_is_turned_and_enlarged_comes_back(batch: torch.Tensor) -> None:
    smooth = torch.nn.functional.avg_pool2d(batch, 5, stride=1, padding=2)
    back = turned(turned(smooth, 6.0, 1.25), -6.0, 1 / 1.25)
    inner = np.s_[..., 8:-8, 8:-8]
    assert (back - smooth)[inner].abs().mean() < 0.01 < (turned(smooth, 6.0, 1.25) - smooth)[inner].abs().mean()


def test_enlarging_is_a_crop_of_the_centre(batch: torch.Tensor) -> None:
    crop = PERTURBATIONS["centre-crop"](batch, 0.75, np.random.default_rng(0))
    inner = np.s_[..., 2:-2, 2:-2]  # the border of a crop is replicated, that of the enlargement is the picture's own
    assert (turned(batch, 0.0, 1 / 0.75) - crop)[inner].abs().max() < 2 / 255


def test_what_is_realigned_is_cut_at_its_border_and_hardly_moved_within(batch: torch.Tensor) -> None:
    """Over 8 seeds: the middle half of the images changes less than the rim."""
    change = torch.stack([(run("realigned", batch, 1.0, seed) - batch).abs().mean(dim=(0, 1)) for seed in range(8)])
    middle = change.mean(dim=0)[8:-8, 8:-8]
    assert middle.mean() < 0.5 * (change.mean(dim=0).sum() - middle.sum()) / (32 * 32 - middle.numel())


def test_turns_go_either_way(batch: torch.Tensor) -> None:
    turned = [run("rotate", batch, 1.0, seed) for seed in range(12)]  # one direction alone: once in 2,048 seeds
    assert not all(torch.equal(turned[0], other) for other in turned)


@pytest.mark.parametrize("name", ["brightness", "contrast"])
def test_half_of_a_tone_is_pillows_on_grey_images(name: str, batch: torch.Tensor) -> None:
    enhance = ImageEnhance.Brightness if name == "brightness" else ImageEnhance.Contrast
    grey = batch.mean(dim=1, keepdim=True).expand_as(batch)
    out = PERTURBATIONS[name](grey, 0.5, np.random.default_rng(0))
    for image, pixels in zip(to_pixels(out), to_pixels(grey), strict=True):
        theirs = np.asarray(enhance(Image.fromarray(pixels)).enhance(0.5))
        assert np.abs(image.astype(int) - theirs).max() <= 1


def test_half_the_saturation_is_half_way_to_grey(batch: torch.Tensor) -> None:
    out = PERTURBATIONS["saturation"](batch, 0.5, np.random.default_rng(0))
    grey = batch.mean(dim=1, keepdim=True)
    assert torch.allclose(out - grey, (batch - grey) / 2, atol=1e-6)
