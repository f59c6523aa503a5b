"""One training loop for every passive system that takes minutes: checkpoints, losses, the same end after any stop.

    Learner.learn(step) --every step--> losses --now and then--> FOLDER/NAME.safetensors, NAME.jsonl

The loop of `generators/training.py` counts images and watches fingerprints arrive; here there is nothing to watch.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from artfp.checkpoints import load_tensors, restore_training, save_tensors, training_state
from artfp.errors import BadInputError, DivergedError
from artfp.passive.base import Course
from artfp.statslog import StatsLog

KIND = "passive-state"
CHECKPOINT_EVERY = 200  # steps

Losses = dict[str, float]


class Learner(ABC):
    """What a training changes, and one step of it. All randomness follows from the step."""

    @abstractmethod
    def learn(self, step: int) -> Losses:
        """Take one step; its losses, by name."""

    @abstractmethod
    def networks(self) -> Mapping[str, nn.Module]:
        """Everything with weights that the training changes, by name."""

    @abstractmethod
    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]:
        """Every optimizer, by name."""


@dataclass
class Descent(Learner):
    """The usual learner: one network, one optimizer, one loss."""

    network: nn.Module
    optimizer: torch.optim.Optimizer
    loss: Callable[[int], Tensor]  # of the batch of a step, with its gradient
    rate: Callable[[int], float]  # the learning rate in a step

    def learn(self, step: int) -> Losses:
        """Go down the gradient of the loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(step)
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(step)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return {"loss": loss.item()}

    def networks(self) -> Mapping[str, nn.Module]:
        """The network."""
        return {"network": self.network}

    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]:
        """The optimizer."""
        return {"network": self.optimizer}


def go_on(learner: Learner, steps: int, course: Course, name: str) -> None:
    """Take the steps that are missing, of `steps`; a system with several trainings names each of them.

    A training that is finished is only loaded, so that the next one of the same system can begin with it.
    """
    journal = _Journal(learner, course.folder / name, steps) if course.folder else None
    for step in range(journal.first if journal else 0, steps):
        losses = learner.learn(step)
        told = ", ".join(f"{key} {value:.4g}" for key, value in losses.items())
        if not all(map(math.isfinite, losses.values())):
            raise DivergedError(f"{name}: diverged at step {step + 1:,} ({told}); begin anew with another seed")
        course.tell(step + 1, steps, f"{name}  {told}")
        if journal:
            journal.after(step, losses)


class _Journal:
    """The files of a training: its last checkpoint, and its losses up to there."""

    def __init__(self, learner: Learner, path: Path, steps: int) -> None:
        self.learner, self.steps = learner, steps
        self.path = path.with_suffix(".safetensors")
        self.first = self._restore()
        self.log = StatsLog(path.with_suffix(".jsonl"), position="step")
        self.log.rewind(self.first)

    def after(self, step: int, losses: Losses) -> None:
        """Remember the losses; save where it is due, and at the end."""
        self.log.append({"step": step + 1, **losses})
        if (step + 1) % CHECKPOINT_EVERY == 0 or step + 1 == self.steps:
            self.log.flush()
            self._save(step)

    def _save(self, step: int) -> None:
        state = training_state(self.learner.networks(), self.learner.optimizers())
        bad = [name for name, tensor in state.items() if not bool(tensor.isfinite().all())]
        if bad:
            raise DivergedError(f"{self.path.stem}: diverged by step {step + 1:,} (no numbers in {bad[0]})")
        save_tensors(self.path, state, {"kind": KIND, "steps": step + 1})

    def _restore(self) -> int:
        """Put back the last checkpoint, if there is one; the steps that it has seen."""
        if not self.path.is_file():
            return 0
        state, config = load_tensors(self.path, KIND)
        reached = int(config["steps"])
        if reached > self.steps:
            raise BadInputError(f"{self.path}: has seen {reached:,} steps of {self.steps:,}; remove it")
        restore_training(self.learner.networks(), self.learner.optimizers(), state, self.path)
        return reached
