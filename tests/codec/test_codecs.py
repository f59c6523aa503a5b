"""One contract for every codec, and what is particular to each."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from artfp.codec import alignment, mask, networks, touchup
from artfp.codec.base import Codec
from artfp.codec.dct import DctCodec, _dct_matrix, _patterns
from artfp.codec.learned import FORMAT
from artfp.codec.mask import bounded_residual, hiding_room
from artfp.codec.networks import EDGE, bands
from artfp.codec.store import find_codec, load_codec, shipped, suitable_for
from artfp.data.procedural import generate
from artfp.errors import ArtfpError, UsageError
from artfp.images import to_tensor
from artfp.seeds import numpy_generator

CODECS = ["dct", *shipped()]


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return to_tensor(np.stack(list(generate("photo-like", 24, 64, 11))))


def bits_for(codec: Codec, count: int) -> torch.Tensor:
    return torch.from_numpy(numpy_generator("test bits").integers(0, 2, (count, codec.n_bits)))


def accuracy(codec: Codec, marked: torch.Tensor, bits: torch.Tensor) -> float:
    return float(((codec.soft_bits(marked) > 0) == (bits > 0)).float().mean())


def test_the_release_ships_two_codecs() -> None:
    assert {"artfp-64", "artfp-128"} <= set(CODECS)


@pytest.mark.parametrize("name", CODECS)
class TestEveryCodec:
    def test_marked_images_read_back(self, name: str, images: torch.Tensor) -> None:
        codec = load_codec(name)
        bits = bits_for(codec, len(images))
        assert accuracy(codec, codec.embed(images, bits), bits) >= (0.97 if name == "dct" else 0.99)

    def test_mirrors_read_the_same(self, name: str, images: torch.Tensor) -> None:
        codec = load_codec(name)
        bits = bits_for(codec, len(images))
        assert accuracy(codec, codec.embed(images, bits).flip(-1), bits) >= 0.98

    def test_marks_are_8_bit_and_in_range(self, name: str, images: torch.Tensor) -> None:
        codec = load_codec(name)
        marked = codec.embed(images[:4], bits_for(codec, 1)[0])
        assert marked.min() >= 0
        assert marked.max() <= 1
        assert torch.allclose(marked * 255, (marked * 255).round(), atol=1e-4)

    def test_strength_zero_changes_nothing_and_strength_scales(self, name: str, images: torch.Tensor) -> None:
        codec = load_codec(name)
        bits = bits_for(codec, len(images))
        assert torch.allclose(codec.embed(images, bits, 0.0), images, atol=1e-6)
        errors = [float((codec.embed(images, bits, s) - images).square().mean()) for s in (0.5, 1.0, 2.0)]
        assert errors == sorted(errors)

    @pytest.mark.parametrize("size", [(48, 96), (150, 131)])
    def test_any_size_and_aspect_carries_the_bits(self, name: str, size: tuple[int, int]) -> None:
        codec = load_codec(name)
        large = torch.nn.functional.interpolate(to_tensor(np.stack(list(generate("horizons", 6, 96, 3)))), size=size)
        bits = bits_for(codec, 6)
        marked = codec.embed(large, bits)
        assert marked.shape == large.shape
        assert accuracy(codec, marked, bits) >= 0.97

    def test_soft_bits_are_bounded_and_batch_order_does_not_matter(self, name: str, images: torch.Tensor) -> None:
        codec = load_codec(name)
        soft = codec.soft_bits(images)
        assert soft.abs().max() <= 1
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
        assert torch.allclose(codec.soft_bits(images[order]), soft[order], atol=1e-4)

    def test_facts_fit_the_codec(self, name: str, images: torch.Tensor) -> None:
        codec = load_codec(name)
        facts = codec.facts()
        assert facts.consensus.shape == (codec.n_bits,)
        assert np.abs(facts.consensus).max() <= 256
        assert facts.calibration.shape[1] == codec.n_bits
        assert set(np.unique(facts.calibration)) <= {0, 1}
        assert facts.sha256 == codec.sha256
        assert len(codec.sha256) == 64

    def test_it_is_found_by_its_hash(self, name: str, images: torch.Tensor) -> None:
        found = find_codec(load_codec(name).sha256)
        assert found is not None
        assert found.name == name

    def test_wrong_bits_and_tiny_images_are_refused(self, name: str, images: torch.Tensor) -> None:
        codec = load_codec(name)
        with pytest.raises(ArtfpError, match="bits"):
            codec.embed(images, torch.zeros(7))
        with pytest.raises(ArtfpError, match="16 pixels"):
            codec.soft_bits(torch.zeros(1, 3, 8, 64))


def test_the_dct_matrix_is_orthonormal() -> None:
    basis = _dct_matrix(16)
    assert np.allclose(basis @ basis.T, np.eye(16))


def test_dct_patterns_are_orthonormal_and_mirror_themselves() -> None:
    patterns = _patterns()
    flat = patterns.flatten(1)
    assert torch.allclose(flat @ flat.T, torch.eye(64), atol=1e-5)
    assert torch.allclose(patterns, patterns.flip(-1), atol=1e-6)


def test_a_bit_already_carried_costs_the_dct_codec_nothing(images: torch.Tensor) -> None:
    codec = DctCodec()
    bits = bits_for(codec, len(images))
    marked = images + codec.residual(images, bits)
    again = codec.residual(marked, bits)
    assert again.abs().max() < 1e-4 or again.square().mean() < 0.05 * codec.residual(images, bits).square().mean()


@pytest.mark.parametrize("psnr", [30.0, 40.0])
def test_every_image_is_marked_at_the_psnr_asked_for_give_or_take_its_room(psnr: float, images: torch.Tensor) -> None:
    raw = torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
    error = (bounded_residual(raw, images, psnr) / hiding_room(images)).square().mean(dim=(1, 2, 3))
    assert torch.allclose(-10 * error.log10(), torch.tensor(psnr), atol=0.01)


def test_busy_images_have_more_room_than_flat_ones_within_six_decibels() -> None:
    noise = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    rooms = torch.cat([hiding_room(0.5 + contrast * noise) for contrast in (0.0, 0.05, 0.1, 0.2, 0.5)]).flatten()
    assert (rooms.diff() >= 0).all()
    assert 20 * math.log10(rooms[0]) == pytest.approx(-3)
    assert 20 * math.log10(rooms[-1]) == pytest.approx(3)
    assert rooms[2] / rooms[1] == pytest.approx(2**0.5, rel=0.01)


def test_edges_of_the_picture_saturate_where_marks_do_not() -> None:
    flat = torch.full((1, 3, 64, 64), 0.5)
    step = flat + 0.4 * (torch.arange(64) >= 32)
    mark = 0.01 * torch.randn(flat.shape, generator=torch.Generator().manual_seed(1))
    assert bands(flat).shape == (1, 9, 64, 64)
    assert not bands(flat)[:, 3:].any()
    assert bands(step)[:, 3:].abs().max() <= 1
    coarse = F.interpolate(F.avg_pool2d(mark, 8), scale_factor=8.0, mode="bilinear")
    both = (bands(flat + mark)[:, 3:6].atanh() + bands(flat + mark)[:, 6:].atanh()) * EDGE
    assert torch.allclose(both, mark - coarse, atol=1e-5)


def test_silence_is_not_amplified() -> None:
    grey = torch.full((1, 3, 64, 64), 0.5)
    assert bounded_residual(torch.full((1, 3, 64, 64), 1e-6), grey, 36).abs().max() < 1e-5


def test_the_format_names_these_constants() -> None:
    """Weights are worth nothing without them: whoever changes one gives FORMAT its next number."""
    held = (mask.WINDOW, mask.FLAT, mask.TEXTURE, mask.DETAIL, mask.SILENCE, round(mask.ROOM_LIMIT, 6))
    assert (FORMAT, held) == (2, (5, 0.1, 0.1, 0.035, 0.02, 1.412538))
    assert (EDGE, networks.GRID, [networks._scales(size) for size in (32, 64, 128)]) == (
        0.04,
        16,
        [(2, 4), (2, 8), (4, 16)],
    )
    zooms, turns = (0.965, 0.93, 0.895, 0.86, 0.825, 0.79, 0.76), (1.5, 3.0, 4.5, 6.0)
    assert (zooms, turns, 1.5, 16) == (alignment.ZOOMS, alignment.TURNS, alignment.SURER, alignment.PORTION)
    assert (touchup.WEAK, touchup.STEPS, touchup.STEP) == (2.0, 4, 0.2)


def test_an_unknown_codec_is_named_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"nonesuch.*dct"):
        load_codec("nonesuch")
    assert find_codec("0" * 64) is None


@pytest.mark.parametrize(("side", "name"), [(32, "artfp-64"), (127, "artfp-64"), (128, "artfp-128")])
def test_auto_suits_the_images(side: int, name: str) -> None:
    assert suitable_for(side) == name


def test_auto_without_images_is_refused() -> None:
    with pytest.raises(UsageError, match="name one"):
        load_codec("auto")
