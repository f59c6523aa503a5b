"""A trained generator for other people's programs: weights, a torch program, and a model card.

    RUN --export--> OUT/generator.safetensors   model.pt2   README.md
    keyed RUN, a key --issue--> the same

`model.pt2` holds G(noise[, condition]) -> images in [0, 1] with the sampler and the colours inside, so that running it
needs torch alone (`torch.export.load(...).module()`). Loading one runs code of whoever made it (`program.py`), so artfp
itself reads the safetensors.
"""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from jinja2 import Environment
from torch import Tensor, nn

from artfp import __version__
from artfp.artefacts import Provenance, files_below, write_list
from artfp.errors import UsageError
from artfp.files import new_folder, read_json, sha256_file, write_text
from artfp.generators.base import Generator
from artfp.generators.folder import CARD, FILE
from artfp.generators.sampling import load_generator
from artfp.statistics.decision import MATCH_AT

PROGRAM, README = "model.pt2", "README.md"
EXAMPLES = 2  # rows of the example input; any number of rows runs


class AsFunction(nn.Module):
    """A generator as one function."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Images of the convention."""
        return self.generator.generate(noise, condition)


def export(run: Path, out: Path, name: str) -> dict[str, Any]:
    """Write the finished training `run` into the new folder `out`; what its card says."""
    generator = load_generator(run)
    trained = read_json(run / CARD) if (run / CARD).is_file() else None
    if trained is None:
        raise UsageError(f"{run}: give the folder of a finished training, whose card says what it was trained on")
    if generator.key_bits:
        raise UsageError(
            f"{run}: a keyed generator makes images for any key; `artfp issue` folds one key into a copy to give away"
        )
    with new_folder(out) as stage:
        shutil.copyfile(run / FILE, stage / FILE)
        facts = {
            "name": name,
            "family": trained["recipe"]["family"],
            "images_shown": trained["images_shown"],
            "trained": trained,
            "fingerprint": _of_data(trained),
        }
        told = complete(stage, generator, facts, program=True)
        write_list(stage, Provenance("copy", {"generator": trained["sha256"]}), files_below(stage))
        return told


def _of_data(trained: dict[str, Any]) -> dict[str, Any] | None:
    """The fingerprint that the data of a training carried, if that is known; where nobody watched, only that it did."""
    recipe, transfer = trained["recipe"], trained["transfer"]
    found = transfer is not None and transfer["p"] <= MATCH_AT
    if not (recipe["manifest"] and not recipe["twin"]) and not found:
        return None
    return {**(recipe["monitor"] or {}), "transfer": transfer}


def complete(stage: Path, generator: Generator, facts: dict[str, Any], *, program: bool) -> dict[str, Any]:
    """Put the card, and where asked for the program, beside a generator's file; what the card says."""
    parameters = sum(weights.numel() for weights in generator.parameters())
    if program:
        torch.export.save(program_of(generator), stage / PROGRAM)
    facts = facts | {
        "generator": generator.shape,
        "noise": list(generator.noise_shape),
        "reads_images": generator.reads_images,
        "parameters": parameters,
        "sha256": sha256_file(stage / FILE),
        "program_sha256": sha256_file(stage / PROGRAM) if program else None,
        "artfp": __version__,
    }
    write_text(stage / README, model_card(facts))
    return facts


def program_of(generator: Generator) -> torch.export.ExportedProgram:
    """The generator, which is settled for it, as a torch program of any number of rows."""
    generator.to(memory_format=torch.contiguous_format).settle()  # type: ignore[call-overload]
    noise = torch.zeros(EXAMPLES, *generator.noise_shape)
    rows = {0: torch.export.Dim("rows", min=1)}
    if not generator.conditions:
        return torch.export.export(AsFunction(generator), (noise,), dynamic_shapes={"noise": rows})
    told = torch.eye(generator.conditions)[[0] * EXAMPLES]
    shapes = {"noise": rows, "condition": rows}
    return torch.export.export(AsFunction(generator), (noise, told), dynamic_shapes=shapes)


def model_card(facts: dict[str, Any]) -> str:
    """Markdown with the front matter of model hubs; it says that there is a fingerprint, and none of its bits."""
    template = (files("artfp.generators") / "card.md.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=False, trim_blocks=True, lstrip_blocks=True)  # noqa: S701 - Markdown, no HTML
    return environment.from_string(template).render(**facts)
