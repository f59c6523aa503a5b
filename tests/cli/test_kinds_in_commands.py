"""Commands take datasets of every kind, shards by a pattern too, and say what is not there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from kinds import KINDS, Sample

from artfp.cli.main import artfp
from artfp.images import LoadedImage, encode_png

CHOSEN = pytest.mark.parametrize("kind", ["tar", "tar_pattern", "parquet_pattern", "path_list"])


@pytest.fixture
def packed(
    tmp_path: Path,
    clean_pixels: np.ndarray,
    mark: Callable[[np.ndarray, str], np.ndarray],
    registry_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str, str], Path]:
    """Packs 20 images as one of the kinds, marked for the key mine or clean."""
    pixels = {"marked": mark(clean_pixels[:20], "mine"), "clean": clean_pixels[:20]}
    monkeypatch.setenv("ARTFP_REGISTRY", str(registry_path))
    monkeypatch.chdir(tmp_path)

    def pack(kind: str, which: str) -> Path:
        files = [encode_png(LoadedImage(image)) for image in pixels[which]]
        (tmp_path / which).mkdir(exist_ok=True)
        return KINDS[kind](
            tmp_path / which / kind, [Sample(f"{i:03d}.png", data, 0, "") for i, data in enumerate(files)]
        )

    return pack


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(artfp, [*map(str, words)])


@CHOSEN
def test_verify(kind: str, packed: Callable[[str, str], Path]) -> None:
    done = call("verify", packed(kind, "marked"), "--json")
    verdict = json.loads(done.stdout)
    assert (done.exit_code, verdict["outcome"], verdict["n_images"]) == (0, "match", 20), done.stderr
    assert call("verify", packed(kind, "clean")).exit_code == 1


@CHOSEN
def test_plans_of_embedding_and_training(kind: str, packed: Callable[[str, str], Path]) -> None:
    path = packed(kind, "clean")
    done = call("embed-dataset", path, "out", "--key", "mine", "--codec", "dct", "--dry-run", "--json")
    assert (done.exit_code, json.loads(done.stdout)["images"]) == (0, 20), done.stderr
    done = call("train-gan", "--data", path, "--twin", "--key", "mine", "--codec", "dct", "--out", "o", "--dry-run")
    assert done.exit_code == 0, done.stderr


@CHOSEN
def test_measures_of_codecs_and_of_sets(kind: str, packed: Callable[[str, str], Path]) -> None:
    clean, marked = packed(kind, "clean"), packed(kind, "marked")
    assert call("codec", "evaluate", "dct", clean, "--limit", "2", "--json").exit_code == 0
    done = call("robustness", "--images", marked, "--clean", clean, "--key", "mine", "--codec", "dct", "--dry-run")
    assert done.exit_code == 0, done.stderr
    done = call("secrecy", "--marked", marked, "--clean", clean, "--codec", "dct", "--dry-run")
    assert done.exit_code == 0, done.stderr


def test_patterns_that_match_nothing_are_named() -> None:
    for words in (("codec", "evaluate", "dct", "none-*.tar"), ("secrecy", "--marked", "no*.tar", "--clean", "no*.tar")):
        done = call(*words)
        assert (done.exit_code, "*.tar: no such folder or zip, tar" in done.stderr) == (2, True), done.stderr
