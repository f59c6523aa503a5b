"""Classes from folders and zips: their order, their formats, their parts."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from artfp.errors import BadInputError, UsageError
from artfp.images import LoadedImage, encode_png
from artfp.passive.classes import (
    TEST,
    TRAIN,
    VALIDATION,
    ClassSource,
    Preparation,
    check_counts,
    check_formats,
    class_sources,
    gathered,
    part_of,
)
from artfp.reading import silent

Write = Callable[[Path, np.ndarray], list[Path]]


def noise(count: int, size: int = 16) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, size, size, 3), np.uint8)


def test_a_class_is_named_or_is_a_folder_among_others(tmp_path: Path) -> None:
    for name in ("wolf", "ant", ".cache"):
        (tmp_path / "all" / name).mkdir(parents=True)
    found = class_sources([f"b={tmp_path}/x=y.zip", str(tmp_path / "all")])
    assert [(each.name, each.path.name) for each in found] == [("b", "x=y.zip"), ("ant", "ant"), ("wolf", "wolf")]


@pytest.mark.parametrize("spec", ["=a", "unknown=a", " a=b", "a\n=b"])
def test_names_that_cannot_be_answers_are_refused(spec: str) -> None:
    with pytest.raises(UsageError, match="no name for a class"):
        class_sources([spec])


def test_what_is_given_twice_or_holds_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="given twice"):
        class_sources([f"a={tmp_path}", f"b={tmp_path}/"])
    with pytest.raises(UsageError, match="neither NAME=FOLDER_OR_ZIP nor a folder with a folder"):
        class_sources([str(tmp_path)])
    with pytest.raises(UsageError, match="class a: holds no images"), gathered([ClassSource("a", tmp_path)]):
        pass


def test_classes_are_sorted_and_one_may_have_several_sources(tmp_path: Path, write_pngs: Write) -> None:
    for name in ("z", "a", "m"):
        write_pngs(tmp_path / name, noise(3))
    specs = [f"second={tmp_path}/z", f"first={tmp_path}/m", f"second={tmp_path}/a"]
    with gathered(class_sources(specs)) as gathering, gathered(class_sources(specs[::-1])) as turned:
        assert gathering.classes == ("first", "second")
        assert gathering.count() == {"first": 3, "second": 6}
        examples, others = (each.examples(Preparation(16), tmp_path, silent) for each in (gathering, turned))
        assert gathering.identity() == turned.identity()
    assert examples.labels.tolist() == [0] * 3 + [1] * 6
    assert np.array_equal(examples.pixels, others.pixels)
    assert examples.names == others.names


def test_an_image_keeps_its_part_wherever_it_lies_and_however_it_is_stored() -> None:
    assert part_of("a/b/img7.png") == part_of("img7.jpg") == part_of("c/img7.webp")
    parts = [part_of(f"img{index:08d}.png") for index in range(10_000)]
    # binomial deviations are .005 and .004: chances of 1 in 10,000 that one of fresh names lay outside
    assert parts.count(TRAIN) / 10_000 == pytest.approx(0.70, abs=0.02)
    assert parts.count(VALIDATION) / 10_000 == pytest.approx(0.15, abs=0.015)
    assert parts.count(TEST) / 10_000 == pytest.approx(0.15, abs=0.015)


def test_parts_share_no_image_and_miss_none(tmp_path: Path, write_pngs: Write) -> None:
    paths = write_pngs(tmp_path / "a", noise(60))
    with gathered([ClassSource("a", tmp_path / "a")]) as gathering:
        names = [
            gathering.examples(Preparation(16), tmp_path, silent, part).names for part in (TRAIN, VALIDATION, TEST)
        ]
        assert sorted(name for part in names for name in part) == sorted(map(str, paths))
        lessons = gathering.lessons(Preparation(16), tmp_path, silent)
    assert (lessons.train.names, lessons.validation.names) == (names[0], names[1])
    assert lessons.size == 16


def test_a_zip_and_a_folder_of_the_same_images_have_the_same_parts(tmp_path: Path, write_pngs: Write) -> None:
    paths = write_pngs(tmp_path / "a", noise(30))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for path in paths:
            archive.write(path, f"00000/{path.name}")
    with gathered([ClassSource("a", tmp_path / "a")]) as one, gathered([ClassSource("a", tmp_path / "a.zip")]) as two:
        assert [image.part for image in one.images] == [image.part for image in two.images]


def test_jpeg_against_png_is_refused_whatever_the_files_are_called(tmp_path: Path, write_pngs: Write) -> None:
    write_pngs(tmp_path / "a", noise(2))
    for path in write_pngs(tmp_path / "b", noise(2)):
        Image.open(path).save(path, "JPEG")
    with (
        gathered(class_sources([str(tmp_path)])) as gathering,
        pytest.raises(UsageError, match=r"a: PNG; b: JPEG.*--jpeg"),
    ):
        check_formats(gathering.formats())


def test_a_class_without_images_for_a_part_is_refused(tmp_path: Path, write_pngs: Write) -> None:
    write_pngs(tmp_path / "a", noise(1))
    empty = next(part for part in (TRAIN, TEST) if part != part_of("000.png"))
    with gathered(class_sources([f"a={tmp_path}/a"])) as gathering, pytest.raises(UsageError, match=f"for {empty}"):
        check_counts(gathering, empty)


def test_images_of_several_sizes_are_refused_or_all_resized(tmp_path: Path, write_pngs: Write) -> None:
    write_pngs(tmp_path / "a", noise(3, 16))
    write_pngs(tmp_path / "b", noise(3, 32))
    with gathered(class_sources([str(tmp_path)])) as gathering:
        as_they_are, resized = gathering.preparation(None, None), gathering.preparation(24, None)
        assert (as_they_are, resized) == (Preparation(16), Preparation(24, resize=True))
        with pytest.raises(BadInputError, match=r"b/000.png: 32 x 32 pixels where the others have 16.*--size"):
            gathering.examples(as_they_are, tmp_path, silent)
        assert gathering.examples(resized, tmp_path, silent).pixels.shape == (6, 24, 24, 3)


@pytest.mark.parametrize("shape", [(16, 24), (8, 8)])
def test_what_is_no_square_or_too_small_is_refused(shape: tuple[int, int], tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(encode_png(LoadedImage(np.zeros((*shape, 3), np.uint8))))
    with gathered([ClassSource("a", tmp_path)]) as gathering, pytest.raises(UsageError, match="squares from 16"):
        gathering.preparation(None, None)
    with pytest.raises(BadInputError, match="crop"):
        Preparation(16, True)(np.zeros((16, 24, 3), np.uint8), "0.png")


def test_storing_all_alike_is_what_pillow_does_to_the_image_at_its_size(tmp_path: Path) -> None:
    pixels = noise(1, 32)[0]
    small = Preparation(16, True)(pixels, "0.png")
    Image.fromarray(small).save(tmp_path / "0.jpg", quality=80)
    assert np.array_equal(Preparation(16, True, 80)(pixels, "0.png"), np.asarray(Image.open(tmp_path / "0.jpg")))
