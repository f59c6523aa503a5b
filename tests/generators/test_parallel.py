"""Two processes that train as one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from artfp.checkpoints import load_tensors
from artfp.devices import prepare_device
from artfp.errors import UsageError
from artfp.generators import parallel
from artfp.generators.settings import GanRecipe
from artfp.generators.training import train

RECIPE = """
size = 16
images = {images}
batch = 4
latent = 8
generator_width = 4
generator_most = 8
discriminator_width = 4
discriminator_most = 8
penalty_every = 3
log_every = 8
checkpoint_every = 16
"""


def command(recipe: Path, photos: Path, out: Path) -> list[str]:
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "artfp"]
    return [*launch, "train-gan", str(recipe), "--data", str(photos), "--out", str(out), "--threads", "1"]


def recipe_of(tmp_path: Path, images: int) -> Path:
    (tmp_path / "tiny.toml").write_text(RECIPE.format(images=images))
    return tmp_path / "tiny.toml"


def quiet() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "ARTFP_REGISTRY": "/nonexistent/keys.sqlite"}


def test_two_processes_learn_what_one_learns_and_write_once(tiny: GanRecipe, photos: Path, tmp_path: Path) -> None:
    """Float tolerance: the same sums in another order, in bf16 where the machine has it."""
    run = subprocess.run(
        command(recipe_of(tmp_path, 32), photos, tmp_path / "two"),
        env=quiet(),
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("images shown") == 1
    alone = replace(tiny, size=16, images=32, monitor_every=5000, monitor_images=128)
    train(alone, photos, tmp_path / "one")
    logs = [
        [json.loads(line) for line in (tmp_path / name / "stats.jsonl").read_text().splitlines()]
        for name in ("one", "two")
    ]
    assert len(logs[0]) == len(logs[1]) == 4
    for one, two in zip(*logs, strict=True):
        assert two == pytest.approx(one, rel=0.05, abs=0.02)
    weights = [load_tensors(tmp_path / name / "generator.safetensors", "generator")[0] for name in ("one", "two")]
    torch.testing.assert_close(weights[1], weights[0], rtol=0.05, atol=0.01)


def test_killed_in_mid_training_two_processes_go_on_to_the_same_generator(photos: Path, tmp_path: Path) -> None:
    recipe, out = recipe_of(tmp_path, 600), tmp_path / "killed"
    first = subprocess.Popen(
        command(recipe, photos, out), env=quiet(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while not (out / "state.safetensors").is_file():
        assert time.monotonic() < deadline
        assert first.poll() is None
        time.sleep(0.05)
    children = subprocess.run(["pgrep", "-P", str(first.pid)], capture_output=True, text=True, check=True)
    os.kill(int(children.stdout.split()[-1]), signal.SIGKILL)
    assert first.wait(timeout=120) != 0
    assert not (out / "done.json").exists()
    for folder in (out, tmp_path / "straight"):
        run = subprocess.run(command(recipe, photos, folder), env=quiet(), capture_output=True, text=True, timeout=180)
        assert run.returncode == 0, run.stderr
    assert (out / "generator.safetensors").read_bytes() == (
        tmp_path / "straight" / "generator.safetensors"
    ).read_bytes()


LEAVING = """
from pathlib import Path
import torch
from artfp.generators import parallel
from artfp.generators.base import Batch, Shape
from artfp.generators.families import new_learner
from artfp.generators.settings import GanRecipe
small = GanRecipe(batch=4, latent=8, generator_width=4, discriminator_width=4)
with parallel.together("cpu"):
    new_learner(small, Shape(16), "cpu").learn(Batch(torch.zeros(4, 3, 16, 16)), 0, 0)
print(*[(thread / "comm").read_text().strip() for thread in Path("/proc/self/task").iterdir()])
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted where Linux lists them")
def test_the_groups_threads_end_with_it(tmp_path: Path) -> None:
    """A thread of the group that outlives it can abort the process while Python leaves."""
    (tmp_path / "leave.py").write_text(LEAVING)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    run = subprocess.run(
        [*launch, str(tmp_path / "leave.py")], env=quiet(), capture_output=True, text=True, timeout=180
    )
    assert run.returncode == 0, run.stderr
    assert "gloo" not in run.stdout, run.stdout


@pytest.mark.parametrize("spec", ["auto", "cuda"])
def test_each_process_has_a_gpu_of_its_own_before_anything_moves(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever moves a codec or a network to what `prepare_device` says needs no current device."""
    tried: list[str] = []
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.empty", lambda *_, device: tried.append(str(device)))
    assert prepare_device(spec) == "cuda"
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert prepare_device(spec) == "cuda:3"
    assert (prepare_device("cuda:1"), prepare_device("cpu")) == ("cuda:1", "cpu")
    assert tried == ["cuda", "cuda:3", "cuda:1", "cpu"]


def test_the_process_group_works_where_the_process_does(monkeypatch: pytest.MonkeyPatch) -> None:
    current: list[str] = []
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "3")
    monkeypatch.setattr("torch.cuda.set_device", current.append)
    for name in ("init_process_group", "barrier", "destroy_process_group"):
        monkeypatch.setattr(f"torch.distributed.{name}", lambda *_, **__: None)
    for device in ("cuda", "cuda:3", "cuda:1"):
        with parallel.together(device):
            pass
    assert current == ["cuda:3", "cuda:3", "cuda:1"]


def test_a_batch_that_cannot_be_shared_is_refused(tiny: GanRecipe, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="multiple of 1 processes x 3 parts"):
        train(replace(tiny, parts=3), photos, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_alone_nothing_is_shared() -> None:
    images = torch.rand(3, 2)
    assert parallel.share(images) is images
    assert (parallel.processes(), parallel.is_first()) == (1, True)
    assert parallel.averaged({"loss": 2.0}) == {"loss": 2.0}
