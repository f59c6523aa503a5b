"""The speed benchmark measures what it says; how fast anything is, no test asks."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from artfp.engines.local import LocalEngine
from artfp.errors import UsageError
from artfp.files import read_json
from benchmarks import billion
from benchmarks.speed import clusters, embedding, resuming, training, verifying
from benchmarks.speed.__main__ import figures
from benchmarks.speed.figures import Figure, SkippedError, in_turns, rate, table

ROOT = Path(__file__).parents[1]

SMALL = {
    "embed-64": (embedding, "SIDES", {64: (16, 80, 0.3)}),
    "verify-64": (verifying, "SIDES", {64: (16, 80, 0.15)}),
    "ray": (clusters, "IMAGES", 50),
    "resume": (resuming, "IMAGES", 128),
    "monitor": (training, "SHOWN", 64),
}


def test_a_rate_is_that_beyond_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])

    def work(images: int) -> None:
        clock[0] += 100 + images / 8  # a long start, then eight a second

    assert rate(work, 100, 900) == pytest.approx(8)


def test_works_take_turns_and_the_median_counts() -> None:
    order: list[str] = []
    values = iter([5.0, 1.0, 9.0])

    def first() -> float:
        order.append("first")
        return next(values)

    def second() -> float:
        order.append("second")
        return 2.0

    assert in_turns([first, second]) == [5.0, 2.0]
    assert order == ["first", "second"] * 3


def test_the_table_says_what_is_short() -> None:
    lines = table([Figure("a", "fast", "Pillow", 0.31, 0.3), Figure("b", "slow", "Pillow", 0.06, 0.05, at_least=False)])
    assert "| fast | Pillow | 0.31 | ≥ 0.3 | met |" in lines
    assert "| slow | Pillow | 0.06 | ≤ 0.05 | **short** |" in lines


@pytest.mark.parametrize("name", SMALL)
def test_figures_are_measured(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module, setting, value = SMALL[name]
    monkeypatch.setattr(module, setting, value)
    monkeypatch.setattr(verifying, "CLEAN", (4, 8))
    monkeypatch.setattr(training, "IMAGES", 64)
    monkeypatch.setattr(embedding, "ProcessPoolExecutor", ThreadPoolExecutor)  # no processes to start
    monkeypatch.setattr(verifying, "ProcessPoolExecutor", ThreadPoolExecutor)
    monkeypatch.setattr(clusters, "RayEngine", LocalEngine)  # tests/engines starts enough of the real ones
    once: Callable[..., list[float]] = lambda works, rounds=1: in_turns(works, rounds=1)  # noqa: E731
    monkeypatch.setattr(module, "in_turns", once)
    found = figures(tmp_path, 1)[name]()
    assert found.name == name
    assert found.details
    assert found.what in table([found])


def test_what_cannot_be_measured_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise UsageError("needs the extra `ray`")

    monkeypatch.setattr(clusters, "RayEngine", missing)
    with pytest.raises(SkippedError, match="needs the extra `ray`"):
        figures(tmp_path, 1)["ray"]()


def test_a_billion_images_cost_what_the_figures_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(billion, "operations", lambda _codec, _work: 3.6e9)
    rates = dict.fromkeys(("images a second", "Pillow's", "with --fast", "clean images"), 500.0)
    sizes = {"bytes in": 4000, "bytes out": 5000, "bytes in tables": 200}
    names = (f"{kind}-{side}" for kind in ("embed", "verify") for side in billion.SIDES)
    found = dict(billion.lines({name: {**rates, **sizes, "workers": 2} for name in names}, tflops=100))
    assert found["core hours, `embed-dataset`"] == ["1,111"] * 3
    assert found["GPU hours at 100 TFLOP/s, marking (counted)"] == ["10"] * 3
    assert found["terabytes in"] == ["4.00"] * 3
    assert found["terabytes in tables"] == ["0.20"] * 3


def test_docs_tell_the_figures_that_were_measured() -> None:
    found = [
        Figure.from_dict(each)
        for each in read_json(ROOT / "benchmarks" / "results" / "speed" / "speed.json")["figures"]
    ]
    page = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    assert table(found) in page
    measured = {figure.name for figure in found}
    assert [figure.name for figure in found] == [name for name in figures(Path("nowhere"), 1) if name in measured]
