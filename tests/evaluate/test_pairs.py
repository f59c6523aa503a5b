"""Which images are taken for pairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from kinds import pyarrow

from artfp.codec.dct import DctCodec
from artfp.data.manifest import read_marked
from artfp.data.outputs import Kind
from artfp.embed import EmbedSettings, embed_dataset
from artfp.errors import CannotError
from artfp.evaluate.deck import Deck, all_of
from artfp.evaluate.pairs import AUTO, MANIFEST, NAMES, ORDER, YES, leading, paired
from artfp.keys.registry import Registry

Write = Callable[[Path, np.ndarray], list[Path]]


@pytest.fixture
def clean(tmp_path: Path, clean_pixels: np.ndarray, write_pngs: Write) -> Path:
    write_pngs(tmp_path / "clean", clean_pixels)
    return tmp_path / "clean"


@pytest.fixture
def half_marked(clean: Path, registry: Registry, dct: DctCodec) -> Path:
    registry.new("mine")
    embed_dataset(EmbedSettings(clean, clean.parent / "marked", "mine", fraction=0.5), dct, registry)
    return clean.parent / "marked"


def deck(path: Path) -> Deck:
    return all_of(path, seed=0)


def test_a_manifest_pairs_what_is_marked_with_what_it_was_made_from(half_marked: Path, clean: Path) -> None:
    found = paired(deck(half_marked), deck(clean), AUTO)
    assert found.by == MANIFEST
    assert set(found.images.names) == set(read_marked(half_marked))
    pairs = zip(found.images.images(slice(None)), found.originals.images(slice(None)), strict=True)
    errors = [float(np.abs(one.astype(int) - other).mean()) for one, other in pairs]
    assert len(errors) == 12
    assert 0 < min(errors) < max(errors) < 10
    assert found.first(5).images.names == found.images.names[:5]
    assert found.first(5).originals.names == found.originals.names[:5]


@pytest.mark.parametrize("kind", ["tar", "parquet"])
def test_tars_and_parquet_files_are_paired_as_folders_are(
    kind: Kind, half_marked: Path, clean: Path, registry: Registry, dct: DctCodec
) -> None:
    if kind == "parquet":
        pyarrow()
    packed = clean.parent / "packed"
    settings = EmbedSettings(clean, packed, "mine", fraction=0.5, format=kind, images_per_file=9)
    embed_dataset(settings, dct, registry)
    expected = paired(deck(half_marked), deck(clean), AUTO)
    for path in (packed, next(packed.rglob(f"*.{kind}")).parent / f"*.{kind}"):
        found = paired(deck(path), deck(clean), AUTO)
        assert (found.by, found.originals.names) == (MANIFEST, expected.originals.names)
        assert list(found.images.files()) == list(expected.images.files())


def test_a_manifest_of_another_source_pairs_only_where_that_is_asked_for(
    half_marked: Path, clean_pixels: np.ndarray, write_pngs: Write
) -> None:
    """Its file names may well be the same: everybody's first image is 000.png."""
    write_pngs(half_marked.parent / "others", 255 - clean_pixels)
    others = deck(half_marked.parent / "others")
    with pytest.raises(CannotError, match="made from other images"):
        paired(deck(half_marked), others, AUTO)
    assert paired(deck(half_marked), others, YES).by == MANIFEST
    write_pngs(half_marked.parent / "few", clean_pixels[:3])
    with pytest.raises(CannotError, match="not among the real images"):
        paired(deck(half_marked), deck(half_marked.parent / "few"), YES)


def test_equal_names_prove_nothing_but_can_be_told_to(clean: Path, clean_pixels: np.ndarray, write_pngs: Write) -> None:
    write_pngs(clean.parent / "other", clean_pixels[:10] // 2)
    with pytest.raises(CannotError, match="--pairs yes"):
        paired(deck(clean.parent / "other"), deck(clean), AUTO)
    found = paired(deck(clean.parent / "other"), deck(clean), YES)
    assert found.by == NAMES
    assert found.originals.names == found.images.names


def test_other_names_pair_by_their_order_where_there_are_as_many(clean: Path, clean_pixels: np.ndarray) -> None:
    renamed = Deck(clean, tuple(f"x{name}" for name in reversed(deck(clean).names)))
    found = paired(renamed, deck(clean), YES)
    assert found.by == ORDER
    assert found.originals.names == tuple(name.removeprefix("x") for name in renamed.names)
    with pytest.raises(CannotError, match="are no pairs"):
        paired(Deck(clean, renamed.names[1:]), deck(clean), YES)


def test_pairs_lead_and_no_image_is_lost(clean: Path) -> None:
    whole = deck(clean)
    first = Deck(clean, whole.names[5:8])
    assert leading(whole, first).names == (*whole.names[5:8], *whole.names[:5], *whole.names[8:])
