"""`artfp run` and `artfp codec`: happy paths, plans and error texts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from flips import flipped
from PIL import Image

from artfp.cli.main import artfp
from artfp.codec import training
from artfp.codec.dct import DctCodec
from artfp.files import read_json
from artfp.images import to_tensor

RUN = """
name = "small"
key = "owner"
samples = 12
[data]
count = 12
size = 32
[embed]
codec = "dct"
[gan]
size = 32
images = 16
batch = 8
generator_width = 4
generator_most = 4
discriminator_width = 4
discriminator_most = 4
monitor_images = 4
"""
CODEC = """
name = "tiny"
bits = 8
size = 32
width = 8
depth = 1
steps = 4
batch = 16
images = 16
"""


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(artfp, [str(word) for word in words])


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(RUN)
    return path


@pytest.fixture
def codec_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(training, "CALIBRATION_IMAGES", 16)
    path = tmp_path / "codec.toml"
    path.write_text(CODEC)
    return path


def test_run_prints_verdicts_and_where_the_report_is(recipe: Path, tmp_path: Path) -> None:
    done = call("run", recipe, "--out", tmp_path / "run", "--json")
    assert done.exit_code == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["verdicts"]["data"]["outcome"] == "match"
    assert Path(result["report"]).is_file()
    again = call("run", recipe, "--out", tmp_path / "run")
    assert again.exit_code == 0
    assert "report.html" in again.stdout


def test_run_dry_changes_nothing(recipe: Path, tmp_path: Path) -> None:
    done = call("run", recipe, "--out", tmp_path / "run", "--dry-run")
    assert done.exit_code == 0
    assert "procedural horizons" in done.stdout
    assert not (tmp_path / "run").exists()


def test_run_takes_data_of_ones_own(recipe: Path, tmp_path: Path) -> None:
    done = call("run", recipe, "--data", tmp_path / "gone", "--out", tmp_path / "run", "--dry-run")
    assert done.exit_code in (2, 4)
    assert "gone" in done.stderr


def test_run_marks_and_learns_data_of_ones_own(recipe: Path, tmp_path: Path) -> None:
    first = call("run", recipe, "--out", tmp_path / "first")
    assert first.exit_code == 0, first.stderr
    own = tmp_path / "first" / "data" / "original"
    done = call("run", recipe, "--data", own, "--out", tmp_path / "second")
    assert done.exit_code == 0, done.stderr
    assert not (tmp_path / "second" / "data" / "original").exists()


def test_run_claims_no_folder_for_what_cannot_work(recipe: Path, tmp_path: Path) -> None:
    recipe.write_text(recipe.read_text().replace("[gan]\nsize = 32", "[gan]\nsize = 64"))
    done = call("run", recipe, "--out", tmp_path / "run")
    assert done.exit_code == 2
    assert "gan.size" in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("name = 1", "name: must be str"), ("[gan]\nspeed = 9", "gan.speed: unknown"), ("=", "not TOML")],
)
def test_run_names_what_is_wrong_with_a_recipe(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    done = call("run", path)
    assert done.exit_code == 2
    assert complaint in done.stderr


def test_run_lists_the_shipped_recipes_when_there_is_none_of_that_name() -> None:
    done = call("run", "nonesuch")
    assert done.exit_code == 2
    assert "quickstart" in done.stderr


def test_codec_train_makes_a_codec_that_evaluate_and_info_take(codec_recipe: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    trained = call("codec", "train", codec_recipe, "--out", folder, "--seed", "3", "--json")
    assert trained.exit_code == 0, trained.stderr
    path = json.loads(trained.stdout)["codec"]
    described = json.loads(call("codec", "info", path, "--json").stdout)
    assert described["bits"] == 8
    measured = call("codec", "evaluate", path, folder / "samples", "--crop", "--json")
    assert measured.exit_code == 0, measured.stderr
    rows = json.loads(measured.stdout)["rows"]
    assert {"unperturbed", "mirrored", "JPEG 80"} <= {row["label"] for row in rows}
    assert "PSNR" in call("codec", "evaluate", path, folder / "samples").stdout
    images = read_json(folder / "done.json")["images_sha256"]
    assert read_json(folder / "artefacts.json")["made_from"] == {"images": images}
    audited = call("audit", folder)
    assert (audited.exit_code, "HOLDS codec training" in audited.stdout) == (0, True), audited.stdout
    with flipped(folder / "state.safetensors", 5000):
        assert call("audit", folder).exit_code == 4


def test_codec_evaluate_takes_images_as_they_are_and_writes_a_page(codec_recipe: Path, tmp_path: Path) -> None:
    for name, shape in (("wide", (36, 40, 3)), ("tall", (40, 36, 3))):
        (tmp_path / "images").mkdir(exist_ok=True)
        pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{name}.png")
    page = tmp_path / "page.html"
    done = call("codec", "evaluate", "dct", tmp_path / "images", "--full", "--page", page, "--json")
    assert done.exit_code == 0, done.stderr
    measured = json.loads(done.stdout)
    assert (measured["images"], measured["size"]) == (2, None)
    assert "images: 2 images, own sizes" in page.read_text()
    for words, text in (
        (("--full", "--crop"), "--full takes images as they are"),
        (("--page", page), "exists already"),
        (("--page", tmp_path / "gone" / "page.html"), "no such folder"),
    ):
        refused = call("codec", "evaluate", "dct", tmp_path / "images", *words)
        assert refused.exit_code == 2
        assert text in refused.stderr
    Image.new("RGB", (40, 20)).save(tmp_path / "images" / "low.png")
    small = call("codec", "evaluate", "dct", tmp_path / "images", "--full")
    assert small.exit_code == 4
    assert "low.png: under 32 pixels" in small.stderr


def test_codec_bias_counts_what_each_bit_reads_where_nothing_is_marked(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    done = call("codec", "bias", "dct", tmp_path, "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    read = (DctCodec().soft_bits(to_tensor(pixels)) > 0).sum(0).tolist()
    assert found["ones"] == read
    assert found["farthest"] == max(abs(count / 3 - 0.5) for count in read)
    assert "0.2887" in call("codec", "bias", "dct", tmp_path).stdout  # .5 / sqrt(3)
    assert call("codec", "bias", "dct", tmp_path, "--full", "--size", "32").exit_code == 2


def test_codec_train_takes_photographs(codec_recipe: Path, tmp_path: Path) -> None:
    first = call("codec", "train", codec_recipe, "--out", tmp_path / "a")
    assert first.exit_code == 0, first.stderr
    second = call("codec", "train", codec_recipe, "--out", tmp_path / "b", "--data", tmp_path / "a" / "samples")
    assert second.exit_code == 0, second.stderr


def test_codec_train_dry_changes_nothing(codec_recipe: Path, tmp_path: Path) -> None:
    done = call("codec", "train", codec_recipe, "--out", tmp_path / "run", "--dry-run", "--json")
    assert json.loads(done.stdout)["steps"] == 4
    assert not (tmp_path / "run").exists()


def test_codec_train_claims_no_folder_for_missing_data(codec_recipe: Path, tmp_path: Path) -> None:
    done = call("codec", "train", codec_recipe, "--out", tmp_path / "run", "--data", tmp_path / "gone")
    assert done.exit_code in (2, 4)
    assert "gone" in done.stderr
    assert not (tmp_path / "run").exists()


def test_codec_errors_are_one_line_with_their_exit_code(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for words, code, text in (
        (("codec", "info", "nonesuch"), 2, "nonesuch"),
        (("codec", "train", "nonesuch"), 2, "codec-artfp-64"),
        (("codec", "evaluate", "dct", tmp_path / "empty"), 2, "no images"),
        (("codec", "info", "dct", "--device"), 2, "--device"),
    ):
        done = call(*words)
        assert (done.exit_code, text in done.stderr) == (code, True), done.stderr
        assert "Traceback" not in done.stderr


def test_a_broken_codec_file_is_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(b"\0" * 64)
    done = call("codec", "info", path)
    assert done.exit_code == 4
    assert "bad.safetensors" in done.stderr
