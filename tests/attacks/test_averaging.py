"""Averaging: closed forms, and the end of a mark that does not depend on content."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from artfp.attacks.averaging import VARIANTS, WINDOW, common_share, estimate, forged, removed, strength_at
from artfp.codec.dct import DctCodec
from artfp.data.procedural import generate
from artfp.errors import ArtfpError
from artfp.images import round_to_8_bits, to_tensor
from artfp.seeds import numpy_generator

STEP = 1 / 255


def noise(count: int, *seed: int | str) -> Tensor:
    """Images of 8-bit values between .2 and .8, so that small residuals clip nowhere."""
    return torch.from_numpy(numpy_generator("averaging", *seed).integers(51, 205, (count, 3, 32, 32))).float() / 255


def residual(low: int = -4, high: int = 5) -> Tensor:
    """Whole 8-bit steps, other ones at every pixel."""
    return torch.from_numpy(numpy_generator("residual").integers(low, high, (3, 32, 32))).float() / 255


@pytest.fixture(scope="module")
def photos() -> Tensor:
    return to_tensor(np.stack(list(generate("photo-like", 224, 64, seed=31))))


@pytest.fixture(scope="module")
def key() -> Tensor:
    return torch.from_numpy(numpy_generator("averaging key").integers(0, 2, 64))


@pytest.fixture(scope="module")
def fixed_mark(dct: DctCodec, key: Tensor) -> Tensor:
    """The dct codec's mark on a grey image, thrice as strong: the same for every image."""
    return 3 * dct.residual(torch.full((1, 3, 64, 64), 0.5), key[None].float())[0]


def agreement(codec: DctCodec, images: Tensor, bits: Tensor) -> float:
    return float(((codec.soft_bits(images) > 0) == (bits > 0)).float().mean())


@pytest.mark.parametrize("count", [1, 10])
def test_originals_give_a_constant_residual_exactly(count: int) -> None:
    clean = noise(count, "clean")
    assert torch.allclose(estimate(clean + residual(), clean), residual(), atol=1e-7)


def test_removing_an_exact_estimate_gives_the_originals_back() -> None:
    clean = noise(10, "clean")
    marked = clean + residual()
    assert torch.equal(removed(marked, estimate(marked, clean), 1.0), round_to_8_bits(clean))


def test_forging_with_an_exact_estimate_gives_the_mark() -> None:
    clean, fresh = noise(10, "clean"), noise(5, "fresh")
    found = estimate(clean + residual(), clean)
    assert torch.allclose(forged(fresh, found, 1.0), fresh + residual(), atol=1e-6)
    assert torch.allclose(forged(fresh, found, 2.0), fresh + 2 * residual(), atol=1e-6)


def test_the_error_without_originals_falls_with_the_square_root_of_n() -> None:
    """Of 3,072 independent pixels the error is known to 1.3 %: six of those, and the seeds are fixed."""
    spread = math.sqrt((154**2 - 1) / 12) * STEP  # of 154 equally likely values
    for count in (10, 40, 160):
        found = estimate(noise(count, "marked", count) + residual(), noise(count, "others", count))
        error = float((found - residual()).square().mean().sqrt())
        assert error == pytest.approx(spread * math.sqrt(2 / count), rel=0.08)


def test_the_blind_attacker_finds_what_no_local_mean_holds() -> None:
    """On flat images all is exact: a checkerboard less its local mean."""
    rows, columns = torch.meshgrid(torch.arange(32), torch.arange(32), indexing="ij")
    board = ((-1.0) ** (rows + columns) * 4 * STEP).expand(3, -1, -1)
    flat = torch.linspace(0.2, 0.8, 7).view(-1, 1, 1, 1)
    inside = estimate(flat + board, None)[:, 3:-3, 3:-3]
    in_window = 1 / WINDOW**2  # an odd window holds one more of the centre's sign
    assert torch.allclose(inside, board[:, 3:-3, 3:-3] * (1 - in_window), atol=1e-6)


def test_the_blind_attacker_does_not_see_a_shift_of_all_pixels() -> None:
    clean = noise(4, "clean")
    assert torch.allclose(estimate(clean, None), estimate(clean + 0.1, None), atol=1e-6)


@pytest.mark.parametrize("strength", [-3.0, 0.0, 1.0, 50.0])
def test_results_are_images_of_8_bits(strength: float) -> None:
    images = torch.from_numpy(numpy_generator("whole range").random((3, 3, 32, 32))).float()
    for attack in (removed, forged):
        attacked = attack(images, residual(), strength)
        assert attacked.dtype == torch.float32
        assert attacked.shape == images.shape
        assert attacked.min() >= 0
        assert attacked.max() <= 1
        assert torch.allclose(attacked * 255, (attacked * 255).round(), atol=1e-4)


def test_nothing_is_random_and_nothing_given_is_changed() -> None:
    clean, others = noise(6, "clean"), noise(6, "others")
    marked = clean + residual()
    before = marked.clone()
    given = {"originals": clean, "others": others, None: None}
    assert sorted(VARIANTS) == ["blind", "paired", "unpaired"]
    for knows in VARIANTS.values():
        first = estimate(marked, given[knows])
        assert first.dtype == torch.float32
        assert torch.equal(first, estimate(marked, given[knows]))
        assert torch.equal(removed(marked, first, 1.0), removed(marked, first, 1.0))
    assert torch.equal(marked, before)


def test_a_scaled_estimate_changes_images_by_the_psnr_asked_for() -> None:
    clean, weak = noise(16, "clean"), residual() / 10
    changed = forged(clean, weak, strength_at(weak, 30.0)) - clean
    assert -10 * math.log10(float(changed.square().mean())) == pytest.approx(30.0, abs=0.05)


def test_the_common_share_is_one_for_a_fixed_mark_none_for_noise_and_half_between() -> None:
    """Of 40 independent residuals of 3,072 pixels the share is known to .003."""
    own = torch.from_numpy(numpy_generator("own").standard_normal((40, 3, 32, 32)))
    mean = torch.from_numpy(numpy_generator("mean").standard_normal((1, 3, 32, 32)))
    assert common_share(mean.expand(40, -1, -1, -1)) == pytest.approx(1)
    assert common_share(own) == pytest.approx(0, abs=0.02)
    assert common_share(own + mean) == pytest.approx(0.5, abs=0.02)
    assert common_share(0 * own) == 0


@pytest.mark.parametrize(("variant", "left"), [("paired", 0.15), ("unpaired", 0.15), ("blind", 0.4)])
def test_a_mark_that_ignores_content_is_removed(
    variant: str, left: float, dct: DctCodec, photos: Tensor, key: Tensor, fixed_mark: Tensor
) -> None:
    """What is left of it is measured in bits, from clean images (0) to marked ones (1): clipping leaves some."""
    seen, others, victims = photos.split((96, 96, 32))
    marked = forged(seen, fixed_mark, 1.0)
    fresh = forged(victims, fixed_mark, 1.0)
    found = estimate(marked, {"originals": seen, "others": others, None: None}[VARIANTS[variant]])
    clean_bits, marked_bits = agreement(dct, victims, key), agreement(dct, fresh, key)
    assert marked_bits > 0.9
    after = agreement(dct, removed(fresh, found, 1.0), key)
    assert (after - clean_bits) / (marked_bits - clean_bits) <= left


def test_a_mark_that_ignores_content_is_forged_from_a_hundred_images(
    dct: DctCodec, photos: Tensor, key: Tensor, fixed_mark: Tensor
) -> None:
    seen, innocent = photos[:100], photos[192:]
    found = estimate(forged(seen, fixed_mark, 1.0), seen)
    genuine = agreement(dct, forged(innocent, fixed_mark, 1.0), key)
    assert agreement(dct, forged(innocent, found, 1.0), key) == pytest.approx(genuine, abs=0.02)


def test_the_dct_codec_is_no_match_for_averaging(dct: DctCodec, photos: Tensor, key: Tensor) -> None:
    """Half of its marks' energy is the same for all images, and that half is what holds the bits."""
    seen, victims = photos[:96], photos[192:]
    marked, fresh = dct.embed(seen, key), dct.embed(victims, key)
    assert common_share(marked - seen) > 0.4
    assert agreement(dct, fresh, key) > 0.95
    assert agreement(dct, removed(fresh, estimate(marked, seen), 1.0), key) < 0.5


def test_what_cannot_be_averaged_is_named() -> None:
    images = noise(2, "clean")
    with pytest.raises(ArtfpError, match="no images"):
        estimate(images[:0], None)
    with pytest.raises(ArtfpError, match="no images"):
        estimate(images, images[:0])
    with pytest.raises(ArtfpError, match="differ in size"):
        estimate(images, images[..., :16])
    with pytest.raises(ArtfpError, match="of that size"):
        removed(images, residual()[..., :16], 1.0)
    with pytest.raises(ArtfpError, match="zero everywhere"):
        strength_at(0 * residual(), 36.0)
    with pytest.raises(ArtfpError, match="one residual"):
        common_share(residual()[None])
