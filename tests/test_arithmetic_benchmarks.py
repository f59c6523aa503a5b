"""Fast arithmetic beside full precision: what the benchmarks of marking and of searching print."""

from __future__ import annotations

import numpy as np
import torch

from artfp.codec.store import load_codec
from artfp.data.procedural import generate
from artfp.images import to_tensor
from benchmarks import marking, searching


def painted(count: int) -> torch.Tensor:
    return to_tensor(np.stack(list(generate("photo-like", count, 64, seed=4))))


def test_both_ways_of_marking_are_as_loud_and_read_as_well() -> None:
    full, fast, difference = marking.rows(load_codec("artfp-64"), painted(8))
    assert [full["arithmetic"], fast["arithmetic"]] == ["full", "fast"]
    assert abs(full["psnr"] - fast["psnr"]) < 0.05
    assert full["bits right"]["as they are"] == fast["bits right"]["as they are"] == 1
    assert list(full["bits right"]) == ["as they are", "jpeg 80", "jpeg 50", "noise 0.05"]
    assert difference["values that differ"] < 0.05


def test_both_ways_of_searching_read_the_same_bits_of_marked_images() -> None:
    rows = list(searching.rows(load_codec("artfp-64"), painted(4)))
    assert [row["images are"] for row in rows] == [
        "marked",
        "centre-crop 0.86",
        "rotate 3",
        "jpeg 50",
        "noise 0.11",
        "clean",
    ]
    assert rows[0]["bits right"] == {"fast": 1, "full": 1}
