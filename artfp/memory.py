"""Memory that a process no longer needs."""

from __future__ import annotations

import ctypes


def give_back_memory() -> None:
    """Return what lies free inside of this process's heaps to the system, where its C library can: some milliseconds.

    glibc returns only what lies at the end of a heap. With a heap for each thread, in which large and small pieces come
    and go, what lies free before the ends becomes more and more (LAB, "Memory at a million").
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # malloc_trim(3); a GNU extension
    if trim is not None:
        trim(0)
