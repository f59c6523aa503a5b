"""Other people's generators as torch programs: noise N x ..., and where it takes one a class, to images N x 3 x H x W.

**Loading a program runs code of whoever made it.** `torch.export.load` of torch 2.13 unpickles example inputs and
constants, opens compiled libraries (`load_pt2` of torch/export/pt2_archive/_package.py; `deserialize_torch_artifact` of
torch/_export/serde/serialize.py falls back to `weights_only=False`) and evaluates symbolic sizes as Python (`sympify`).
No check from outside keeps up with that, so a file is not even opened before its user says that its maker is trusted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.export.passes import move_to_device_pass
from torch.utils import _pytree

from artfp.errors import BadInputError, UsageError
from artfp.generators.sampling import BATCH, Pixels, conditions, noise, written
from artfp.seeds import derive_seed

REACHES_BELOW = -0.5  # images in [0, 1] may overshoot by a little; those in [-1, 1] pass this


@dataclass(frozen=True)
class Program:
    """A program that has been loaded, and what it says of its inputs."""

    path: Path
    program: ExportedProgram
    inputs: Sequence[Any]  # in their order: a tensor without content, or a constant as it is
    signed: bool  # its images lie in [-1, 1] instead of [0, 1]
    device: str

    @property
    def tensors(self) -> list[Tensor]:
        """The noise, and the condition where it takes one."""
        return [value for value in self.inputs if isinstance(value, Tensor)]

    @property
    def rows(self) -> int:
        """Images in a batch: as many as it was exported for, or any."""
        rows = self.tensors[0].shape[0]
        return rows if type(rows) is int else BATCH

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """Of one image."""
        return tuple(self.tensors[0].shape[1:])

    @property
    def classes(self) -> int:
        """Classes that it knows; 0: none, also where its condition has no columns."""
        return int(self.tensors[1].shape[1]) if len(self.tensors) > 1 else 0

    @property
    def key_bits(self) -> int:
        """None: `export` writes no keyed generator."""
        return 0


def load_program(path: Path, device: str, *, signed: bool, trusted: bool) -> Program:
    """The program in a .pt2 file, whose code is run from here on."""
    if not path.is_file():
        raise UsageError(f"{path}: no such file")
    if not trusted:
        raise UsageError(
            f"{path}: loading a torch program runs code of whoever made it. If that is you, or someone whose code you "
            "would run, add --trust. What `artfp export` wrote needs no trust: sample its generator.safetensors instead"
        )
    try:
        program = move_to_device_pass(torch.export.load(path), device)
    except Exception as error:  # KeyError, AssertionError, zipfile's ...: torch has no error of its own for this
        raise BadInputError(f"{path}: not a program that this torch loads ({type(error).__name__}: {error})") from error
    loaded = Program(path, program, _inputs(program), signed, device)
    _check_inputs(loaded)
    return loaded


def _inputs(program: ExportedProgram) -> list[Any]:
    values = {node.name: node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder"}
    return [values.get(name, name) for name in program.graph_signature.user_inputs]


def _check_inputs(program: Program) -> None:
    shapes = [tuple(value.shape) for value in program.tensors]
    fixed = all(type(side) is int for shape in shapes for side in shape[1:])
    numbers = all(value.is_floating_point() for value in program.tensors)
    if not (fixed and numbers and len(shapes) in (1, 2) and len(shapes[0]) > 1 and len(shapes[-1]) > 1):
        raise BadInputError(
            f"{program.path}: takes {shapes or 'nothing'}; needed are rows of noise, and perhaps as many of classes"
        )


@torch.no_grad()
def sample_program(program: Program, count: int, seed: int, chosen: int | None = None) -> Iterator[Pixels]:
    """Images 0 ... count - 1 as N x H x W x 3 bytes; whole batches are computed, so that each keeps its neighbours."""
    network = program.program.module()
    for first in range(0, count, program.rows):
        indices = range(first, first + program.rows)
        told = conditions(program, seed, indices, chosen)
        given = [noise(program, seed, indices), torch.zeros(len(indices), 0) if told is None else told]
        with torch.random.fork_rng(devices=[]):  # for what it draws itself
            torch.manual_seed(derive_seed(seed, "program", first))
            images = _call(program, network, given)
        yield written(_in_range(program, images), program.path)[: count - first]


def _call(program: Program, network: torch.nn.Module, given: Sequence[Tensor]) -> Any:
    tensors = iter(given)
    flat = [
        next(tensors).to(program.device, value.dtype) if isinstance(value, Tensor) else value
        for value in program.inputs
    ]
    positional, named = _pytree.tree_unflatten(flat, program.program.call_spec.in_spec)
    return network(*positional, **named)


def _in_range(program: Program, images: Any) -> Tensor:
    """Images in [0, 1], whatever range the program has."""
    if not isinstance(images, Tensor):
        raise BadInputError(f"{program.path}: gives no images, but {type(images).__name__}")
    if program.signed:
        return (images.float() + 1) / 2
    if images.numel() and images.min() < REACHES_BELOW:
        raise UsageError(
            f"{program.path}: its images reach down to {images.min():.2f}; if they lie in [-1, 1], add --signed"
        )
    return images.float()
