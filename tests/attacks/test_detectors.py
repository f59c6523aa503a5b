"""Detectors: each feature against a direct reference, the ensemble on Gaussians, what each learns from few examples."""

from __future__ import annotations

from collections import Counter
from functools import partial

import numpy as np
import pytest
import torch
from scipy.stats import norm

from artfp.attacks.attempts import drawn_key, marking
from artfp.attacks.detectors import artificial, cooccurrence, frequency
from artfp.attacks.detectors.ensemble import SHRINKAGE, discriminant, fitted
from artfp.attacks.detectors.network import CUT, Network, Steganalyst, Training
from artfp.attacks.detectors.own_codec import both, certainties, log_odds
from artfp.attacks.detectors.registry import UNLABELLED, supervised
from artfp.attacks.detectors.template import Averaging, correlations
from artfp.codec.dct import DctCodec
from artfp.data.procedural import generate
from artfp.errors import CannotError
from artfp.images import to_tensor
from artfp.reading import silent
from artfp.seeds import numpy_generator
from artfp.statistics.ranking import auc

Pixels = np.ndarray


@pytest.fixture(scope="module")
def painted() -> Pixels:
    return np.stack(list(generate("photo-like", 96, 64, seed=3)))


@pytest.fixture(scope="module")
def marked(painted: Pixels) -> Pixels:
    return marking(DctCodec(), drawn_key(64, 0, "publisher"))(painted)


def test_cooccurrences_are_those_counted_one_by_one() -> None:
    """The first kernel at step 2, along rows and along columns, straight from the definition."""
    image = numpy_generator("counted").integers(0, 12, (9, 7, 3)).astype(np.uint8)
    lines, colours = Counter[tuple[int, ...]](), Counter[tuple[int, ...]]()
    for turned in (image.astype(int), image.astype(int).transpose(1, 0, 2)):
        level = np.clip(np.rint((turned[:, 1:] - turned[:, :-1]) / 2), -2, 2).astype(int)
        for y in range(level.shape[0]):
            for x in range(level.shape[1]):
                colours[smallest(tuple(level[y, x]), reverse=False)] += 1
                for colour in range(3 if x < level.shape[1] - 2 else 0):
                    lines[smallest(tuple(level[y, x : x + 3, colour]), reverse=True)] += 1
    features = cooccurrence.features(image[None])[0]
    start = 39 + 63  # step 2 comes after step 1
    np.testing.assert_allclose(features[start : start + 39], shares(lines, reverse=True))
    np.testing.assert_allclose(features[start + 39 : start + 102], shares(colours, reverse=False))


def smallest(triple: tuple[int, ...], *, reverse: bool) -> tuple[int, ...]:
    alike = [triple, triple[::-1]] if reverse else [triple]
    return min(each for one in alike for each in (one, tuple(-value for value in one)))


def shares(counts: Counter[tuple[int, ...]], *, reverse: bool) -> list[float]:
    triples = np.stack(np.meshgrid(*[range(-2, 3)] * 3, indexing="ij"), axis=-1).reshape(-1, 3).tolist()
    classes = sorted({smallest(tuple(triple), reverse=reverse) for triple in triples})
    return [counts[each] / counts.total() for each in classes]


def test_cooccurrences_do_not_mind_mirrors_negatives_or_brightness(painted: Pixels) -> None:
    image = painted[:2] // 2
    features = cooccurrence.features(image)
    assert features.shape == (2, 918)
    for same in (image[:, :, ::-1], image.transpose(0, 2, 1, 3), 255 - image, image + 7):
        np.testing.assert_allclose(cooccurrence.features(same), features, atol=1e-12)


def test_spectra_are_those_of_the_transform_by_hand() -> None:
    image = numpy_generator("spectrum").integers(0, 256, (1, 24, 40, 3)).astype(np.uint8)
    features = frequency.features(image)[0]
    luma = image[0] @ frequency.LUMA
    spectrum = np.log(np.abs(basis(24) @ luma @ basis(40).T) + 1)
    rows, columns = (np.array([i * side // 16 for i in range(17)]) for side in (24, 40))
    cell = spectrum[rows[5] : rows[6], columns[9] : columns[10]].mean()
    assert features[5 * 16 + 9] == pytest.approx(cell, abs=1e-9)
    blocks = [luma[y : y + 8, x : x + 8] for y in range(0, 24, 8) for x in range(0, 40, 8)]
    found = np.abs([basis(8) @ block @ basis(8).T for block in blocks])
    np.testing.assert_allclose(features[768:832], np.log(found.mean(axis=0) + 1).ravel(), atol=1e-9)
    np.testing.assert_allclose(features[832:], np.log(np.square(found).mean(axis=0) + 1).ravel(), atol=1e-9)


def basis(size: int) -> np.ndarray:
    index = np.arange(size)
    rows = np.cos(np.pi * (2 * index + 1) * index[:, None] / (2 * size)) * np.sqrt(2 / size)
    rows[0] /= np.sqrt(2)
    return rows


def test_small_images_have_spectra_too() -> None:
    assert frequency.features(np.zeros((3, 16, 17, 3), np.uint8)).shape == (3, 896)


def test_a_discriminant_is_fishers() -> None:
    random = numpy_generator("fisher")
    rows, truth = random.standard_normal((30, 3)), np.arange(30) < 12
    rows[truth] += [1, 0, -1]
    means = rows[truth].mean(axis=0), rows[~truth].mean(axis=0)
    within = (np.cov(rows[truth].T, bias=True) * 12 + np.cov(rows[~truth].T, bias=True) * 18) / 30
    direction = np.linalg.inv((1 - SHRINKAGE) * within + SHRINKAGE * np.eye(3)) @ (means[0] - means[1])
    line, middle = discriminant(rows, truth)
    np.testing.assert_allclose(line / np.linalg.norm(line), direction / np.linalg.norm(direction), atol=1e-12)
    assert middle == pytest.approx(line @ (means[0] + means[1]) / 2)


def gaussians(count: int, dimensions: int, draw: str) -> tuple[np.ndarray, np.ndarray]:
    """Two kinds, 2 standard deviations apart along a line that only all features together show."""
    rows, truth = numpy_generator(draw).standard_normal((2 * count, dimensions)), np.arange(2 * count) < count
    rows[truth] += 2 / np.sqrt(dimensions)
    return 100 * rows + 5, truth  # in units of their own


def test_the_ensemble_comes_near_the_best_that_gaussians_allow() -> None:
    ensemble = fitted(*gaussians(400, 30, "learn"), seed=0)
    rows, truth = gaussians(1000, 30, "judge")
    scores = ensemble.scores(rows)
    best = norm.cdf(2 / np.sqrt(2))
    assert best - 0.03 < auc(scores[truth], scores[~truth]) < best + 0.02
    assert ((scores > 0) == truth).mean() == pytest.approx(norm.cdf(1), abs=0.03)


def test_the_ensemble_bears_more_features_than_images() -> None:
    """Of 600 features 20 show anything; chance is .024 wide."""
    rows, truth = gaussians(40, 20, "few")
    more = numpy_generator("more").standard_normal((680, 580))
    ensemble = fitted(np.hstack([rows, more[:80]]), truth, seed=0)
    rows, truth = gaussians(300, 20, "judge")
    scores = ensemble.scores(np.hstack([rows, more[80:]]))
    assert auc(scores[truth], scores[~truth]) > 0.6


def test_the_ensemble_finds_nothing_in_noise() -> None:
    """Areas of 300 pairs vary by .024 by luck."""
    random = numpy_generator("noise")
    ensemble = fitted(random.standard_normal((200, 50)), np.arange(200) < 100, seed=0)
    scores = ensemble.scores(random.standard_normal((600, 50)))
    assert abs(auc(scores[:300], scores[300:]) - 0.5) < 0.1


def test_the_ensemble_is_repeatable_and_leaves_out_what_never_varies() -> None:
    rows, truth = gaussians(20, 5, "constant")
    rows[:, 2] = 7
    first, second = (fitted(rows, truth, seed=4) for _ in range(2))
    np.testing.assert_array_equal(first.weights, second.weights)
    assert first.weights[2] == 0
    assert not np.array_equal(first.weights, fitted(rows, truth, seed=5).weights)


def test_the_ensemble_says_what_it_cannot_learn_from() -> None:
    with pytest.raises(CannotError, match="two images of each kind"):
        fitted(np.zeros((3, 2)), np.array([True, False, False]), 0)
    with pytest.raises(CannotError, match="same features"):
        fitted(np.zeros((4, 2)), np.array([True, True, False, False]), 0)


def test_a_template_correlates_with_itself(painted: Pixels) -> None:
    """A flat image that has nothing but the template: a cosine of one, or of minus one for its negative."""
    pattern = torch.from_numpy(numpy_generator("template").choice((-1.0, 1.0), (3, 64, 64)).astype(np.float32))
    flat = (128 + 20 * pattern).permute(1, 2, 0).byte().numpy()[None]
    detail = to_tensor(flat)[0] - 128 / 255
    assert correlations(flat, detail)[0] > 0.98
    assert correlations(255 - flat, detail)[0] < -0.98
    assert abs(correlations(painted[:4], detail)).max() < 0.1


def test_the_steganalyst_sees_no_flat_colour_and_nothing_loud() -> None:
    network = Steganalyst(8)
    flat = torch.full((1, 3, 32, 32), 0.3)
    assert network.residuals(flat).shape == (1, 18, 32, 32)
    assert network.residuals(flat).abs().max() < 1e-4
    assert network.residuals(torch.rand(1, 3, 32, 32)).abs().max() == CUT


def test_the_steganalysts_filters_are_convolutions_with_the_kernels(painted: Pixels) -> None:
    image = to_tensor(painted[:1])
    residuals = Steganalyst(8).residuals(image)
    green = image[0, 1].double()
    second = (green[:, :-2] - 2 * green[:, 1:-1] + green[:, 2:]) / 2 * 255 / 4
    torch.testing.assert_close(residuals[0, 6 + 2, :, 1:-1].double(), second.clamp(-CUT, CUT), atol=1e-4, rtol=0)


def test_every_supervised_detector_finds_a_loud_mark(painted: Pixels) -> None:
    """One key in all, three times as strong: of 24 of each kind three in four pairs are in order, for all five."""
    loud = marking(DctCodec(), drawn_key(64, 0, "publisher"), 3.0)(painted)
    tried = {**supervised(DctCodec(), "cpu"), "network": Network("cpu", Training(steps=30, batch=8))}
    for name, detector in tried.items():
        examples, others, judged = detector.look(loud[:36]), detector.look(painted[36:72]), slice(72, 96)
        score = detector.learned(examples, others, 0, silent)
        found = auc(score(detector.look(loud[judged])), score(detector.look(painted[judged])))
        assert found > 0.75, name
    assert len(tried) == 5


def test_detectors_are_repeatable(painted: Pixels, marked: Pixels) -> None:
    for detector in (Averaging(), Network("cpu", Training(steps=2, batch=4))):
        first, second = (detector.learned(marked[:4], painted[4:8], 1, silent)(painted[:4]) for _ in range(2))
        np.testing.assert_array_equal(first, second)


def test_what_his_own_codec_reads(painted: Pixels) -> None:
    codec = DctCodec()
    read = log_odds(codec, painted[:5])
    alone = codec.logits(to_tensor(painted[:5])).double().numpy()
    np.testing.assert_allclose(read, alone, atol=1e-3)  # float32, of batches of two sizes
    np.testing.assert_array_equal(certainties(codec, painted[:5]), np.sort(np.abs(read)))
    np.testing.assert_array_equal(both(codec, painted[:5]), np.hstack([read, np.sort(np.abs(read))]))


def half_marked(painted: Pixels, marked: Pixels) -> Pixels:
    found = painted.copy()
    found[::2] = marked[::2]
    return found


def test_marking_again_changes_no_prefix(painted: Pixels) -> None:
    """Of so many suspects, or of the first of more."""
    codec = DctCodec()
    many, few = (artificial.marked_again(painted[:count], codec, 0, silent) for count in (20, 12))
    np.testing.assert_allclose(many.first(12).suspects, few.suspects)
    for whole, part in zip((*many.first(12).once, *many.first(12).twice), (*few.once, *few.twice), strict=True):
        np.testing.assert_allclose(whole, part)


def test_artificial_sets_find_the_closed_form_codec(painted: Pixels, marked: Pixels) -> None:
    """No label is used, and the marked come out above the clean. On pictures as smooth as these a second mark replaces
    the first and leaves no trace, so that the published way has nothing to go by.
    """
    rounds = artificial.marked_again(half_marked(painted, marked), DctCodec(), 0, silent)
    scores = UNLABELLED["ats-once"].score(rounds, 0)
    assert auc(scores[::2], scores[1::2]) > 0.9


def test_artificial_sets_find_marks_that_add_up() -> None:
    """Where each mark moves an image by 4 standard deviations in one feature of ten, labels are not needed."""
    random = numpy_generator("adding up")

    def again(features: np.ndarray, count: int) -> tuple[np.ndarray, ...]:
        return tuple(features + [4, *[0] * 9] + random.standard_normal(features.shape) / 10 for _ in range(count))

    suspects = random.standard_normal((300, 10))
    suspects[::2, 0] += 4
    once = again(suspects, 2)
    rounds = artificial.Rounds(suspects, once, tuple(twice for each in once for twice in again(each, 1)))
    areas = {}
    for name, attacker in UNLABELLED.items():
        scores = attacker.score(rounds, 0)
        areas[name] = auc(scores[::2], scores[1::2])
    assert min(areas.values()) > 0.98
    assert set(areas) == {"ats", "ats-once"}


def test_artificial_sets_find_nothing_where_nothing_is_marked(painted: Pixels) -> None:
    """Areas of 48 pairs vary by .06 by luck."""
    rounds = artificial.marked_again(painted, DctCodec(), 0, silent)
    for attacker in UNLABELLED.values():
        scores = attacker.score(rounds, 0)
        assert abs(auc(scores[::2], scores[1::2]) - 0.5) < 0.25


def test_features_of_artificial_sets_do_not_know_keys(painted: Pixels) -> None:
    codec = DctCodec()
    first, second = (marking(codec, drawn_key(64, 0, name))(painted[:6]) for name in ("one", "other"))
    certain = partial(certainties, codec)
    assert np.abs(certain(first) - certain(second)).mean() < 0.2 * np.abs(certain(first) - certain(painted[:6])).mean()
