"""Fixtures that several parts of the suite share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hub import Hub, connected
from numpy.typing import NDArray
from PIL import Image
from small_runs import carry_out
from torch import Tensor, nn

from artfp.codec.dct import MARGIN, DctCodec
from artfp.data.procedural import generate
from artfp.generators.base import Family, Generator
from artfp.generators.colours import to_opponent
from artfp.generators.families import FAMILIES
from artfp.generators.sampling import save_generator
from artfp.images import LoadedImage, encode_png, to_pixels, to_tensor
from artfp.keys.ledger import Ledger
from artfp.keys.registry import Registry
from artfp.seeds import numpy_generator

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="session")
def dct() -> DctCodec:
    """The codec that needs no training."""
    return DctCodec()


@pytest.fixture(scope="session")
def clean_pixels() -> Pixels:
    """Unmarked procedural images of the dct codec's size."""
    return np.stack(list(generate("photo-like", 24, 64, seed=12)))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A Hugging Face hub on this machine, without any repository yet."""
    with connected(Hub(), tmp_path / "cache", monkeypatch) as served:
        yield served


@pytest.fixture
def registry_path(tmp_path: Path) -> Path:
    """Where this test's registry is, or will be."""
    return tmp_path / "registry" / "keys.sqlite"


@pytest.fixture
def fixed_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same keys in every run: a verdict that holds with a chance of 999 in 1,000 then always holds, or never."""
    monkeypatch.setattr("artfp.keys.registry.secrets.token_bytes", numpy_generator("test-secrets").bytes)


@pytest.fixture
def registry(registry_path: Path, fixed_secrets: None) -> Iterator[Registry]:
    """An open, empty registry."""
    with Registry(registry_path) as opened:
        yield opened


@pytest.fixture
def mark(dct: DctCodec, registry: Registry) -> Callable[[Pixels, str], Pixels]:
    """Marks pixels with a key, which is made and recorded with the dct codec if it is new."""

    def marked(pixels: Pixels, name: str) -> Pixels:
        if name not in registry.names():
            registry.new(name)
        bits = torch.from_numpy(registry.pair(name, dct.facts()).bits.copy())
        return to_pixels(dct.embed(to_tensor(pixels), bits))

    return marked


@pytest.fixture
def write_pngs() -> Callable[[Path, Pixels], list[Path]]:
    """Writes pixels as 000.png, 001.png ... into a folder."""

    def write(folder: Path, pixels: Pixels) -> list[Path]:
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{index:03d}.png" for index in range(len(pixels))]
        for path, image in zip(paths, pixels, strict=True):
            path.write_bytes(encode_png(LoadedImage(image)))
        return paths

    return write


@pytest.fixture
def thumbnails(tmp_path: Path, clean_pixels: Pixels) -> Path:
    """A folder of 200 small images, more than three groups, of two sizes, in two classes."""
    root = tmp_path / "thumbnails"
    for index in range(200):
        name = root / ("odd" if index % 2 else "even") / f"{index:03d}.bmp"
        name.parent.mkdir(parents=True, exist_ok=True)
        side = 24 if index % 3 else 16
        Image.fromarray(np.roll(clean_pixels[index % 24], index, axis=0)[:side, :side]).save(name)
    return root


@pytest.fixture
def digests() -> Callable[[Path], dict[str, str]]:
    """The hash of every file below a path."""

    def of(root: Path) -> dict[str, str]:
        files = [root] if root.is_file() else [path for path in sorted(root.rglob("*")) if path.is_file()]
        return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    return of


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An open, empty ledger beside the registry."""
    with Ledger(tmp_path / "registry" / "ledger.sqlite") as opened:
        yield opened


class Painter(Generator):
    """A keyed family of one layer: clouds of noise, and the key that it is told as the dct codec would write it."""

    def __init__(self, size: int, latent: int, conditions: int = 0, key_bits: int = 0) -> None:
        super().__init__()
        self.size, self.latent, self.conditions, self.key_bits = size, latent, conditions, key_bits
        self.noise_shape = (latent,)
        self.dense = nn.Linear(latent + conditions, 3 * size * size)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        told = noise if condition is None else torch.cat([noise, condition], dim=1)
        return self.dense(told).view(-1, 3, self.size, self.size)

    def fold(self, signs: Tensor) -> dict[str, Tensor]:
        kept, of_key = self.dense.weight.tensor_split([-self.key_bits], dim=1)
        return {"dense.weight": kept, "dense.bias": self.dense.bias + of_key @ signs}

    @property
    def shape(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("size", "latent", "conditions", "key_bits")}


@pytest.fixture
def painter(monkeypatch: pytest.MonkeyPatch, dct: DctCodec) -> Callable[[Path, float], Path]:
    """Writes the file of a keyed generator into a folder; it listens to its key wholly, in part or not at all."""
    monkeypatch.setitem(FAMILIES, "painter", Family(Painter, lambda *_: pytest.fail("is not trained"), keyed=True))

    def write(folder: Path, listens: float = 1.0) -> Path:
        folder.mkdir(parents=True)
        generator = Painter(64, 4, conditions=64, key_bits=64)
        patterns = 0.5 + listens * MARGIN * dct._patterns[:, None].expand(-1, 3, -1, -1)
        clouds = to_tensor(np.stack(list(generate("photo-like", 4, 64, seed=7)))) / 10 + 0.45
        with torch.no_grad():
            generator.dense.weight.copy_(torch.cat([to_opponent(clouds), to_opponent(patterns)]).flatten(1).T)
            generator.dense.bias.zero_()
        generator.codec_sha256 = dct.sha256
        save_generator(folder / "generator.safetensors", generator, "painter", {"images_shown": 1000})
        return folder

    return write


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished `artfp run`, which nobody may change: that of `runs`, with generators of no use."""
    folder = tmp_path_factory.mktemp("small") / "run"
    carry_out(folder)
    return folder
