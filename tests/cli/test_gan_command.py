"""`artfp train-gan` and `artfp sample`: happy paths and every error text."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray

from artfp.cli.main import artfp
from artfp.codec.dct import DctCodec
from artfp.data.manifest import FORMAT, MANIFEST
from artfp.data.procedural import generate
from artfp.keys.registry import Registry

Pixels = NDArray[np.uint8]

RECIPE = """
images = 24
batch = 4
latent = 8
generator_width = 4
generator_most = 8
discriminator_width = 4
discriminator_most = 8
monitor_every = 8
monitor_images = 8
checkpoint_every = 16
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe of a moment."""
    (tmp_path / "gan-tiny.toml").write_text(RECIPE)
    return tmp_path / "gan-tiny.toml"


@pytest.fixture
def originals(tmp_path: Path, write_pngs: Callable[[Path, Pixels], list[Path]]) -> Path:
    """Unmarked images."""
    write_pngs(tmp_path / "originals", np.stack(list(generate("photo-like", 8, 16, seed=3))))
    return tmp_path / "originals"


@pytest.fixture
def marked(
    tmp_path: Path,
    write_pngs: Callable[[Path, Pixels], list[Path]],
    mark: Callable[[Pixels, str], Pixels],
    dct: DctCodec,
    registry: Registry,
) -> Path:
    """Images marked for `publisher`, with their manifest."""
    write_pngs(tmp_path / "marked", mark(np.stack(list(generate("photo-like", 8, 16, seed=3))), "publisher"))
    manifest = {"format": FORMAT, "codec": "dct", "codec_sha256": dct.sha256}
    manifest["keys"] = [{"key_id": registry.get("publisher").key_id, "class_name": None, "images": 8}]  # type: ignore[assignment]
    (tmp_path / "marked" / MANIFEST).write_text(json.dumps(manifest))
    return tmp_path / "marked"


@pytest.fixture
def run(tmp_path: Path, registry_path: Path) -> Callable[..., Result]:
    """Runs a command with this test's registry; `--out` is tmp_path/out."""

    def invoke(*arguments: str | Path) -> Result:
        words: Sequence[str] = [str(argument) for argument in arguments]
        if words[0] == "train-gan":
            words = [*words, "--registry", str(registry_path), "--out", str(tmp_path / "out")]
        return CliRunner().invoke(artfp, words)

    return invoke


def test_training_sampling_and_running_again(
    run: Callable[..., Result], recipe: Path, marked: Path, tmp_path: Path
) -> None:
    done = run("train-gan", recipe, "--data", marked, "--json")
    assert done.exit_code == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["images_shown"] == 24
    assert result["transfer"]["total_bits"] == 8 * 64
    assert not result["finished_before"]
    again = run("train-gan", recipe, "--data", marked)
    assert again.exit_code == 0
    assert "is there already, made with the same settings; nothing to do" in again.stderr
    assert "% of the bits, p " in again.stdout
    sampled = run("sample", tmp_path / "out", tmp_path / "samples", "--count", "3", "--json")
    assert json.loads(sampled.stdout) == {
        "out": str(tmp_path / "samples"),
        "count": 3,
        "seed": 0,
        "width": 16,
        "height": 16,
    }
    held = run("audit", tmp_path / "samples", "--with", tmp_path / "out")
    assert held.exit_code == 0, held.stdout
    assert run("audit", tmp_path / "samples", "--with", marked).exit_code == 3
    one = run("sample", result["generator"], tmp_path / "one", "--count", "1", "--seed", "0")
    assert "1 images of 16 x 16 pixels" in one.stdout
    first = "img00000000.png"
    assert (tmp_path / "one" / first).read_bytes() == (tmp_path / "samples" / first).read_bytes()
    other = run("sample", tmp_path / "out", tmp_path / "other", "--count", "1", "--seed", "1")
    assert other.exit_code == 0
    assert (tmp_path / "other" / first).read_bytes() != (tmp_path / "samples" / first).read_bytes()


def test_data_alone_are_enough_for_a_plan(run: Callable[..., Result], marked: Path, tmp_path: Path) -> None:
    done = run("train-gan", "--data", marked, "--dry-run")
    assert done.exit_code == 0, done.stderr
    assert "8 images at 16 px" in done.stdout
    assert "dct, key id " in done.stdout
    assert "goes on after 0 images shown" in " ".join(done.stdout.split())  # a long path wraps its line
    assert not (tmp_path / "out").exists()
    plan = json.loads(run("train-gan", "--data", marked, "--dry-run", "--json").stdout)
    assert plan["images"] == 8
    assert plan["monitor"]["codec_sha256"] == DctCodec().sha256


def test_a_keyed_generator_is_trained_and_sampled_for_a_key(
    run: Callable[..., Result], recipe: Path, originals: Path, registry: Registry, registry_path: Path, tmp_path: Path
) -> None:
    registry.new("house")
    registry.new("acme")
    data, own = tmp_path / "keyed", ("--registry", registry_path)
    done = run("embed-dataset", originals, data, "--key", "house", "--key-per", "image", "--codec", "dct", *own)
    assert done.exit_code == 0, done.stderr
    assert "bits of its own for each" in done.stdout
    recipe.write_text(RECIPE + "keyed = true\nguided = 0.3\n")
    done = run("train-gan", recipe, "--data", data, "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["transfer"]["single_at"] == 1e-6
    done = run("sample", tmp_path / "out", tmp_path / "images", "--count", "3", "--key", "acme", *own)
    assert done.exit_code == 0, done.stderr
    assert len(list((tmp_path / "images").glob("*.png"))) == 3
    assert registry.uses("acme") == [("dct", DctCodec().sha256)]
    for words, arguments in (
        ("this generator is keyed: --key names", ["sample", tmp_path / "out", tmp_path / "more"]),
        ("no key 'nobody'", ["sample", tmp_path / "out", tmp_path / "more", "--key", "nobody", *own]),
        ("watched with fresh keys; leave it out", ["train-gan", recipe, "--data", data, "--key", "acme"]),
        ("keyed = true needs data marked by", ["train-gan", recipe, "--data", originals]),
        ("--codec: does not go with --program", ["sample", recipe, tmp_path / "more", "--program", "--codec", "dct"]),
    ):
        refused = run(*arguments)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert words in refused.stderr


def test_without_a_key_it_trains_and_says_that_nothing_watches(
    run: Callable[..., Result], recipe: Path, originals: Path
) -> None:
    done = run("train-gan", recipe, "--data", originals, "--json")
    assert done.exit_code == 0, done.stderr
    assert "training without the transfer monitor" in done.stderr
    assert "has no artfp manifest to name codec and key" in done.stderr
    assert json.loads(done.stdout)["transfer"] is None


def test_a_training_that_moves_marked_images_about_is_warned_of(
    run: Callable[..., Result], recipe: Path, marked: Path
) -> None:
    recipe.write_text(RECIPE + 'augment = ["translation", "colour"]')
    done = run("train-gan", recipe, "--data", marked, "--dry-run")
    assert done.exit_code == 0, done.stderr
    assert "leave translation out" in done.stderr
    recipe.write_text(RECIPE + 'augment = ["colour"]')
    assert "translation" not in run("train-gan", recipe, "--data", marked, "--dry-run").stderr


def test_the_twin_is_watched_for_the_key_it_never_saw(
    run: Callable[..., Result], recipe: Path, originals: Path, marked: Path
) -> None:
    twin = run("train-gan", recipe, "--data", originals, "--twin", "--key", "publisher", "--codec", "dct", "--json")
    assert twin.exit_code == 0, twin.stderr
    assert json.loads(twin.stdout)["transfer"]["total_bits"] == 8 * 64
    refused = run("train-gan", recipe, "--data", marked, "--twin", "--seed", "1")
    assert refused.exit_code == 2
    assert "a clean twin trains on the unmarked originals" in refused.stderr


def test_what_is_wrong_is_said(
    run: Callable[..., Result], recipe: Path, originals: Path, marked: Path, tmp_path: Path
) -> None:
    def refused(code: int, words: str, *arguments: str | Path) -> None:
        done = run("train-gan", *arguments)
        assert (done.exit_code, done.stdout) == (code, "")
        assert words in done.stderr

    refused(2, "nothing to train on: give --data", recipe)
    refused(2, "nothing to train on: give --data")
    refused(2, "no recipe 'absent'", "absent", "--data", marked)
    refused(2, "absent: no such folder or zip", recipe, "--data", tmp_path / "absent")
    refused(2, "no key 'nobody'", recipe, "--data", marked, "--key", "nobody")
    refused(2, "--key and --codec together do", recipe, "--data", originals, "--key", "publisher")
    refused(2, "--device warp: not available here", recipe, "--data", marked, "--device", "warp")
    recipe.write_text("batch = 1\nsize = 17\nspeed = 3\n")
    refused(2, "3 problem(s)", recipe, "--data", marked)
    recipe.write_text("size = 32")
    refused(2, "16 x 16 pixels where training is at 32; set resize = true", recipe, "--data", originals)
    (originals / "003.png").write_bytes(b"")
    refused(4, "003.png: not a readable image", "--data", originals)


def test_several_processes_say_once_what_one_would(
    run: Callable[..., Result], recipe: Path, originals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    half_told = run("train-gan", recipe, "--data", originals, "--dry-run")
    assert (half_told.exit_code, half_told.stdout) == (2, "")
    assert "WORLD_SIZE is 2, but RANK, LOCAL_RANK, MASTER_ADDR, MASTER_PORT not set: start the" in half_told.stderr
    told = {"LOCAL_RANK": "0", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}
    for rank in ("0", "1"):
        for name, value in {**told, "RANK": rank}.items():
            monkeypatch.setenv(name, value)
        done = run("train-gan", recipe, "--data", originals, "--dry-run")
        assert done.exit_code == 0, done.stderr
        assert (bool(done.stdout), "transfer monitor" in done.stderr) == (rank == "0", rank == "0")


def test_a_folder_of_another_training_is_refused(run: Callable[..., Result], recipe: Path, marked: Path) -> None:
    assert run("train-gan", recipe, "--data", marked).exit_code == 0
    other = run("train-gan", recipe, "--data", marked, "--seed", "9")
    assert other.exit_code == 2
    assert "with other settings (seed: 0, now 9); choose another folder (--out)" in other.stderr


def test_what_is_wrong_with_sampling_is_said(run: Callable[..., Result], originals: Path, tmp_path: Path) -> None:
    absent = run("sample", tmp_path / "absent.safetensors", tmp_path / "new")
    assert (absent.exit_code, absent.stdout) == (4, "")
    assert "no such checkpoint" in absent.stderr
    occupied = run("sample", tmp_path / "absent.safetensors", originals)
    assert occupied.exit_code == 2
    assert "exists; choose a new folder" in occupied.stderr
    empty = run("sample", originals, tmp_path / "new")
    assert empty.exit_code == 2
    assert "holds no generator.safetensors" in empty.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("command", ["train-gan", "sample"])
def test_every_option_is_described(command: str) -> None:
    commands = artfp.commands  # type: ignore[attr-defined]
    options = [p for p in commands[command].params if p.param_type_name == "option"]
    assert len(options) >= 5
    assert all(option.help for option in options)
    assert CliRunner().invoke(artfp, [command, "--help"]).exit_code == 0
