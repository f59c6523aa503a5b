"""Training a generator: one loop for every family, exactly resumable, with the transfer monitor looking on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from artfp import __version__
from artfp.data.readers import open_source
from artfp.devices import has_bf16
from artfp.files import read_json, write_json
from artfp.generators import parallel
from artfp.generators.base import Batch, Learner, Shape
from artfp.generators.dataset import Batches, Conditions, Contents, Data, Pixels, decode, one_hot
from artfp.generators.divergence import Divergence
from artfp.generators.families import new_learner, planned_learner
from artfp.generators.folder import (
    CARD,
    DONE,
    FILE,
    STATE,
    STATS,
    Identity,
    check_folder,
    claimed,
    identify,
    list_files,
    sign,
)
from artfp.generators.journal import Journal, OnProgress, read_state
from artfp.generators.keying import Keying, keying_of
from artfp.generators.sampling import save_generator
from artfp.generators.settings import GanRecipe, due, steps_of
from artfp.generators.starting import weights_of
from artfp.generators.transfer import Transfer, Watch
from artfp.results import Record
from artfp.seals import sealed
from artfp.seeds import derive_seed
from artfp.statslog import StatsLog


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


class Lessons(Protocol):
    """What is shown in every step, which may be asked for in any order."""

    def __getitem__(self, step: int) -> Batch:
        """Batch `step`."""


def _silent(done: int, total: int, note: str) -> None:
    """No progress shown."""


def train(
    recipe: GanRecipe,
    data: Path,
    out: Path,
    monitor: Watch | None = None,
    on_progress: OnProgress = _silent,
    device: str = "cpu",
    twin: bool = False,
) -> TrainResult:
    """Train, or go on with, the generator of `recipe` on the images at `data` in the folder `out`."""
    keying = keying_of(recipe, monitor)
    on_progress = on_progress if parallel.is_first() else _silent
    with open_source(data) as source, parallel.together(device):
        identity = identify(recipe, source, monitor.identity() if monitor else None, twin, out)
        parallel.check_shares(recipe.batch, recipe.parts)
        with claimed(out, identity) if parallel.is_first() else nullcontext():
            parallel.wait()  # until the folder is there
            finished = (out / DONE).is_file()
            if not finished:
                learner = _learner(identity, keying, device)  # first of all: it knows what its family needs
                first = _begin(learner, identity, out / STATE)
                contents = Contents(source)
                shown = _decode(identity, keying, out, on_progress, contents)
                if parallel.is_first():
                    sign(out, identity)
                parallel.wait()
                batches = Batches(shown, recipe.batch, recipe.seed, recipe.mirror)
                go_on(learner, recipe, first, batches, out, monitor, shown.sources, on_progress)
                if parallel.is_first():
                    _finish(identity, learner, contents.sha256, out)
            if parallel.is_first():
                list_files(out)
            parallel.wait()
            return _result(out, finished_before=finished)


def plan(recipe: GanRecipe, data: Path, out: Path, monitor: Watch | None, twin: bool, device: str = "cpu") -> TrainPlan:
    """Check everything that can be checked without training, and say what a run would do."""
    parallel.check_shares(recipe.batch, recipe.parts)
    keying = keying_of(recipe, monitor)
    with open_source(data) as source:
        identity = identify(recipe, source, monitor.identity() if monitor else None, twin, out)
        check_folder(out, identity)
        steps, learner = steps_of(recipe), _learner(identity, keying, device, planned_learner)
        weights, path, reached = _found(identity, out / STATE)
        learner.check(weights, path)
        return TrainPlan(
            out=str(out),
            images=len(source),
            size=identity.size,
            parameters=learner.parameters(),
            steps=steps,
            epochs=steps * recipe.batch / len(source),
            checkpoints=sum(due(step, recipe.checkpoint_every, recipe) for step in range(steps)),
            resumes_after=reached * recipe.batch,
            finished_before=(out / DONE).is_file(),
        )


def _learner(
    identity: Identity, keying: Keying | None, device: str, new: Callable[..., Learner] = new_learner
) -> Learner:
    recipe = identity.recipe
    classes = one_hot(identity.source).shape[1] if recipe.classes else 0
    key_bits = keying.codec.n_bits if keying else 0
    learner = new(recipe, Shape(identity.size, classes + key_bits, key_bits), device)
    if keying:
        learner.averaged.codec_sha256 = keying.codec.sha256
        learner.guide = keying.guide(recipe.guided) if recipe.guided else None
    return learner


def _conditions(identity: Identity, keying: Keying | None) -> Conditions | None:
    """What the networks are told of every image: its class, and its key."""
    told = [one_hot(identity.source)] if identity.recipe.classes else []
    if keying:
        told.append(keying.told(identity.source))
    return np.concatenate(told, axis=1) if told else None


def _decode(
    identity: Identity, keying: Keying | None, scratch: Path, on_progress: OnProgress, contents: Contents
) -> Data:
    recipe, source = identity.recipe, identity.source
    conditions = _conditions(identity, keying)
    pixels = decode(source, identity.size, recipe.resize, scratch, on_progress, contents)
    if recipe.source is None:
        return Data(pixels, conditions)
    with open_source(recipe.source) as others:
        return Data(pixels, conditions, decode(others, identity.size, True, scratch, on_progress))


def go_on(
    learner: Learner,
    recipe: GanRecipe,
    first: int,
    batches: Lessons,
    out: Path,
    monitor: Watch | None = None,
    sources: Pixels | None = None,
    on_progress: OnProgress = _silent,
) -> None:
    """Go on after `first` steps, to the end; the checkpoints are in `out`."""
    writes = parallel.is_first()
    journal = Journal(recipe, out, first, monitor, sources, on_progress) if writes else None
    divergence = Divergence(recipe, out)
    for step in range(first, steps_of(recipe)):
        # Learn from the next batch.
        losses = parallel.averaged(learner.learn(batches[step], step, derive_seed(recipe.seed, "gan", step)))
        divergence.check(step, losses)

        # Watch, tell and save.
        if journal:
            journal.after(step, losses, learner)


def _begin(learner: Learner, identity: Identity, path: Path) -> int:
    """Restore the last checkpoint, or take over what the recipe begins with; the steps seen so far."""
    weights, path, reached = _found(identity, path)
    learner.check(weights, path)
    if reached:
        learner.restore(weights, path)
    else:
        learner.begin(weights, path)
    return reached


def _found(identity: Identity, path: Path) -> tuple[dict[str, Tensor], Path, int]:
    """What a run goes on from, if anything: its checkpoint or what the recipe begins with; the steps seen so far."""
    if path.is_file():
        tensors, steps = read_state(path)
        return tensors, path, steps
    start = identity.recipe.start
    return ({}, path, 0) if start is None else (weights_of(start, identity), start, 0)


def _finish(identity: Identity, learner: Learner, contents_sha256: str, out: Path) -> None:
    """Write the generator, its card, and the completion marker last."""
    recipe = identity.recipe
    shown = steps_of(recipe) * recipe.batch
    digest = save_generator(out / FILE, learner.averaged, recipe.family, {"images_shown": shown})
    transfer = _last_transfer(out)
    card: dict[str, Any] = {
        "sha256": digest,
        "images_shown": shown,
        "recipe": identity.to_dict(),
        "contents": contents_sha256,
        "parameters": learner.parameters(),
        "precision": "bf16" if has_bf16(str(next(learner.averaged.parameters()).device)) else "float32",
        "threads": torch.get_num_threads(),
        "artfp": __version__,
        "torch": torch.__version__,
        "transfer": None if transfer is None else {**transfer.to_dict(), "bit_accuracy": transfer.bit_accuracy},
    }
    write_json(out / CARD, sealed(card))
    write_json(out / DONE, {"sha256": digest, "images_shown": shown})


def _last_transfer(out: Path) -> Transfer | None:
    rows = [row for row in StatsLog(out / STATS, position="images_shown").rows() if "matching_bits" in row]
    return Transfer.from_dict(rows[-1]) if rows else None


def _result(out: Path, *, finished_before: bool) -> TrainResult:
    done = read_json(out / DONE)
    return TrainResult(str(out / FILE), done["sha256"], done["images_shown"], _last_transfer(out), finished_before)
