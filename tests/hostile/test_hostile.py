"""Nothing that a stranger's file holds brings artfp down, goes past it, or leaves anything half-written."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from artfp.data.readers import open_source
from artfp.errors import BadInputError, Exit, UsageError
from artfp.limits import LIMITS, PIXELS

from . import archives
from .case import Met, meet
from .cases import CASES
from .table import HEAD, PAGE, line, make_world

ENTRANCES = (
    "image",
    "folder",
    "list",
    "zip",
    "tar",
    "Parquet",
    "table of a dataset",
    "key file",
    "checkpoint",
    "recipe",
    "manifest",
    "record",
)
TAKEN = (Exit.OK, Exit.NO_MATCH, Exit.INCONCLUSIVE)
REFUSED = (Exit.USAGE, Exit.BAD_INPUT)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_world(tmp_path_factory.mktemp("hostile") / "world")


@pytest.fixture(scope="module")
def met(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Met]]:
    """Every case, once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARTFP_REGISTRY", "keys.sqlite")
        yield [meet(case, world, tmp_path_factory.mktemp("case")) for case in CASES]


def test_every_case_is_taken_or_refused_and_nothing_else_happens(met: list[Met]) -> None:
    for case, found in zip(CASES, met, strict=True):
        about = f"{case.entrance}, {case.what}: {found}"
        assert found.exit in (*TAKEN, *REFUSED), about
        assert "ARTFP_TRACEBACK" not in found.trace, about
        assert "Traceback" not in found.trace, about
        assert not found.changed, about
        assert not found.outside, about
        if found.exit in REFUSED:
            assert not found.new, about
        else:
            assert set(found.new) <= {"marked-again", "in/report.html"}, about


def test_the_page_has_what_artfp_does_with_every_case(met: list[Met]) -> None:
    """`python -m tests.hostile` writes it anew."""
    page = PAGE.read_text().splitlines()
    start = page.index(HEAD[0])
    assert page[start : start + 2] == list(HEAD)
    lines = [line(case, found) for case, found in zip(CASES, met, strict=True)]
    assert page[start + 2 : page.index("", start)] == lines


def test_no_entrance_is_left_out() -> None:
    found = {case.entrance for case in CASES}
    assert found == set(ENTRANCES)
    assert len({(case.entrance, case.what, case.command) for case in CASES}) == len(CASES)


def test_a_report_repeats_what_it_was_told_as_text(met: list[Met], tmp_path: Path, world: Path) -> None:
    case = next(case for case in CASES if case.what == "script in its name")
    meet(case, world, tmp_path)
    page = (tmp_path / "world" / "in" / "report.html").read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize("name", ["a.png", "dataset.json"])
def test_a_lying_zip_takes_no_more_memory_than_it_says(name: str, tmp_path: Path) -> None:
    archives.lying_zip(tmp_path, name, beside=("b.png", archives.good()))
    tracemalloc.start()
    with open_source(tmp_path / "in.zip") as source, pytest.raises(BadInputError, match="Bad CRC"):
        _ = source.read_at(0) if name == "a.png" else source.labels
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000


def test_every_limit_is_on_the_page_with_what_is_usual() -> None:
    page = PAGE.read_text()
    for limit in LIMITS:
        assert f"| `{limit.variable}` | {limit.usual:,} | {limit.what} |" in page


@pytest.mark.parametrize("text", ["0", "-1", "1e6", "9" * 19, "٣"])
def test_limits_are_whole_numbers(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PIXELS.variable, text)
    with pytest.raises(UsageError, match="must be a whole number from 1"):
        _ = PIXELS.value


def test_a_limit_is_asked_for_when_it_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    assert PIXELS.value == 100_000_000
    monkeypatch.setenv(PIXELS.variable, "7")
    assert PIXELS.words == "over the limit of 7 (ARTFP_MAX_PIXELS)"
