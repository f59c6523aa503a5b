"""Weights and training states as safetensors: atomic, hashed, never unpickled."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from artfp.errors import BadInputError
from artfp.files import atomic_open

CONFIG_KEY = "artfp"  # the metadata entry that holds everything but tensors


def save_tensors(path: Path, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> None:
    """Write tensors and a JSON config into one safetensors file, whole or not at all."""
    metadata = {CONFIG_KEY: json.dumps(config, sort_keys=True)}
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_open(path) as stream:
        stream.write(save(plain, metadata))


def load_tensors(path: Path, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a file written by `save_tensors` whose config says `kind`; refuse anything else by name."""
    if not path.is_file():
        raise BadInputError(f"{path}: no such checkpoint")
    try:
        with safe_open(path, framework="pt") as archive:
            config = json.loads((archive.metadata() or {})[CONFIG_KEY])
            tensors = {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118 - not a dict
            bad = [name for name, tensor in tensors.items() if not _is_finite(tensor)]
    # of types that torch has no arithmetic for, settings of thousands of brackets, and what is no such file at all
    except (SafetensorError, KeyError, ValueError, OSError, RuntimeError, TypeError, AttributeError) as error:
        raise BadInputError(f"{path}: not an artfp checkpoint ({error})") from error
    if not isinstance(config, dict):
        raise BadInputError(f"{path}: not an artfp checkpoint (its settings are no table)")
    if config.get("kind") != kind:
        raise BadInputError(f"{path}: holds a {config.get('kind')!r}, not a {kind!r}")
    if bad:
        raise BadInputError(f"{path}: NaN or infinity in {', '.join(bad[:3])}")
    return tensors, config


def _is_finite(tensor: Tensor) -> bool:
    return not (tensor.is_floating_point() or tensor.is_complex()) or bool(tensor.isfinite().all())


def check_planned(build: Callable[[], nn.Module], tensors: Mapping[str, Tensor], path: Path) -> None:
    """The same before the module is there: settings of a few bytes can ask for more weights than there is memory."""
    with torch.device("meta"):
        check_layout(build(), tensors, path)


def check_layout(module: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Refuse weights of another number or shape than the module's, naming the first of them."""
    check_shapes({name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}, tensors, path)


def check_shapes(own: Mapping[str, tuple[int, ...]], tensors: Mapping[str, Tensor], path: Path) -> None:
    """Refuse tensors of other names or shapes than these, naming the first of them."""
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    for name in sorted(own.keys() | found.keys()):
        if own.get(name) != found.get(name):
            told = f"{name} is {found.get(name, 'missing')}, here {own.get(name, 'nothing')}"
            raise BadInputError(f"{path}: weights of another architecture ({told})")


def load_into(module: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Load weights into a module of exactly their layout, or name the file that does not fit."""
    check_layout(module, tensors, path)
    module.load_state_dict(dict(tensors))


def prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under `prefix/`, so that several modules share one file."""
    return {f"{prefix}/{name}": tensor for name, tensor in tensors.items()}


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors that `prefixed` put under `prefix/`, without it."""
    return {name.removeprefix(f"{prefix}/"): t for name, t in tensors.items() if name.startswith(f"{prefix}/")}


def adam_state(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """An Adam optimizer's moments and step counts as named tensors."""
    state = optimizer.state_dict()["state"]
    return {f"{index}/{name}": torch.as_tensor(v) for index, entry in state.items() for name, v in entry.items()}


def restore_adam(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put back what `adam_state` took out; hyperparameters stay those of `optimizer`."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, entry = name.split("/", 1)
        state.setdefault(int(index), {})[entry] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    for parameter, entry in optimizer.state.items():
        for name, tensor in entry.items():
            if tensor.shape == parameter.shape:  # in the parameter's memory layout, as Adam itself makes them
                entry[name] = torch.empty_like(parameter).copy_(tensor)


def training_state(
    networks: Mapping[str, nn.Module], optimizers: Mapping[str, torch.optim.Optimizer]
) -> dict[str, Tensor]:
    """Everything that `restore_training` needs of networks and optimizers to go on exactly here."""
    weights = [prefixed(name, network.state_dict()) for name, network in networks.items()]
    moments = [prefixed(f"{name}-adam", adam_state(adam)) for name, adam in optimizers.items()]
    return {name: tensor for group in (*weights, *moments) for name, tensor in group.items()}


def restore_training(
    networks: Mapping[str, nn.Module],
    optimizers: Mapping[str, torch.optim.Optimizer],
    state: Mapping[str, Tensor],
    path: Path,
) -> None:
    """Put back what `training_state` took out."""
    for name, network in networks.items():
        load_into(network, under(name, state), path)
    for name, adam in optimizers.items():
        restore_adam(adam, under(f"{name}-adam", state))
