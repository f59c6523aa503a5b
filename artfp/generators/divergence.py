"""When a training is lost: numbers that are none, or that no healthy training has.

losses of a step --> finite? within BOUND? --beyond it for STEPS in a row, or where a checkpoint is due--> DivergedError
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from artfp.errors import DivergedError
from artfp.generators.folder import STATE
from artfp.generators.settings import GanRecipe, due

# Of losses and margins. Healthy trainings of all families stay under 70 (LAB.md). The most that a game allows are the
# margins of WGAN-GP: slopes of one bound them by the distance between two images, some thousands at 256 px. Penalties
# and path lengths have no such bound: they may leap for a step.
BOUND = 1e5
STEPS = 10  # in a row: one odd batch is no divergence


class Divergence:
    """Follows the losses of a training.

    No checkpoint is reached with losses beyond the bound, so what is saved is good, and a run that goes on from it has
    nothing to remember.
    """

    def __init__(self, recipe: GanRecipe, out: Path) -> None:
        self.recipe, self.out, self.beyond = recipe, out, 0

    def check(self, step: int, losses: Mapping[str, float]) -> None:
        """Raise an error where the training is lost, before anything of the step is saved."""
        self.beyond = self.beyond + 1 if exploded(losses) else 0
        lost = self.beyond == STEPS or (self.beyond and due(step, self.recipe.checkpoint_every, self.recipe))
        if lost or not all(map(math.isfinite, losses.values())):
            raise diverged(self.out, (step + 1) * self.recipe.batch, losses)


def exploded(losses: Mapping[str, float]) -> bool:
    """Whether a loss or margin is beyond the bound."""
    return any(abs(value) > BOUND for name, value in losses.items() if name.endswith("loss") or name == "margin")


def diverged(out: Path, shown: int, losses: Mapping[str, float]) -> DivergedError:
    """What was seen last, and what to do."""
    told = ", ".join(f"{name} {value:.3g}" for name, value in losses.items())
    saved = (out / STATE).is_file()
    kept = "the last checkpoint is kept" if saved else "no checkpoint had been reached"
    begin = f" --from {out}" if saved else ""
    return DivergedError(
        f"{out}: diverged after {shown:,} images ({told}); {kept}. Train into another folder{begin} with half the "
        "learning_rate (or, for a family with a gradient penalty, ten times the gamma)"
    )
