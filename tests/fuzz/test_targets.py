"""What fuzzing begins with and what it once found, read again; no fuzzer needed."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest

from artfp.errors import BadInputError

from .mutations import ODD, WHOLE, changed, mutated, places, without
from .regressions import REGRESSIONS
from .targets import TARGETS, NamelessError, Target

ROOT = Path(__file__).parents[2]
ROWS = ROOT / "benchmarks" / "results" / "fuzz"
SECONDS = 2  # of the processor, that an input of a few kilobytes may take at most
OF_SEVERAL_KINDS = ("signing-key", "recipe")  # and are read as each of them
INPUTS_OF_ISSUE = {"image", "zip", "tar", "parquet", "key", "recipe", "codec", "generator", "manifest", "verdict"}


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_breaks_what_reads_it(name: str, tmp_path: Path) -> None:
    if name == "parquet":
        pytest.importorskip("pyarrow.parquet", reason="needs the extra `parquet`")
    if name == "signing-key":
        pytest.importorskip("cryptography", reason="needs the extra `sign`")
    target = TARGETS[name]
    said = [target.feed(tmp_path, data) for data in target.begin(tmp_path)]
    assert "" in said or name in OF_SEVERAL_KINDS
    for data in [*WHOLE, *(build() for build in REGRESSIONS.get(name, {}).values())]:
        started = time.process_time()
        target.feed(tmp_path, data)
        assert time.process_time() - started < SECONDS


def test_every_kind_of_input_is_a_target() -> None:
    assert set(TARGETS) >= INPUTS_OF_ISSUE
    assert set(REGRESSIONS) <= set(TARGETS)


def test_an_error_that_names_no_file_is_a_finding(tmp_path: Path) -> None:
    def read(folder: Path) -> None:
        raise BadInputError("something is wrong")

    with pytest.raises(NamelessError):
        Target("x.png", read).feed(tmp_path, b"")


def test_what_is_no_error_of_ours_is_a_finding(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        Target("x.png", lambda folder: 1 // 0).feed(tmp_path, b"")


def test_a_mutation_changes_one_value() -> None:
    document = {"a": [1, {"b": None}], "c": "x"}
    assert list(places(document)) == [(), ("a",), ("a", 0), ("a", 1), ("a", 1, "b"), ("c",)]
    assert changed(document, ("a", 1, "b"), 2) == {"a": [1, {"b": 2}], "c": "x"}
    assert without(document, ("a", 0)) == {"a": [{"b": None}], "c": "x"}
    assert document == {"a": [1, {"b": None}], "c": "x"}


def test_mutations_are_of_json_alone() -> None:
    lines = b'{"a": 1}\n{"a": 2}\n'
    made = {mutated(lines, random.Random(seed)) for seed in range(200)}
    assert None in made, "the end of a file of lines is none"
    assert all(len(each.split(b"\n")) == 3 for each in made if each)
    assert mutated(b"\x89PNG", random.Random(0)) is None
    assert mutated(json.dumps(ODD[:4]).encode(), random.Random(0)) is not None


def test_docs_tell_every_run_of_ten_minutes() -> None:
    page = (ROOT / "docs" / "hostile.md").read_text(encoding="utf-8")
    assert {path.stem for path in ROWS.iterdir()} == set(TARGETS)
    for name in TARGETS:
        row = json.loads((ROWS / f"{name}.json").read_text(encoding="utf-8"))
        assert row["seconds"] >= 590
        assert row["findings"] == []
        assert f"`{name}` {row['inputs']:,}" in page
