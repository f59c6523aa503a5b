"""A codec's file: it comes back equal, and what is not one is refused by name."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import Tensor

from artfp.checkpoints import load_tensors, save_tensors
from artfp.cli.main import artfp
from artfp.codec.calibration import calibrate
from artfp.codec.learned import FORMAT, Architecture, LearnedCodec
from artfp.errors import ArtfpError, BadInputError
from artfp.files import sha256_file


def made() -> LearnedCodec:
    torch.manual_seed(0)
    codec = LearnedCodec("tiny", Architecture(bits=8, size=32, width=8, depth=1), 30.0)
    codec.round_weights()
    codec.sure = 1.5
    consensus, calibration = calibrate(codec, 16)
    codec.clean = {"consensus": torch.from_numpy(consensus), "calibration": torch.from_numpy(calibration)}
    return codec


@pytest.fixture
def tiny() -> LearnedCodec:
    return made()


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the settings in a codec's file."""
    path = tmp_path_factory.mktemp("held") / "tiny.safetensors"
    made().save(path)
    return load_tensors(path, "codec")


def test_a_saved_codec_comes_back_equal(tiny: LearnedCodec, tmp_path: Path) -> None:
    path = tmp_path / "tiny.safetensors"
    images = torch.rand(4, 3, 64, 64)
    tiny.save(path)
    loaded = LearnedCodec.load(path)
    assert (loaded.name, loaded.sha256, loaded.psnr, loaded.sure) == ("tiny", tiny.sha256, 30.0, 1.5)
    assert torch.equal(loaded.soft_bits(images), tiny.soft_bits(images))
    assert np.array_equal(loaded.facts().consensus, tiny.facts().consensus)


def test_a_card_of_another_file_is_refused(tiny: LearnedCodec, tmp_path: Path) -> None:
    path = tmp_path / "tiny.safetensors"
    tiny.save(path)
    path.with_suffix(".json").write_text(json.dumps({"sha256": "0" * 64}))
    with pytest.raises(BadInputError, match="hash"):
        LearnedCodec.load(path)


def test_files_hold_half_precision_and_weights_of_more_are_refused(tiny: LearnedCodec, tmp_path: Path) -> None:
    tiny.save(tmp_path / "tiny.safetensors")
    tensors, _ = load_tensors(tmp_path / "tiny.safetensors", "codec")
    assert {tensor.dtype for name, tensor in tensors.items() if "coder/" in name} == {torch.float16}
    with torch.no_grad():
        tiny.decoder.read.bias += 1e-6
    with pytest.raises(ArtfpError, match="not rounded"):
        tiny.save(tmp_path / "other.safetensors")


def test_a_codec_of_another_format_is_refused_with_what_to_do(tiny: LearnedCodec, tmp_path: Path) -> None:
    tiny.save(tmp_path / "tiny.safetensors")
    tensors, config = load_tensors(tmp_path / "tiny.safetensors", "codec")
    del config["format"]
    save_tensors(tmp_path / "old.safetensors", tensors, config)
    with pytest.raises(BadInputError, match=r"old\.safetensors.*train it again.*format 1"):
        LearnedCodec.load(tmp_path / "old.safetensors")


@pytest.mark.parametrize("damage", ["kind", "architecture", "nan", "bytes"])
def test_damaged_codecs_are_refused_by_name(tiny: LearnedCodec, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "bad.safetensors"
    tensors = {"encoder/x": torch.zeros(2)}
    config = {"kind": "codec", "format": FORMAT, "name": "bad", "psnr": 30, "architecture": {"bits": 8}}
    if damage == "kind":
        config["kind"] = "generator"
    if damage == "nan":
        tensors["encoder/x"][0] = torch.nan
    save_tensors(path, tensors, config)
    if damage == "bytes":
        path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(BadInputError, match=r"bad\.safetensors"):
        LearnedCodec.load(path)


WRONG_IN_CONFIG = [
    *({"psnr": value} for value in (math.nan, math.inf, -4000, None, "38", True)),
    *({"sure": value} for value in (math.nan, math.inf, -1.0, [])),
    *({"side": value} for value in (-5, 0.5, 15, 1025, 10**7, "64", True)),
    *({"architecture": value} for value in ([], None, {"bits": "8"})),
    {"name": 7},
    {"colour": "red"},
]
BITS = torch.zeros(16, 8, dtype=torch.uint8)
WRONG_TENSORS = [
    {"clean/consensus": torch.zeros(8)},
    {"clean/consensus": torch.zeros(7, dtype=torch.int64)},
    {"clean/consensus": torch.full((8,), -(2**63))},
    {"clean/calibration": BITS[:0]},
    {"clean/calibration": BITS[0]},
    {"clean/calibration": BITS[:, :7]},
    {"clean/calibration": BITS.float()},
    {"clean/calibration": BITS + 2},
    *({"clean/calibration": BITS.to(torch.int8) - value} for value in (4, 5)),
]


def refused(path: Path, words: str) -> None:
    """By the library, and with exit code 4 by the commands."""
    with pytest.raises(BadInputError, match=words):
        LearnedCodec.load(path)
    assert CliRunner().invoke(artfp, ["codec", "info", str(path)]).exit_code == 4


@pytest.mark.parametrize("wrong", WRONG_IN_CONFIG, ids=str)
def test_settings_that_no_codec_can_have_are_refused(held: Any, tmp_path: Path, wrong: dict[str, Any]) -> None:
    tensors, config = held
    save_tensors(tmp_path / "bad.safetensors", tensors, config | wrong)
    refused(tmp_path / "bad.safetensors", r"bad\.safetensors")


@pytest.mark.parametrize("wrong", WRONG_TENSORS)
def test_clean_statistics_that_no_codec_can_have_are_refused(
    held: Any, tmp_path: Path, wrong: dict[str, Tensor]
) -> None:
    tensors, config = held
    save_tensors(tmp_path / "bad.safetensors", tensors | wrong, config)
    refused(tmp_path / "bad.safetensors", r"bad\.safetensors: its (calibration|clean-image consensus)")


def test_settings_that_are_no_table_are_refused(tmp_path: Path) -> None:
    save_tensors(tmp_path / "bad.safetensors", {"x": torch.zeros(2)}, [1, 2])  # type: ignore[arg-type]
    refused(tmp_path / "bad.safetensors", r"bad\.safetensors: .* no table")


@pytest.mark.parametrize("card", [[], None, "card", {"recipe": None}, {"recipe": []}], ids=str)
def test_a_card_that_is_none_is_refused(held: Any, tmp_path: Path, card: Any) -> None:
    path = tmp_path / "bad.safetensors"
    save_tensors(path, *held)
    write_card(path, card)
    refused(path, r"bad\.json: not the card of a codec")


@pytest.mark.parametrize("at", [-5, 10**7, "128", 64.0])
def test_a_side_on_the_card_that_cannot_be_is_refused(held: Any, tmp_path: Path, at: Any) -> None:
    """Files from before they held their side have it there."""
    path, (tensors, config) = tmp_path / "bad.safetensors", held
    save_tensors(path, tensors, {name: value for name, value in config.items() if name != "side"})
    write_card(path, {"recipe": {"at": at}})
    refused(path, "pixels, which cannot be")


def write_card(path: Path, card: Any) -> None:
    """With the hash of the file, where there can be one."""
    told = card | {"sha256": sha256_file(path)} if isinstance(card, dict) else card
    path.with_suffix(".json").write_text(json.dumps(told))
