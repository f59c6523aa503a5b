"""`artfp doctor` and the check-up behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from torch import Tensor

from artfp import doctor, perceptual
from artfp.cli.main import artfp
from artfp.codec.dct import DctCodec
from artfp.files import sha256_file, write_json
from artfp.keys.registry import Registry


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only shipped codec is a file with a card; loading it gives the closed-form codec."""
    path = tmp_path / f"{doctor.SMALL}.safetensors"
    path.write_bytes(b"weights")
    write_json(path.with_suffix(".json"), {"sha256": sha256_file(path)})
    monkeypatch.setattr(doctor, "shipped", lambda: {path.stem: path})
    monkeypatch.setattr(doctor, "load_codec", lambda _: DctCodec())
    return path


@pytest.fixture
def no_self_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what takes time."""
    monkeypatch.setattr(doctor, "_self_tests", lambda: iter(()))


def found(registry: Path, name: str) -> doctor.Finding:
    """The first finding of that name."""
    return next(finding for finding in doctor.check_up(registry).findings if finding.name == name)


def test_a_healthy_installation(checkpoint: Path, registry_path: Path, registry: Registry) -> None:
    registry.new("mine")
    report = doctor.check_up(registry_path)
    assert report.healthy, [finding for finding in report.findings if not finding.well]
    values = {finding.name: finding.value for finding in report.findings}
    assert values["torch"] == torch.__version__
    assert values["self-test dct"] == "marked images: match, unmarked: no match"
    assert values[f"codec {doctor.SMALL}"].endswith("as on its card")
    assert values["key registry"] == f"{registry_path}: 1 key(s), mode 0600"
    assert {"python", "artfp", "kornia", "device", "cores", "threads", "bf16"} <= set(values)
    assert registry.names() == ["mine"]


@pytest.mark.usefixtures("no_self_test")
def test_a_damaged_or_cardless_or_missing_codec_is_told(
    checkpoint: Path, registry_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"codec {doctor.SMALL}"
    checkpoint.write_bytes(b"other")
    assert "damaged" in found(registry_path, name).advice
    checkpoint.with_suffix(".json").unlink()
    assert "no card" in found(registry_path, name).value
    monkeypatch.setattr(doctor, "shipped", dict)
    assert (found(registry_path, name).value, found(registry_path, name).well) == ("missing", False)


@pytest.mark.usefixtures("checkpoint", "no_self_test")
def test_the_registry_is_checked(registry_path: Path) -> None:
    assert "artfp key new NAME" in found(registry_path, "key registry").value
    with Registry(registry_path) as registry:
        registry.new("mine")
    registry_path.chmod(0o644)
    opened = found(registry_path, "key registry")
    assert not opened.well
    assert "mode 0644" in opened.value
    registry_path.write_bytes(b"no database, but long enough to be read as the header of one" * 4)
    corrupt = found(registry_path, "key registry")
    assert not corrupt.well
    assert str(registry_path) in corrupt.value


@pytest.mark.usefixtures("checkpoint", "no_self_test")
def test_perceptual_weights_are_looked_for_where_torch_keeps_them(
    registry_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert "not found" in found(registry_path, "SqueezeNet (LPIPS)").value
    weights = tmp_path / "hub" / "checkpoints" / perceptual.WEIGHTS
    weights.parent.mkdir(parents=True)
    weights.touch()
    assert found(registry_path, "SqueezeNet (LPIPS)").value == str(weights)
    assert found(registry_path, "Inception (FID)").well


@pytest.mark.usefixtures("checkpoint", "fixed_secrets")
def test_a_codec_that_marks_nothing_fails_the_self_test(registry_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def embed(_self: DctCodec, images: Tensor, _bits: Tensor, _strength: float = 1.0) -> Tensor:
        return images

    monkeypatch.setattr(DctCodec, "embed", embed)
    failed = found(registry_path, "self-test dct")
    assert not failed.well
    assert "marked images: no match" in failed.value


@pytest.mark.usefixtures("checkpoint", "no_self_test")
def test_a_check_that_breaks_is_a_finding(registry_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Iterator[doctor.Finding]:
        raise RuntimeError("driver on fire")

    monkeypatch.setattr(doctor, "_device", broken)
    assert found(registry_path, "device").value == "RuntimeError: driver on fire"


@pytest.mark.usefixtures("no_self_test")
def test_the_command(checkpoint: Path, registry_path: Path) -> None:
    command = ["doctor", "--registry", str(registry_path)]
    well = CliRunner().invoke(artfp, command)
    assert (well.exit_code, well.stderr) == (0, "")
    assert well.stdout.startswith("ok  python")
    assert json.loads(CliRunner().invoke(artfp, [*command, "--json"]).stdout)["healthy"] is True
    checkpoint.unlink()
    ill = CliRunner().invoke(artfp, command)
    assert ill.exit_code == 5
    assert "1 problem(s)" in ill.stderr
    assert "BAD codecs" in ill.stdout
    assert json.loads(CliRunner().invoke(artfp, [*command, "--json"]).stdout)["healthy"] is False
    assert "--registry" in CliRunner().invoke(artfp, ["doctor", "--help"]).stdout
