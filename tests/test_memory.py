"""Memory goes back to the system."""

from __future__ import annotations

import ctypes
import resource
from pathlib import Path

import pytest

from artfp.memory import give_back_memory

PIECES, BYTES = 2000, 1 << 16  # 128 MB, in pieces that glibc takes from its heap


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this C library has no malloc_trim")
def test_what_lies_free_between_what_is_used_goes_back() -> None:
    pieces = [bytearray(BYTES) for _ in range(PIECES)]
    kept = pieces[::100]
    del pieces
    before = resident()
    give_back_memory()
    assert before - resident() > PIECES * BYTES // 2
    assert len(kept) == PIECES // 100
