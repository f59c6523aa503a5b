"""The way to sweep a run in miniature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_runs import unwatched

from artfp.evaluate import secrecy
from artfp.evaluate.request import Request, Subjects, of_run, requested
from artfp.evaluate.sweep import Outcome, run
from artfp.evaluate.workers import Crew
from artfp.keys.registry import Registry


@pytest.fixture
def request_of(small_run: Path) -> Callable[..., Request]:
    """The request for a sweep of the run, or of parts of it."""

    def request(suite: str = "quick", count: int = 12, seed: int = 0, **parts: Any) -> Request:
        with Registry(small_run / "keys.sqlite") as registry:
            subjects: Subjects = replace(of_run(small_run), **parts)
            return requested(subjects, registry, None, suite, count, seed)

    return request


@pytest.fixture
def swept() -> Callable[..., Outcome]:
    """Carries a sweep out."""

    def sweep(request: Request, folder: Path, *only: str, workers: int = 1, **options: Any) -> Outcome:
        return run(Crew(request, folder, "cpu", 1, workers), unwatched, only, **options)

    return sweep


@pytest.fixture
def studied() -> Callable[[secrecy.Request, Path], secrecy.Outcome]:
    """Carries a secrecy study out."""
    return lambda request, folder: secrecy.run(request, folder, unwatched)


@pytest.fixture
def files_of() -> Callable[[Path], dict[str, bytes]]:
    """All that a sweep publishes, by name."""

    def files(folder: Path) -> dict[str, bytes]:
        paths = [folder / "sweep.json", folder / "rows.csv", *folder.glob("rows/*"), *folder.glob("thumbs/*")]
        return {str(path.relative_to(folder)): path.read_bytes() for path in paths}

    return files
