"""`artfp passive`: train, predict, evaluate, as people and programs call them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from passives import patterned

from artfp.cli.main import artfp
from artfp.cli.passive import ATTACKS
from artfp.errors import Exit
from artfp.images import LoadedImage, encode_png
from artfp.passive.immunity import KINDS
from artfp.passive.registry import SYSTEMS


def call(*words: object) -> Result:
    return CliRunner().invoke(artfp, ["passive", *map(str, words)])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of three classes, and a system that knows two of them."""
    root = tmp_path_factory.mktemp("world")
    examples = patterned(40, seed=1)
    for label, name in enumerate(("ant", "bee", "cat")):
        (root / name).mkdir()
        for index, pixels in enumerate(examples.of_class(label)):
            (root / name / f"{index}.png").write_bytes(encode_png(LoadedImage(pixels)))
    done = call("train", "residual", "--class", f"ant={root}/ant", "--class", f"bee={root}/bee", "--out", root / "out")
    assert done.exit_code == Exit.OK, done.stderr
    assert "residual lite at 16 px" in done.stdout
    return root


def two(world: Path) -> list[object]:
    return ["--class", f"ant={world}/ant", "--class", f"bee={world}/bee"]


def test_every_system_is_named_in_the_help() -> None:
    told = call("train", "--help").stdout
    assert all(name in told for name in SYSTEMS)


def test_every_attack_can_be_asked_for() -> None:
    assert sorted(KINDS) == list(ATTACKS)


def test_the_same_command_again_says_so_and_gives_the_same(world: Path) -> None:
    done = call("train", "residual", *two(world), "--out", world / "out", "--json")
    assert done.exit_code == Exit.OK
    assert "nothing to do" in done.stderr
    assert json.loads(done.stdout)["finished_before"]


def test_a_dry_run_changes_nothing(world: Path, tmp_path: Path) -> None:
    done = call("train", "dct", *two(world), "--out", tmp_path / "out", "--preset", "paper", "--dry-run", "--json")
    assert done.exit_code == Exit.OK, done.stderr
    assert json.loads(done.stdout)["stamp"] == "dct paper at 16 px"
    assert call("train", "dct", *two(world), "--out", tmp_path / "out", "--dry-run").exit_code == Exit.OK
    assert call("evaluate", world / "out", *two(world), "--dry-run").exit_code == Exit.OK
    assert not (tmp_path / "out").exists()


def test_predictions(world: Path) -> None:
    done = call("predict", world / "out", world / "ant", "--json", "--open-set")
    assert done.exit_code == Exit.OK, done.stderr
    told = json.loads(done.stdout)
    assert (told["system"], told["preset"], told["classes"]) == ("residual", "lite", ["ant", "bee"])
    assert len(told["images"]) == 40
    assert {image["answer"] for image in told["images"]} <= {"ant", "bee", "unknown"}
    for_people = call("predict", world / "out", world / "bee", world / "ant")
    assert "80 images" in for_people.stdout
    assert "40 more images" in for_people.stdout


def test_an_evaluation(world: Path) -> None:
    words = ["evaluate", world / "out", *two(world), "--unknown", world / "cat"]
    told = json.loads(call(*words, "--json").stdout)
    assert told["closed_set"]["balanced_accuracy"]["value"] > 0.6
    assert told["open_set"]["unknown"] == 40
    assert told["preset"] == "lite"
    for_people = call(*words)
    assert for_people.exit_code == Exit.OK, for_people.stderr
    assert "residual lite at 16 px" in for_people.stdout
    assert {"accuracy", "eer", "auroc", "oscr"} <= set(for_people.stdout.split())


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["train", "nonesuch", "--class", "a=b", "--out", "o"], Exit.USAGE, "there are residual, dct"),
        (["train", "dct", "--out", "o"], Exit.USAGE, "--class"),
        (["train", "dct", "--class", "a=nowhere", "--out", "o"], Exit.USAGE, "no such folder or zip"),
        (["predict", "nowhere", "x.png"], Exit.BAD_INPUT, "no such checkpoint"),
    ],
)
def test_mistakes_have_their_codes(
    words: list[str], code: Exit, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = call(*words)
    assert done.exit_code == code
    assert told in done.stderr
    assert not list(tmp_path.iterdir())


def test_images_that_cannot_be_judged_end_it(world: Path, tmp_path: Path) -> None:
    (tmp_path / "torn.png").write_bytes(b"no image")
    assert call("predict", world / "out", tmp_path / "torn.png").exit_code == Exit.BAD_INPUT
    (tmp_path / "large.png").write_bytes(encode_png(LoadedImage(np.zeros((32, 32, 3), np.uint8))))
    done = call("predict", world / "out", tmp_path / "large.png")
    assert done.exit_code == Exit.BAD_INPUT
    assert "32 x 32" in done.stderr
