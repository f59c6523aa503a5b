"""Every example runs, for a few steps, as its own text says."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from artfp.cli.main import artfp
from artfp.data.procedural import generate

Pixels = NDArray[np.uint8]
EXAMPLES = Path(__file__).parent.parent / "examples"
TESTED = ("diffusers_unet.py",)


def test_every_example_is_tested_and_short() -> None:
    assert sorted(path.name for path in EXAMPLES.glob("*.py")) == sorted(TESTED)
    assert all(len((EXAMPLES / name).read_text().splitlines()) <= 60 for name in TESTED)


@pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("diffusers", "datasets"))), reason="needs pip install 'artfp[diffusers]'"
)
def test_a_unet_trains_on_a_marked_dataset_and_is_sampled(
    tmp_path: Path, write_pngs: Callable[[Path, Pixels], list[Path]]
) -> None:
    run = CliRunner().invoke
    registry = ["--registry", str(tmp_path / "keys.sqlite")]
    write_pngs(tmp_path / "photos", np.stack(list(generate("photo-like", 8, 32, seed=3))))
    marked, unet, generated = (str(tmp_path / name) for name in ("marked", "unet", "generated"))
    assert run(artfp, ["key", "new", "studio", *registry]).exit_code == 0
    embed = ["embed-dataset", str(tmp_path / "photos"), marked, "--key", "studio", "--codec", "dct", *registry]
    assert run(artfp, embed).exit_code == 0
    command = [sys.executable, str(EXAMPLES / TESTED[0]), marked, unet, "--steps", "2", "--batch", "4"]
    environment = os.environ | {"HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1"}
    trained = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert trained.returncode == 0, trained.stderr
    sampled = run(artfp, ["sample", "--pipeline", unet, generated, "--count", "2", "--steps", "2"])
    assert sampled.exit_code == 0, sampled.stderr
    # a match by luck has a chance of one in a million
    verified = run(artfp, ["verify", generated, "--key", "studio", *registry])
    assert verified.exit_code in (1, 3), verified.stderr
