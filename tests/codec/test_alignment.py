"""Cut and turned images: read after another look, and only where one is needed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from artfp.codec.alignment import CORRECTIONS, SURE, SURER, aligned_logits
from artfp.codec.learned import LearnedCodec
from artfp.codec.store import load_codec
from artfp.data.procedural import generate
from artfp.images import to_tensor
from artfp.perturb.image import PERTURBATIONS
from artfp.seeds import numpy_generator


@pytest.fixture(scope="module")
def codec() -> LearnedCodec:
    found = load_codec("artfp-64")
    assert isinstance(found, LearnedCodec)
    return found


@pytest.mark.parametrize(
    ("attack", "strength"),
    [("centre-crop", 0.95), ("centre-crop", 0.86), ("centre-crop", 0.78), ("rotate", 2.0), ("rotate", 5.0)],
)
def test_cut_and_turned_images_are_read(codec: LearnedCodec, attack: str, strength: float) -> None:
    images = to_tensor(np.stack(list(generate("photo-like", 24, 64, 31))))
    bits = torch.from_numpy(numpy_generator("alignment").integers(0, 2, (24, 64)))
    attacked = PERTURBATIONS[attack](codec.embed(images, bits), strength, np.random.default_rng(0))
    assert ((codec.soft_bits(attacked) > 0) == (bits > 0)).float().mean() > 0.9


class Reader:
    """A decoder as sure as the images are bright, times a factor for every image after the first call."""

    def __init__(self, factor: float) -> None:
        self.factor, self.seen = factor, list[int]()

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        self.seen.append(len(images))
        sure = images.mean(dim=(1, 2, 3), keepdim=True).flatten(1) * (self.factor if len(self.seen) > 1 else 1.0)
        return sure * torch.tensor([1.0, -1.0])


def test_only_unsure_images_are_looked_at_again() -> None:
    images = torch.tensor([SURE + 1, SURE - 1, SURE + 2])[:, None, None, None].expand(3, 3, 8, 8)
    reader = Reader(1.0)
    assert torch.equal(aligned_logits(reader, images), Reader(1.0)(images))
    assert reader.seen == [3] + [1] * len(CORRECTIONS)


def test_a_correction_must_make_the_decoder_clearly_surer() -> None:
    images = torch.full((1, 3, 8, 8), 1.0)
    hardly, clearly = (aligned_logits(Reader(factor), images) for factor in (SURER - 0.05, SURER + 0.05))
    assert torch.allclose(hardly, torch.tensor([[1.0, -1.0]]))
    assert torch.allclose(clearly, (SURER + 0.05) * torch.tensor([[1.0, -1.0]]))
