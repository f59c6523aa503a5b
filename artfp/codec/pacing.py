"""Self-pacing: fidelity and noise rise only as fast as accuracy allows; a plateau at .5 is repaired."""

from __future__ import annotations

from dataclasses import dataclass

from artfp.results import Record

MEMORY = 0.95  # of the running accuracy
FIDELITY_FROM = 0.93  # accuracy above which the PSNR rises: fidelity has the first claim
NOISE_FROM = 0.95  # accuracy above which the noise rises before fidelity is reached
NOISE_AFTER = 0.9  # and after: it takes what fidelity leaves
HYSTERESIS = 0.03  # by so much less it recedes
PSNR_STEP = 0.02  # dB a step
NOISE_STEP = 0.0015
STUCK = 0.6  # a network that reads less than this has not begun to learn
LOUDER = 3.0  # dB by which a restart begins louder


@dataclass(frozen=True)
class Pace(Record):
    """Where a training stands."""

    psnr: float
    noise: float = 0.0
    accuracy: float = 0.5
    learning_since: int = 0  # step of the last (re)start
    restarts: int = 0

    def after(self, accuracy: float, final_psnr: float) -> Pace:
        """The pace after a step that read this share of the bits."""
        running = MEMORY * self.accuracy + (1 - MEMORY) * accuracy
        psnr = min(final_psnr, self.psnr + PSNR_STEP) if running > FIDELITY_FROM else self.psnr
        threshold = NOISE_AFTER if psnr >= final_psnr else NOISE_FROM
        change = NOISE_STEP * ((running > threshold) - (running < threshold - HYSTERESIS))
        noise = min(1.0, max(0.0, self.noise + change))
        return Pace(psnr, noise, running, self.learning_since, self.restarts)

    def is_stuck(self, step: int, patience: int) -> bool:
        """Whether `patience` steps have passed since the start with nothing learned."""
        return step - self.learning_since >= patience and self.accuracy < STUCK

    def restarted(self, step: int, start_psnr: float) -> Pace:
        """The pace of a fresh attempt, louder with every one."""
        restarts = self.restarts + 1
        return Pace(start_psnr - LOUDER * restarts, learning_since=step, restarts=restarts)
