"""Seconds of work that may be interrupted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from artfp.timing import spent, timed


def test_seconds_add_up_over_attempts(tmp_path: Path) -> None:
    journal = tmp_path / "seconds.jsonl"
    with timed(journal):
        pass
    with pytest.raises(KeyboardInterrupt), timed(journal):
        raise KeyboardInterrupt
    assert len(journal.read_text().splitlines()) == 2
    journal.write_text("".join(json.dumps({"seconds": 1.25, "processor_seconds": 2.5}) + "\n" for _ in range(2)))
    assert spent(journal) == {"seconds": 2.5, "processor_seconds": 5.0}
    journal.write_text(journal.read_text() + '{"seconds": 1')  # killed while it was noted
    assert spent(journal) == {"seconds": 2.5, "processor_seconds": 5.0}
    assert spent(tmp_path / "nothing.jsonl") == {"seconds": 0, "processor_seconds": 0}
