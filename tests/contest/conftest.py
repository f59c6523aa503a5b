"""One small comparison, carried out once for all tests that look at its folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from contests import written
from passives import TINY
from small_runs import unwatched

from artfp.contest.run import contest_of, run
from artfp.passive import immunity
from artfp.passive.attnet import Attnet


@pytest.fixture(scope="session")
def quick() -> pytest.MonkeyPatch:
    """Systems that train in a second, for a whole session: their settings are part of what is measured."""
    patch = pytest.MonkeyPatch()
    patch.setattr(Attnet, "presets", {"lite": TINY["attnet"], "paper": TINY["attnet"]})
    patch.setattr("artfp.contest.teaching.Immunisation", lambda kind: immunity.Immunisation(kind, steps=4, batch=8))
    yield patch
    patch.undo()


@pytest.fixture(scope="session")
def made(quick: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a comparison that was carried out."""
    folder = tmp_path_factory.mktemp("contest")
    run(contest_of(written(folder / "recipes")), folder / "run", unwatched)
    return folder / "run"
