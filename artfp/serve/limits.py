"""Who may ask, how much: images a minute and a day for each client, requests at once for each and for all.

What a client may still ask refills steadily. Who is let in pays for one image at once, or uploads that come to nothing
would hold places for nothing; for the others when it is known how many they are; and for large ones, which count as
several, when they are decoded. Who is not let in is told when to come back, and pays nothing.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from artfp.serve.refusals import RefusalError, full, too_often
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

    def take(self, client: str, images: int) -> None:
        """Count so many, even more than are left: then the client waits longer. Fewer than none are given back."""
        self._known[client] = (self._clock(), [each - images for each in self._left(client)])
        self._known.move_to_end(client)
        if len(self._known) > self._remembered:
            self._known.popitem(last=False)

    def _left(self, client: str) -> list[float]:
        now = self._clock()
        seen, left = self._known.get(client, (now, [float(rate.images) for rate in self._rates]))
        return [rate.refilled(each, now - seen) for rate, each in zip(self._rates, left, strict=True)]


class Visit:
    """A request that was let in, and what it has cost so far."""

    def __init__(self, client: str, allowance: Allowance, limits: Limits) -> None:
        self._client, self._allowance, self._limits = client, allowance, limits
        self._counted = 0
        self.count(1)

    def count(self, images: int) -> None:
        """It holds so many images: refuse them where the client's share has no room."""
        if self._allowance.wait(self._client, images - self._counted):
            raise too_often(
                f"at most {self._limits.per_minute:,} images a minute and {self._limits.per_day:,} a day are judged "
                "for one client; Retry-After says when there is room for these",
                self._allowance.wait(self._client, images),
            )
        self.settle(images)

    def settle(self, images: int) -> None:
        """What it costs, be that more than is left."""
        self._allowance.take(self._client, images - self._counted)
        self._counted = images


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
    def entered(self, client: str) -> Iterator[Visit]:
        """A place for one request, while there is one; nobody who may not ask at all takes it.

        Where the server fails, what was paid is given back but for the first image: the failure may be the image's.
        """
        if self._inside[client] >= self._limits.requests_each:
            raise too_often(f"{self._limits.requests_each} requests of yours are under way: wait for their answers", 1)
        if self.inside >= self._limits.requests:
            raise full("the server is busy; try again in a few seconds")
        visit = Visit(client, self._allowance, self._limits)
        self._inside[client] += 1
        try:
            yield visit
        except Exception as error:
            if not (isinstance(error, RefusalError) and error.status < HTTPStatus.INTERNAL_SERVER_ERROR):
                visit.settle(1)
            raise
        finally:
            self._inside[client] -= 1
            if not self._inside[client]:
                del self._inside[client]
