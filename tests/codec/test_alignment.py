"""Cut and turned images: read after another look, and only where one is needed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from artfp.codec.alignment import CORRECTIONS, PORTION, SURER, TURNS, ZOOMS, aligned_logits
from artfp.codec.learned import LearnedCodec
from artfp.codec.store import load_codec
from artfp.data.procedural import generate
from artfp.images import to_tensor
from artfp.perturb.geometry import Realigned
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


def test_a_glance_reads_whole_images_alike_and_does_not_look_for_turns(codec: LearnedCodec) -> None:
    images = to_tensor(np.stack(list(generate("photo-like", 24, 64, 35))))
    bits = torch.from_numpy(numpy_generator("glance").integers(0, 2, (24, 64)))
    marked = codec.embed(images, bits)
    turned = PERTURBATIONS["rotate"](marked, 5.0, np.random.default_rng(0))
    glances = [codec.glance(images) for images in (marked, turned)]
    assert not any(glance.unsure.any() for glance in glances)
    assert ((glances[0].soft > 0) == (codec.soft_bits(marked) > 0)).all()
    right = [((glance.soft > 0) == (bits > 0)).float().mean() for glance in glances]
    assert right[0] == 1
    assert right[1] < 0.8


@pytest.mark.parametrize("degrees", [3.0, 5.0])
def test_a_turned_photograph_of_another_aspect_is_read(codec: LearnedCodec, degrees: float) -> None:
    images = to_tensor(np.stack(list(generate("photo-like", 12, 192, 32))))[:, :, :128]
    bits = torch.from_numpy(numpy_generator("aspect").integers(0, 2, (12, 64)))
    attacked = PERTURBATIONS["rotate"](codec.embed(images, bits), degrees, np.random.default_rng(0))
    assert ((codec.soft_bits(attacked) > 0) == (bits > 0)).float().mean() > 0.95


@torch.no_grad()
def test_an_image_reads_the_same_beside_sure_and_unsure_neighbours(codec: LearnedCodec) -> None:
    clean = to_tensor(np.stack(list(generate("photo-like", 64, 64, 33))))
    marked = codec.embed(clean, torch.ones(64))
    among_sure, among_unsure = torch.cat([clean[:1], marked[1:]]), clean
    assert torch.equal(codec.soft_bits(among_sure)[0], codec.soft_bits(among_unsure)[0])


def test_searching_takes_nothing_from_whole_images_however_quiet_their_marks(codec: LearnedCodec) -> None:
    images = to_tensor(np.stack(list(generate("photo-like", 24, 64, 34))))
    bits = torch.from_numpy(numpy_generator("quiet").integers(0, 2, (24, 64)))
    marked = codec.embed(images, bits, 0.7)
    with torch.no_grad():
        plain = ((codec.logits(marked) > 0) == (bits > 0)).float().mean()
    assert ((codec.soft_bits(marked) > 0) == (bits > 0)).float().mean() >= plain - 0.001


def test_what_training_shows_covers_what_the_search_leaves() -> None:
    """Half a step between two corrections, and as far as the last of them."""
    zooms, turns = (1.0, *ZOOMS), (0.0, *TURNS)
    assert max(before / after for before, after in pairwise(zooms)) ** 0.5 - 1 < Realigned.ZOOM_ERROR + 0.003
    assert max(after - before for before, after in pairwise(turns)) / 2 <= Realigned.TURN_ERROR
    assert zooms[-1] >= Realigned.LEAST
    assert turns[-1] <= Realigned.MOST


class Reader:
    """A decoder as sure as the images are bright, times a factor for every image after the first call."""

    def __init__(self, factor: float) -> None:
        self.factor, self.seen = factor, list[int]()

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        self.seen.append(len(images))
        sure = images.mean(dim=(1, 2, 3), keepdim=True).flatten(1) * (self.factor if len(self.seen) > 1 else 1.0)
        return sure * torch.tensor([1.0, -1.0])


def read(reader: Reader, *brightness: float) -> tuple[list[float], Reader]:
    images = torch.tensor(brightness)[:, None, None, None].expand(-1, 3, 8, 8)
    return aligned_logits(reader, images, torch.ones(len(images)), reader(images))[:, 0].tolist(), reader


def test_what_a_correction_makes_surer_is_looked_at_once_more_in_full_precision() -> None:
    logits, reader = read(Reader(2.0), 1.0, 4.0)
    assert logits == pytest.approx([2.0, 8.0])
    assert reader.seen == [2] + [PORTION] * (len(CORRECTIONS) + 1)
    assert read(Reader(1.0), 1.0)[1].seen == [1] + [PORTION] * len(CORRECTIONS)  # nothing was found


def test_a_correction_must_make_the_decoder_clearly_surer() -> None:
    assert read(Reader(SURER - 0.05), 1.0)[0] == pytest.approx([1.0])
    assert read(Reader(SURER + 0.05), 1.0)[0] == pytest.approx([SURER + 0.05])


def test_many_unsure_images_are_read_in_portions_that_fit() -> None:
    logits, reader = read(Reader(2.0), *[1.0] * (PORTION + 3))
    assert logits == pytest.approx([2.0] * (PORTION + 3))
    assert set(reader.seen[1:]) == {PORTION}
