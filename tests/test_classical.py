"""The classical watermarks of benchmarks/classical.py; what marks is skipped where the extra `baselines` is missing."""

from __future__ import annotations

import importlib.util
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from artfp.data.procedural import generate
from artfp.errors import ArtfpError, UsageError
from artfp.files import write_json
from artfp.images import to_tensor
from artfp.seeds import numpy_generator

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "classical.py"
MODULES = {"invisible-watermark": "imwatermark", "blind-watermark": "blind_watermark"}


@pytest.fixture(scope="module")
def classical() -> Any:
    spec = importlib.util.spec_from_file_location("classical", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    return to_tensor(np.stack(list(generate("photo-like", 1, 256, 11))))


@pytest.fixture(params=MODULES)
def codec(request: pytest.FixtureRequest, classical: Any) -> Any:
    if find_spec(MODULES[request.param]) is None:
        pytest.skip(f"needs {request.param}, of the extra `baselines`")
    return classical.CODECS[request.param]()


def test_every_classical_codec_is_tested(classical: Any) -> None:
    assert {name: kind.module for name, kind in classical.CODECS.items()} == MODULES


def test_a_marked_image_is_8_bit_and_reads_back(codec: Any, image: torch.Tensor) -> None:
    bits = torch.from_numpy(numpy_generator("classical bits").integers(0, 2, 64))
    marked = codec.embed(image, bits)
    assert marked.shape == image.shape
    assert torch.allclose(marked * 255, (marked * 255).round(), atol=1e-4)
    assert 0.001 < (marked - image).square().mean().sqrt() < 0.03
    soft = codec.soft_bits(marked)
    assert set(soft.unique().tolist()) == {-1.0, 1.0}
    assert ((soft > 0) == (bits > 0)).float().mean() >= 0.98


def test_the_strengths_on_the_cards_are_the_packages_defaults(codec: Any) -> None:
    if codec.name == "blind-watermark":
        core = codec._package.WaterMarkCore()
        assert f"d1 {core.d1}, d2 {core.d2}" in codec.strength
    else:
        embedder = sys.modules["imwatermark.watermark"].EmbedDwtDctSvd()
        assert embedder._scales == [0, 36, 0]
        assert embedder._block == 4


def test_red_stays_red(codec: Any) -> None:
    red = torch.tensor([0.7, 0.3, 0.2]).view(1, 3, 1, 1).expand(1, 3, 256, 256).contiguous()
    marked = codec.embed(red, torch.arange(64) % 2)
    assert torch.allclose(marked.mean((2, 3)), red.mean((2, 3)), atol=0.05)


def test_sides_need_be_no_multiples_of_anything(codec: Any, image: torch.Tensor) -> None:
    odd = torch.nn.functional.interpolate(image, size=(301, 263))
    bits = torch.arange(64) % 2
    marked = codec.embed(odd, bits)
    assert marked.shape == odd.shape
    assert ((codec.soft_bits(marked) > 0) == (bits > 0)).float().mean() >= 0.98


def test_what_the_packages_cannot_do_is_refused(codec: Any, image: torch.Tensor) -> None:
    with pytest.raises(UsageError, match="63 x 64"):
        codec.soft_bits(image[..., :64, :63])
    with pytest.raises(ArtfpError, match="64 bits, not 7"):
        codec.embed(image, torch.zeros(7))
    with pytest.raises(UsageError, match="own strength"):
        codec.embed(image, torch.zeros(64), strength=0.5)


def test_two_instances_are_the_same_codec(codec: Any) -> None:
    again = type(codec)()
    assert (again.sha256, again.card) == (codec.sha256, codec.card)
    assert len(codec.sha256) == 64


@pytest.mark.parametrize("name", MODULES)
def test_a_missing_package_names_the_extra(name: str, classical: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, MODULES[name], None)
    with pytest.raises(UsageError, match=rf"{name}.*baselines"):
        classical.CODECS[name]()


def test_rows_that_lie_there_are_not_measured_again(classical: Any, tmp_path: Path) -> None:
    arguments = ["photos.zip", "--size", "256", "--json-out", str(tmp_path)]
    asked = {"data": "photos.zip", "size": 256, "crop": False, "limit": 64}
    for name in classical.MEASURED:
        write_json(tmp_path / f"{name}-photos-256.json", {"codec": name, **asked})
    assert [row["codec"] for row in classical.rows(classical.parser().parse_args(arguments))] == list(
        classical.MEASURED
    )
    with pytest.raises(UsageError, match=r"photos-256\.json.*'limit': 64"):
        classical.rows(classical.parser().parse_args([*arguments, "--limit", "3"]))
