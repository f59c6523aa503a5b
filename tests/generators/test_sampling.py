"""Sampling and the generator's checkpoint."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from artfp.artefacts import read_list
from artfp.checkpoints import save_tensors
from artfp.cli.main import artfp
from artfp.errors import BadInputError, UsageError
from artfp.files import sha256_file
from artfp.generators.dcgan import DcganGenerator
from artfp.generators.sampling import (
    FORMAT,
    check_class,
    conditions,
    load_generator,
    sample,
    save_generator,
    write_samples,
)
from artfp.generators.sheets import write_grid, write_strip
from artfp.iptc import EDITED, TRAINED, made_by_model, uri


@pytest.fixture
def generator() -> DcganGenerator:
    """Untrained."""
    torch.manual_seed(1)
    return DcganGenerator(16, latent=8, width=4, most=8)


@pytest.fixture
def checkpoint(generator: DcganGenerator, tmp_path: Path) -> Path:
    """Its file."""
    save_generator(tmp_path / "generator.safetensors", generator, "dcgan", {"images_shown": 5})
    return tmp_path / "generator.safetensors"


def pixels(generator: DcganGenerator, count: int, seed: int = 0, start: int = 0) -> np.ndarray:
    return np.concatenate(list(sample(generator, count, seed, start)))


def silent(done: int, total: int, note: str) -> None:
    """No progress shown."""


def test_an_image_does_not_depend_on_what_is_sampled_with_it(generator: DcganGenerator) -> None:
    many = pixels(generator, 75)
    assert many.shape == (75, 16, 16, 3)
    for start, count in ((0, 1), (0, 33), (31, 2), (70, 5), (74, 1)):
        np.testing.assert_array_equal(pixels(generator, count, start=start), many[start : start + count])
    assert len({image.tobytes() for image in many}) == 75
    assert not np.array_equal(pixels(generator, 75, seed=1), many)


def test_a_loaded_generator_gives_the_same_images(generator: DcganGenerator, checkpoint: Path) -> None:
    loaded = load_generator(checkpoint)
    generator.to(memory_format=torch.channels_last)
    np.testing.assert_array_equal(pixels(loaded, 9), pixels(generator, 9))  # type: ignore[arg-type]
    np.testing.assert_array_equal(pixels(load_generator(checkpoint.parent), 9), pixels(loaded, 9))  # type: ignore[arg-type]


def test_images_follow_the_convention(generator: DcganGenerator) -> None:
    with torch.no_grad():
        generator.out.weight.mul_(100)
        images = generator.generate(torch.randn(4, 8))
    assert (images.min(), images.max(), images.dtype) == (0, 1, torch.float32)


def test_what_is_no_generator_is_refused_by_name(generator: DcganGenerator, checkpoint: Path, tmp_path: Path) -> None:
    def refused(config: dict[str, object], words: str) -> None:
        save_tensors(tmp_path / "x.safetensors", generator.state_dict(), config)
        with pytest.raises(BadInputError, match=rf"x\.safetensors: {words}"):
            load_generator(tmp_path / "x.safetensors")

    refused({"kind": "codec"}, "holds a 'codec', not a 'generator'")
    refused({"kind": "generator", "family": "dcgan"}, "a generator of another version of artfp")
    here = {"kind": "generator", "format": FORMAT}
    refused({**here, "family": "oracle"}, "of the family 'oracle'; known here: dcgan")
    refused({**here, "family": "dcgan"}, "not a generator of this version")
    refused({**here, "family": "dcgan", "shape": {"side": 3}}, "not a generator of this version")
    other = {"size": 16, "latent": 8, "width": 8, "most": 16}
    refused({**here, "family": "dcgan", "shape": other}, "weights of another architecture")
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(BadInputError, match="not an artfp checkpoint"):
        load_generator(checkpoint)
    with pytest.raises(BadInputError, match="no such checkpoint"):
        load_generator(tmp_path / "absent.safetensors")


def test_a_folder_without_a_generator_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no generator\.safetensors"):
        load_generator(tmp_path)
    (tmp_path / "state.safetensors").touch()
    with pytest.raises(UsageError, match="not finished; run the same `artfp train-gan` again"):
        load_generator(tmp_path)


def test_files_appear_together_or_not_at_all(generator: DcganGenerator, tmp_path: Path) -> None:
    def stop(done: int, total: int, note: str) -> None:
        if done == 3:
            raise KeyboardInterrupt

    target = tmp_path / "out" / "samples"
    with pytest.raises(KeyboardInterrupt):
        write_samples(generator, target, 5, 0, stop)
    assert not list(target.parent.iterdir())
    write_samples(generator, target, 5, 0, silent)
    files = sorted(path.name for path in target.iterdir())
    assert files == [f"img{index:08d}.png" for index in range(5)]
    written = np.stack([np.asarray(Image.open(target / name)) for name in files])
    np.testing.assert_array_equal(written, pixels(generator, 5))
    with pytest.raises(UsageError, match="exists; choose a new folder"):
        write_samples(generator, target, 5, 1, silent)


def test_images_whose_generator_is_known_say_so(generator: DcganGenerator, tmp_path: Path) -> None:
    write_samples(generator, tmp_path / "out", 2, 7, silent, made_from={"generator": "ab" * 32, "source": None})
    listed = read_list(tmp_path / "out")
    assert listed is not None
    assert (listed["made_from"], listed["facts"]) == ({"generator": "ab" * 32}, {"count": 2, "seed": 7})
    assert listed["files"] == {
        name: sha256_file(tmp_path / "out" / name) for name in ("img00000000.png", "img00000001.png")
    }


def test_images_are_marked_as_generated_where_that_is_asked_for(checkpoint: Path, tmp_path: Path) -> None:
    def sampled(name: str, *options: str) -> Path:
        command = ["sample", str(checkpoint), str(tmp_path / name), "--count", "2", "--device", "cpu", *options]
        assert CliRunner().invoke(artfp, command).exit_code == 0
        return tmp_path / name / "img00000000.png"

    plain, marked = sampled("plain"), sampled("marked", "--mark-as-generated")
    with Image.open(plain) as image, Image.open(marked) as told:
        assert set(image.info) == set()
        assert f">{uri(TRAINED)}</Iptc4xmpExt:DigitalSourceType>" in told.info["XML:com.adobe.xmp"]
        assert ElementTree.fromstring(told.info["xmp"]).tag == "{adobe:ns:meta/}xmpmeta"
        np.testing.assert_array_equal(np.asarray(image), np.asarray(told))
    listed = [read_list(path.parent) for path in (plain, marked)]
    assert [each and each["facts"].get("digital_source_type") for each in listed] == [None, TRAINED]


def test_what_translates_images_edits_them() -> None:
    assert (made_by_model(reads_images=False), made_by_model(reads_images=True)) == (TRAINED, EDITED)


def test_a_sheet_shows_the_first_samples_row_by_row(generator: DcganGenerator, tmp_path: Path) -> None:
    write_grid(tmp_path / "sheet.png", generator, seed=3)
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    images = pixels(generator, 32, seed=3)
    assert sheet.shape == (64, 128, 3)
    np.testing.assert_array_equal(sheet[:16, 16:32], images[1])
    np.testing.assert_array_equal(sheet[16:32, :16], images[8])


def test_a_strip_shows_a_row_of_a_few_sheets_and_of_the_newest(tmp_path: Path) -> None:
    sheets = tmp_path / "samples"
    sheets.mkdir()
    for number in range(20):
        Image.new("RGB", (32, 16), (number, 0, 0)).save(sheets / f"{number:010d}.png")
    write_strip(tmp_path / "strip.png", sheets)
    strip = np.asarray(Image.open(tmp_path / "strip.png"))
    assert strip.shape == (12 * 4, 32, 3)
    shown = strip[::4, 0, 0].tolist()
    assert shown == sorted(set(shown))
    assert shown[-1] == 19


def test_a_generator_of_classes_draws_one_for_each_image_or_keeps_to_the_chosen() -> None:
    torch.manual_seed(1)
    generator = DcganGenerator(16, latent=8, width=4, most=8, conditions=3)
    drawn, zeros = (
        np.concatenate(list(sample(generator, 12, 0))),
        np.concatenate(list(sample(generator, 12, 0, chosen=0))),
    )
    same = [bool((a == b).all()) for a, b in zip(drawn, zeros, strict=True)]
    assert 0 < sum(same) < 12
    told = conditions(generator, 0, range(40))
    assert told is not None
    assert told.sum(dim=0).min() > 0
    assert (told.sum(dim=1) == 1).all()
    np.testing.assert_array_equal(np.concatenate(list(sample(generator, 2, 0, start=9))), drawn[9:11])


def test_a_class_that_is_not_known_is_refused(generator: DcganGenerator) -> None:
    check_class(generator, None)
    with pytest.raises(UsageError, match="knows no classes"):
        check_class(generator, 0)
    with pytest.raises(UsageError, match="classes 0 to 2"):
        check_class(DcganGenerator(16, latent=8, width=4, most=8, conditions=3), 3)
