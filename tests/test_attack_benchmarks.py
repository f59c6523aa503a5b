"""The benchmarks of averaging, of privacy and of a verifier that answers, in miniature: from images to a row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artfp.codec.dct import DctCodec
from artfp.data.procedural import generate
from artfp.files import read_json
from benchmarks import averaging, oracle, privacy


@pytest.fixture
def photos(tmp_path: Path, write_pngs: Callable[..., list[Path]]) -> Path:
    write_pngs(tmp_path / "photos", np.stack(list(generate("photo-like", 8, 64, 3))))
    return tmp_path / "photos"


@pytest.fixture
def call(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs a benchmark on the photographs; gives its rows."""

    def run(benchmark: Any, *options: str) -> Any:
        words = [*options, "--data", str(photos), "--out", str(tmp_path / "rows")]
        monkeypatch.setattr("sys.argv", [benchmark.__name__, *words])
        benchmark.main()
        return {path.name: read_json(path) for path in (tmp_path / "rows").iterdir()}

    return run


def test_averaging_tells_what_is_removed_and_forged(
    call: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("dct", "--counts", "2", "--keys", "1", "--probes", "2", "--device", "cpu")
    rows = call(averaging, *options)
    row = rows["dct-photos.json"]
    assert row["unattacked"]["marked"]["bit_accuracy"] > 0.9 > row["unattacked"]["clean"]["bit_accuracy"]
    assert {(line["estimate"], line["n"]) for line in row["rows"]} == {(name, 2) for name in averaging.VARIANTS}
    assert call(averaging, *options) == rows
    assert "--again measures anew" in capsys.readouterr().err


def test_privacy_reads_marks_at_the_side_that_the_codec_is_made_for(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    codec, sides = DctCodec(), []
    codec.side = 96
    honest = privacy.images_of

    def noted(data: Path | None, count: int, side: int) -> privacy.Pixels:
        sides.append(side)
        return honest(data, count, side)

    monkeypatch.setattr(privacy, "load_codec", lambda name: codec)
    monkeypatch.setattr(privacy, "images_of", noted)
    row = call(privacy, "dct", "dct", "--images", "20")["dct-dct-photos.json"]
    assert sides == [96]
    assert [found["sha256"] for found in row["decoders"]] == [codec.sha256] * 2
    assert row["decoders"][0]["as_they_are"] > 0.9
    assert row["decoders"][0] == row["decoders"][1]
    assert row["command"] == "python -m benchmarks.privacy dct dct --data photos --images 20"
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_the_oracle_has_a_row_for_each_attack_at_each_number_of_queries(
    call: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("dct", "--images", "3", "--queries", "12", "40")
    found = call(oracle, *options)["dct-photos.json"]
    *sieges, guessed = found["rows"]
    attacks = [attack for attack in oracle.ATTACKS for _ in range(2)]
    assert [(row["aim"], row["start"], row["answer"]) for row in sieges] == attacks
    assert [row["queries"] for row in sieges] == [12, 40] * len(oracle.ATTACKS)
    removals = [row["found"] for row in sieges if row["aim"] == "removal"]
    assert all(each["succeeded"]["count"] == 3 for each in removals)
    assert all(each["psnr"]["low"] <= each["psnr"]["value"] <= each["psnr"]["high"] for each in removals)
    assert removals[0]["psnr"]["value"] < removals[1]["psnr"]["value"]
    assert guessed["queries"] == found["bits"] + 1
    assert guessed["key_bits_found"] > 0.8 * guessed["key_bits"]
    assert found["unattacked"]["marked"]["succeeded"]["count"] > 1 > found["unattacked"]["clean"]["succeeded"]["count"]
    assert found["command"] == "python -m benchmarks.oracle dct --data photos --images 3 --queries 12 40 --seed 0"
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + len(found["rows"])
    assert call(oracle, *options)["dct-photos.json"] == found


def test_too_few_images_for_the_oracle_are_refused(
    call: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        call(oracle, "dct", "--images", "5")
    assert "8 images, of which --images needs 10" in capsys.readouterr().err
