"""What the adversaries who work on images compute: closed forms, and what becomes of a key."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from artfp.attacks import crosskeys
from artfp.attacks.adversary import Pixels, Scene
from artfp.attacks.attempts import by_batch, drawn_key, keep_trained, marking, read
from artfp.attacks.averaging import GUESS, PairedRemoval, blindly_found, estimate, mean_difference
from artfp.attacks.crosskeys import CrossKeys, searched, single_by_chance
from artfp.attacks.gradients import descended
from artfp.attacks.overwriting import OVERWRITING
from artfp.attacks.regeneration import CHANNELS, Regeneration, fitted
from artfp.attacks.regeneration import Training as Painting
from artfp.attacks.registry import ADVERSARIES
from artfp.attacks.surrogate import EPSILON, Detector, Surrogate, share_marked
from artfp.attacks.surrogate import Training as Detecting
from artfp.attacks.whitebox import WhiteBox, support
from artfp.codec.dct import DctCodec
from artfp.errors import UsageError
from artfp.generators.base import signs_of
from artfp.images import to_pixels, to_tensor
from artfp.keys.fingerprint import pack
from artfp.reading import silent
from artfp.seeds import numpy_generator
from artfp.statistics.calibration import matching_bits
from artfp.statistics.evidence import Evidence, p_values
from artfp.statistics.exact import binomial_tail, matches_needed


def noise(count: int, *seed: int | str) -> Pixels:
    """Values that a small residual clips nowhere."""
    return numpy_generator("image adversaries", *seed).integers(51, 205, (count, 32, 32, 3), np.uint8)


RESIDUAL = numpy_generator("one residual").integers(-4, 5, (32, 32, 3))


def with_residual(pixels: Pixels) -> Pixels:
    return (pixels + RESIDUAL).astype(np.uint8)


@pytest.fixture
def staged(dct: DctCodec, tmp_path: Path) -> Callable[..., Scene]:
    """A scene of these images."""

    def stage(images: Pixels, more: Pixels, clean: Pixels, **known: object) -> Scene:
        bits = numpy_generator("key").integers(0, 2, 64, np.uint8)
        facts = {"codec": dct, "bits": bits, "originals": None, "generator": None, "twin": None, "seed": 3}
        facts |= {"scratch": tmp_path, "device": "cpu", "tell": silent}
        chosen = {"images": images, "more": lambda count: more[:count], "clean": lambda count: clean[:count]}
        return Scene(**facts | chosen | known)  # type: ignore[arg-type]

    return stage


@pytest.fixture
def marked(dct: DctCodec, clean_pixels: Pixels) -> Pixels:
    bits = numpy_generator("key").integers(0, 2, 64, np.uint8)
    return to_pixels(dct.embed(to_tensor(clean_pixels), torch.from_numpy(bits)))


def accuracy(scene: Scene, pixels: Pixels) -> float:
    return float(matching_bits(read(scene.codec, pixels).hard, pack(scene.bits), 64).mean() / 64)


def test_means_of_bytes_are_those_of_tensors() -> None:
    first, second = noise(7, "first"), noise(5, "second")
    assert torch.allclose(mean_difference(first, second), estimate(to_tensor(first), to_tensor(second)), atol=1e-7)
    with pytest.raises(UsageError, match="no images"):
        mean_difference(first[:0], second)
    with pytest.raises(UsageError, match="differ in size"):
        mean_difference(first, second[:, :16])


def test_averaging_removes_a_constant_residual_wholly_and_forges_it(staged: Callable[..., Scene]) -> None:
    """The marked images and the clean ones are of the same pictures here, so that nothing else is left of the means."""
    compared, same, victims = noise(4, "compared"), noise(6, "same"), noise(4, "victims")
    scene = staged(with_residual(victims), with_residual(same), np.concatenate([compared, same]))
    removal, forgery = (ADVERSARIES[f"averaging-{what}"](scene, 6) for what in ("removal", "forgery"))
    assert np.array_equal(removal.images, victims)
    assert removal.clean is not None
    assert np.array_equal(with_residual(removal.clean), compared)
    assert np.array_equal(forgery.images, with_residual(compared))
    assert forgery.before is not None
    assert np.array_equal(forgery.before, compared)


def test_who_sees_marked_images_alone_finds_what_they_share_and_guesses_how_loud_it_is() -> None:
    flat = np.full((3, 32, 32, 3), 128, np.uint8)
    found = blindly_found(with_residual(flat))
    shared = torch.from_numpy(RESIDUAL).permute(2, 0, 1).double()
    assert torch.cosine_similarity(found.residual.double().flatten(), shared.flatten(), dim=0) > 0.9
    loudness = float((found.strength * found.residual).square().mean().sqrt())
    assert -20 * math.log10(loudness) == pytest.approx(GUESS, abs=1e-3)
    assert found.notes == {"averaged": 3}


def test_batches_of_images_give_the_estimate_of_all_at_once() -> None:
    many = noise(70, "more than a batch")
    assert torch.equal(blindly_found(many).residual, estimate(to_tensor(many), None))


def test_pairs_give_back_the_originals_of_the_half_that_was_not_averaged(staged: Callable[..., Scene]) -> None:
    victims = noise(5, "victims")
    scene = staged(with_residual(victims), victims, noise(8, "clean"), originals=victims)
    attempt = PairedRemoval()(scene, 100)
    assert np.array_equal(attempt.images, victims[2:])
    assert attempt.notes == {"averaged": 2}


@pytest.mark.parametrize("epsilon", [1, 3])
def test_a_linear_loss_is_descended_as_far_as_is_allowed(epsilon: int) -> None:
    images, slope = to_tensor(noise(3, "linear")), torch.where(torch.arange(32) % 2 == 0, 1.0, -1.0)
    down = descended(images, lambda seen: (seen * slope).sum(dim=(1, 2, 3)), epsilon, seed=1)
    assert torch.allclose(down, images - slope * epsilon / 255, atol=1e-6)


def test_where_there_is_no_slope_an_image_stays() -> None:
    images = to_tensor(np.concatenate([noise(1, "a"), noise(1, "b")]))
    down = descended(images, lambda seen: seen.sum(dim=(1, 2, 3)) * torch.tensor([0.0, 1.0]), 2, seed=1)
    assert torch.equal(down[0], images[0])
    assert not torch.equal(down[1], images[1])


def test_images_at_the_ends_of_the_range_stay_in_it() -> None:
    ends = to_tensor(np.stack([np.zeros((16, 16, 3), np.uint8), np.full((16, 16, 3), 255, np.uint8)]))
    for sign in (-1, 1):
        moved = to_pixels(descended(ends, lambda seen, sign=sign: sign * seen.sum(dim=(1, 2, 3)), 8, seed=1))
        assert sorted(np.unique(moved)) == ([0, 247] if sign == 1 else [8, 255])


def test_the_white_box_reads_less_with_every_step_and_stops_at_half(
    staged: Callable[..., Scene], marked: Pixels, clean_pixels: Pixels
) -> None:
    scene = staged(marked[:8], marked[8:], clean_pixels)
    read_at = [accuracy(scene, marked[:8])]
    for epsilon in (1, 2, 8):
        attempt = WhiteBox()(scene, epsilon)
        assert np.abs(attempt.images.astype(int) - marked[:8]).max() <= epsilon
        assert attempt.clean is None
        read_at.append(accuracy(scene, attempt.images))
    assert read_at == sorted(read_at, reverse=True)
    assert read_at[-1] == pytest.approx(0.5, abs=0.1)


def test_he_wants_less_of_what_speaks_for_the_key_and_of_what_speaks_against_it(dct: DctCodec, marked: Pixels) -> None:
    bits, images = numpy_generator("key").integers(0, 2, 64, np.uint8), to_tensor(marked[:4])
    assert torch.equal(support(dct, signs_of(bits), images), support(dct, signs_of(1 - bits), images))
    assert (support(dct, signs_of(bits), images) > support(dct, signs_of(bits), 0.5 + 0 * images) + 0.1).all()


def test_a_second_key_of_the_same_codec_takes_the_place_of_the_first(
    staged: Callable[..., Scene], marked: Pixels, clean_pixels: Pixels
) -> None:
    """What is read of the first is what the two have in common."""
    scene = staged(marked[:4], marked[4:], clean_pixels)
    over = {adversary.name: adversary for adversary in OVERWRITING}["overwriting"](scene, 1)
    assert over.notes["second_codec"] == "dct"
    assert over.notes["second_accuracy"] > 0.95
    second = drawn_key(scene.codec.n_bits, scene.seed, "overwriting", scene.codec.sha256)
    assert accuracy(scene, over.images) == pytest.approx((second == scene.bits).mean(), abs=0.05)


def test_overwriting_grows_with_its_strength(dct: DctCodec, clean_pixels: Pixels) -> None:
    bits = drawn_key(dct.n_bits, 1)
    once, twice = (marking(dct, bits, strength)(clean_pixels[:4]).astype(int) for strength in (1, 2))
    assert np.abs(twice - clean_pixels[:4]).mean() > np.abs(once - clean_pixels[:4]).mean() > 0


@pytest.mark.parametrize("factor", CHANNELS)
def test_regeneration_keeps_odd_sides(staged: Callable[..., Scene], factor: int) -> None:
    odd = noise(6, "odd")[:, :29, :31]
    scene = staged(odd[:2], odd[2:], odd)
    attempt = Regeneration(Painting(images=2, steps=1, batch=1, width=8))(scene, factor)
    assert attempt.images.shape == (2, 29, 31, 3)
    assert attempt.notes == {"trained_on": 2}


def test_sides_that_a_factor_divides_are_left_alone() -> None:
    even = noise(1, "even")
    assert fitted(even, 8) is even
    wider = fitted(even[:, :30], 4)
    assert wider.shape == (1, 32, 32, 3)
    assert (wider[:, 30:] == even[:, 29:30]).all()


def test_other_factors_have_no_latents(staged: Callable[..., Scene]) -> None:
    with pytest.raises(UsageError, match="one of 2, 4, 8, not 3"):
        Regeneration()(staged(noise(2), noise(2), noise(4)), 3)


def test_training_paints_better(staged: Callable[..., Scene], clean_pixels: Pixels) -> None:
    scene = staged(clean_pixels[:4], clean_pixels, clean_pixels)
    errors = []
    for steps in (1, 25):
        painted = Regeneration(Painting(images=16, steps=steps, batch=2, width=8, rate=3e-3))(scene, 2).images
        errors.append(float(((painted.astype(float) - scene.images) ** 2).mean()))
    assert errors[1] < errors[0] / 2


def test_a_detector_learns_a_plain_mark_and_is_fooled_within_epsilon(staged: Callable[..., Scene]) -> None:
    """A checkerboard on noise of little contrast: 24 images tell it from none."""
    clean = (noise(40, "plain") // 16 + 120).astype(np.uint8)
    board = 6 * ((np.indices((32, 32)).sum(axis=0) % 2) * 2 - 1)[..., None]
    carrying = (clean + board).astype(np.uint8)
    scene = staged(carrying[:8], carrying[8:], clean[::-1])
    adversary = Surrogate(Detecting(steps=40, batch=8, width=8, rate=3e-3))
    attempt = adversary(scene, 24)
    assert attempt.notes["detected_before"] == 1
    assert attempt.notes["detected_of_clean"] == 0
    assert attempt.notes["detected_after"] == 0
    assert np.abs(attempt.images.astype(int) - scene.images).max() <= EPSILON


def test_shares_are_counted(clean_pixels: Pixels) -> None:
    detector = Detector(8)
    with torch.no_grad():
        detector.last.weight.zero_()
        for bias, share in ((1.0, 1.0), (-1.0, 0.0)):
            detector.last.bias.fill_(bias)
            assert share_marked(detector, clean_pixels) == share


def test_batches_do_not_show() -> None:
    pixels = noise(70, "batches")
    assert np.array_equal(by_batch(lambda images: 1 - images)(pixels), 255 - pixels)


def test_training_happens_once(staged: Callable[..., Scene]) -> None:
    trained: list[int] = []
    for steps, data in ((1, noise(2)), (1, noise(2)), (2, noise(2)), (1, noise(3))):
        network, scene = torch.nn.Linear(1, 1), staged(noise(2), noise(2), noise(2))
        keep_trained(network, "line", scene, {"steps": steps}, data, lambda: trained.append(1))
    assert len(trained) == 3


@pytest.fixture
def evidence() -> Evidence:
    """Twelve images of noise, which share a little."""
    found = Evidence(16)
    soft = numpy_generator("evidence").uniform(-1, 1, (13, 16))
    found.add((soft[:12] + soft[12]) / 2)
    return found


def test_a_search_counts_what_each_key_would_say(evidence: Evidence, monkeypatch: pytest.MonkeyPatch) -> None:
    """At p <= .01, which some of 3,000 keys reach; in blocks as at once."""
    monkeypatch.setattr(crosskeys, "MATCH_AT", 0.01)
    found = searched(evidence, 3000, seed=1)
    keys = next(crosskeys._drawn(16, 3000, 1))
    test = p_values(evidence, pack(keys))
    assert len(keys) == 3000
    assert found.single == (test.matches >= matches_needed(16, 0.01)).sum() > 0
    assert found.folder == (test.combined <= 0.01).sum() > 0
    assert found.corrected <= found.folder
    assert found.best_p == test.combined.min()
    assert np.array_equal(found.best, keys[test.combined.argmin()])


def test_keys_that_know_nothing_match_no_oftener_than_they_should(
    evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 50,000 keys 500 may; six deviations are 134. The seed is fixed."""
    monkeypatch.setattr(crosskeys, "MATCH_AT", 0.01)
    found = searched(evidence, 50_000, seed=2)
    assert found.folder < 50_000 * 0.01 + 134
    assert found.single <= single_by_chance(16, 12, 50_000) * 1.05
    assert found.corrected == 0


def test_more_keys_begin_with_fewer(evidence: Evidence, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crosskeys, "BLOCK", 8)
    few, many = ([*crosskeys._drawn(16, count, 1)] for count in (5, 21))
    assert [len(block) for block in many] == [8, 8, 5]
    assert np.array_equal(few[0], many[0][:5])
    assert len(np.unique(pack(np.concatenate(many)), axis=0)) > 18


def test_the_chance_of_singles_is_that_of_the_binomial() -> None:
    needed = matches_needed(64, 1e-6)
    assert single_by_chance(64, 256, 1000) == pytest.approx(256_000 * float(binomial_tail(needed, 64)))


def test_the_worst_of_the_wrong_keys_is_read(
    staged: Callable[..., Scene], marked: Pixels, clean_pixels: Pixels
) -> None:
    scene = staged(marked[:6], marked[6:], clean_pixels)
    attempt = CrossKeys()(scene, 500)
    assert attempt.bits is not None
    assert np.array_equal(attempt.images, marked[:6])
    test = p_values(read(scene.codec, marked[:6]), pack(attempt.bits)[None])
    assert attempt.notes["best_p"] == test.combined[0] > 1e-6
    assert attempt.notes["keys"] == 500
    assert attempt.notes["folder_matches"] == attempt.notes["corrected_matches"] == 0
