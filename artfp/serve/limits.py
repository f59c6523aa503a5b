"""Who may ask, how much: images a minute and a day for each client, requests at once for each and for all.

What a client may still ask refills steadily. A client that asks for more than is left is told when to come back, and
nothing is counted: asking too early costs nothing.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from artfp.serve.refusals import full, too_often
from artfp.serve.settings import Limits

MINUTE, DAY = 60.0, 86_400.0
REMEMBERED = 20_000  # clients; those that asked longest ago are forgotten first
Clock = Callable[[], float]


@dataclass(frozen=True)
class Rate:
    """So many images in so many seconds."""

    images: int
    seconds: float

    def refilled(self, left: float, elapsed: float) -> float:
        """What is left after some time in which nothing was asked."""
        return min(float(self.images), left + elapsed * self.images / self.seconds)

    def wait(self, left: float, images: int) -> float:
        """Seconds until so many images may be asked; 0 is now."""
        return max(0.0, images - left) * self.seconds / self.images


class Allowance:
    """What each client may still ask."""

    def __init__(self, rates: Sequence[Rate], clock: Clock = time.monotonic, remembered: int = REMEMBERED) -> None:
        self._rates, self._clock, self._remembered = rates, clock, remembered
        self._known: OrderedDict[str, tuple[float, list[float]]] = OrderedDict()  # when it was looked at, what was left

    def wait(self, client: str, images: int) -> float:
        """Seconds until this client may ask for so many images; 0 is now."""
        left = self._left(client)
        return max(rate.wait(each, images) for rate, each in zip(self._rates, left, strict=True))

    def spend(self, client: str, images: int) -> float:
        """The same; where it is 0, they are counted."""
        wait = self.wait(client, images)
        if not wait:
            self._known[client] = (self._clock(), [each - images for each in self._left(client)])
            self._known.move_to_end(client)
            if len(self._known) > self._remembered:
                self._known.popitem(last=False)
        return wait

    def _left(self, client: str) -> list[float]:
        now = self._clock()
        seen, left = self._known.get(client, (now, [float(rate.images) for rate in self._rates]))
        return [rate.refilled(each, now - seen) for rate, each in zip(self._rates, left, strict=True)]


class Gate:
    """Lets a request in, or says why not."""

    def __init__(self, limits: Limits, clock: Clock = time.monotonic) -> None:
        self._limits = limits
        self._allowance = Allowance([Rate(limits.per_minute, MINUTE), Rate(limits.per_day, DAY)], clock)
        self._inside: Counter[str] = Counter()

    @property
    def inside(self) -> int:
        """How many requests are under way."""
        return self._inside.total()

    @contextmanager
    def entered(self, client: str) -> Iterator[None]:
        """A place for one request, while there is one; nobody who may not ask at all takes it."""
        if self._inside[client] >= self._limits.requests_each:
            raise too_often(f"{self._limits.requests_each} requests of yours are under way: wait for their answers", 1)
        self._charge(client, 1, self._allowance.wait)
        if self.inside >= self._limits.requests:
            raise full("the server is busy; try again in a few seconds")
        self._inside[client] += 1
        try:
            yield
        finally:
            self._inside[client] -= 1
            if not self._inside[client]:
                del self._inside[client]

    def count(self, client: str, images: int) -> None:
        """Count the images of a request against the client's share."""
        self._charge(client, images, self._allowance.spend)

    def _charge(self, client: str, images: int, charge: Callable[[str, int], float]) -> None:
        if wait := charge(client, images):
            limits = self._limits
            raise too_often(
                f"at most {limits.per_minute:,} images a minute and {limits.per_day:,} a day are judged for one "
                "client; Retry-After says when there is room for these",
                wait,
            )
