"""Training images: decoded whole, refused by name, shown once an epoch."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from artfp.data.readers import open_source
from artfp.errors import BadInputError, UsageError
from artfp.generators import dataset
from artfp.generators.colours import to_rgb
from artfp.generators.dataset import Batches, Data, decode, size_of_first
from artfp.images import to_pixels, to_tensor

Pixels = NDArray[np.uint8]
Writer = Callable[[Path, Pixels], list[Path]]


def silent(done: int, total: int, note: str) -> None:
    """No progress shown."""


def numbered(count: int, side: int = 4) -> Pixels:
    """Image i is i everywhere."""
    return np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, side, side, 3)).copy()


@pytest.mark.parametrize("batch", [2, 3, 7, 16])
def test_every_epoch_shows_every_image_once(batch: int) -> None:
    batches = Batches(Data(numbered(7)), batch, seed=1, mirror=False)
    order = np.concatenate([batches.order[step] for step in range(21)])
    epochs = order[: len(order) // 7 * 7].reshape(-1, 7)
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs.tolist())
    assert len({tuple(epoch) for epoch in epochs.tolist()}) > 1


def test_a_batch_follows_from_its_place_alone() -> None:
    straight = Batches(Data(numbered(50)), 8, seed=1, mirror=True)
    earlier = [straight[step].images for step in range(20)]
    torch.testing.assert_close(
        Batches(Data(numbered(50)), 8, seed=1, mirror=True)[19].images, earlier[19], rtol=0, atol=0
    )
    assert not torch.equal(Batches(Data(numbered(50)), 8, seed=2, mirror=True)[19].images, earlier[19])


@pytest.mark.parametrize("mirror", [False, True])
def test_an_image_comes_with_what_is_told_of_it(mirror: bool) -> None:
    """Image i is painted i, brighter on the left, and told i: in every batch of several epochs."""
    pixels = numbered(7)
    pixels[:, :, :2] += 100
    batches = Batches(Data(pixels, np.arange(7, dtype=np.float32)[:, None]), 3, seed=1, mirror=mirror)
    flips = 0
    for step in range(14):
        batch = batches[step]
        assert batch.condition is not None
        shown = torch.from_numpy(to_pixels(to_rgb(batch.images)))
        assert shown.amin(dim=(1, 2, 3)).tolist() == batch.condition[:, 0].tolist() == batches.order[step].tolist()
        flips += int((shown[:, 0, 0, 0] < 100).sum())
    assert (0 < flips < 42) == mirror


def test_batches_hold_opponent_colours() -> None:
    pixels = np.stack([np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)])
    batch = Batches(Data(pixels), 2, seed=0, mirror=False)[0].images
    torch.testing.assert_close(batch[:, 0, 0, 0].sort().values, torch.tensor([-1.0, 1.0]) * 3**0.5)
    torch.testing.assert_close(batch[:, 1:], torch.zeros(2, 2, 4, 4), atol=1e-5, rtol=0)


def test_mirroring_flips_some_images_and_only_where_asked() -> None:
    """Fails by luck if 64 fair coins agree: 1e-19; the seed is fixed."""
    pixels = np.zeros((1, 4, 4, 3), np.uint8)
    pixels[0, :, 0] = 255
    left = (Batches(Data(pixels), 64, seed=0, mirror=True)[0].images[:, 0, 0, 0] > 1).float().mean()
    assert 0 < left < 1
    assert (Batches(Data(pixels), 64, seed=0, mirror=False)[0].images[:, 0, 0, 0] > 1).all()


@pytest.mark.parametrize("limit", [1 << 30, 1], ids=["in memory", "in a file"])
def test_images_are_decoded_in_the_order_of_the_source(
    limit: int, tmp_path: Path, write_pngs: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "IN_MEMORY", limit)
    write_pngs(tmp_path / "data", numbered(9, 16))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with open_source(tmp_path / "data") as source:
        pixels = decode(source, 16, False, scratch, silent)
    np.testing.assert_array_equal(pixels, numbered(9, 16))
    assert not list(scratch.iterdir())


def test_a_zip_is_read_like_its_folder(tmp_path: Path, write_pngs: Writer) -> None:
    paths = write_pngs(tmp_path / "data", numbered(3, 16))
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        for path in paths:
            archive.write(path, f"00000/{path.name}")
    with open_source(tmp_path / "data.zip") as source:
        assert size_of_first(source) == 16
        np.testing.assert_array_equal(decode(source, 16, False, tmp_path, silent), numbered(3, 16))


def test_an_image_of_another_size_is_named(tmp_path: Path, write_pngs: Writer) -> None:
    write_pngs(tmp_path / "data", numbered(3, 16))
    write_pngs(tmp_path / "data" / "z", numbered(1, 20))
    with open_source(tmp_path / "data") as source:
        with pytest.raises(UsageError, match=r"z/000\.png: 20 x 20 pixels where training is at 16; set resize = true"):
            decode(source, 16, False, tmp_path, silent)
        assert decode(source, 16, True, tmp_path, silent).shape == (4, 16, 16, 3)


def test_what_is_not_square_is_refused_even_when_resizing(tmp_path: Path, write_pngs: Writer) -> None:
    write_pngs(tmp_path / "data", np.zeros((1, 16, 20, 3), np.uint8))
    with open_source(tmp_path / "data") as source:
        with pytest.raises(UsageError, match=r"000\.png: 20 x 16 pixels where training is at 16; crop to squares"):
            decode(source, 16, True, tmp_path, silent)
        with pytest.raises(UsageError, match=r"000\.png: 20 x 16 pixels; training needs squares of 16, 32"):
            size_of_first(source)


def test_resizing_is_the_one_of_the_convention(tmp_path: Path, write_pngs: Writer) -> None:
    from artfp.images import resize, to_pixels

    big = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    write_pngs(tmp_path / "data", big)
    with open_source(tmp_path / "data") as source:
        found = decode(source, 16, True, tmp_path, silent)
    np.testing.assert_array_equal(found, to_pixels(resize(to_tensor(big), (16, 16))))


def test_a_corrupt_image_is_named(tmp_path: Path, write_pngs: Writer) -> None:
    write_pngs(tmp_path / "data", numbered(2, 16))[1].write_bytes(b"no image")
    with open_source(tmp_path / "data") as source, pytest.raises(BadInputError, match=r"001\.png: not a readable"):
        decode(source, 16, False, tmp_path, silent)


def test_no_images_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with open_source(tmp_path / "data") as source, pytest.raises(UsageError, match="holds no images"):
        size_of_first(source)
