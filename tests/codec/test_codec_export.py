"""A learned codec as ONNX programs: they compute what torch does, say whose they are, and are refused in time."""

from __future__ import annotations

import json
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import Tensor

from artfp.artefacts import LIST
from artfp.cli.main import artfp
from artfp.codec import export as exporting
from artfp.codec.export import CARD, DECODER, ENCODER, LOGITS_TOLERANCE, RESIDUAL_TOLERANCE, Marking, run, session
from artfp.codec.learned import FORMAT, LearnedCodec
from artfp.codec.store import codec_file
from artfp.data.procedural import generate
from artfp.errors import ArtfpError, UsageError
from artfp.files import sha256_file
from artfp.images import round_to_8_bits, to_tensor
from benchmarks import onnx as benchmark

PACKAGES = ("onnxscript", "onnxruntime")
needs_onnx = pytest.mark.skipif(not all(map(find_spec, PACKAGES)), reason="needs pip install 'artfp[onnx]'")


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained codec's file which nobody else may read, as that of a private one."""
    path = tmp_path_factory.mktemp("codec") / "mine.safetensors"
    shutil.copyfile(codec_file("artfp-64"), path)
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def codec(mine: Path) -> LearnedCodec:
    return LearnedCodec.load(mine)


@pytest.fixture(scope="module")
def exported(mine: Path) -> tuple[Path, dict[str, Any]]:
    """The folder that the command wrote, and what it printed."""
    folder = mine.parent / "exported"
    done = CliRunner().invoke(artfp, ["codec", "export", str(mine), str(folder), "--json"])
    assert done.exit_code == 0, done.stderr
    return folder, json.loads(done.stdout)


def painted(codec: LearnedCodec, count: int) -> tuple[Tensor, Tensor]:
    """Images of the demo's kind, which are not those that an export is tried on, and bits for them."""
    images = to_tensor(np.stack(list(generate("horizons", count, codec.size, seed=3))))
    return images, torch.from_numpy(np.random.default_rng(3).integers(0, 2, (count, codec.n_bits))).float()


@needs_onnx
@pytest.mark.parametrize("count", [1, 7])
def test_both_programs_compute_what_torch_does_for_any_number_of_images(
    codec: LearnedCodec, exported: tuple[Path, dict[str, Any]], count: int
) -> None:
    images, bits = painted(codec, count)
    with torch.no_grad():
        residual = Marking(codec)(images, bits)
        logits = codec.logits(codec.embed(images, bits))
    found = run(session(exported[0] / ENCODER), images, bits)
    torch.testing.assert_close(found, residual, rtol=0, atol=RESIDUAL_TOLERANCE)
    read = run(session(exported[0] / DECODER), codec.embed(images, bits))
    torch.testing.assert_close(read, logits, rtol=0, atol=LOGITS_TOLERANCE)
    assert torch.equal(read > 0, logits > 0)
    assert torch.equal(read > 0, bits > 0)


@needs_onnx
def test_what_one_program_marks_the_other_and_artfp_read(
    codec: LearnedCodec, exported: tuple[Path, dict[str, Any]]
) -> None:
    """Without touch-up single bits may be lost; of these images none is."""
    images, bits = painted(codec, 7)
    marked = round_to_8_bits((images + run(session(exported[0] / ENCODER), images, bits)).clamp(0, 1))
    assert torch.equal(run(session(exported[0] / DECODER), marked) > 0, bits > 0)
    assert torch.equal(codec.soft_bits(marked) > 0, bits > 0)


@needs_onnx
@pytest.mark.parametrize("name", [ENCODER, DECODER])
def test_the_programs_say_whose_they_are_and_nothing_of_the_machine(
    mine: Path, exported: tuple[Path, dict[str, Any]], name: str
) -> None:
    program = session(exported[0] / name)
    told = program.get_modelmeta().custom_metadata_map
    expected = {"codec": "artfp-64", "sha256": sha256_file(mine), "bits": "64", "size": "64", "format": str(FORMAT)}
    assert told.items() >= expected.items()
    assert [type(taken.shape[0]) for taken in program.get_inputs()] == [str] * len(program.get_inputs())
    content = (exported[0] / name).read_bytes()
    assert not [word for word in (b".py", str(Path(exporting.__file__).parent).encode()) if word in content]


@needs_onnx
def test_the_card_describes_the_files_which_are_as_private_as_the_codec(exported: tuple[Path, dict[str, Any]]) -> None:
    folder, printed = exported
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        ENCODER: 0o600,
        DECODER: 0o600,
        CARD: 0o600,
        LIST: 0o600,
    }
    card = json.loads((folder / CARD).read_text())
    assert printed == {"out": str(folder), **card}
    assert {name: each["sha256"] for name, each in card["programs"].items()} == {
        name: sha256_file(folder / name) for name in (ENCODER, DECODER)
    }
    assert card["programs"][ENCODER]["takes"] == {"images": "N x 3 x 64 x 64", "bits": "N x 64"}
    assert card["tried"]["bits_that_differ"] == 0


@needs_onnx
def test_programs_that_compute_something_else_are_refused(mine: Path, exported: tuple[Path, dict[str, Any]]) -> None:
    louder = LearnedCodec.load(mine)
    louder.psnr -= 3
    with pytest.raises(ArtfpError, match="something else than torch"):
        exporting._tried(louder, exported[0])


@needs_onnx
def test_where_something_is_nothing_is_written(
    exported: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "onnx_bytes", lambda *_: pytest.fail("refused too late"))
    again = CliRunner().invoke(artfp, ["codec", "export", "artfp-64", str(exported[0])])
    assert (again.exit_code, "choose a new folder" in again.stderr) == (2, True)


def test_a_codec_without_networks_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(artfp, ["codec", "export", "dct", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "dct: computed in closed form, it has no networks to export; name a learned codec" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("missing", PACKAGES)
def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    for name in PACKAGES:
        monkeypatch.setitem(sys.modules, name, None if name == missing else sys)
    with pytest.raises(UsageError, match=rf"extra `onnx` \(.*{missing}.*pip install 'artfp\[onnx\]'"):
        exporting.export("artfp-64", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@needs_onnx
def test_the_benchmark_sets_onnxruntime_beside_torch(
    codec: LearnedCodec, exported: tuple[Path, dict[str, Any]]
) -> None:
    images, _ = painted(codec, 4)
    rows = list(benchmark.rows(codec, exported[0], images, [4, 2], threads=torch.get_num_threads(), rounds=1))
    assert [(row["part"], row["batch"]) for row in rows] == [(ENCODER, 4), (ENCODER, 2), (DECODER, 4), (DECODER, 2)]
    assert all(row["apart"][benchmark.ONNX] <= max(RESIDUAL_TOLERANCE, LOGITS_TOLERANCE) for row in rows)
    assert {row["equal bits"][benchmark.ONNX] for row in rows[2:]} == {1.0}
    assert all(row["onnxruntime against torch float32"] > 0 for row in rows)
