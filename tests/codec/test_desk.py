"""Batches with unsure images: searched together, in order, and each as if it were alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from artfp.codec import desk
from artfp.codec.alignment import PORTION
from artfp.codec.base import Codec, Look
from artfp.codec.dct import DctCodec
from artfp.codec.desk import BATCH, QUEUED, Size, Work, open_desks
from artfp.codec.learned import Architecture, LearnedCodec
from artfp.devices import computing_on

SURE, UNSURE = 0.9, 0.1


class Doubter(DctCodec):
    """Reads how bright an image is, unsure of dark ones; a search doubles that and tells the aspect."""

    n_bits = 2

    def __init__(self) -> None:
        super().__init__()
        self.searches: list[int] = []

    def look(self, inner: Tensor) -> Look:
        bright = inner.mean(dim=(1, 2, 3))
        soft = torch.stack([bright, torch.zeros_like(bright)], dim=1)
        return Look(soft, bright < 0.5, soft)

    def searched(self, inner: Tensor, aspects: Tensor, logits: Tensor) -> Tensor:
        self.searches.append(len(inner))
        return torch.stack([2 * logits[:, 0], aspects / 10], dim=1)


def read(codec: Codec, brightness: Sequence[float], fast: bool = False) -> list[np.ndarray]:
    """The soft bits that came back, as they came."""
    with open_desks([Work(codec, fast)]) as (at_work,):
        return [*(soft for each in brightness for soft in at_work.read(*image(each))), *at_work.rest()]


def image(brightness: float) -> tuple[Tensor, Size]:
    return torch.full((1, 3, 32, 32), brightness), (32, 64)


def first_bits(found: Sequence[np.ndarray]) -> list[float]:
    return [bit for soft in found for bit in soft[:, 0].tolist()]


def test_sure_images_do_not_wait() -> None:
    codec = Doubter()
    found = read(codec, [SURE] * (BATCH + 1))
    assert [len(soft) for soft in found] == [BATCH, 1]
    assert first_bits(found) == pytest.approx([SURE] * (BATCH + 1))
    assert codec.searches == []


def test_no_more_is_under_way_than_keeps_the_threads_busy() -> None:
    with computing_on(3), open_desks([Work(Doubter())]) as (at_work,):
        done = [len(at_work.read(*image(SURE))) for _ in range(10 * BATCH)]
    assert sum(done) == 10 - 3 * QUEUED
    assert done[: 3 * QUEUED * BATCH] == [0] * (3 * QUEUED * BATCH)


def test_unsure_images_wait_for_others_and_come_out_in_order() -> None:
    codec = Doubter()
    brightness = [UNSURE if place % 5 == 0 else SURE for place in range(7 * BATCH)]
    found = read(codec, brightness)
    assert first_bits(found) == pytest.approx([2 * each if each == UNSURE else each for each in brightness])
    assert codec.searches == [PORTION, brightness.count(UNSURE) - PORTION]


def test_they_do_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "MOST", 2)
    monkeypatch.setattr(desk, "QUEUED", 1)
    codec = Doubter()
    with computing_on(1), open_desks([Work(codec)]) as (at_work,):
        done = [soft for each in [UNSURE, *[SURE] * 5 * BATCH] for soft in at_work.read(*image(each))]
    assert first_bits(done)[0] == pytest.approx(2 * UNSURE)
    assert codec.searches == [1]


def test_a_search_is_told_what_shape_each_image_had() -> None:
    (soft,) = read(Doubter(), [UNSURE] * PORTION)
    assert np.allclose(soft[:, 1], 0.2)


def test_reading_fast_searches_nothing() -> None:
    codec = Doubter()
    assert len(np.concatenate(read(codec, [UNSURE] * PORTION, fast=True))) == PORTION
    assert codec.searches == []


@pytest.mark.parametrize("threads", [1, 3])
def test_on_any_number_of_threads_an_image_reads_the_same(threads: int) -> None:
    codec = LearnedCodec("small", Architecture(bits=8, size=32, width=8, depth=1), psnr=36)
    images = torch.rand(3 * BATCH, 1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    codec.sure = 0.0
    with computing_on(1), torch.no_grad():
        alone = torch.cat([codec.look(part).soft for part in images[:, 0].split(BATCH)])
    with computing_on(threads), open_desks([Work(codec)]) as (at_work,):
        found = [soft for each in images for soft in at_work.read(each, (32, 32))]
        found += at_work.rest()
    assert np.array_equal(np.concatenate(found), alone.double().numpy())


def test_what_breaks_beside_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    codec = Doubter()
    monkeypatch.setattr(codec, "searched", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        read(codec, [UNSURE] * PORTION)
