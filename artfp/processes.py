"""Other processes of ours: how many there should be, and how each of them begins and ends; and threads that end."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

SPAWN = multiprocessing.get_context("spawn")  # a forked process would hold locks of threads that it has not


def usual_workers(device: str) -> int:
    """A process for each CPU that we may use; one where a GPU computes."""
    return len(os.sched_getaffinity(0)) if device == "cpu" else 1


def begin_worker(device: str, threads: int | None) -> str:
    """What a process that another one has started does first; the device that it is to compute on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started us is interrupted, and ends us
    threading.Thread(target=_outlive_nobody, daemon=True).start()
    from artfp.devices import prepare_device  # whoever only starts processes needs no torch

    return prepare_device(device, threads)


def _outlive_nobody() -> None:
    """End with whoever started us: killed outright, he cannot end us, and we would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def side_by_side(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Threads; what they have not begun at the end, as after Ctrl-C, is left undone."""
    pool = ThreadPoolExecutor(threads)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Ctrl-C waits. A process that is started meanwhile is deaf to it, from its first moment on."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
