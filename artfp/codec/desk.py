"""Reading image after image with a codec that searches: unsure images wait until a whole portion can be searched.

    image --a batch of them--> look --> soft bits --none unsure--> out, in the order that came in
                                      some unsure --> wait --PORTION of them, from any batches--> search --> out

A search takes many looks, and takes them for PORTION images at once or not at all (`alignment`): searching the few
unsure ones of each batch alone would look mostly at padding. What an image reads does not depend on how long it waited.

On a CPU as many looks and searches go on side by side as torch has threads, each with the arithmetic of one thread:
that is quicker than all threads at one of them (LAB), and an image reads the same on any number of them. A GPU does one
after the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from artfp.codec.alignment import PORTION
from artfp.codec.base import Codec, Look
from artfp.devices import computing_on
from artfp.processes import side_by_side
from artfp.statistics.exact import Floats

# images in one look, always: the last batch is padded, so that an image reads the same beside any others
BATCH, BATCH_ON_GPU = 16, 64
MOST = 4096  # images that wait for those before them; then what is there is searched, however little
QUEUED = 2  # looks and searches of a desk for each thread: one that it is at, and the next one

Size = tuple[int, int]  # height and width
Found = TypeVar("Found")


class Task(NamedTuple):
    """A codec that is to read; `fast`: every image once, in fast arithmetic, and none waits."""

    codec: Codec
    fast: bool = False


@contextmanager
def open_desks(tasks: Iterable[Task]) -> Iterator[list[Desk]]:
    """A desk for each task, until the end; all of them share the threads. One caller at a time (`computing_on`)."""
    wanted = list(tasks)
    if any(task.codec.device.type != "cpu" for task in wanted):
        yield [Desk(task, _Here(), 0, BATCH_ON_GPU) for task in wanted]
        return
    with computing_on(1) as threads, side_by_side(threads) as pool:
        yield [Desk(task, pool, QUEUED * threads, BATCH) for task in wanted]


class _Here(Executor):
    """Does at once whatever it is given."""

    def submit(self, job: Callable[..., Found], /, *args: Any, **kwargs: Any) -> Future[Found]:
        """Do it."""
        done: Future[Found] = Future()
        done.set_result(job(*args, **kwargs))
        return done


@dataclass(eq=False)
class _Batch:
    missing: int  # images whose soft bits are not known yet
    soft: Tensor = field(init=False)


@dataclass(frozen=True, eq=False)
class _Waiting:
    batch: _Batch
    place: int
    inner: Tensor
    aspect: Tensor
    logits: Tensor


class Desk:
    """One codec at work: images in, the soft bits of whole batches out."""

    def __init__(self, task: Task, pool: Executor, queued: int, batch: int) -> None:
        self._codec, self._fast = task
        self._pool, self._queued, self._batch_size = pool, queued, batch
        self._gathered: list[tuple[Tensor, Size]] = []
        self._batches: deque[_Batch] = deque()
        self._waiting: list[_Waiting] = []
        self._under_way: deque[tuple[Future[Any], Callable[[Any], None]]] = deque()

    def read(self, image: Tensor, size: Size) -> list[Floats]:
        """The soft bits of batches that are done, after one more image: 1 x 3 x H x W, and the size that it had."""
        self._gathered.append((image, size))
        if len(self._gathered) == self._batch_size:
            self._begin_look()
        self._settle(self._queued)
        return list(self._finished())

    def rest(self) -> list[Floats]:
        """The soft bits of all others."""
        if self._gathered:
            self._begin_look()
        self._settle(0)
        if self._waiting:
            self._begin_search()
            self._settle(0)
        return list(self._finished())

    def _settle(self, most: int) -> None:
        """Take what looks and searches have found, until no more than `most` of them are under way."""
        while len(self._under_way) > most:
            future, take = self._under_way.popleft()
            take(future.result())
            while len(self._waiting) >= PORTION or (self._waiting and self._is_overdue()):
                self._begin_search()

    def _is_overdue(self) -> bool:
        """Whether too many have been looked at that wait for those before them."""
        return (len(self._batches) - len(self._under_way)) * self._batch_size > MOST

    def _finished(self) -> Iterator[Floats]:
        while self._batches and not self._batches[0].missing:
            yield self._batches.popleft().soft.to(torch.float64).cpu().numpy()

    def _begin(self, job: Callable[[], Found], take: Callable[[Found], None]) -> None:
        self._under_way.append((self._pool.submit(job), take))

    def _begin_look(self) -> None:
        images, sizes = zip(*self._gathered, strict=True)
        self._gathered = []
        self._batches.append(batch := _Batch(len(images)))
        self._begin(partial(self._look, images), partial(self._looked, batch, sizes))

    @torch.no_grad()
    def _look(self, images: Sequence[Tensor]) -> tuple[Tensor, Look]:
        inner = self._codec.prepared(torch.cat([*images, *[images[-1]] * (self._batch_size - len(images))]))
        return inner, self._codec.glance(inner) if self._fast else self._codec.look(inner)

    def _looked(self, batch: _Batch, sizes: Sequence[Size], found: tuple[Tensor, Look]) -> None:
        inner, look = found
        aspects = torch.tensor([width / height for height, width in sizes], device=inner.device)
        places = look.unsure[: len(sizes)].nonzero().flatten().tolist()
        batch.soft, batch.missing = look.soft[: len(sizes)], len(places)
        self._waiting += [_Waiting(batch, at, inner[at].clone(), aspects[at], look.logits[at].clone()) for at in places]

    def _begin_search(self) -> None:
        portion, self._waiting = self._waiting[:PORTION], self._waiting[PORTION:]
        self._begin(partial(self._search, portion), partial(self._searched, portion))

    @torch.no_grad()
    def _search(self, portion: Sequence[_Waiting]) -> Tensor:
        columns = ((each.inner, each.aspect, each.logits) for each in portion)
        return self._codec.searched(*map(torch.stack, zip(*columns, strict=True)))

    def _searched(self, portion: Sequence[_Waiting], found: Tensor) -> None:
        for each, soft in zip(portion, found, strict=True):
            each.batch.soft[each.place] = soft
            each.batch.missing -= 1
