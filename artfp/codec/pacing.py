"""Self-pacing: fidelity and noise rise only as fast as accuracy allows; a plateau at .5 is repaired.

Every noise layer has a level of its own, so that one which is hard to learn holds back neither the others nor the PSNR.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from artfp.results import Record

MEMORY = 0.95  # of the running accuracies
FIDELITY_FROM = 0.93  # accuracy above which the PSNR rises: fidelity has the first claim
NOISE_FROM = 0.95  # accuracy of images under a layer above which its level rises: it takes what fidelity leaves
NOISE_BACK = 0.92  # accuracy below which it recedes
PSNR_STEP = 0.02  # dB a step
NOISE_STEP = 0.003  # a step in which the layer was drawn
STUCK = 0.6  # a network that reads less than this has not begun to learn
LOUDER = 3.0  # dB by which a restart begins louder


@dataclass(frozen=True)
class Level(Record):
    """How far a noise layer has come, and how well it is read."""

    level: float = 0.0
    accuracy: float = 0.5

    def after(self, accuracy: float) -> Level:
        """The level after a step in which images under this layer were read so."""
        running = MEMORY * self.accuracy + (1 - MEMORY) * accuracy
        change = NOISE_STEP * ((running > NOISE_FROM) - (running < NOISE_BACK))
        return Level(min(1.0, max(0.0, self.level + change)), running)


@dataclass(frozen=True)
class Pace(Record):
    """Where a training stands."""

    psnr: float
    levels: dict[str, Level] = field(default_factory=dict)  # of the layers drawn so far
    accuracy: float = 0.5
    learning_since: int = 0  # step of the last (re)start
    restarts: int = 0

    def level(self, layer: str) -> float:
        """How far a noise layer has come, 0 to 1."""
        return self.levels.get(layer, Level()).level

    @property
    def noise(self) -> float:
        """The mean level."""
        return sum(layer.level for layer in self.levels.values()) / max(1, len(self.levels))

    def after(self, accuracy: float, by_layer: Mapping[str, float], final_psnr: float) -> Pace:
        """The pace after a step that read this share of all bits, and of those of images under each layer drawn."""
        running = MEMORY * self.accuracy + (1 - MEMORY) * accuracy
        psnr = min(final_psnr, self.psnr + PSNR_STEP) if running > FIDELITY_FROM else self.psnr
        moved = {name: self.levels.get(name, Level()).after(read) for name, read in by_layer.items()}
        levels = dict(sorted((self.levels | moved).items()))  # an order that a resumed run has too
        return Pace(psnr, levels, running, self.learning_since, self.restarts)

    def is_stuck(self, step: int, patience: int) -> bool:
        """Whether `patience` steps have passed since the start with nothing learned."""
        return step - self.learning_since >= patience and self.accuracy < STUCK

    def restarted(self, step: int, start_psnr: float) -> Pace:
        """The pace of a fresh attempt, louder with every one."""
        restarts = self.restarts + 1
        return Pace(start_psnr - LOUDER * restarts, learning_since=step, restarts=restarts)
