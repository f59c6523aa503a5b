"""The training loop: exact resume, refusals, divergence."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from artfp.checkpoints import load_tensors
from artfp.codec.dct import DctCodec
from artfp.data.manifest import FORMAT, MANIFEST
from artfp.data.procedural import generate
from artfp.errors import BadInputError, DivergedError, UsageError
from artfp.generators import journal, training
from artfp.generators.base import Batch, Shape
from artfp.generators.dataset import Batches
from artfp.generators.divergence import STEPS, Divergence
from artfp.generators.families import FAMILIES, new_learner, planned_learner
from artfp.generators.sampling import load_generator
from artfp.generators.settings import FAMILIES as FAMILY_NAMES
from artfp.generators.settings import GanRecipe
from artfp.generators.training import plan, train
from artfp.generators.transfer import Monitor

PROMISED = ("generator.safetensors", "generator.json", "state.safetensors", "stats.jsonl", "recipe.json", "done.json")


class StopError(Exception):
    """Stands for whatever ends a process."""


def monitor(dct: DctCodec) -> Monitor:
    return Monitor(dct, np.random.default_rng(4).integers(0, 2, 64, np.uint8), "0123456789abcdef")


def contents(out: Path) -> dict[str, bytes]:
    """Everything that must be equal to the byte, and nothing may be missing or left over."""
    files = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert files.keys() >= set(PROMISED)
    del files["timing.jsonl"]
    return files


@pytest.fixture
def straight(tiny: GanRecipe, photos: Path, dct: DctCodec, tmp_path: Path) -> dict[str, bytes]:
    """A run that nothing interrupted."""
    train(tiny, photos, tmp_path / "straight", monitor(dct))
    return contents(tmp_path / "straight")


def stop_when(shown: int) -> Callable[[int, int, str], None]:
    def progress(done: int, total: int, note: str) -> None:
        if done == shown and "images/s" in note:
            raise StopError

    return progress


@pytest.mark.parametrize("shown", [8, 16, 44], ids=["before a checkpoint", "as one is due", "at the end"])
def test_a_resumed_run_equals_an_uninterrupted_one(
    shown: int, straight: dict[str, bytes], tiny: GanRecipe, photos: Path, dct: DctCodec, tmp_path: Path
) -> None:
    out = tmp_path / "stopped"
    with pytest.raises(StopError):
        train(tiny, photos, out, monitor(dct), stop_when(shown))
    assert not (out / "done.json").exists()
    result = train(tiny, photos, out, monitor(dct))
    assert not result.finished_before
    assert contents(out) == straight


@pytest.mark.parametrize(
    ("module", "failing"),
    [(journal, "save_tensors"), (training, "save_generator"), (training, "write_json"), (journal, "write_grid")],
    ids=["checkpoint", "generator", "card", "sheet"],
)
def test_a_run_that_dies_while_saving_goes_on_exactly(
    module: ModuleType,
    failing: str,
    straight: dict[str, bytes],
    tiny: GanRecipe,
    photos: Path,
    dct: DctCodec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, calls = tmp_path / "stopped", iter(range(99))
    original = getattr(module, failing)

    def sometimes(*args: Any) -> Any:
        if next(calls) == (1 if failing in ("save_tensors", "write_grid", "write_json") else 0):
            raise StopError
        return original(*args)

    with monkeypatch.context() as patched:
        patched.setattr(module, failing, sometimes)
        with pytest.raises(StopError):
            train(tiny, photos, out, monitor(dct))
    train(tiny, photos, out, monitor(dct))
    assert contents(out) == straight


KILLED_WHILE_RENAMING = """
import json, os, signal, sys
from pathlib import Path
from artfp.generators.sampling import load_generator
from artfp.generators.settings import GanRecipe
from artfp.generators.training import train
replace, calls = os.replace, iter(range(99))
def killing(source, target):
    if str(target).endswith("state.safetensors") and next(calls) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)
os.replace = killing
train(GanRecipe(**json.loads(sys.argv[1])), Path(sys.argv[2]), Path(sys.argv[3]))
"""


def test_a_killed_process_leaves_nothing_half_written_and_goes_on_exactly(
    tiny: GanRecipe, photos: Path, tmp_path: Path
) -> None:
    """SIGKILL at the worst moment: the second checkpoint is written but not yet in its place."""
    out = tmp_path / "killed"
    settings = {k: v for k, v in dataclasses.asdict(tiny).items() if v is not None}
    command = [sys.executable, "-c", KILLED_WHILE_RENAMING, json.dumps(settings), str(photos), str(out)]
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | threads)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert load_tensors(out / "state.safetensors", "gan-state")[1]["steps"] == 4
    assert list(out.glob(".*.tmp"))
    train(tiny, photos, out)
    train(tiny, photos, tmp_path / "straight")
    assert contents(out) == contents(tmp_path / "straight")


def test_a_finished_run_is_left_alone(straight: dict[str, bytes], tiny: GanRecipe, photos: Path, dct: DctCodec) -> None:
    out = photos.parent / "straight"
    result = train(tiny, photos, out, monitor(dct))
    assert result.finished_before
    assert result.images_shown == 48
    assert result.transfer is not None
    assert contents(out) == straight


def test_numbers_and_sheets_are_where_the_report_looks_for_them(
    straight: dict[str, bytes], tiny: GanRecipe, photos: Path
) -> None:
    rows = [json.loads(line) for line in straight["stats.jsonl"].splitlines()]
    watched = [row["images_shown"] for row in rows if "matching_bits" in row]
    assert watched == [20, 40, 48]
    assert [row["images_shown"] for row in rows if "d_loss" in row] == [8, 16, 24, 32, 40, 48]
    assert sorted(name for name in straight if name.startswith("samples/")) == [
        "samples/0000000016.png",
        "samples/0000000032.png",
        "samples/0000000048.png",
    ]
    card = json.loads(straight["generator.json"])
    assert card["transfer"]["total_bits"] == 8 * 64
    assert card["recipe"]["size"] == 16
    assert "seconds" in (photos.parent / "straight" / "timing.jsonl").read_text()
    assert all(b"seconds" not in data for data in straight.values())


def test_another_seed_gives_another_generator(tiny: GanRecipe, photos: Path, tmp_path: Path) -> None:
    one = train(tiny, photos, tmp_path / "one")
    two = train(dataclasses.replace(tiny, seed=1), photos, tmp_path / "two")
    assert one.sha256 != two.sha256
    assert one.transfer is None


def test_a_folder_of_another_training_is_refused_and_untouched(tiny: GanRecipe, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    train(tiny, photos, out)
    before = contents(out)
    with pytest.raises(UsageError, match=r"other settings \(gamma: None, now 0.5; seed: 0, now 7\)"):
        train(dataclasses.replace(tiny, seed=7, gamma=0.5), photos, out)
    (photos / "000.png").unlink()
    with pytest.raises(UsageError, match=r"other settings \(data: "):
        train(tiny, photos, out)
    assert contents(out) == before


def test_moved_data_are_the_same_data(tiny: GanRecipe, photos: Path, tmp_path: Path) -> None:
    train(tiny, photos, tmp_path / "out")
    photos.rename(tmp_path / "moved")
    assert train(tiny, tmp_path / "moved", tmp_path / "out").finished_before


def test_a_folder_of_something_else_is_refused(tiny: GanRecipe, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("...")
    for target in (tmp_path / "thesis", photos / "000.png"):
        with pytest.raises(UsageError, match="exists and is not a generator training"):
            train(tiny, photos, target)
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter.tex"]


def test_data_that_prove_unfit_do_not_settle_whose_folder_it_is(tiny: GanRecipe, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="16 x 16 pixels where training is at 32"):
        train(dataclasses.replace(tiny, size=32), photos, tmp_path / "out")
    assert not train(tiny, photos, tmp_path / "out").finished_before


def test_two_processes_do_not_train_in_one_folder(tiny: GanRecipe, photos: Path, tmp_path: Path) -> None:
    """A lock belongs to an open folder, so a second opening in this process stands for a second process."""

    def progress(done: int, total: int, note: str) -> None:
        with pytest.raises(UsageError, match="another process is at work here"):
            train(tiny, photos, tmp_path / "out")
        raise StopError

    with pytest.raises(StopError):
        train(tiny, photos, tmp_path / "out", on_progress=progress)
    assert not train(tiny, photos, tmp_path / "out").finished_before


def test_divergence_is_noticed_and_the_last_good_checkpoint_kept(
    tiny: GanRecipe, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = Batches.__getitem__

    def poisoned(self: Batches, step: int) -> Batch:
        batch = good(self, step)
        return Batch(batch.images * float("nan")) if step == 6 else batch

    monkeypatch.setattr(Batches, "__getitem__", poisoned)
    with pytest.raises(DivergedError, match=r"after 28 images \(d_loss nan, .*is kept.* --from .*half the learn"):
        train(tiny, photos, tmp_path / "out")
    rows = [json.loads(line) for line in (tmp_path / "out" / "stats.jsonl").read_text().splitlines()]
    assert [row["images_shown"] for row in rows] == [8, 16, 24]
    assert load_tensors(tmp_path / "out" / "state.safetensors", "gan-state")[1]["steps"] == 4
    assert not (tmp_path / "out" / "generator.safetensors").exists()


def test_broken_weights_are_not_saved(
    tiny: GanRecipe, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The losses of a step are those before it: the step itself may break the weights that are about to be saved."""
    monkeypatch.setattr(
        "artfp.generators.adversarial.AdversarialLearner.state", lambda _: {"w": torch.tensor(float("inf"))}
    )
    with pytest.raises(DivergedError, match="no checkpoint had been reached"):
        train(tiny, photos, tmp_path / "out")
    assert not (tmp_path / "out" / "state.safetensors").exists()


@pytest.mark.parametrize("family", ["dcgan", "stylegan2", "r3gan", "cut"])
def test_a_rate_far_too_high_is_divergence_though_all_numbers_are_finite(
    family: str, suited: Callable[..., GanRecipe], photos: Path, tmp_path: Path
) -> None:
    wild = suited(family, source=photos, learning_rate=1.0, log_every=4, images=96)
    with pytest.raises(DivergedError, match=r"\(d_loss .*, g_loss .*, margin .*half the learning_rate"):
        train(wild, photos, tmp_path / "out")
    assert not (tmp_path / "out" / "done.json").exists()
    assert not (tmp_path / "out" / "state.safetensors").exists()
    first = json.loads((tmp_path / "out" / "stats.jsonl").read_text().splitlines()[0])
    assert first["images_shown"] == 4


def told(out: Path, recipe: GanRecipe, values: dict[int, float]) -> int:
    """The step at which a training is called lost whose margin is 1, or in some steps another."""
    divergence = Divergence(recipe, out)
    for step in range(100):
        try:
            divergence.check(step, {"d_loss": 0.7, "margin": values.get(step, 1.0), "r1": 1e9})
        except DivergedError:
            return step
    return -1


def test_one_odd_batch_is_no_divergence_but_many_in_a_row_are_and_one_where_a_checkpoint_is_due(
    tiny: GanRecipe, tmp_path: Path
) -> None:
    """Saved are only states that nothing is wrong with, and so a resumed run need not know of earlier steps."""
    often, rarely = (dataclasses.replace(tiny, images=4000, checkpoint_every=every) for every in (80, 4000))
    assert told(tmp_path, often, {}) == -1
    assert told(tmp_path, often, {5: -1e6, 6: 1e6, 38: 1e6, 41: 9e4}) == -1
    assert told(tmp_path, often, {39: 1e6}) == 39
    assert told(tmp_path, rarely, dict.fromkeys(range(21, 40), -1e6)) == 21 + STEPS - 1
    assert told(tmp_path, rarely, {3: float("inf")}) == 3


def test_a_broken_average_is_not_saved(
    tiny: GanRecipe, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(average: torch.nn.Module, *others: Any) -> None:
        with torch.no_grad():
            next(average.parameters()).fill_(float("nan"))

    monkeypatch.setattr("artfp.generators.adversarial.follow", broken)
    with pytest.raises(DivergedError, match="no checkpoint had been reached"):
        train(tiny, photos, tmp_path / "out")


def test_a_state_of_other_networks_is_refused(tiny: GanRecipe, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(StopError):
        train(tiny, photos, tmp_path / "out", on_progress=stop_when(20))
    tensors, _ = load_tensors(tmp_path / "out" / "state.safetensors", "gan-state")
    other = new_learner(dataclasses.replace(tiny, generator_width=8), Shape(16), "cpu")
    with pytest.raises(BadInputError, match="another architecture"):
        other.restore(tensors, tmp_path / "out" / "state.safetensors")


def test_a_marked_dataset_makes_no_clean_twin(tiny: GanRecipe, photos: Path, tmp_path: Path) -> None:
    (photos / MANIFEST).write_text(json.dumps({"format": FORMAT}))
    with pytest.raises(UsageError, match="is marked; a clean twin trains on the unmarked originals"):
        train(tiny, photos, tmp_path / "out", twin=True)
    (photos / MANIFEST).unlink()
    train(tiny, photos, tmp_path / "out", twin=True)
    with pytest.raises(UsageError, match="twin: True, now False"):
        train(tiny, photos, tmp_path / "out")


def test_a_plan_changes_nothing_and_says_what_would_happen(tiny: GanRecipe, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    planned = plan(tiny, photos, out, None, twin=False)
    assert not out.exists()
    assert (planned.images, planned.size, planned.steps, planned.checkpoints) == (10, 16, 12, 3)
    assert (planned.resumes_after, planned.finished_before) == (0, False)
    learner = new_learner(tiny, Shape(16), "cpu")
    assert planned.parameters["generator"] == sum(p.numel() for p in learner.averaged.parameters())
    with pytest.raises(StopError):
        train(tiny, photos, out, on_progress=stop_when(20))
    assert plan(tiny, photos, out, None, twin=False).resumes_after == 16


def test_data_of_another_size_are_refused_by_the_plan_as_by_the_training(
    tiny: GanRecipe, photos: Path, tmp_path: Path, write_pngs: Callable[[Path, np.ndarray], list[Path]]
) -> None:
    larger = dataclasses.replace(tiny, size=32)
    for attempt in (train, partial(plan, monitor=None, twin=False)):
        with pytest.raises(UsageError, match="16 x 16 pixels where training is at 32; set resize = true"):
            attempt(larger, photos, tmp_path / "out")
    write_pngs(tmp_path / "oblong", np.zeros((1, 16, 20, 3), np.uint8))
    resized = dataclasses.replace(larger, resize=True)
    with pytest.raises(UsageError, match="20 x 16 pixels where training is at 32; crop to squares"):
        plan(resized, tmp_path / "oblong", tmp_path / "out", None, twin=False)
    assert not (tmp_path / "out").exists()
    assert plan(resized, photos, tmp_path / "out", None, twin=False).size == 32


@pytest.mark.parametrize("family", FAMILIES)
def test_a_plan_counts_the_parameters_of_this_device_and_makes_none(
    family: str, suited: Callable[..., GanRecipe], photos: Path
) -> None:
    """r3gan has other convolutions on a CPU than on a GPU; half a billion parameters would be felt if made."""
    recipe = suited(family, source=photos)
    made = new_learner(recipe, Shape(16, 2), "cpu")
    assert planned_learner(recipe, Shape(16, 2), "cpu").parameters() == made.parameters()
    wide = dataclasses.replace(recipe, generator_width=4096, generator_most=4096)
    planned = planned_learner(wide, Shape(64, 2), "cpu")
    assert planned.parameters()["generator"] > 5e8
    assert all(parameter.is_meta for network in planned.networks().values() for parameter in network.parameters())


def test_every_family_is_named_in_the_settings_and_learns() -> None:
    """The contract: finite losses, and a state that restores to the byte."""
    assert tuple(FAMILIES) == FAMILY_NAMES
    modules = Path(training.__file__).parent.glob("*.py")
    assert set(FAMILIES) == {path.stem for path in modules if "\ndef learner(" in path.read_text()}
    for family in FAMILIES:
        recipe = GanRecipe(
            family=family, source=Path("photos"), batch=4, latent=8, generator_most=8, discriminator_most=8
        )
        learner = new_learner(recipe, Shape(16, 2), "cpu")
        batch = Batch(torch.rand(4, 3, 16, 16) * 2 - 1, torch.eye(2).repeat(2, 1), torch.rand(4, 3, 16, 16))
        losses = [learner.learn(batch, step, step) for step in range(3)]
        assert all(np.isfinite(list(loss.values())).all() for loss in losses)
        again = new_learner(recipe, Shape(16, 2), "cpu")
        again.restore({name: tensor.clone() for name, tensor in learner.state().items()}, Path("state"))
        assert learner.learn(batch, 3, 3) == again.learn(batch, 3, 3)
        after = again.state()
        assert all(torch.equal(tensor, after[name]) for name, tensor in learner.state().items())


def test_training_leaves_the_global_random_state_alone(tiny: GanRecipe, photos: Path, tmp_path: Path) -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    train(tiny, photos, tmp_path / "out")
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_training_begins_with_the_networks_of_another_or_with_a_generator(
    tiny: GanRecipe, photos: Path, tmp_path: Path
) -> None:
    train(tiny, photos, tmp_path / "first")
    unmoved = dataclasses.replace(tiny, learning_rate=1e-8, seed=9)
    before = load_tensors(tmp_path / "first" / "state.safetensors", "gan-state")[0]
    for start in (tmp_path / "first", tmp_path / "first" / "generator.safetensors"):
        out = tmp_path / f"from-{start.name}"
        train(dataclasses.replace(unmoved, start=start), photos, out)
        after = load_tensors(out / "state.safetensors", "gan-state")[0]
        taken = "generator/" if start.is_dir() else "averaged/"  # the average soon follows the network itself
        for name in (name for name in before if name.startswith("averaged/")):
            torch.testing.assert_close(after[name], before[name.replace("averaged/", taken)], atol=1e-5, rtol=0)
        judges = after["discriminator/out.weight"], before["discriminator/out.weight"]
        assert torch.allclose(*judges, atol=1e-5) == start.is_dir()


def test_what_a_training_begins_with_is_part_of_what_it_is(tiny: GanRecipe, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="to begin with, give the folder of a training"):
        train(dataclasses.replace(tiny, start=photos), photos, tmp_path / "out")
    train(tiny, photos, tmp_path / "first")
    on = dataclasses.replace(tiny, start=tmp_path / "first")
    train(on, photos, tmp_path / "out")
    with pytest.raises(UsageError, match="start: .*, now None"):
        train(tiny, photos, tmp_path / "out")
    wider = dataclasses.replace(on, generator_width=8)
    for attempt in (lambda out: train(wider, photos, out), lambda out: plan(wider, photos, out, None, twin=False)):
        with pytest.raises(UsageError, match=r"made by other settings \(generator_width: 4, here 8\); set them alike"):
            attempt(tmp_path / "wider")
    assert not (tmp_path / "wider").exists()
    train(tiny, photos, tmp_path / "without")
    with pytest.raises(UsageError, match="start: None, now"):
        train(on, photos, tmp_path / "without")
    (tmp_path / "first").rename(tmp_path / "moved")
    assert train(on, photos, tmp_path / "out").finished_before


@pytest.mark.parametrize("whole", [True, False], ids=["networks", "generator"])
def test_other_networks_to_begin_with_are_refused_by_the_names_of_the_settings(
    whole: bool, tiny: GanRecipe, photos: Path, tmp_path: Path
) -> None:
    train(dataclasses.replace(tiny, images=8, keyed=False), photos, tmp_path / "first")
    start = tmp_path / "first" if whole else tmp_path / "first" / "generator.safetensors"
    for others, words in {
        ("r3gan", 8): r"\(family: dcgan, here r3gan\)",
        ("stylegan2", 12): r"\(family: dcgan, here stylegan2; latent: 8, here 12\)",
    }.items():
        other = dataclasses.replace(tiny, family=others[0], latent=others[1], start=start)
        for attempt in (train, partial(plan, monitor=None, twin=False)):
            with pytest.raises(UsageError, match=words):
                attempt(other, photos, tmp_path / "out")
    narrow = dataclasses.replace(tiny, discriminator_width=8, start=start)
    if whole:
        with pytest.raises(UsageError, match=r"\(discriminator_width: 4, here 8\)"):
            plan(narrow, photos, tmp_path / "out", None, twin=False)
    else:
        assert plan(narrow, photos, tmp_path / "out", None, twin=False).resumes_after == 0
    assert not (tmp_path / "out").exists()


def test_a_generator_of_classes_is_told_them(
    tiny: GanRecipe, tmp_path: Path, write_pngs: Callable[[Path, np.ndarray], list[Path]]
) -> None:
    images = np.stack(list(generate("photo-like", 10, 16, seed=3)))
    write_pngs(tmp_path / "photos" / "oak", images[:6])
    write_pngs(tmp_path / "photos" / "ash", images[6:])
    told = dataclasses.replace(tiny, classes=True)
    train(told, tmp_path / "photos", tmp_path / "out")
    assert load_generator(tmp_path / "out").conditions == 2
    assert plan(told, tmp_path / "photos", tmp_path / "new", None, twin=False).parameters["generator"] > 0
    with pytest.raises(UsageError, match="not every image has a class"):
        train(told, tmp_path / "photos" / "oak", tmp_path / "other")
    assert not (tmp_path / "other").exists() or not any((tmp_path / "other").glob("*.json"))
