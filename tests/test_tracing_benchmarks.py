"""The benchmarks of tracing in miniature: from keys to a row."""

from __future__ import annotations

import json

import pytest

from benchmarks import colluders, tracing


def test_a_trace_is_timed_for_each_number_of_recipients(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["tracing", "--recipients", "1", "7", "--images", "2"])
    tracing.main()
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [(row["recipients"], row["images"]) for row in rows] == [(1, 2), (7, 2)]
    assert rows[0]["times_the_first"] == 1


def test_one_is_always_named_and_eight_hardly_ever(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fixed draws; over seeds, a group of eight among a million has a chance under 1e-3."""
    monkeypatch.setattr("sys.argv", ["colluders", "--groups", "3"])
    colluders.main()
    lines = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| 64")]
    assert [line[1:4] for line in lines] == [
        ["1,000", "0.001", "100.0 %; 100.0 %"],
        ["1,000,000", "0.001", "100.0 %; 100.0 %"],
        ["1,000,000", "1e-06", "100.0 %; 100.0 %"],
    ]
    assert lines[2][-1] == "0.0 %; 0.0 % |"
