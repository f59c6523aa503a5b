"""The last bits: corrected where the encoder left them weak, and only there."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from artfp.codec.learned import LearnedCodec
from artfp.codec.mask import bounded_residual
from artfp.codec.store import load_codec
from artfp.codec.touchup import WEAK, touched_up
from artfp.data.procedural import generate
from artfp.images import to_tensor
from artfp.seeds import numpy_generator


@pytest.fixture(scope="module")
def codec() -> LearnedCodec:
    found = load_codec("artfp-64")
    assert isinstance(found, LearnedCodec)
    return found


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return to_tensor(np.stack(list(generate("photo-like", 8, 64, 21))))


@pytest.fixture(scope="module")
def bits() -> torch.Tensor:
    return torch.from_numpy(numpy_generator("touchup").integers(0, 2, (8, 64))).float()


def margins(codec: LearnedCodec, raw: torch.Tensor, images: torch.Tensor, bits: torch.Tensor) -> torch.Tensor:
    """The weakest bit of every image."""
    marked = (images + bounded_residual(raw, images, codec.psnr)).clamp(0, 1)
    return ((2 * bits - 1) * codec.logits(marked)).amin(dim=1)


@torch.no_grad()
def test_lost_bits_come_back_and_sound_images_stay_as_they_are(
    codec: LearnedCodec, images: torch.Tensor, bits: torch.Tensor
) -> None:
    sound = codec.encoder(images, bits, codec.decoder(images))
    wrong = bits.clone()
    wrong[:4, :3] = 1 - wrong[:4, :3]  # what the encoder was told differs in three bits of half of the images
    raw = codec.encoder(images, wrong, codec.decoder(images))
    before = margins(codec, raw, images, bits)
    fixed = touched_up(codec.decoder, raw, images, bits, codec.psnr)
    after = margins(codec, fixed, images, bits)
    assert (before[:4] < 0).all()
    assert (after[:4] > before[:4] + 1).all()
    unchanged = margins(codec, sound, images, bits)[4:] >= WEAK
    assert torch.equal(fixed[4:][unchanged], raw[4:][unchanged])


@torch.no_grad()
def test_marks_stay_as_strong_as_they_were(codec: LearnedCodec, images: torch.Tensor, bits: torch.Tensor) -> None:
    raw = codec.encoder(images, 1 - bits, codec.decoder(images))
    before = bounded_residual(raw, images, codec.psnr)
    after = bounded_residual(touched_up(codec.decoder, raw, images, bits, codec.psnr), images, codec.psnr)
    assert not torch.equal(before, after)
    assert torch.allclose(after.square().mean(dim=(1, 2, 3)), before.square().mean(dim=(1, 2, 3)), rtol=1e-3)


def test_it_works_with_and_without_gradients_around_it(
    codec: LearnedCodec, images: torch.Tensor, bits: torch.Tensor
) -> None:
    with torch.no_grad():
        quiet = codec.residual(images, bits)
    assert torch.allclose(codec.residual(images, bits), quiet, atol=1e-6)
    assert all(weight.grad is None for weight in codec.decoder.parameters())
