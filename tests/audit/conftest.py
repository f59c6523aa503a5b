"""A finished run that may be changed, as long as it is put back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def run(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the small run: somewhere else than where its verdicts say that the images lie."""
    folder = tmp_path_factory.mktemp("moved") / "run"
    shutil.copytree(small_run, folder)
    return folder
