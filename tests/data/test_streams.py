"""Streams keep order and stay within their bounds, whatever the timing."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artfp.data import streams
from artfp.data.streams import WriteBehind, in_batches, read_ahead, same_size_batches


@dataclass(frozen=True)
class Item:
    number: int
    size: tuple[int, int]


def test_processes_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, processes, threads in ((2, 1, 3), (2, 2, 2), (8, 2, 5), (8, 8, 2), (2, 4, 1), (64, 1, 16)):
        monkeypatch.setattr(streams.os, "sched_getaffinity", lambda _, cores=cores: set(range(cores)))
        assert streams.thread_count(processes) == threads


def test_read_ahead_keeps_order_and_reads_everything_once() -> None:
    with ThreadPoolExecutor(4) as pool:
        seen = [item.number for item in read_ahead(pool, lambda n: Item(n, (8, 8)), range(500))]
    assert seen == list(range(500))


@pytest.mark.parametrize(
    ("side", "asked", "most"), [(4096, 0, 1), (512, 0, 16), (8, 0, streams.AHEAD_IMAGES), (1024, 9, 9), (4096, 9, 1)]
)
def test_read_ahead_goes_as_far_as_the_size_of_the_images_allows(side: int, asked: int, most: int) -> None:
    started: list[int] = []

    def load(number: int) -> Item:
        started.append(number)
        return Item(number, (side, side))

    with ThreadPoolExecutor(1) as pool:
        ahead = [max(started) - item.number for item in read_ahead(pool, load, range(600), asked)]
    assert max(ahead) <= most
    assert ahead[0] <= 1  # their size is not known yet


@settings(deadline=None, max_examples=50)  # no clock on a busy machine
@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), max_size=40), st.integers(1, 30))
def test_batches_have_one_size_and_lose_nothing(sizes: list[tuple[int, int]], capacity: int) -> None:
    items = [Item(number, size) for number, size in enumerate(sizes)]
    batches = list(same_size_batches(items, capacity))
    assert sorted(item.number for batch in batches for item in batch) == list(range(len(items)))
    for batch in batches:
        assert len({item.size for item in batch}) == 1
        assert [item.number for item in batch] == sorted(item.number for item in batch)
        height, width = batch[0].size
        assert (len(batch) - 1) * height * width < capacity
    assert batches == list(same_size_batches(iter(items), capacity))


@settings(deadline=None, max_examples=50)  # no clock on a busy machine
@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), max_size=40), st.integers(1, 30))
def test_batches_of_any_sizes_keep_the_order_and_end_with_their_capacity(
    sizes: list[tuple[int, int]], capacity: int
) -> None:
    items = [Item(number, size) for number, size in enumerate(sizes)]
    batches = list(in_batches(iter(items), capacity))
    assert [item for batch in batches for item in batch] == items
    pixels = [[item.size[0] * item.size[1] for item in batch] for batch in batches]
    assert all(sum(batch[:-1]) < capacity for batch in pixels)
    assert all(sum(batch) >= capacity for batch in pixels[:-1])


def test_write_behind_never_holds_more_than_its_capacity() -> None:
    most, gate = 0, threading.Semaphore(0)

    def work(item: Item) -> int:
        gate.acquire(timeout=5)
        return item.number

    with ThreadPoolExecutor(1) as pool:
        writer = WriteBehind(pool, capacity=10)
        futures = []
        for number in range(20):
            if number >= 5:
                gate.release()  # five of size 2 fill it; each further one must wait for one to end
            futures.append(writer.submit(Item(number, (1, 2)), work))
            most = max(most, sum(not future.done() for future in futures))
        for _ in range(5):
            gate.release()
        assert [future.result() for future in futures] == list(range(20))
    assert most <= 5


def test_write_behind_tells_of_an_earlier_failure() -> None:
    def fail(item: Item) -> None:
        raise OSError(28, "No space left on device")

    with ThreadPoolExecutor(1) as pool:
        writer = WriteBehind(pool, capacity=1)
        writer.submit(Item(0, (1, 1)), fail)
        with pytest.raises(OSError, match="No space left"):
            writer.submit(Item(1, (1, 1)), fail)
