"""Training a generator: one loop for every family, exactly resumable, with the transfer monitor looking on."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from artfp import __version__
from artfp.checkpoints import load_tensors, prefixed, save_tensors
from artfp.data.readers import Source, open_source
from artfp.devices import has_bf16
from artfp.errors import BadInputError, DivergedError
from artfp.files import read_json, write_json
from artfp.generators.base import Learner, Shape
from artfp.generators.dataset import Batches, Conditions, Pixels, decode, one_hot
from artfp.generators.families import new_learner
from artfp.generators.folder import (
    CARD,
    DONE,
    FILE,
    STATE,
    STATS,
    TIMING,
    Identity,
    check_folder,
    claimed,
    identify,
    sign,
    start_file,
)
from artfp.generators.sampling import FORMAT, OTHER_FORMAT, load_generator, sample, save_generator, write_grid
from artfp.generators.settings import GanRecipe
from artfp.generators.transfer import Monitor, Transfer
from artfp.results import Record
from artfp.seeds import derive_seed
from artfp.statslog import StatsLog

KIND = "gan-state"

OnProgress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class TrainPlan(Record):
    """What a run would do."""

    out: str
    images: int  # in the data
    size: int
    parameters: dict[str, int]
    steps: int
    epochs: float
    checkpoints: int
    resumes_after: int  # images shown by an earlier run
    finished_before: bool


@dataclass(frozen=True)
class TrainResult(Record):
    """A finished training."""

    generator: str
    sha256: str
    images_shown: int
    transfer: Transfer | None  # of the last look, where there was a monitor
    finished_before: bool


def _silent(done: int, total: int, note: str) -> None:
    """No progress shown."""


def train(
    recipe: GanRecipe,
    data: Path,
    out: Path,
    monitor: Monitor | None = None,
    on_progress: OnProgress = _silent,
    device: str = "cpu",
    twin: bool = False,
) -> TrainResult:
    """Train, or go on with, the generator of `recipe` on the images at `data` in the folder `out`."""
    with open_source(data) as source:
        identity = identify(recipe, source, monitor.identity() if monitor else None, twin)
        with claimed(out, identity):
            if not (out / DONE).is_file():
                told = one_hot(source) if recipe.classes else None
                pixels = decode(source, identity.size, recipe.resize, out, on_progress)
                sign(out, identity)
                learner = _run(identity, pixels, told, out, monitor, on_progress, device)
                _finish(identity, learner, out)
                return _result(out, finished_before=False)
            return _result(out, finished_before=True)


def plan(recipe: GanRecipe, data: Path, out: Path, monitor: Monitor | None, twin: bool) -> TrainPlan:
    """Check everything that can be checked without training, and say what a run would do."""
    with open_source(data) as source:
        identity = identify(recipe, source, monitor.identity() if monitor else None, twin)
        check_folder(out, identity)
        steps = _steps(recipe)
        return TrainPlan(
            out=str(out),
            images=len(source),
            size=identity.size,
            parameters=new_learner(recipe, _shape(identity, source), "cpu").parameters(),
            steps=steps,
            epochs=steps * recipe.batch / len(source),
            checkpoints=sum(_due(step, recipe.checkpoint_every, recipe) for step in range(steps)),
            resumes_after=_reached(out / STATE) * recipe.batch,
            finished_before=(out / DONE).is_file(),
        )


def _shape(identity: Identity, source: Source) -> Shape:
    return Shape(identity.size, one_hot(source).shape[1] if identity.recipe.classes else 0)


def _run(
    identity: Identity,
    pixels: Pixels,
    told: Conditions | None,
    out: Path,
    monitor: Monitor | None,
    on_progress: OnProgress,
    device: str,
) -> Learner:
    # Start from the last checkpoint, or from scratch.
    recipe, steps = identity.recipe, _steps(identity.recipe)
    learner = new_learner(recipe, Shape(identity.size, 0 if told is None else told.shape[1]), device)
    first = _resume(learner, out / STATE)
    if first == 0 and recipe.start is not None:
        learner.begin(weights_of(recipe.start), recipe.start)
    log = StatsLog(out / STATS, position="images_shown")
    log.rewind(first * recipe.batch)
    batches = Batches(pixels, recipe.batch, recipe.seed, recipe.mirror, told)
    clock, note = _Clock(out / TIMING), ""
    for step in range(first, steps):
        shown = (step + 1) * recipe.batch

        # Learn from the next batch.
        losses = learner.learn(batches[step], step, derive_seed(recipe.seed, "gan", step))
        if not all(map(math.isfinite, losses.values())):
            raise _diverged(out, shown)
        if _due(step, recipe.log_every, recipe):
            log.append({"images_shown": shown, **losses})

        # See how much of the fingerprint has arrived.
        if monitor is not None and _due(step, recipe.monitor_every, recipe):
            seed = derive_seed(recipe.seed, "gan-monitor")
            transfer = monitor.look(sample(learner.averaged, recipe.monitor_images, seed))
            log.append({"images_shown": shown, **transfer.to_dict()})
            note = str(transfer)

        # Tell, and save: the sheet and the numbers first, since what a checkpoint has seen is not done again.
        on_progress(shown, steps * recipe.batch, f"{clock.speed(shown - first * recipe.batch):.0f} images/s  {note}")
        if _due(step, recipe.checkpoint_every, recipe):
            state = learner.state()
            if not all(bool(tensor.isfinite().all()) for tensor in state.values()):
                raise _diverged(out, shown)
            write_grid(out / "samples" / f"{shown:010d}.png", learner.averaged, derive_seed(recipe.seed, "gan-grid"))
            log.flush()
            save_tensors(out / STATE, state, {"kind": KIND, "format": FORMAT, "steps": step + 1})
            clock.note(shown, shown - first * recipe.batch)
    return learner


def _steps(recipe: GanRecipe) -> int:
    return -(-recipe.images // recipe.batch)


def _due(step: int, every: int, recipe: GanRecipe) -> bool:
    """Whether a multiple of `every` images is reached in this step, or the end."""
    before, after = step * recipe.batch, (step + 1) * recipe.batch
    return after // every > before // every or step + 1 == _steps(recipe)


def _diverged(out: Path, shown: int) -> DivergedError:
    kept = "the last checkpoint is kept" if (out / STATE).is_file() else "no checkpoint had been reached"
    return DivergedError(
        f"{out}: not a number after {shown:,} images; {kept}. Train into another folder with half the learning_rate "
        "or ten times the gamma"
    )


def _resume(learner: Learner, path: Path) -> int:
    """Restore the last checkpoint, if there is one; the steps it has seen."""
    if not path.is_file():
        return 0
    tensors, config = _checked(path)
    learner.restore(tensors, path)
    return int(config["steps"])


def weights_of(start: Path) -> dict[str, Tensor]:
    """The networks that a training may begin with: all of an earlier training, or a generator alone."""
    path = start_file(start)
    if path.name == STATE:
        return _checked(path)[0]
    generator = load_generator(path).state_dict()
    return {**prefixed("generator", generator), **prefixed("averaged", generator)}


def _checked(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """A training's state and its configuration."""
    tensors, config = load_tensors(path, KIND)
    if config.get("format") != FORMAT:
        raise BadInputError(f"{path}: a training {OTHER_FORMAT}")
    return tensors, config


def _reached(path: Path) -> int:
    return int(load_tensors(path, KIND)[1]["steps"]) if path.is_file() else 0


def _finish(identity: Identity, learner: Learner, out: Path) -> None:
    """Write the generator, its card, and the completion marker last."""
    recipe = identity.recipe
    shown = _steps(recipe) * recipe.batch
    digest = save_generator(out / FILE, learner.averaged, recipe.family, {"images_shown": shown})
    transfer = _last_transfer(out)
    card: dict[str, Any] = {
        "sha256": digest,
        "images_shown": shown,
        "recipe": identity.to_dict(),
        "parameters": learner.parameters(),
        "precision": "bf16" if has_bf16(str(next(learner.averaged.parameters()).device)) else "float32",
        "threads": torch.get_num_threads(),
        "artfp": __version__,
        "torch": torch.__version__,
        "transfer": None if transfer is None else {**transfer.to_dict(), "bit_accuracy": transfer.bit_accuracy},
    }
    write_json(out / CARD, card)
    write_json(out / DONE, {"sha256": digest, "images_shown": shown})


def _last_transfer(out: Path) -> Transfer | None:
    rows = [row for row in StatsLog(out / STATS, position="images_shown").rows() if "matching_bits" in row]
    return Transfer.from_dict(rows[-1]) if rows else None


def _result(out: Path, *, finished_before: bool) -> TrainResult:
    done = read_json(out / DONE)
    return TrainResult(str(out / FILE), done["sha256"], done["images_shown"], _last_transfer(out), finished_before)


class _Clock:
    """Seconds, for people; kept apart from everything that must be repeatable."""

    def __init__(self, path: Path) -> None:
        self._path, self._start = path, time.monotonic()

    def speed(self, images: int) -> float:
        """Images a second since the start of this process."""
        return images / max(time.monotonic() - self._start, 1e-9)

    def note(self, shown: int, images: int) -> None:
        """Add a line to the file."""
        row = {"images_shown": shown, "seconds": round(time.monotonic() - self._start, 2), "images": images}
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")
