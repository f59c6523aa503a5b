"""Other people's diffusers pipelines: what is refused without loading anything, and what is sampled."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from artfp.cli.main import artfp
from artfp.errors import BadInputError, UsageError
from artfp.generators.diffusers_pipelines import INDEX, import_diffusers, load_pipeline, sample_pipeline

needs_diffusers = [
    pytest.mark.skipif(not importlib.util.find_spec("diffusers"), reason="needs pip install 'artfp[diffusers]'"),
    pytest.mark.filterwarnings("default"),  # of other people's packages
]
PARTS = {"unet": ["diffusers", "UNet2DModel"], "scheduler": ["diffusers", "DDIMScheduler"]}


def index(folder: Path, name: str, **parts: Any) -> Path:
    folder.mkdir()
    (folder / INDEX).write_text(json.dumps({"_class_name": name, "_diffusers_version": "0", **parts}))
    return folder


def test_a_folder_is_judged_by_what_it_names_before_anything_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(UsageError, match=r"holds no model_index\.json"):
        load_pipeline(tmp_path, "cpu")
    other = index(tmp_path / "other", "StableDiffusionPipeline", **PARTS)
    with pytest.raises(BadInputError, match="a StableDiffusionPipeline; known here: DDPMPipeline, DDIMPipeline"):
        load_pipeline(other, "cpu")
    for number, part in enumerate([{"unet": ["my_module", "UNet2DModel"]}, {"extra": ["os", "system"]}]):
        strange = index(tmp_path / str(number), "DDIMPipeline", **(PARTS | part))
        with pytest.raises(BadInputError, match="needed are a UNet2DModel and one of DDPMScheduler, DDIMScheduler"):
            load_pipeline(strange, "cpu")
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / INDEX).write_text("[]")
    with pytest.raises(BadInputError, match="known here"):
        load_pipeline(tmp_path / "list", "cpu")


def test_without_the_extra_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(UsageError, match=r"pip install 'artfp\[diffusers\]'"):
        load_pipeline(index(tmp_path / "pipe", "DDIMPipeline", **PARTS), "cpu")


@pytest.fixture
def pipeline(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An untrained pipeline of 16 px, of the scheduler that the test names."""
    diffusers: Any = import_diffusers()
    torch.manual_seed(1)
    blocks = {"down_block_types": ("DownBlock2D",), "up_block_types": ("UpBlock2D",), "block_out_channels": (32,)}
    network = diffusers.UNet2DModel(16, layers_per_block=1, **blocks)
    name = getattr(request, "param", "DDIM")
    whole = getattr(diffusers, f"{name}Pipeline")(network, getattr(diffusers, f"{name}Scheduler")())
    whole.save_pretrained(tmp_path / "pipe")
    return tmp_path / "pipe"


class TestWithDiffusers:
    pytestmark = needs_diffusers

    @pytest.mark.parametrize("pipeline", ["DDPM", "DDIM"], indirect=True)
    def test_an_image_follows_from_the_seed_and_its_place(self, pipeline: Path, tmp_path: Path) -> None:
        words = ["sample", "--pipeline", str(pipeline), str(tmp_path / "out"), "--count", "3", "--steps", "2", "--json"]
        done = CliRunner().invoke(artfp, words)
        assert done.exit_code == 0, done.stderr
        assert json.loads(done.stdout)["width"] == 16
        made = np.stack([np.asarray(Image.open(path)) for path in sorted((tmp_path / "out").glob("*.png"))])
        loaded = load_pipeline(pipeline, "cpu")
        many = np.concatenate(list(sample_pipeline(loaded, 33, 0, 2)))
        np.testing.assert_array_equal(made, many[:3])
        assert len({image.tobytes() for image in many}) == 33
        assert not np.array_equal(next(sample_pipeline(loaded, 3, 1, 2)), made)

    def test_pickled_weights_are_refused(self, pipeline: Path) -> None:
        (pipeline / "unet" / "diffusion_pytorch_model.safetensors").unlink()
        torch.save({}, pipeline / "unet" / "diffusion_pytorch_model.bin")
        with pytest.raises(BadInputError, match="not a pipeline that diffusers loads"):
            load_pipeline(pipeline, "cpu")
