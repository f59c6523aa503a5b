"""Reading ahead and writing behind on threads, within bounds that no dataset exceeds.

    read_ahead --in order--> in_batches --> (the codec) --> WriteBehind

Pillow and zlib let go of the interpreter lock, so threads are enough. Every bound is in pixels, since one photograph
can weigh as much as ten thousand thumbnails. What comes out never depends on timing.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import Any, Protocol, TypeVar

AHEAD_IMAGES = 256
AHEAD_PIXELS = 1 << 22  # 12 MiB of decoded images waiting for the codec
EACH_PIXELS = 1 << 22  # decoded by each of the threads at a time: 200 MB by the 16 that there are at most
BEHIND_PIXELS = 1 << 22  # 12 MiB of marked images waiting for the disk


class Sized(Protocol):
    """Something with the size of an image; what failed to load has none."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""


T = TypeVar("T")
S = TypeVar("S", bound=Sized)


def thread_count(sharing: int = 1) -> int:
    """How many threads decode and encode in each of the processes that share the cores."""
    return min(16, len(os.sched_getaffinity(0)) // sharing + 1)


def read_ahead(pool: Executor, load: Callable[[int], S], indices: Iterable[int], most: int = 0) -> Iterator[S]:
    """`load(index)` for every index, in order; several at a time while their images are small.

    `most` is for what is small once it is loaded: so many at a time, while no file holds more than `EACH_PIXELS`.
    """
    pending: deque[Future[S]] = deque()
    typical = 0  # pixels of the largest image of late, forgotten slowly; 0 while unknown
    for index in indices:
        pending.append(pool.submit(load, index))
        while len(pending) > (most if 0 < typical <= EACH_PIXELS and most else _depth(typical)):
            item = pending.popleft().result()
            typical = max(_pixels(item), typical * 63 // 64)
            yield item
    while pending:
        yield pending.popleft().result()


def _depth(typical: int) -> int:
    """How many images of a size may be under way."""
    return max(1, min(AHEAD_IMAGES, AHEAD_PIXELS // typical)) if typical else 1


def in_batches(items: Iterable[S], capacity: int) -> Iterator[list[S]]:
    """Items of any sizes in their order, as many together as it takes to reach `capacity` pixels."""
    batch: list[S] = []
    pixels = 0
    for item in items:
        batch.append(item)
        pixels += _pixels(item)
        if pixels >= capacity:
            yield batch
            batch, pixels = [], 0
    if batch:
        yield batch


def same_size_batches(items: Iterable[S], capacity: int) -> Iterator[list[S]]:
    """Items of one size together; the order of the input alone decides, and no more than `capacity` pixels wait."""
    waiting: dict[tuple[int, int], list[S]] = {}
    pixels = 0
    for item in items:
        waiting.setdefault(item.size, []).append(item)
        pixels += _pixels(item)
        if pixels >= capacity:
            yield from waiting.values()
            waiting, pixels = {}, 0
    yield from waiting.values()


class WriteBehind:
    """Submits work to a pool, waiting for the oldest while too many pixels are in flight."""

    def __init__(self, pool: Executor, capacity: int = BEHIND_PIXELS) -> None:
        self._pool, self._capacity = pool, capacity
        self._pending: deque[tuple[Future[Any], int]] = deque()
        self._pixels = 0

    def submit(self, item: S, work: Callable[[S], T]) -> Future[T]:
        """Run `work(item)` on the pool; whatever an earlier one raised comes out here at the latest."""
        pixels = _pixels(item)
        while self._pending and self._pixels + pixels > self._capacity:
            oldest, weight = self._pending.popleft()
            oldest.result()
            self._pixels -= weight
        future = self._pool.submit(work, item)
        self._pending.append((future, pixels))
        self._pixels += pixels
        return future


def _pixels(item: Sized) -> int:
    return item.size[0] * item.size[1]
