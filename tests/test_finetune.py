"""The benchmark of fine-tuning in miniature: from two finished trainings to rows and tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artfp.codec.dct import DctCodec
from artfp.data.procedural import generate
from artfp.embed import EmbedSettings, embed_dataset
from artfp.generators.settings import GanRecipe
from artfp.generators.training import train
from artfp.keys.registry import Registry
from benchmarks import finetune

WIDTHS = dict.fromkeys(("generator_width", "generator_most", "discriminator_width", "discriminator_most", "latent"), 8)
RECIPE = GanRecipe(images=16, batch=4, checkpoint_every=16, learning_rate=2e-4, **WIDTHS)
BRIEF = ["--images", "12", "--every", "4", "--looked-at", "8"]


def looks(*log10_p: float) -> list[dict[str, float]]:
    return [{"images_shown": 1000 * index, "log10_p": value} for index, value in enumerate(log10_p)]


@pytest.fixture
def command(
    tmp_path: Path,
    write_pngs: Callable[..., list[Path]],
    dct: DctCodec,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., str]:
    """With the folders clean and marked, and a training on each, run-clean and run-marked."""
    write_pngs(tmp_path / "clean", np.stack(list(generate("photo-like", 8, 16, 3))))
    registry.new("studio")
    embed_dataset(EmbedSettings(tmp_path / "clean", tmp_path / "marked", "studio"), dct, registry)
    for name in ("clean", "marked"):
        train(RECIPE, tmp_path / name, tmp_path / f"run-{name}")
    folders = {"registry": registry.path, "out": tmp_path / "rows", "scratch": tmp_path / "scratch"}

    def call(*options: str) -> str:
        paths = [text for name, path in folders.items() for text in (f"--{name}", str(path))]
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", ["finetune", *options, *paths, *BRIEF])
        finetune.main()
        return capsys.readouterr().out

    return call


def row(tmp_path: Path, name: str) -> Any:
    return json.loads((tmp_path / "rows" / f"{name}.json").read_text())


def test_learnt_and_lost_count_only_from_where_they_last() -> None:
    assert finetune.for_good("learn", looks(0, -13, -11, -12, -20)) == 3000
    assert finetune.for_good("learn", looks(0, -13, -13, -11)) is None
    assert finetune.for_good("forget", looks(-19, -5, -7, -5.9, 0)) == 3000
    assert finetune.for_good("forget", looks(-5, -3)) == 0
    assert finetune.for_good("forget", looks(-19, -19)) is None


def test_learning_and_forgetting_go_on_from_a_run_by_its_recipe(
    command: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget = ("forget", "run-marked", "clean", "--key", "studio", "--codec", "dct", "--alone")
    shown = [command("learn", "run-clean", "marked"), command(*forget)]
    learnt, lost = row(tmp_path, "learn-run-clean"), row(tmp_path, "forget-run-marked-alone")
    for found in (learnt, lost):
        assert [look["images_shown"] for look in found["looks"]] == [0, 4, 8, 12]
        assert {look["images"] for look in found["looks"]} == {8}
        assert found["shown_before"] == 16
        assert found["settings"]["learning_rate"] == RECIPE.learning_rate
        assert found["settings"]["generator_width"] == 8
    assert (learnt["reached"], learnt["share"]) == (None, None)
    assert (lost["reached"], lost["share"]) == (0, 0)
    assert "| run-clean | dcgan | 16 | all networks | 8 images |" in shown[0]
    assert "| run-marked-alone | dcgan | 16 | generator alone | 8 images |" in shown[1]
    monkeypatch.setattr(finetune, "measured", None)  # what has a row is not measured again
    assert command("learn", "run-clean", "marked") == shown[0]
    assert command("--table") == "".join(shown)


def test_what_cannot_be_measured_is_refused(
    command: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command("learn", "run-clean", "marked")
    for options, reason in (
        (("learn", "marked", "marked"), "not the folder of a finished training"),
        (("learn", "run-clean", "clean"), "no artfp manifest"),
        (("learn", "run-clean", "marked", "--seed", "7"), "choose another --name"),
        ((), "give learn or forget"),
    ):
        with pytest.raises(SystemExit):
            command(*options)
        assert reason in capsys.readouterr().err
