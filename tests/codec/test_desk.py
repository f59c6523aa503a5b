"""Batches with unsure images: searched together, in order, and each as if it were alone."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from artfp.codec import desk
from artfp.codec.alignment import PORTION
from artfp.codec.base import Codec, Look
from artfp.codec.dct import DctCodec
from artfp.codec.desk import BATCH, BATCH_ON_GPU, QUEUED, Size, Task, open_desks
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
    with open_desks([Task(codec, fast)]) as (at_work,):
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
    with computing_on(3), open_desks([Task(Doubter())]) as (at_work,):
        done = [len(at_work.read(*image(SURE))) for _ in range(10 * BATCH)]
    assert sum(done) == 10 - 3 * QUEUED
    assert done[: 3 * QUEUED * BATCH] == [0] * (3 * QUEUED * BATCH)


def test_unsure_images_wait_for_others_and_come_out_in_order() -> None:
    codec = Doubter()
    brightness = [UNSURE if place % 5 == 0 else SURE for place in range(7 * BATCH)]
    found = read(codec, brightness)
    assert first_bits(found) == pytest.approx([2 * each if each == UNSURE else each for each in brightness])
    assert codec.searches == [PORTION, brightness.count(UNSURE) - PORTION]


def test_the_last_batch_is_searched_without_what_it_is_filled_up_with() -> None:
    codec = Doubter()
    assert first_bits(read(codec, [SURE, UNSURE])) == pytest.approx([SURE, 2 * UNSURE])
    assert codec.searches == [1]


def test_they_do_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "MOST", 2 * BATCH)
    codec, brightness = Doubter(), [UNSURE, *[SURE] * (20 * BATCH - 1)]
    with computing_on(1), open_desks([Task(codec)]) as (at_work,):
        done = first_bits([soft for each in brightness for soft in at_work.read(*image(each))])
    assert len(done) == (20 - QUEUED) * BATCH
    assert done == pytest.approx([2 * UNSURE, *[SURE] * (len(done) - 1)])
    assert codec.searches == [1]


def test_what_is_under_way_does_not_count_as_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "MOST", 2 * BATCH)
    codec = Doubter()
    with computing_on(8), open_desks([Task(codec)]) as (at_work,):
        for place in range((8 * QUEUED + 1) * BATCH):
            at_work.read(*image(SURE if place % BATCH else UNSURE))
        assert codec.searches == []


def test_a_search_is_told_what_shape_each_image_had() -> None:
    (soft,) = read(Doubter(), [UNSURE] * PORTION)
    assert np.allclose(soft[:, 1], 0.2)


def test_reading_fast_searches_nothing() -> None:
    codec = Doubter()
    assert len(np.concatenate(read(codec, [UNSURE] * PORTION, fast=True))) == PORTION
    assert codec.searches == []


@pytest.fixture
def small() -> LearnedCodec:
    return LearnedCodec("small", Architecture(bits=8, size=32, width=8, depth=1), psnr=36)


@pytest.fixture
def noise() -> Tensor:
    return torch.rand(3 * BATCH, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("sure", [0.0, math.inf])  # nothing is searched, and everything
def test_on_any_number_of_threads_an_image_reads_the_same(
    sure: float, threads: int, small: LearnedCodec, noise: Tensor
) -> None:
    small.sure, square = sure, torch.ones(BATCH)
    with computing_on(1), torch.no_grad():
        looks = [(part, small.look(part)) for part in noise.split(BATCH)]
        alone = [small.searched(part, square, look.logits) if sure else look.soft for part, look in looks]
    with computing_on(threads), open_desks([Task(small), Task(small, fast=True)]) as (full, fast):
        found, glanced = [], []
        for each in noise[:, None]:
            found += full.read(each, (32, 32))
            glanced += fast.read(each, (32, 32))
        found, glanced = [*found, *full.rest()], [*glanced, *fast.rest()]
    assert np.array_equal(np.concatenate(found), torch.cat(alone).double().numpy())
    assert np.allclose(np.concatenate(glanced), torch.cat([look.soft for _, look in looks]).numpy(), atol=0.05)


@pytest.mark.parametrize("step", ["look", "searched"])
def test_what_breaks_beside_is_told_and_threads_are_as_they_were(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    codec = Doubter()
    monkeypatch.setattr(codec, step, lambda *_: 1 / 0)
    with computing_on(3):
        with pytest.raises(ZeroDivisionError):
            read(codec, [UNSURE] * PORTION)
        assert torch.get_num_threads() == 3


def test_what_was_not_begun_is_left_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    codec, looks, begun, go_on = Doubter(), [], threading.Event(), threading.Event()

    def look(inner: Tensor) -> Look:
        looks.append(len(inner))
        begun.set()
        go_on.wait(10)
        return Look.without_search(inner[:, 0, 0, :2])

    def interrupted() -> None:
        with computing_on(1), open_desks([Task(codec)]) as (at_work,):
            for _ in range(QUEUED * BATCH):
                at_work.read(*image(SURE))
            begun.wait(10)
            threading.Timer(0.2, go_on.set).start()
            raise KeyboardInterrupt

    monkeypatch.setattr(codec, "look", look)
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(looks) == 1


def test_off_the_cpu_batches_are_larger_and_follow_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Doubter, "device", torch.device("meta"))
    monkeypatch.setattr(Doubter, "prepared", lambda _, images: images)
    with computing_on(3), open_desks([Task(Doubter())]) as (at_work,):
        assert torch.get_num_threads() == 3
        done = [len(at_work.read(*image(SURE))) for _ in range(BATCH_ON_GPU)]
    assert done == [0] * (BATCH_ON_GPU - 1) + [1]


def test_whoever_reads_in_another_thread_waits_for_his_turn_and_finds_all_threads() -> None:
    found = []

    def reads() -> None:
        with computing_on(1) as threads:
            found.append(threads)

    others = [threading.Thread(target=reads) for _ in range(3)]
    usual = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with open_desks([Task(Doubter())]):
            for other in others:
                other.start()
            others[0].join(0.2)
            assert found == []
        for other in others:
            other.join(10)
    finally:
        torch.set_num_threads(usual)
    assert found == [3, 3, 3]


def test_desks_within_desks_share_nothing() -> None:
    with computing_on(3), open_desks([Task(Doubter())]), open_desks([Task(Doubter())]) as (inner,):
        found = [soft for _ in range(3 * BATCH) for soft in inner.read(*image(SURE))] + inner.rest()
    assert len(np.concatenate(found)) == 3 * BATCH
