"""Images of other people's unconditional diffusers pipelines (extra `diffusers`): local folders of safetensors.

Only weights and settings are read. A folder names the library and the class of each of its parts, and diffusers imports
what it names, so both are compared first with those few that turn noise into images.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from artfp.errors import BadInputError, UsageError
from artfp.files import read_json
from artfp.generators.sampling import BATCH, Pixels, written
from artfp.perceptual import import_torchvision
from artfp.seeds import derive_seed

INDEX = "model_index.json"
PIPELINES = ("DDPMPipeline", "DDIMPipeline")
SCHEDULERS = ("DDPMScheduler", "DDIMScheduler")


def import_diffusers() -> ModuleType:
    """diffusers, which imports torchvision where that is installed, and so meets its troubles."""
    with suppress(ImportError):
        import_torchvision()
    try:
        return importlib.import_module("diffusers")
    except ImportError as error:
        raise UsageError(f"needs the extra `diffusers` ({error}): pip install 'artfp[diffusers]'") from error


def load_pipeline(folder: Path, device: str) -> Any:
    """The pipeline in a folder that its `save_pretrained` wrote."""
    name = _checked_class(folder)
    diffusers: Any = import_diffusers()
    diffusers.utils.logging.disable_progress_bar()
    safely = {"use_safetensors": True, "local_files_only": True}
    try:
        loaded = getattr(diffusers, name).from_pretrained(folder, low_cpu_mem_usage=False, **safely)
    except Exception as error:  # diffusers, safetensors and the settings' constructors raise whatever they do
        raise BadInputError(f"{folder}: not a pipeline that diffusers loads ({error})") from error
    loaded.set_progress_bar_config(disable=True)
    return loaded.to(device)


def _checked_class(folder: Path) -> str:
    """The name of the pipeline's class, if neither it nor a part of it is of another kind."""
    if not (folder / INDEX).is_file():
        raise UsageError(f"{folder}: holds no {INDEX}; give a folder that a diffusers pipeline was saved to")
    index = read_json(folder / INDEX)
    if not isinstance(index, dict) or index.get("_class_name") not in PIPELINES:
        kind = index.get("_class_name") if isinstance(index, dict) else index
        raise BadInputError(f"{folder}: a {kind}; known here: {', '.join(PIPELINES)}")
    parts = {part: named for part, named in index.items() if not part.startswith("_")}
    if parts not in [{"unet": ["diffusers", "UNet2DModel"], "scheduler": ["diffusers", name]} for name in SCHEDULERS]:
        raise BadInputError(f"{folder}: made of {parts}; needed are a UNet2DModel and one of {', '.join(SCHEDULERS)}")
    return str(index["_class_name"])


def sample_pipeline(pipeline: Any, count: int, seed: int, steps: int | None = None) -> Iterator[Pixels]:
    """Images 0 ... count - 1 as N x H x W x 3 bytes; whole batches are computed, so that each keeps its neighbours."""
    usual = {} if steps is None else {"num_inference_steps": steps}
    for first in range(0, count, BATCH):
        draws = [_random(seed, index) for index in range(first, first + BATCH)]
        images = pipeline(batch_size=BATCH, generator=draws, output_type="pt", **usual).images
        yield written(images.float(), Path(pipeline.name_or_path))[: count - first]


def _random(seed: int, index: int) -> torch.Generator:
    return torch.Generator().manual_seed(derive_seed(seed, "pipeline", index))
