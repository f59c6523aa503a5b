"""One small comparison, carried out once for all tests that look at its folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from contests import written
from passives import TINY
from small_runs import unwatched

from artfp.contest.run import contest_of, run
from artfp.passive import immunity
from artfp.passive.attnet import Attnet


@contextmanager
def in_a_second() -> Iterator[None]:
    """Systems that train in one; their settings are part of what a folder is of."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Attnet, "presets", {"lite": TINY["attnet"], "paper": TINY["attnet"]})
        patch.setattr("artfp.contest.teaching.Immunisation", lambda kind: immunity.Immunisation(kind, steps=4, batch=8))
        yield


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    with in_a_second():
        yield


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a comparison that was carried out."""
    folder = tmp_path_factory.mktemp("contest")
    with in_a_second():
        run(contest_of(written(folder / "recipes")), folder / "run", unwatched)
    return folder / "run"
