"""artfp in a passive system's place: the key that matches, or a photograph."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from artfp.codec.dct import DctCodec
from artfp.contest.proactive import Proactive
from artfp.data.procedural import generate
from artfp.images import to_pixels, to_tensor
from artfp.keys.fingerprint import pack
from artfp.statistics.exact import binomial_tail

COUNT = 24


@pytest.fixture(scope="module")
def keys() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 2, (3, DctCodec().n_bits), np.uint8)


@pytest.fixture(scope="module")
def candidate(keys: np.ndarray) -> Proactive:
    """One class of two owners, one of a single one, and photographs."""
    packed = [pack(key) for key in keys]
    return Proactive(DctCodec(), ("a", "b", "real"), {"a": packed[:2], "b": packed[2:]})


def marked(bits: np.ndarray, seed: int) -> np.ndarray:
    codec, clean = DctCodec(), np.stack(list(generate("photo-like", COUNT, 64, seed)))
    return to_pixels(codec.embed(to_tensor(clean), torch.from_numpy(bits)))


def test_the_threshold_is_that_of_a_single_image_and_as_many_keys(candidate: Proactive) -> None:
    n = DctCodec().n_bits
    needed = candidate.threshold + 0.5
    assert (
        float(binomial_tail(np.array([needed]), n)[0]) * 3
        <= 1e-3
        < float(binomial_tail(np.array([needed - 1]), n)[0]) * 3
    )


def test_images_are_named_after_the_nearest_key_of_a_class_and_photographs_after_none(
    candidate: Proactive, keys: np.ndarray
) -> None:
    clean = np.stack(list(generate("photo-like", COUNT, 64, 9)))
    answers = [candidate.scores_of(marked(key, seed)).argmax(axis=1) for seed, key in enumerate(keys)]
    assert [(answer == truth).mean() for answer, truth in zip(answers, (0, 0, 1), strict=True)] == [1, 1, 1]
    # at 1e-3 for each image, more than one of 24 clean ones matches by luck with a chance of 3e-4
    assert (candidate.scores_of(clean).argmax(axis=1) == 2).sum() >= COUNT - 1
