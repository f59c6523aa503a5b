"""Batches with unsure images: searched together, in order, and each as if it were alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from artfp.codec import desk as desks
from artfp.codec.alignment import PORTION
from artfp.codec.base import Look
from artfp.codec.dct import DctCodec
from artfp.codec.desk import BATCH, Desk

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


def images(*brightness: float) -> tuple[list[Tensor], list[tuple[int, int]]]:
    return [torch.full((1, 3, 32, 32), each) for each in brightness], [(32, 64)] * len(brightness)


def read(desk: Desk, *batches: list[float]) -> tuple[list[list[float]], list[list[float]]]:
    """The first bits of what was done after each batch, and of the rest."""
    done = [[bits for soft in desk.read(*images(*batch)) for bits in soft[:, 0].tolist()] for batch in batches]
    return done, [soft[:, 0].tolist() for soft in desk.rest()]


def test_sure_images_do_not_wait() -> None:
    codec = Doubter()
    assert read(Desk(codec), [SURE] * BATCH, [SURE]) == ([pytest.approx([SURE] * BATCH), pytest.approx([SURE])], [])
    assert codec.searches == []


def test_unsure_images_wait_for_others_and_come_out_in_order() -> None:
    codec, few = Doubter(), PORTION - 1
    done, rest = read(Desk(codec), [SURE, *[UNSURE] * few], [SURE], [UNSURE, UNSURE, SURE])
    assert done == [[], [], pytest.approx([SURE, *[2 * UNSURE] * few, SURE])]
    assert rest == [pytest.approx([2 * UNSURE, 2 * UNSURE, SURE])]
    assert codec.searches == [PORTION, 1]


def test_they_do_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desks, "MOST", 2)
    codec = Doubter()
    done, rest = read(Desk(codec), [UNSURE], [SURE], [SURE], [SURE])
    assert [len(each) for each in done] == [0, 0, 3, 1]
    assert rest == []
    assert codec.searches == [1]


def test_a_search_is_told_what_shape_each_image_had() -> None:
    (soft,) = Desk(Doubter()).read(*images(*[UNSURE] * PORTION))
    assert np.allclose(soft[:, 1], 0.2)


def test_reading_fast_searches_nothing() -> None:
    codec = Doubter()
    (soft,) = Desk(codec, fast=True).read(*images(*[UNSURE] * PORTION))
    assert len(soft) == PORTION
    assert codec.searches == []
