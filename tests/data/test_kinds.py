"""One contract for all kinds of source: the same images are the same dataset, however they are packed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from kinds import CLASSES, KINDS, Sample, pyarrow

from artfp.codec.dct import DctCodec
from artfp.data.readers import Source, collect, open_source
from artfp.embed import EmbedSettings, embed_dataset
from artfp.images import LoadedImage, encode_png
from artfp.keys.registry import Registry

ALL = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="module")
def samples(clean_pixels: np.ndarray) -> list[Sample]:
    """Ten images of two classes in the order of their names."""
    files = [encode_png(LoadedImage(pixels)) for pixels in clean_pixels[:10]]
    return [
        Sample(f"{CLASSES[index // 6]}/{index:06d}.png", data, index // 6, f"tüxt {index}")
        for index, data in enumerate(files)
    ]


@pytest.fixture
def packed(tmp_path: Path, samples: list[Sample]) -> Callable[[str], Path]:
    """Packs them as one of the kinds."""
    return lambda kind: KINDS[kind](tmp_path / "packed" / kind, samples)


@pytest.fixture(autouse=True)
def place(tmp_path: Path) -> None:
    (tmp_path / "packed").mkdir()


def test_every_kind_is_held_to_it() -> None:
    kinds = {each.kind for each in Source.__subclasses__()}
    assert kinds == {"folder", "zip", "tar", "parquet", "list"}
    assert len(KINDS) == 10


@ALL
def test_the_same_images_in_the_same_order(kind: str, packed: Callable[[str], Path], samples: list[Sample]) -> None:
    with open_source(packed(kind)) as source:
        assert [entry.name.rpartition(".tar/")[2] for entry in source] == [sample.name for sample in samples]
        assert [source.read(entry) for entry in source] == [sample.data for sample in samples]
        assert source.refused == 0
        assert len({entry.name for entry in source}) == len(samples)


@ALL
def test_the_same_labels_and_columns(kind: str, packed: Callable[[str], Path], samples: list[Sample]) -> None:
    with open_source(packed(kind)) as source:
        assert [entry.label for entry in source] == [sample.label for sample in samples]
        assert [entry.class_name for entry in source] == [CLASSES[sample.label] for sample in samples]
        assert [source.columns.row(index) for index in range(10)] == [{"text": sample.text} for sample in samples]
        assert source.columns.unmatched == 0


@ALL
def test_several_threads_read_at_any_place(kind: str, packed: Callable[[str], Path], samples: list[Sample]) -> None:
    order = np.random.default_rng(1).permutation(np.arange(200) % 10).tolist()
    with open_source(packed(kind)) as source, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(source.read_at, order)) == [samples[index].data for index in order]


@ALL
def test_the_hash_is_of_the_content_and_not_of_the_place(
    kind: str, packed: Callable[[str], Path], samples: list[Sample], tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    changed = [*samples[:3], Sample(samples[3].name, samples[3].data, 0, "other"), *samples[4:]]
    paths = [packed(kind), KINDS[kind](tmp_path / "elsewhere" / kind, samples)]
    hashes = []
    for path in paths:
        with open_source(path) as source:
            hashes.append(source.sha256)
    with open_source(KINDS[kind](tmp_path / "elsewhere" / kind, changed)) as source:
        assert hashes[0] == hashes[1] != source.sha256


@ALL
def test_judging_commands_read_it(kind: str, packed: Callable[[str], Path], samples: list[Sample]) -> None:
    items = list(collect([str(packed(kind))]))
    assert [read() for _, read in items] == [sample.data for sample in samples]
    assert len({name for name, _ in items}) == len(samples)


def test_all_kinds_become_the_same_marked_dataset(
    packed: Callable[[str], Path], registry: Registry, dct: DctCodec, tmp_path: Path
) -> None:
    pyarrow()
    registry.new("alice")
    found = {}
    for kind in KINDS:
        target = tmp_path / f"marked-{kind}"
        result = embed_dataset(EmbedSettings(packed(kind), target, "alice"), dct, registry)
        assert (result.totals.marked, result.totals.labelled, result.warnings) == (10, 10, ())
        files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in target.rglob("*.png")}
        rows = [json.loads(line) for line in (target / "metadata.jsonl").read_text().splitlines()]
        texts = [(row["file_name"], row["class_name"], row["text"]) for row in rows]
        found[kind] = files, (target / "dataset.json").read_text(), texts
    assert all(each == found["folder"] for each in found.values())
    assert len(found["folder"][0]) == 10


@pytest.mark.parametrize("kind", ["tar_shards", "parquet_shards"])
def test_shards_become_a_zip(
    kind: str, packed: Callable[[str], Path], registry: Registry, dct: DctCodec, tmp_path: Path
) -> None:
    registry.new("alice")
    embed_dataset(EmbedSettings(packed(kind), tmp_path / "marked.zip", "alice"), dct, registry)
    with open_source(tmp_path / "marked.zip") as source:
        assert [entry.class_name for entry in source] == ["cat"] * 6 + ["dog"] * 4
