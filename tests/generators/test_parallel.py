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
from safetensors.torch import load_file, save_file
from torch import Tensor

from artfp import devices
from artfp.devices import prepare_device
from artfp.errors import UsageError
from artfp.generators import parallel
from artfp.generators.base import Batch, Shape
from artfp.generators.families import FAMILIES, new_learner
from artfp.generators.settings import GanRecipe
from artfp.generators.training import train

RECIPE = """
size = 16
images = 600
batch = 4
latent = 8
generator_width = 4
generator_most = 8
discriminator_width = 4
discriminator_most = 8
penalty_every = 3
log_every = 8
checkpoint_every = 120
"""


def command(recipe: Path, photos: Path, out: Path) -> list[str]:
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "artfp"]
    return [*launch, "train-gan", str(recipe), "--data", str(photos), "--out", str(out), "--threads", "1"]


def quiet() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "ARTFP_REGISTRY": "/nonexistent/keys.sqlite"}


def test_killed_in_mid_training_two_processes_go_on_to_the_same_generator(photos: Path, tmp_path: Path) -> None:
    """And whatever is written or told, one of them writes or tells."""
    recipe, out = tmp_path / "tiny.toml", tmp_path / "killed"
    recipe.write_text(RECIPE)
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
        assert run.stdout.count("images shown") == 1
        assert run.stderr.count("training without the transfer monitor") == 1
        rows = [json.loads(line) for line in (folder / "stats.jsonl").read_text().splitlines()]
        assert [row["images_shown"] for row in rows] == list(range(8, 601, 8))
    assert (out / "generator.safetensors").read_bytes() == (
        tmp_path / "straight" / "generator.safetensors"
    ).read_bytes()


def learnt(family: str) -> dict[str, Tensor]:
    """The gradients of two steps in float32, with penalties and path lengths; numbers of the second; the weights.

    The rate is next to nothing: Adam would make whole steps of what is rounding.
    """
    rare = {"learning_rate": 1e-8, "penalty_every": 4, "augment": ("colour",), "augment_target": 0.5}
    rare = {"learning_rate": 1e-8} if family == "diffusion" else rare
    widths = {"generator_width": 4, "generator_most": 8, "discriminator_width": 4, "discriminator_most": 8}
    recipe = GanRecipe(family=family, source=Path("photos"), batch=8, latent=8, **widths, **rare)
    learner = new_learner(recipe, Shape(16, 0 if family == "cut" else 2), "cpu")
    images = torch.rand(2, 8, 3, 16, 16, generator=torch.Generator().manual_seed(5)) * 2 - 1
    batch = Batch(images[0], None if family == "cut" else torch.eye(2)[[0, 1, 1, 0, 1, 0, 0, 0]], images[1])
    found: dict[str, Tensor] = {}
    for step in (0, 4):
        numbers = parallel.averaged(learner.learn(batch, step, step))
        for name in learner.optimizers():
            weights = [p for p in learner.networks()[name].parameters() if p.grad is not None]
            found[f"gradient {name} {step}"] = torch.cat([p.grad.flatten() for p in weights])  # type: ignore[union-attr]
            found[f"weights {name} {step}"] = torch.cat([p.detach().flatten() for p in weights])
    return found | {f"number {name}": torch.tensor([value]) for name, value in numbers.items()}


def learn_all(folder: Path) -> None:
    """What each of the processes runs: every family, and at the end a list of the threads that are left."""
    with parallel.together("cpu"):
        found = {f"{family}: {name}": value for family in FAMILIES for name, value in learnt(family).items()}
        save_file(found, folder / f"{os.environ['RANK']}.safetensors")
    threads = Path("/proc/self/task")
    print(*[(thread / "comm").read_text().strip() for thread in (threads.iterdir() if threads.is_dir() else [])])


def test_two_processes_learn_what_one_learns_in_every_family(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Their gradients are one another's to the bit, and those of one process but for the order of float32 sums.

    Only biggan's are not: its batch normalisation looks at a share. The group's threads end with it: one that outlives
    it can abort the process while Python leaves.
    """
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", __file__]
    run = subprocess.run([*launch, str(tmp_path)], env=quiet(), capture_output=True, text=True, timeout=180)
    assert run.returncode == 0, run.stderr
    assert "gloo" not in run.stdout, run.stdout
    first, second = (load_file(tmp_path / f"{rank}.safetensors") for rank in (0, 1))
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    monkeypatch.setattr("artfp.devices.has_bf16", lambda device: False)
    for family in FAMILIES:
        for name, alone in learnt(family).items():
            shared = first[f"{family}: {name}"]
            if family != "biggan":
                assert (shared - alone).norm() <= 1e-3 * alone.norm() + 1e-6, (family, name)


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
    torchrun = {"WORLD_SIZE": "4", "RANK": "3", "LOCAL_RANK": "3", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}
    for name, value in torchrun.items():
        monkeypatch.setenv(name, value)
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


if __name__ == "__main__":
    devices.has_bf16 = lambda device: False
    learn_all(Path(sys.argv[1]))
