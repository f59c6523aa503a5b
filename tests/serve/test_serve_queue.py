"""Waiting for the worker: batches, order, those who leave, those who fail."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from artfp.serve.inquiries import Failed, Inquiry, Reply, Upload
from artfp.serve.refusals import RefusalError
from artfp.serve.waiting import Queue


def inquiry(images: int) -> Inquiry:
    return Inquiry((Upload("a", b"", ""),) * images)


class Held:
    """Answers only when it is let go, and says what came together."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go_on = threading.Event()

    def __call__(self, inquiries: Sequence[Inquiry], seconds: float) -> list[Reply]:
        self.batches.append([len(each.files) for each in inquiries])
        assert self.go_on.wait(60)
        return [Failed(str(len(each.files))) for each in inquiries]


def run(
    ask: Callable[..., list[Reply]],
    work: Callable[[Queue], Coroutine[Any, Any, Any]],
    least_step: float = 1e-3,
    most_step: float = 1e-3,
) -> Any:
    async def whole() -> Any:
        queue = Queue(ask, 60.0, least_step, most_step)
        running = asyncio.create_task(queue.run())
        try:
            return await work(queue)
        finally:
            running.cancel()
            queue.close()

    return asyncio.run(whole())


async def started(queue: Queue, held: Held, sizes: Sequence[int]) -> list[asyncio.Task[Reply]]:
    """The first alone is at the worker, the others wait."""
    tasks = [asyncio.create_task(queue.reply(inquiry(sizes[0])))]
    while not held.batches:
        await asyncio.sleep(0.001)
    tasks += [asyncio.create_task(queue.reply(inquiry(size))) for size in sizes[1:]]
    await asyncio.sleep(0)
    return tasks


def test_those_who_wait_are_judged_together_as_far_as_a_batch_goes() -> None:
    held = Held()

    async def work(queue: Queue) -> list[Reply]:
        tasks = await started(queue, held, [1, 30, 30, 10, 100, 1])
        held.go_on.set()
        return await asyncio.gather(*tasks)

    replies = run(held, work)
    assert held.batches == [[1], [30, 30], [10], [100], [1]]
    assert [reply.words for reply in replies] == ["1", "30", "30", "10", "100", "1"]


def test_who_left_is_not_judged() -> None:
    held = Held()

    async def work(queue: Queue) -> None:
        tasks = await started(queue, held, [1, 2, 3])
        tasks[1].cancel()
        await asyncio.sleep(0)
        held.go_on.set()
        await asyncio.gather(tasks[0], tasks[2])

    run(held, work)
    assert held.batches == [[1], [3]]


def test_who_gave_up_leaves_nothing_behind() -> None:
    held = Held()

    async def work(queue: Queue) -> None:
        tasks = await started(queue, held, [1, 2, 3])
        assert len(queue._waiting) == 2
        tasks[1].cancel()
        queue._seconds = 0.01
        with pytest.raises(RefusalError, match="in time"):
            await queue.reply(inquiry(4))
        tasks[2].cancel()
        await asyncio.gather(*tasks[1:], return_exceptions=True)
        assert not queue._waiting
        held.go_on.set()
        await tasks[0]

    run(held, work)


def test_the_clock_does_not_tell_how_long_an_image_took() -> None:
    """One is read in no time, one is searched: both are answered after one step, which the second does not lengthen."""
    took: list[float] = []

    def ask(inquiries: Sequence[Inquiry], _: float) -> list[Reply]:
        time.sleep(0.1 * (len(inquiries[0].files) - 1))
        return [Failed("told")] * len(inquiries)

    async def work(queue: Queue) -> None:
        for images in (1, 2, 1):
            began = time.monotonic()
            await queue.reply(inquiry(images))
            took.append(time.monotonic() - began)

    run(ask, work, 0.5, 0.5)
    assert all(0.49 < each < 0.9 for each in took), took  # on a machine that is very busy, more


def test_a_step_is_as_long_as_the_slowest_batch_took_up_to_a_bound() -> None:
    async def work(queue: Queue) -> list[float]:
        steps = []
        for images in (1, 11, 1, 41):
            await queue.reply(inquiry(images))
            steps.append(queue._step)
        return steps

    def ask(inquiries: Sequence[Inquiry], _: float) -> list[Reply]:
        time.sleep(0.01 * (len(inquiries[0].files) - 1))
        return [Failed("told")] * len(inquiries)

    first, slow, after, bound = run(ask, work, 0.01, 0.5)
    assert first < 0.15 <= slow == after
    assert bound == 0.5


def test_a_failure_is_felt_by_its_batch_alone() -> None:
    calls: list[int] = []

    def ask(inquiries: Sequence[Inquiry], _: float) -> list[Reply]:
        calls.append(len(inquiries))
        if len(calls) == 1:
            raise RuntimeError("lost")
        return [Failed("told")] * len(inquiries)

    async def work(queue: Queue) -> str:
        with pytest.raises(RuntimeError, match="lost"):
            await queue.reply(inquiry(1))
        reply = await queue.reply(inquiry(1))
        assert isinstance(reply, Failed)
        return reply.words

    assert run(ask, work) == "told"
