"""A marked dataset is what other people's loaders take: docs/datasets.md, rule by rule, on every kind of output."""

from __future__ import annotations

import importlib.util
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from artfp.codec.dct import DctCodec
from artfp.data.outputs import Kind
from artfp.data.readers import open_source
from artfp.embed import EmbedSettings, embed_dataset
from artfp.keys.registry import Registry

Pixels = NDArray[np.uint8]
Written = Callable[..., Path]

WITH_DATASETS = pytest.mark.skipif(
    not importlib.util.find_spec("datasets"), reason="needs `datasets`: pip install 'artfp[datasets]'"
)
SIDES: Mapping[str, Callable[[int], bool]] = {
    "StyleGAN2": lambda side: side >= 4 and side & (side - 1) == 0,
    "StyleGAN3": lambda side: side >= 4 and side & (side - 1) == 0,
    "EDM": lambda side: side % 8 == 0,
    "R3GAN": lambda side: side in (32, 64, 256),
}


@pytest.fixture
def written(tmp_path: Path, clean_pixels: Pixels, registry: Registry, dct: DctCodec) -> Written:
    """Marks 24 images of 64 px, in two classes or in none, into a folder or a zip of a name, or shards of a kind."""
    registry.new("alice")

    def write(target: str, classes: bool, kind: Kind | None = None) -> Path:
        for index, pixels in enumerate(clean_pixels):
            folder = tmp_path / "photos" / (("cats", "dogs")[index % 2] if classes else "")
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / f"{index:03d}.png")
        files = 10 if kind else None
        settings = EmbedSettings(tmp_path / "photos", tmp_path / target, "alice", format=kind, images_per_file=files)
        embed_dataset(settings, dct, registry)
        return tmp_path / target

    return write


def files_of(dataset: Path) -> dict[str, bytes]:
    """Rule 1: every file of a folder at any depth, or every member of a zip, by its name with slashes."""
    if dataset.is_dir():
        return {str(path.relative_to(dataset)): path.read_bytes() for path in dataset.rglob("*") if path.is_file()}
    with zipfile.ZipFile(dataset) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def images_of(files: Mapping[str, bytes]) -> dict[str, Image.Image]:
    """Rule 2: an image is what has a suffix that Pillow knows, in sorted order."""
    Image.init()
    return {name: Image.open(io.BytesIO(files[name])) for name in sorted(files) if Path(name).suffix in Image.EXTENSION}


@pytest.mark.parametrize("target", ["marked", "marked.zip"])
@pytest.mark.parametrize("classes", [False, True])
def test_every_rule_of_style_gan_loaders_holds(target: str, classes: bool, written: Written) -> None:
    files = files_of(written(target, classes))
    images = images_of(files)
    assert len(images) == 24  # rule 3: no other image in the tree
    (size,) = {image.size for image in images.values()}
    assert size == (64, 64)  # rule 4: squares of one size
    assert all(fits(size[0]) for fits in SIDES.values())
    assert {(image.mode, image.format) for image in images.values()} == {("RGB", "PNG")}  # rule 5
    labels = json.loads(files["dataset.json"])["labels"]
    if not classes:
        assert labels is None  # rule 6
        return
    assert [name for name, _ in labels] == list(images)
    assert np.array([label for _, label in labels]).tolist() == [0] * 12 + [1] * 12


def test_zips_are_stored_as_they_are(written: Written) -> None:
    """Rule 7: a loader reads members one by one; PNG does not get smaller."""
    with zipfile.ZipFile(written("marked.zip", False)) as archive:
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}


@WITH_DATASETS
@pytest.mark.parametrize("target", ["marked", "marked.zip"])
@pytest.mark.filterwarnings("default")  # of other people's packages
def test_hugging_face_loads_it_as_an_imagefolder(target: str, written: Written, tmp_path: Path) -> None:
    from datasets import load_dataset

    dataset = written(target, True)
    where = {"data_dir": str(dataset)} if dataset.is_dir() else {"data_files": str(dataset)}
    rows = load_dataset("imagefolder", split="train", cache_dir=str(tmp_path / "cache"), **where)
    assert rows.column_names == ["image", "source_file", "label", "class_name"]
    assert rows["label"][:] == [0] * 12 + [1] * 12
    assert rows["class_name"][11:13] == ["cats", "dogs"]
    stored = images_of(files_of(dataset))
    for row, (_, image) in zip(rows, stored.items(), strict=True):
        np.testing.assert_array_equal(np.asarray(row["image"]), np.asarray(image))


@WITH_DATASETS
@pytest.mark.filterwarnings("default")
def test_hugging_face_loads_the_folder_of_parquet_files(written: Written, tmp_path: Path) -> None:
    from datasets import load_dataset

    dataset = written("marked", True, "parquet")
    rows = load_dataset(str(dataset), split="train", cache_dir=str(tmp_path / "cache"))
    assert rows.column_names == ["image", "label", "source_file", "class_name"]
    assert rows.features["label"].names == ["cats", "dogs"]
    assert rows["label"][:] == [0] * 12 + [1] * 12
    with open_source(dataset) as source:
        for row, entry in zip(rows, source, strict=True):
            stored = Image.open(io.BytesIO(source.read(entry)))
            np.testing.assert_array_equal(np.asarray(row["image"]), np.asarray(stored))


@WITH_DATASETS
@pytest.mark.filterwarnings("default")
def test_hugging_face_loads_the_tars_as_a_webdataset(written: Written, tmp_path: Path) -> None:
    from datasets import load_dataset

    dataset = written("marked", True, "tar")
    where = {"data_files": str(dataset / "*.tar"), "cache_dir": str(tmp_path / "cache")}
    rows = load_dataset("webdataset", split="train", **where)
    assert rows["__key__"][:] == [f"img{index:08d}" for index in range(24)]
    assert rows["cls"][:] == [0] * 12 + [1] * 12
    assert [row["class_name"] for row in rows["json"]] == ["cats"] * 12 + ["dogs"] * 12
    assert rows[0]["png"].size == (64, 64)


@pytest.mark.skipif(
    not importlib.util.find_spec("webdataset"),
    reason="needs `webdataset`, a reader that artfp has no use for itself: pip install webdataset",
)
@pytest.mark.filterwarnings("default")
def test_webdataset_streams_the_tars(written: Written) -> None:
    from webdataset import WebDataset

    dataset = written("marked", True, "tar")
    shards = WebDataset(str(dataset / "marked-{000000..000002}.tar"), shardshuffle=False)
    samples = list(shards.decode("pil").to_tuple("png", "cls", "json"))
    assert [label for _, label, _ in samples] == [0] * 12 + [1] * 12
    assert samples[0][0].size == (64, 64)
    assert samples[23][2]["class_name"] == "dogs"
