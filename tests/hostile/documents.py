"""Key files, checkpoints, recipes, manifests and records that are not what they say."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sweeps
import torch

from artfp.artefacts import Provenance, write_list
from artfp.checkpoints import load_tensors, save_tensors
from artfp.files import read_json, write_json
from artfp.generators.dcgan import DcganGenerator
from artfp.generators.sampling import save_generator
from artfp.keys.registry import Registry
from artfp.robustness import GENERATED, IMAGE
from artfp.seals import sealed

Build = Callable[[Path], None]
DEEP = b'{"a":' * 100_000


def text(name: str, content: bytes) -> Build:
    """A builder of a file."""

    def build(world: Path) -> None:
        (world / name).parent.mkdir(parents=True, exist_ok=True)
        (world / name).write_bytes(content)

    return build


def key(**changes: Any) -> Build:
    """A builder of the document of a secret, with other values."""

    def build(world: Path) -> None:
        with Registry(world / "keys.sqlite") as registry:
            document = registry.export("owner")
        write_json(world / "key.json", document | changes)

    return build


def key_open_to_others(world: Path) -> None:
    """A registry that everybody can read."""
    os.chmod(world / "keys.sqlite", 0o644)  # noqa: PTH101 - as one would do it by hand


def generator(world: Path) -> None:
    """A small one."""
    torch.manual_seed(0)
    save_generator(world / "g.safetensors", DcganGenerator(16, 2, 2, 2), "dcgan", {"images_shown": 10})


def changed_generator(change: Callable[[dict[str, Any], dict[str, Any]], None]) -> Build:
    """A builder of a generator whose tensors and settings were changed."""

    def build(world: Path) -> None:
        generator(world)
        tensors, config = load_tensors(world / "g.safetensors", "generator")
        change(tensors, config)
        save_tensors(world / "g.safetensors", tensors, config)

    return build


def poisoned(value: float) -> Build:
    """A weight is this."""
    return changed_generator(lambda tensors, _: _unused(tensors["out.bias"].fill_(value)))


def shaped(**shape: Any) -> Build:
    """Settings that ask for other networks."""
    return changed_generator(lambda _, config: config["shape"].update(shape))


def cut_generator(world: Path) -> None:
    """Without its end."""
    generator(world)
    os.truncate(world / "g.safetensors", 900)


def long_header(world: Path) -> None:
    """A header that says more bytes than the file has."""
    (world / "g.safetensors").write_bytes((1 << 62).to_bytes(8, "little") + b"{}")


def pickled(world: Path) -> None:
    """What torch.save writes: a program, for whoever unpickles it."""
    torch.save({"a": torch.zeros(2)}, world / "g.safetensors")


def manifest(**changes: Any) -> Build:
    """A builder of a dataset whose manifest was changed and sealed anew."""

    def build(world: Path) -> None:
        path = world / "marked" / "artfp-manifest.json"
        write_json(path, sealed(read_json(path) | changes))

    return build


def lists_files(*names: str) -> Build:
    """A builder of a folder whose list names these files."""

    def build(world: Path) -> None:
        folder = world / "in"
        folder.mkdir()
        (folder / "a.png").write_bytes(b"a")
        write_list(folder, Provenance("generated", {}), ["a.png"])
        document = read_json(folder / "artefacts.json")
        write_json(folder / "artefacts.json", sealed(document | {"files": dict.fromkeys(names, "ab" * 32)}))

    return build


def sweep(change: Callable[[dict[str, Any]], Any] | None = None, **changes: Any) -> Build:
    """A builder of a robustness sweep whose only row was changed."""

    def build(world: Path) -> None:
        row = sweeps.row(IMAGE, "jpeg", 0.5, GENERATED, sweeps.read(0.9, 4))
        folder = sweeps.write_sweep(world / "in", [row], thumbs=False, images=4)
        path = folder / "rows" / "image.jpeg.0.5.generated.json"
        sweeps.put(path, json.loads(path.read_text()) | changes)

    return build


def renamed_sweep(name: str) -> Build:
    """A builder of a robustness sweep of this name."""

    def build(world: Path) -> None:
        sweep()(world)
        sweeps.change(world / "in" / "sweep.json", name=name)

    return build


def _unused(_: object) -> None:
    """Builders return nothing."""
