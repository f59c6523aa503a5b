"""The benchmark of auto-encoders in miniature: from images to rows to a table."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from artfp.data.procedural import generate
from benchmarks import latent
from benchmarks.latent import CODERS, AutoEncoder

TINY = ["--codec", "dct", "--width", "8", "--steps", "6", "--tuning", "4", "--batch", "4", "--held-out", "8"]


@pytest.fixture
def command(
    tmp_path: Path,
    write_pngs: Callable[..., list[Path]],
    fixed_secrets: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., str]:
    write_pngs(tmp_path / "photos", np.stack(list(generate("photo-like", 24, 32, 3))))
    folders = ["--out", str(tmp_path / "rows"), "--scratch", str(tmp_path / "scratch")]

    def call(*options: str) -> str:
        monkeypatch.setattr("sys.argv", ["latent", str(tmp_path / "photos"), "--only", "f4", *folders, *TINY, *options])
        latent.main()
        return capsys.readouterr().out

    return call


@pytest.mark.parametrize("name", CODERS)
def test_sides_shrink_by_the_factor_and_come_back(name: str) -> None:
    coder = AutoEncoder(**CODERS[name], width=8)
    pixels = np.zeros((2, 32, 32, 3), np.uint8)
    mean, log_variance = coder.encode(torch.zeros(2, 3, 32, 32))
    side = 32 // CODERS[name]["factor"]
    assert mean.shape == log_variance.shape == (2, CODERS[name]["channels"], side, side)
    assert coder.round_trip(pixels).shape == pixels.shape


def test_every_last_training_has_a_row_that_is_shown_again(command: Callable[..., str], tmp_path: Path) -> None:
    shown = command()
    rows = {path.stem: json.loads(path.read_text()) for path in sorted((tmp_path / "rows").iterdir())}
    assert list(rows) == ["f4-32db", "f4-38db", "f4-clean"]
    marked = rows["f4-clean"]["put_in"]
    assert list(marked) == ["clean", "38db", "32db"]
    assert list(rows["f4-32db"]["put_in"]) == ["clean", "32db"]
    assert [marked[name]["psnr"] for name in ("38db", "32db")] == pytest.approx([38, 32], abs=1)
    assert marked["32db"]["before"]["outcome"] == "match"
    assert marked["clean"]["before"]["outcome"] == "no match"
    assert shown.count("\n| f4, 3 x 8 x 8 | ") == 7
    assert command() == command("--table") == shown
    with pytest.raises(SystemExit):
        command("--batch", "5")


def test_an_interrupted_training_goes_on_to_the_same_weights(
    command: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command()
    states = {path.name: path.read_bytes() for path in (tmp_path / "scratch").glob("*.safetensors")}
    assert sorted(name.split("-")[0] for name in states) == ["32db", "38db", "base", "clean"]
    for path in [*(tmp_path / "scratch").glob("*.safetensors"), *(tmp_path / "rows").iterdir()]:
        path.unlink()
    monkeypatch.setattr(latent, "SAVED_EVERY", 2)
    honest, counted = latent.learn, iter(range(8))

    def killed(*arguments: object) -> float:
        if next(counted) == 7:  # the second step after the base
            raise KeyboardInterrupt
        return honest(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(latent, "learn", killed)
    with pytest.raises(KeyboardInterrupt):
        command()
    monkeypatch.setattr(latent, "learn", honest)
    command()
    assert {path.name: path.read_bytes() for path in (tmp_path / "scratch").glob("*.safetensors")} == states
