"""Who is given which images: a picture is on one side alone, and used once where that is promised."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from artfp.data.manifest import read_sources
from artfp.errors import UsageError
from artfp.evaluate.pictures import Given, Picture, Pictures, pictures_of

Pixels = np.ndarray


def drawn(marked: int, clean: int, pairs: int) -> Pictures:
    """So many of each, of which some are of one picture; in turn."""
    order = [Picture(f"m{i}", f"c{i}") for i in range(pairs)]
    order += [Picture(f"m{i}", None) for i in range(pairs, marked)]
    order += [Picture(None, f"cx{i}") for i in range(pairs, clean)]
    shuffled = np.random.default_rng(0).permutation(len(order))
    return Pictures(Path("m"), Path("c"), tuple(order[i] for i in shuffled), None)


def numbers(names: tuple[str, ...]) -> set[str]:
    return {name[1:] for name in names}


@pytest.mark.parametrize(("marked", "clean", "pairs"), [(40, 40, 40), (40, 60, 30), (50, 20, 0), (7, 40, 7)])
def test_no_picture_is_learned_from_and_judged_by(marked: int, clean: int, pairs: int) -> None:
    """Of sets that have all, some and no picture in common."""
    pictures = drawn(marked, clean, pairs)
    test, examples = pictures.split(10)
    wanted = min(10, marked // 2, clean // 2)
    assert len(test.marked) == len(test.clean) == wanted
    both = [numbers(test.marked) | numbers(test.clean), numbers(examples.marked) | numbers(examples.clean)]
    assert not both[0] & both[1]
    assert not numbers(examples.marked) & numbers(examples.clean)
    assert len(examples) > 0


def test_test_images_know_their_pictures() -> None:
    test, _ = drawn(30, 30, 30).split(8)
    assert len(test.pictures) == 16
    assert test.pictures[:8] == test.pictures[8:]
    assert numbers(test.marked) == numbers(test.clean)


def test_the_first_of_each_kind() -> None:
    given = Given(("a", "b", "c"), ("d", "e"), (0, 1, 2, 3, 4))
    assert given.first(1) == Given(("a",), ("d",), (0, 3))
    assert given.first(9) == given
    assert len(given) == 2


def test_suspects_are_of_different_pictures_and_as_many_of_each_kind() -> None:
    suspects = drawn(41, 41, 41).suspects()
    assert not numbers(suspects.marked) & numbers(suspects.clean)
    assert abs(len(suspects.marked) - len(suspects.clean)) <= 1
    assert len(suspects.marked) + len(suspects.clean) == 41
    few = drawn(10, 50, 10).suspects()
    assert not numbers(few.marked) & numbers(few.clean)
    controls = drawn(10, 50, 10).clean_suspects()
    assert len({*controls.marked, *controls.clean}) == 50
    assert not set(controls.marked) & set(controls.clean)


def test_a_manifest_tells_what_an_image_was_made_from(small_run: Path) -> None:
    marked, clean = small_run / "data" / "marked", small_run / "data" / "original"
    pictures = pictures_of(marked, clean, 0)
    sources = read_sources(marked)
    assert len(pictures.order) == pictures.pairs == 40
    assert all(picture.marked and sources[picture.marked] == picture.clean for picture in pictures.order)
    assert pictures.codec_sha256
    assert pictures.order != pictures_of(marked, clean, 1).order


def test_without_a_manifest_names_tell(
    tmp_path: Path, clean_pixels: Pixels, write_pngs: Callable[[Path, Pixels], list[Path]]
) -> None:
    write_pngs(tmp_path / "a", clean_pixels[:4])
    write_pngs(tmp_path / "b", clean_pixels[:6])
    pictures = pictures_of(tmp_path / "a", tmp_path / "b", 0)
    assert (len(pictures.order), pictures.pairs, pictures.codec_sha256) == (6, 4, None)


def test_a_suffix_makes_no_other_picture(
    tmp_path: Path, clean_pixels: Pixels, write_pngs: Callable[[Path, Pixels], list[Path]]
) -> None:
    for path in write_pngs(tmp_path / "a", clean_pixels[:4]):
        path.rename(path.with_suffix(".bmp"))
    write_pngs(tmp_path / "b", clean_pixels[:4])
    assert pictures_of(tmp_path / "a", tmp_path / "b", 0).pairs == 4


def test_formats_that_differ_are_refused(
    tmp_path: Path, clean_pixels: Pixels, write_pngs: Callable[[Path, Pixels], list[Path]]
) -> None:
    """A detector would learn what JPEG leaves behind."""
    for path in write_pngs(tmp_path / "a", clean_pixels[:4]):
        path.rename(path.with_suffix(".jpg"))
    write_pngs(tmp_path / "b", clean_pixels[:4])
    with pytest.raises(UsageError, match="one holds JPEG"):
        pictures_of(tmp_path / "a", tmp_path / "b", 0)


def test_marked_images_are_not_clean(small_run: Path) -> None:
    with pytest.raises(UsageError, match="holds marked images"):
        pictures_of(small_run / "data" / "original", small_run / "data" / "marked", 0)
