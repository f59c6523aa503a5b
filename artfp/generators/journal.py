"""What a training leaves behind as it goes: losses, looks at the fingerprint, sheets of samples, checkpoints."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from artfp.checkpoints import load_tensors, save_tensors
from artfp.errors import BadInputError
from artfp.generators.base import Learner
from artfp.generators.divergence import diverged
from artfp.generators.folder import STATE, STATS, STRIP, TIMING
from artfp.generators.sampling import FORMAT, OTHER_FORMAT, Pixels
from artfp.generators.settings import GanRecipe, due, steps_of
from artfp.generators.sheets import write_grid, write_strip
from artfp.generators.transfer import Watch
from artfp.seeds import derive_seed
from artfp.statslog import StatsLog

KIND = "gan-state"

OnProgress = Callable[[int, int, str], None]


class Journal:
    """The files that grow with the training; a run that goes on cuts them back to its checkpoint."""

    def __init__(
        self,
        recipe: GanRecipe,
        out: Path,
        first: int,
        monitor: Watch | None,
        sources: Pixels | None,
        on_progress: OnProgress,
    ) -> None:
        self.recipe, self.out, self.first = recipe, out, first
        self.monitor, self.sources, self.on_progress = monitor, sources, on_progress
        self.log = StatsLog(out / STATS, position="images_shown")
        self.log.rewind(first * recipe.batch)
        self.clock, self.seen = _Clock(out / TIMING), ""

    def after(self, step: int, losses: dict[str, float], learner: Learner) -> None:
        """All that is due after a step."""
        recipe, shown = self.recipe, (step + 1) * self.recipe.batch
        if due(step, recipe.log_every, recipe):
            self._note({"images_shown": shown, **losses})

        # See how much of the fingerprint has arrived.
        if self.monitor is not None and due(step, recipe.monitor_every, recipe):
            seed = derive_seed(recipe.seed, "gan-monitor")
            transfer = self.monitor.watch(learner.averaged, recipe.monitor_images, seed, self.sources)
            self._note({"images_shown": shown, **transfer.to_dict()})
            self.seen = str(transfer)

        # Tell, and save.
        speed = self.clock.speed(shown - self.first * recipe.batch)
        self.on_progress(shown, steps_of(recipe) * recipe.batch, f"{speed:.0f} images/s  {_brief(losses)}  {self.seen}")
        if due(step, recipe.checkpoint_every, recipe):
            self._save(step, losses, learner)

    def _note(self, row: Mapping[str, Any]) -> None:
        """Put numbers on disk at once: of one that diverges they are the evidence; `rewind` cuts what is repeated."""
        self.log.append(row)
        self.log.flush()

    def _save(self, step: int, losses: Mapping[str, float], learner: Learner) -> None:
        """The sheet first, since what a checkpoint has seen is not done again; the average is a part of the state."""
        recipe, shown = self.recipe, (step + 1) * self.recipe.batch
        state = learner.state()
        if not all(bool(tensor.isfinite().all()) for tensor in state.values()):
            raise diverged(self.out, shown, losses)
        sheet, seed = self.out / "samples" / f"{shown:010d}.png", derive_seed(recipe.seed, "gan-grid")
        write_grid(sheet, learner.averaged, seed, self.sources)
        write_strip(self.out / STRIP, sheet.parent)
        save_tensors(self.out / STATE, state, {"kind": KIND, "format": FORMAT, "steps": step + 1})
        self.clock.note(shown, shown - self.first * recipe.batch)


def _brief(losses: dict[str, float]) -> str:
    """The losses among all that is logged of a step."""
    return "  ".join(f"{name} {value:.2f}" for name, value in losses.items() if name.endswith("loss"))


def read_state(path: Path) -> tuple[dict[str, Any], int]:
    """A checkpoint's tensors, and the steps it has seen."""
    tensors, config = load_tensors(path, KIND)
    if config.get("format") != FORMAT:
        raise BadInputError(f"{path}: a training {OTHER_FORMAT}")
    return tensors, int(config["steps"])


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
