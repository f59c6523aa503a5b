"""Perturbations of images agree with reference implementations, and with closed forms where there are none."""

from __future__ import annotations

import colorsys
import io
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from scipy import ndimage

from artfp.images import to_pixels
from artfp.perturb.base import Perturbation
from artfp.perturb.filters import motion_kernel
from artfp.perturb.geometry import seen_through, turned
from artfp.perturb.image import PERTURBATIONS


def run(name: str, images: torch.Tensor, strength: float, seed: int = 0) -> torch.Tensor:
    return PERTURBATIONS[name](images, strength, np.random.default_rng(seed))


def farthest(name: str, images: torch.Tensor, strength: float, reference: Callable[[Image.Image], Image.Image]) -> int:
    """From what the reference makes of the same 8-bit pixels, in 8-bit steps."""
    out = to_pixels(run(name, images, strength)).astype(int)
    theirs = [np.asarray(reference(Image.fromarray(pixels))) for pixels in to_pixels(images)]
    return int(np.abs(out - np.stack(theirs)).max())


def stored(kind: str, quality: int) -> Callable[[Image.Image], Image.Image]:
    def through(image: Image.Image) -> Image.Image:
        buffer = io.BytesIO()
        image.save(buffer, kind, quality=quality)
        return Image.open(buffer)

    return through


@pytest.mark.parametrize(("name", "quality"), [("jpeg", 60), ("webp", 60)])
def test_files_are_pillows(name: str, quality: int, batch: torch.Tensor) -> None:
    assert farthest(name, batch, quality, stored(name.upper(), quality)) == 0


@pytest.mark.parametrize("size", [3, 5, 7])
def test_the_median_is_pillows_and_scipys(size: int, batch: torch.Tensor) -> None:
    assert farthest("median", batch, size, lambda image: image.filter(ImageFilter.MedianFilter(size))) == 0
    theirs = ndimage.median_filter(batch.numpy(), (1, 1, size, size), mode="nearest")
    assert np.array_equal(run("median", batch, size).numpy(), theirs)


@pytest.mark.parametrize("bits", [2, 5])
def test_posterised_images_are_pillows_and_have_few_levels(bits: int, batch: torch.Tensor) -> None:
    assert farthest("posterise", batch, bits, lambda image: ImageOps.posterize(image, bits)) == 0
    assert len(np.unique(to_pixels(run("posterise", batch, bits)))) <= 2**bits


@pytest.mark.parametrize("factor", [2, 4])
def test_sharpening_is_pillows(factor: int, batch: torch.Tensor) -> None:
    """Which rounds what it smooths before it multiplies the difference."""
    gap = farthest("sharpen", batch, factor, lambda image: ImageEnhance.Sharpness(image).enhance(factor))
    assert gap <= factor


def test_grey_is_pillows(batch: torch.Tensor) -> None:
    assert farthest("grey", batch, 1.0, lambda image: image.convert("L").convert("RGB")) <= 1


@pytest.mark.parametrize("power", [0.5, 2.0])
def test_gamma_is_a_power_of_the_share_of_white(power: float, batch: torch.Tensor) -> None:
    assert farthest("gamma", batch, power, lambda image: image.point(lambda v: round(255 * (v / 255) ** power))) == 0


def test_hues_turn_as_in_the_standard_library(batch: torch.Tensor) -> None:
    out = run("hue", batch[:1], 90.0)[0].permute(1, 2, 0).reshape(-1, 3)
    for ours, (r, g, b) in zip(out.tolist(), batch[0].permute(1, 2, 0).reshape(-1, 3).tolist(), strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(r, g, b)
        assert ours == pytest.approx(colorsys.hsv_to_rgb((hue + 90 / 360) % 1, saturation, value), abs=1e-4)


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
    turned = [run("rotate", batch, 5.0, seed) for seed in range(12)]  # one direction alone: once in 2,048 seeds
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


def luma(images: torch.Tensor) -> torch.Tensor:
    return (images * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(dim=1, keepdim=True)


@pytest.mark.parametrize("factor", [0.5, 1.2])
@pytest.mark.parametrize("name", ["contrast", "saturation"])
def test_on_colours_tones_are_pillows_about_the_mean_of_channels(name: str, factor: float, batch: torch.Tensor) -> None:
    """Where Pillow takes their luma: that is the whole difference."""
    images = 0.25 + batch / 2  # far from where either clips
    dims = (1, 2, 3) if name == "contrast" else (1,)
    pivot = luma(images).mean(dim=dims, keepdim=True) - images.mean(dim=dims, keepdim=True)
    enhance = ImageEnhance.Contrast if name == "contrast" else ImageEnhance.Color
    ours = to_pixels(run(name, images, factor) + (1 - factor) * pivot).astype(int)
    theirs = [np.asarray(enhance(Image.fromarray(one)).enhance(factor)) for one in to_pixels(images)]
    assert np.abs(ours - np.stack(theirs)).max() <= 1


@pytest.mark.parametrize("shape", [(32, 32), (20, 32)])
def test_a_turn_agrees_with_scipy_up_to_the_corners(batch: torch.Tensor, shape: tuple[int, int]) -> None:
    images = batch[..., : shape[0], : shape[1]]
    theirs = ndimage.rotate(images.double().numpy(), 20.0, (3, 2), reshape=False, order=1, mode="reflect")
    assert np.abs(turned(images, 20.0, 1.0).numpy() - theirs).max() < 1e-4


def test_a_perspective_is_pillows(batch: torch.Tensor) -> None:
    """Pillow is told where each pixel comes from, and that it lies half a pixel from its corner."""
    images = torch.nn.functional.avg_pool2d(batch, 3, stride=1, padding=1)
    corners = torch.tensor([[0.0, 0.0], [31.0, 0.0], [31.0, 31.0], [0.0, 31.0]])
    moved = corners + torch.tensor([[-3.0, -1.0], [2.0, -2.0], [1.0, 3.0], [-2.0, 2.0]])
    ours, inner = to_pixels(seen_through(images, corners, moved)).astype(int), np.s_[:, 2:-2, 2:-2]
    rows = [
        row
        for (x, y), (u, v) in zip((moved + 0.5).tolist(), (corners + 0.5).tolist(), strict=True)
        for row in ([x, y, 1, 0, 0, 0, -u * x, -u * y, u], [0, 0, 0, x, y, 1, -v * x, -v * y, v])
    ]
    system = np.array(rows)
    told = np.linalg.solve(system[:, :8], system[:, 8])
    theirs = [
        np.asarray(
            Image.fromarray(one).transform((32, 32), Image.Transform.PERSPECTIVE, told, Image.Resampling.BILINEAR)
        )
        for one in to_pixels(images)
    ]
    assert np.abs(ours - np.stack(theirs))[inner].max() <= 2


def test_a_motion_is_the_mean_of_shifted_images(batch: torch.Tensor) -> None:
    """By scipy, along a horizontal segment of 3 pixels: whole shifts of linear interpolation's own weights."""
    length, angle = 3.0, 0.6
    along = length * ((np.arange(12) + 0.5) / 12 - 0.5)
    steps = [(0, 0, t * math.sin(angle), t * math.cos(angle)) for t in along]
    theirs = np.mean([ndimage.shift(batch.double().numpy(), step, order=1, mode="mirror") for step in steps], axis=0)
    padded = torch.nn.functional.pad(batch, (2,) * 4, mode="reflect")
    kernel = motion_kernel(length, angle).float()
    ours = torch.nn.functional.conv2d(padded, kernel.expand(3, 1, -1, -1), groups=3)
    assert np.abs(ours.numpy() - theirs).max() < 1e-5


def test_motion_blur_is_scipys_convolution_with_its_kernel(batch: torch.Tensor) -> None:
    angle = np.random.default_rng(0).uniform(0, math.pi)
    kernel = motion_kernel(0.1 * 32, angle).numpy()
    theirs = ndimage.convolve(batch.double().numpy(), kernel[None, None], mode="mirror")
    assert np.abs(run("motion-blur", batch, 0.1).numpy() - theirs).max() < 1e-5
    assert kernel.sum() == pytest.approx(1)


def test_salt_and_pepper_are_as_many_as_named() -> None:
    """Of 65,536 pixels, within five standard errors; whole pixels, all others as they were."""
    grey = torch.full((4, 3, 128, 128), 0.5)
    out = run("salt-and-pepper", grey, 0.1)
    for value in (0.0, 1.0):
        assert abs(float((out == value).all(dim=1).double().mean()) - 0.05) < 5 * (0.05 * 0.95 / 65_536) ** 0.5
    assert set(out.unique().tolist()) == {0.0, 0.5, 1.0}
    assert torch.equal(out[:, :1].expand_as(out), out)


def test_light_has_the_spread_it_names_and_is_smooth(batch: torch.Tensor) -> None:
    field = run("relighting", torch.full((3, 3, 48, 64), 0.3), 0.2).div(0.3).log()
    assert torch.allclose(field.std(dim=(2, 3)), torch.tensor(0.2), atol=1e-4)
    assert field.mean(dim=(2, 3)).abs().max() < 1e-5
    assert field.diff(dim=3).abs().max() < 0.05
    assert torch.allclose(field[:, :1].expand_as(field), field, atol=1e-5)


@pytest.mark.parametrize("name", ["cut-out", "text", "logo"])
def test_a_cover_hides_a_part_and_leaves_the_rest(name: str, batch: torch.Tensor) -> None:
    """Six images: a cover has one colour in each, and most of each image lies outside."""
    images = batch.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)
    for image, before in zip(PERTURBATIONS[name].each(images, 0.35, range(6)), images, strict=True):
        touched = (image != before).any(dim=0)
        _, counts = image[:, touched].unique(dim=1, return_counts=True)
        assert 0.02 < touched.float().mean() < 0.5
        assert counts.max() > 0.5 * counts.sum()  # the rest are soft edges


def test_what_is_cut_out_is_as_large_as_named(batch: torch.Tensor) -> None:
    images = batch[..., :24, :].clamp(max=0.4)
    covered = (PERTURBATIONS["cut-out"].each(images, 0.5, range(6)) == 0.5).all(dim=1)
    assert covered.sum(dim=(1, 2)).tolist() == [12 * 16] * 6


def test_a_round_of_screenshots_is_undone_but_for_its_damage() -> None:
    """A smooth picture comes back in its place: within a JPEG's and two resizes' errors and the cut at its borders."""
    ramp = torch.linspace(0.1, 0.9, 64).expand(1, 3, 64, 64)
    out = run("screenshot", ramp, 1)
    assert 0 < (out - ramp).abs().max() < 0.05


@pytest.mark.parametrize(("name", "count"), [("two", 2), ("three", 3)])
def test_several_are_as_many_different_ones(
    name: str, count: int, batch: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    met: list[str] = []
    monkeypatch.setattr(Perturbation, "check", lambda self, strength: met.append(self.name))
    run(name, batch, 1.0)
    assert met[0] == name
    assert len(met[1:]) == len(set(met[1:])) == count
