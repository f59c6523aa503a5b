"""Which images are swept: folders of any kind, marked in part, of any sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from artfp.codec.dct import DctCodec
from artfp.data.manifest import MANIFEST_ROWS, read_marked
from artfp.embed import EmbedSettings, embed_dataset
from artfp.errors import BadInputError, UsageError
from artfp.evaluate.album import Album, kept, side_of
from artfp.evaluate.deck import all_of, carrying, names_of_originals, originals_of, unmarked
from artfp.evaluate.request import Request, Subjects, requested
from artfp.evaluate.sweep import Outcome
from artfp.images import LoadedImage, encode_png
from artfp.keys.records import Key, Origin
from artfp.keys.registry import Registry

Pixels = np.ndarray
Mark = Callable[[Pixels, str], Pixels]
Write = Callable[[Path, Pixels], list[Path]]
Swept = Callable[..., Outcome]
KEY_ELSEWHERE = Key("mine", "bits-of-no-manifest", "", Origin.IMPORTED_BITS)  # its id is drawn anew in every registry
OTHERS = "0123456789abcdef"


@pytest.fixture
def half_marked(tmp_path: Path, registry: Registry, clean_pixels: Pixels, dct: DctCodec, write_pngs: Write) -> Path:
    write_pngs(tmp_path / "clean", clean_pixels)
    registry.new("mine")
    settings = EmbedSettings(tmp_path / "clean", tmp_path / "marked", "mine", fraction=0.5)
    embed_dataset(settings, dct, registry)
    return tmp_path / "marked"


def test_of_a_dataset_marked_in_part_the_marked_images_are_taken_each_with_its_original(half_marked: Path) -> None:
    deck = carrying(half_marked, KEY_ELSEWHERE, seed=0)
    assert set(deck.names) == set(read_marked(half_marked))
    assert len(deck) == 12
    originals = originals_of(deck, half_marked.parent / "clean")
    assert originals is not None
    pairs = zip(deck.images(slice(0, 12)), originals.images(slice(0, 12)), strict=True)
    errors = [float(np.abs(one.astype(int) - other).mean()) for one, other in pairs]
    assert min(errors) > 0
    assert max(errors) < 10


def test_of_a_dataset_of_several_keys_the_images_of_this_one_are_taken(half_marked: Path, registry: Registry) -> None:
    give_one_to(half_marked, OTHERS)
    mine = registry.get("mine")
    assert len(carrying(half_marked, replace(mine, key_id=OTHERS), 0)) == 1
    assert len(carrying(half_marked, mine, 0)) == 11


def test_a_key_that_the_manifest_does_not_name_is_refused(half_marked: Path, registry: Registry) -> None:
    other = registry.new("other")
    with pytest.raises(UsageError, match="marked: its manifest names no image of the key other"):
        carrying(half_marked, other, 0)
    give_one_to(half_marked, OTHERS)  # of two keys, which of them are the bits?
    with pytest.raises(UsageError, match="names no image of the key mine"):
        carrying(half_marked, KEY_ELSEWHERE, 0)


def give_one_to(dataset: Path, key_id: str) -> None:
    """Let the manifest say that the first marked image carries another key."""
    lines = (dataset / MANIFEST_ROWS).read_text().splitlines()
    mine = next(iter(read_marked(dataset).values()))
    first = next(index for index, line in enumerate(lines) if mine in line)
    lines[first] = lines[first].replace(mine, key_id)
    (dataset / MANIFEST_ROWS).write_text("\n".join(lines))


def test_marked_images_are_refused_where_clean_ones_are_asked_for(
    half_marked: Path, registry: Registry, dct: DctCodec, swept: Swept
) -> None:
    registry.pair("mine", dct.facts())
    subjects = Subjects("mine", images=half_marked, clean=half_marked, key="mine")
    with pytest.raises(UsageError, match="marked: holds marked images; --clean names images that never had a key"):
        swept(requested(subjects, registry, None, "quick", 4, 0), half_marked.parent / "out")
    assert not (half_marked.parent / "out").exists()
    assert len(unmarked(half_marked.parent / "clean", 0)) == 24


def test_originals_that_are_elsewhere_are_none(half_marked: Path, tmp_path: Path, write_pngs: Write) -> None:
    write_pngs(tmp_path / "others", np.zeros((3, 64, 64, 3), np.uint8))
    assert originals_of(carrying(half_marked, KEY_ELSEWHERE, 0), tmp_path / "others") is None
    assert originals_of(all_of(tmp_path / "others", 0), tmp_path / "clean") is None


def test_pictures_of_the_same_names_are_no_originals(
    half_marked: Path, tmp_path: Path, clean_pixels: Pixels, write_pngs: Write
) -> None:
    write_pngs(tmp_path / "others", clean_pixels[::-1])
    deck = carrying(half_marked, KEY_ELSEWHERE, 0)
    assert {path.name for path in (tmp_path / "others").iterdir()}.issuperset(names_of_originals(deck))
    assert originals_of(deck, tmp_path / "others") is None


def test_the_seed_draws_the_order(half_marked: Path) -> None:
    clean = half_marked.parent / "clean"
    assert all_of(clean, 0).names == all_of(clean, 0).names != all_of(clean, 1).names
    assert set(all_of(clean, 0).names) == set(all_of(clean, 1).names)
    assert len(all_of(clean, 0).without(all_of(clean, 0).names[:4])) == 20


def test_an_album_gives_back_images_of_any_sizes(tmp_path: Path) -> None:
    images = [np.full((20, 30, 3), 7, np.uint8), np.full((16, 16, 3), 9, np.uint8)]
    album = kept(tmp_path, "mixed", lambda: images)
    again = kept(tmp_path, "mixed", lambda: pytest.fail("was filled already"))
    assert all(np.array_equal(one, other) for one, other in zip(again, images, strict=True))
    assert album.sizes == {(20, 30), (16, 16)}
    assert side_of([album]) is None
    assert side_of([kept(tmp_path, "one", lambda: images[1:])]) == 16
    assert len(Album(tmp_path, "one")) == 1
    assert len(kept(tmp_path, "none", lambda: [])) == 0


def test_images_of_different_sizes_are_swept_as_they_are(
    tmp_path: Path, registry: Registry, mark: Mark, clean_pixels: Pixels, swept: Swept
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    big = mark(np.kron(clean_pixels[:3], np.ones((1, 2, 3, 1), np.uint8)), "mine")
    for index, pixels in enumerate([*mark(clean_pixels[3:6], "mine"), *big]):
        (folder / f"{index}.png").write_bytes(encode_png(LoadedImage(pixels)))
    request = requested(Subjects("mixed", images=folder, key="mine"), registry, None, "quick", 256, 0)
    outcome = swept(request, tmp_path / "out", "image/untouched/*", "image/noise/0.056/*")
    assert (outcome.sweep.images, outcome.sweep.side) == (6, None)
    for row in outcome.rows:
        assert row.readout is not None
        assert row.readout.accuracy.value > 0.9
        assert (row.clean, row.twin) == (None, None)


def test_images_that_are_too_small_and_folders_without_any_are_named(
    tmp_path: Path, registry: Registry, dct: DctCodec, clean_pixels: Pixels, write_pngs: Write, swept: Swept
) -> None:
    registry.new("mine")
    registry.pair("mine", dct.facts())
    write_pngs(tmp_path / "small", clean_pixels[:2, :8, :8])
    (tmp_path / "empty").mkdir()
    request = requested(Subjects("small", images=tmp_path / "small", key="mine"), registry, None, "quick", 256, 0)
    with pytest.raises(BadInputError, match="00..png: 8 x 8 pixels is under 16"):
        swept(request, tmp_path / "out")
    empty = replace(request, subjects=replace(request.subjects, images=tmp_path / "empty"))
    with pytest.raises(UsageError, match="empty: holds no images"):
        swept(empty, tmp_path / "out2")
    assert not (tmp_path / "out2").exists()


def test_a_key_that_was_never_used_and_codecs_that_could_be_several_are_refused(
    tmp_path: Path, registry: Registry, clean_pixels: Pixels, write_pngs: Write
) -> None:
    write_pngs(tmp_path / "images", clean_pixels[:2])
    registry.new("unused")

    def ask(codec: str | None = None, **parts: object) -> Request:
        subjects = replace(Subjects("x", images=tmp_path / "images", key="unused"), **parts)  # type: ignore[arg-type]
        return requested(subjects, registry, codec, "quick", 4, 0)

    with pytest.raises(UsageError, match="has not been used with any codec"):
        ask()
    with pytest.raises(UsageError, match="the key unused has not been used with the codec dct"):
        ask("dct")
    with pytest.raises(UsageError, match="--key names the key"):
        ask(key=None)
    with pytest.raises(UsageError, match="gone: no such folder or zip"):
        ask(clean=tmp_path / "gone")
    with pytest.raises(UsageError, match="no such checkpoint"):
        ask(twin=tmp_path / "gone")
