"""The family in docs/families.md, word for word, through the whole engine."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from artfp.cli.main import artfp
from artfp.generators.base import Batch, Family, Shape
from artfp.generators.families import FAMILIES, new_learner
from artfp.generators.sampling import inputs, load_generator, sample
from artfp.generators.settings import GanRecipe
from artfp.generators.training import train

GUIDE = (Path(__file__).parents[2] / "docs" / "families.md").read_text()


@pytest.fixture
def registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of the guide's family, made known in the way that the guide says."""
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE, flags=re.S)
    assert len(code.splitlines()) < 100
    (tmp_path / "plain.py").write_text(code)
    spec = importlib.util.spec_from_file_location("plain", tmp_path / "plain.py")
    assert spec is not None
    assert spec.loader is not None
    plain = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(plain)
    assert '`"plain": Family(plain.PlainGenerator, plain.learner),`' in GUIDE
    monkeypatch.setitem(FAMILIES, "plain", Family(plain.PlainGenerator, plain.learner))
    return "plain"


def stop(done: int, total: int, note: str) -> None:
    """After a checkpoint."""
    if done == 20:
        raise KeyboardInterrupt


def command(*words: str | Path) -> None:
    done = CliRunner().invoke(artfp, [str(word) for word in words])
    assert done.exit_code == 0, done.stderr


def test_it_trains_resumes_samples_and_is_exported(
    registered: str, tiny: GanRecipe, photos: Path, tmp_path: Path
) -> None:
    recipe = replace(tiny, family=registered)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, photos, tmp_path / "stopped", on_progress=stop)
    digests = {train(recipe, photos, tmp_path / name).sha256 for name in ("stopped", "run")}
    assert len(digests) == 1

    generator = load_generator(tmp_path / "run")
    (images,) = sample(generator, 3, 0)
    assert (images.shape, images.dtype) == ((3, 16, 16, 3), np.uint8)
    np.testing.assert_array_equal(images[2:], next(iter(sample(generator, 1, 0, 2))))
    command("sample", tmp_path / "run", tmp_path / "images", "--count", "3")
    assert len(list((tmp_path / "images").glob("*.png"))) == 3

    command("export", tmp_path / "run", tmp_path / "out")
    program = torch.export.load(tmp_path / "out" / "model.pt2").module()
    for rows in (1, 5):  # float tolerance: the program's kernels may add in another order
        noise = inputs(generator, 0, range(rows), None)
        torch.testing.assert_close(program(noise), generator.generate(noise), rtol=1e-3, atol=1e-3)


def test_it_is_told_classes_and_computes_in_bf16(
    registered: str, tiny: GanRecipe, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("artfp.devices.has_bf16", lambda device: True)
    learner = new_learner(replace(tiny, family=registered), Shape(16, 2), "cpu")
    assert learner.averaged.conditions == 2
    kept = {name: weights.clone() for name, weights in learner.state().items()}
    batch = Batch(torch.rand(4, 3, 16, 16) * 2 - 1, torch.eye(2).repeat(2, 1))
    losses = [learner.learn(batch, step, step) for step in range(2)]
    assert np.isfinite([list(loss.values()) for loss in losses]).all()
    learner.restore(kept, photos)
    assert [learner.learn(batch, step, step) for step in range(2)] == losses
