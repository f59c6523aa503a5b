"""Inquiries wait here for the worker, which takes several at a time: they share the codec's batches."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from artfp.serve.inquiries import Inquiry, Reply
from artfp.serve.refusals import full
from artfp.serve.settings import TOGETHER

LEAST_STEP, MOST_STEP = 0.25, 2.0  # seconds: an answer is given after one step, or two, or three ...
MARGIN = 1.5  # a step is so much longer than the slowest batch: waiting for the batch to begin has to fit in, too
PAUSE, LONGEST_PAUSE = 0.1, 0.05  # of what the batch before took; seconds

Ask = Callable[[Sequence[Inquiry], float], list[Reply]]


@dataclass(frozen=True, eq=False)
class _Waiting:
    inquiry: Inquiry
    reply: asyncio.Future[Reply]


class Queue:
    """Takes inquiries in the order they come. How many may wait is not decided here: `Gate` does.

    An image of which the decoder is unsure is searched, which takes many times as long as a look. So that nobody learns
    how sure it is by the clock, answers are given at multiples of a step in which either is done.
    """

    def __init__(self, ask: Ask, seconds: float, least_step: float = LEAST_STEP, most_step: float = MOST_STEP) -> None:
        self._ask, self._seconds = ask, seconds
        self._step, self._most_step = least_step, most_step
        self._waiting: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "worker")  # the pipe has one user, and the event loop never waits for it

    async def reply(self, inquiry: Inquiry) -> Reply:
        """What the worker says; whoever gives up waiting is not judged."""
        began = time.monotonic()
        one = _Waiting(inquiry, asyncio.get_running_loop().create_future())
        self._waiting.append(one)
        self._arrived.set()
        try:
            reply = await asyncio.wait_for(one.reply, self._seconds)
        except TimeoutError as error:
            raise full("the server did not get to your images in time; try again") from error
        finally:
            with suppress(ValueError):  # it is at the worker, or was
                self._waiting.remove(one)  # or its bytes would stay here as long as the batch before takes
        await asyncio.sleep((began - time.monotonic()) % self._step)
        return reply

    async def run(self) -> None:
        """Hand batches over, one at a time, for ever."""
        pause = 0.0
        while True:
            await self._arrived.wait()
            # a batch takes as long for one image as for many: let those in who come while the last get their answers
            await asyncio.sleep(pause)
            batch = self._next()
            if batch:
                began = time.monotonic()
                await self._judge(batch)
                pause = min(LONGEST_PAUSE, PAUSE * (time.monotonic() - began))

    def close(self) -> None:
        """Nobody asks any more."""
        self._thread.shutdown()

    def _next(self) -> list[_Waiting]:
        """The first who still waits, and those behind him who fit in with him."""
        batch: list[_Waiting] = []
        images = 0
        while self._waiting:
            images += len(self._waiting[0].inquiry.files)
            if batch and images > TOGETHER:
                break
            one = self._waiting.popleft()
            if one.reply.done():
                images -= len(one.inquiry.files)
            else:
                batch.append(one)
        if not self._waiting:
            self._arrived.clear()
        return batch

    async def _judge(self, batch: Sequence[_Waiting]) -> None:
        inquiries = [one.inquiry for one in batch]
        loop, began = asyncio.get_running_loop(), time.monotonic()
        try:
            replies = await loop.run_in_executor(self._thread, self._ask, inquiries, self._seconds)
            self._step = max(self._step, min(self._most_step, MARGIN * (time.monotonic() - began)))
            for one, reply in zip(batch, replies, strict=True):
                if not one.reply.done():
                    one.reply.set_result(reply)
        except Exception as error:
            for one in batch:
                if not one.reply.done():
                    one.reply.set_exception(error)
