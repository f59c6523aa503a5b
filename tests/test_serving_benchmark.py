"""The load's figures, of what rounds found; the server itself is loaded in tests/serve."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks.serving import __main__ as serving


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """Loads, as they were asked for; the server grows from 400 to 410 MB, and says 500 once in the first round."""
    asked: list[tuple[object, ...]] = []
    memory = iter([400, 404, 404, 410])

    @contextmanager
    def server(*_: Path) -> Iterator[tuple[str, int]]:
        yield "http://127.0.0.1:1/", 1

    def loaded(_url: str, _files: Path, _seconds: float, *how: object) -> dict[str, Any]:
        asked.append(how)
        if how[0] == "--a-second":
            return {"said": {"200": 30, "503": 270, "500": int(len(asked) == 3)}, "answered_a_second": 30.0}
        images = serving.SET if "--each" in how else 1
        return {"said": {"200": 100}, "answered_a_second": 50.0, "images_a_second": 50.0 * images}

    monkeypatch.setattr(serving, "serving", server)
    monkeypatch.setattr(serving, "material", lambda *_: (Path("keys"), Path("files")))
    monkeypatch.setattr(serving, "bare_rate", lambda *_: 1000.0)
    monkeypatch.setattr(serving, "loaded", loaded)
    monkeypatch.setattr(serving, "summed_pss", lambda _: 1024 * next(memory))
    return asked


def test_figures_are_of_all_rounds(rounds: list[tuple[object, ...]]) -> None:
    found = {each.name: each for each in serving.figures(Path(), "dct", 8, 64, 1.0)}
    assert found["single"].value == pytest.approx(0.05)
    assert found["sets"].value == pytest.approx(0.8)
    assert found["held"].value == pytest.approx(0.6)
    assert found["memory"].value == pytest.approx(410 / 400)
    assert found["memory"].details == {"MB": [400, 404, 404, 410]}
    assert found["unclean"].value == 1
    assert rounds.count(("--a-second", 500.0)) == serving.ROUNDS
