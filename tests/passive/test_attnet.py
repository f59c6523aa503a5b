"""The attribution network: its layers against the paper's, what it learns, and how it shows images."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from passives import SIZE, TINY, patterned
from torch import Tensor, nn

from artfp.errors import UsageError
from artfp.passive.attnet import Attnet, AttnetSettings, AttributionNetwork, Shown
from artfp.passive.base import LITE, PAPER, Course
from artfp.passive.classes import Examples, Lessons

CLASSES = 5  # of the paper: real images and four generators
TABLE = ((3, 16), (16, 32), (32, 32), (32, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 512))


def published() -> AttributionNetwork:
    return AttributionNetwork(Attnet.presets[PAPER], CLASSES, 128)


def test_it_has_as_many_parameters_as_the_paper_s_table() -> None:
    pairs = sum(9 * a * b + b for a, b in (*TABLE, (512, 512)))
    dense = 512 * 4 * 4 * 512 + 512 + 512 * CLASSES + CLASSES
    assert sum(weight.numel() for weight in published().parameters()) == pairs + dense


def test_convolutions_come_in_the_order_of_the_table_at_halved_sides() -> None:
    seen: list[tuple[int, int, int]] = []
    network = published()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda _, given, out: seen.append((given[0].shape[1], *out.shape[1:3])))
    network(torch.rand(1, 3, 128, 128))
    sides = [128 >> place // 2 for place in range(len(TABLE))]
    assert seen == [(a, b, side) for (a, b), side in zip(TABLE, sides, strict=True)] + [(512, 512, 4)]


@pytest.mark.parametrize("size", [32, 64, 128])
def test_the_fingerprint_of_an_image_has_512_numbers_at_every_size(size: int) -> None:
    network = AttributionNetwork(Attnet.presets[LITE], CLASSES, size)
    assert network.features(torch.rand(2, 3, size, size)).shape == (2, 512)


def test_nothing_is_normalised_over_a_batch() -> None:
    network, images = AttributionNetwork(AttnetSettings(), 3, SIZE).train(), torch.rand(4, 3, SIZE, SIZE)
    assert torch.allclose(network(images)[:1], network(images[:1]), atol=1e-5)


@pytest.mark.parametrize("size", [4, 24, 33, 48])
def test_a_side_that_does_not_halve_down_to_4_is_refused(size: int) -> None:
    with pytest.raises(UsageError, match=f"images of {size} pixels"):
        Attnet(AttnetSettings(), ("ant", "bee"), size)


def textures(count: int, seed: int) -> Examples:
    """Grey noise, and the same with every second column darker: which one is which place has nothing to do with."""
    labels, random = np.arange(2 * count) % 2, np.random.default_rng(seed)
    pixels = random.integers(100, 160, (2 * count, SIZE, SIZE, 3))
    pixels[..., ::2, :] -= 20 * labels[:, None, None, None]
    return Examples(pixels.astype(np.uint8), labels, tuple(map(str, range(2 * count))))


def learnt(**course: int) -> Attnet:
    system = Attnet(AttnetSettings(width=2, most=16, features=16, steps=40, batch=16), ("ant", "bee"), SIZE)
    system.fit(Lessons(("ant", "bee"), textures(64, 1), textures(8, 2)), Course(**{"seed": 1, **course}))
    return system


def test_it_learns_to_tell_two_textures() -> None:
    fresh = textures(50, 3)
    assert (learnt().scores_of(fresh.pixels).argmax(axis=1) == fresh.labels).mean() > 0.95


def test_scores_are_logits_and_no_probabilities() -> None:
    scores = learnt().scores_of(textures(20, 3).pixels)
    assert scores.min() < 0
    assert not np.allclose(scores.sum(axis=1), 1)
    assert not np.allclose(np.exp(scores).sum(axis=1), 1)  # and no logarithms of such


def test_cross_entropy_is_of_logits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probabilities would sum to one, and their loss never fall below log(1 + (n - 1) / e)."""
    seen: list[Tensor] = []
    real = F.cross_entropy
    monkeypatch.setattr("artfp.passive.attnet.F.cross_entropy", lambda *given: (seen.append(given[0]), real(*given))[1])
    learnt()
    assert len(seen) == 40
    assert torch.cat(seen).sum(dim=1).std() > 0.1
    assert {logits.dtype for logits in seen} == {torch.float32}


def test_another_seed_gives_another_system() -> None:
    first, second = learnt().state(), learnt(seed=2).state()
    assert not torch.equal(first["out.weight"], second["out.weight"])


def test_about_half_of_the_images_are_shown_mirrored_and_the_same_ones_again() -> None:
    """Of 640 the share leaves 0.4 to 0.6 once in 10^6."""
    train = patterned(64, seed=5)
    shown, again = (Shown(train, 64, Course(3)) for _ in "ab")
    mirrored = []
    for step in range(10):
        images, labels = shown[step]
        plain, truth = train.batch(shown.order[step], "cpu")
        assert torch.equal(labels, truth)
        assert torch.equal(images, again[step][0])
        as_is, flipped = (images == plain).flatten(1).all(dim=1), (images == plain.flip(-1)).flatten(1).all(dim=1)
        assert bool((as_is | flipped).all())
        mirrored.append(flipped)
    assert 0.4 < torch.cat(mirrored).float().mean().item() < 0.6


def test_the_rate_falls_in_lite_and_stays_in_paper() -> None:
    assert (Attnet.presets[LITE].falling, Attnet.presets[PAPER].falling) == (True, False)
    assert TINY["attnet"].batch == Attnet.presets[PAPER].batch == 32
