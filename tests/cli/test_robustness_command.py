"""`artfp robustness`: what it takes, prints and refuses."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from flips import flipped
from sweeps import read, row

from artfp.audit.findings import APART, BROKEN, HOLDS, INCONCLUSIVE
from artfp.audit.kinds import audit
from artfp.cli.main import artfp
from artfp.cli.robustness import _cells, _worst_first
from artfp.files import read_json, write_json
from artfp.keys.registry import Registry
from artfp.perturb.grids import SUITES
from artfp.robustness import ADVERSARY, DATA, FORGERY, IMAGE
from artfp.statistics.jackknife import Interval

Pixels = np.ndarray
UNTOUCHED = ("--only", "image/untouched/*")


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(artfp, ["robustness", *map(str, words), "--workers", "1", "--device", "cpu"])


@pytest.fixture
def marked(
    tmp_path: Path,
    registry: Registry,
    mark: Callable[[Pixels, str], Pixels],
    clean_pixels: Pixels,
    write_pngs: Callable[[Path, Pixels], list[Path]],
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A folder of marked images, beside one of clean ones; the registry is the usual one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARTFP_REGISTRY", str(registry.path))
    write_pngs(tmp_path / "clean", clean_pixels[:8])
    write_pngs(tmp_path / "marked", mark(clean_pixels[8:], "mine"))
    return tmp_path / "marked"


def test_images_and_a_key_are_enough(marked: Path) -> None:
    done = call("--images", marked, "--key", "mine", *UNTOUCHED)
    assert done.exit_code == 0, done.stderr
    head, row, last = done.stdout.splitlines()
    assert head.split() == ["attack", "strength", "subject", "bits", "right", "single", "images", "images", "needed"]
    assert row.split()[:3] == ["untouched", "0", "data"]
    assert last == "runs/robustness-marked/report.html  1 row, 0 of which could not be carried out"
    again = call("--images", marked, "--key", "mine", "--clean", marked.parent / "clean", *UNTOUCHED)
    assert again.exit_code == 2
    assert "other settings (clean: None, now" in again.stderr


def test_json_has_the_worst_rows_first(marked: Path, tmp_path: Path) -> None:
    done = call("--images", marked, "--key", "mine", "--json", "--out", tmp_path / "out", "--count", "4")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["out"], found["rows"], found["failed"]) == (str(tmp_path / "out"), 17, 0)
    proofs = [row["log10_p"] for row in found["worst"]]
    assert proofs == sorted(proofs, reverse=True)
    assert len(proofs) == 5
    assert (tmp_path / "out" / "rows.csv").is_file()
    assert Path(found["report"]).read_text().startswith("<!doctype html>")


def test_a_sweep_lists_its_files_and_those_that_are_added(marked: Path, tmp_path: Path) -> None:
    """Rows that are there from before stay as they were listed."""
    out, sweep = tmp_path / "out", ("--images", marked, "--key", "mine", "--out", tmp_path / "out", "--count", "2")
    assert call(*sweep, *UNTOUCHED).exit_code == 0
    first = audit(out, [marked])
    assert (first.kind, first.outcome, {each.what for each in first.findings if each.state == APART}) == (
        "sweep",
        HOLDS,
        {"files that nothing names"},  # the cache
    )
    untouched = out / "rows" / "image.untouched.0.data.json"
    data = untouched.read_bytes()
    write_json(untouched, read_json(untouched) | {"costs": "nothing"})
    assert call(*sweep, "--only", "image/blur/*").exit_code == 0
    broken = [each.file for each in audit(out, [marked]).findings if each.state == BROKEN]
    assert "rows/image.untouched.0.data.json" in broken
    untouched.write_bytes(data)
    assert call(*sweep, "--only", "image/blur/*").exit_code == 0
    assert audit(out, [marked]).outcome == HOLDS
    assert audit(out).outcome == INCONCLUSIVE
    with flipped(next((out / "thumbs").glob("*blur*.png")), 50):
        assert audit(out, [marked]).outcome == BROKEN


def test_a_forgery_that_failed_is_no_worst_row() -> None:
    rows = [row(ADVERSARY, "forging", 1, DATA, read(0.5), aim=FORGERY), row(ADVERSARY, "averaging", 1, DATA, read(0.6))]
    assert [each["address"] for each in _worst_first(rows)] == [rows[1].address]


def test_a_plan_changes_nothing(marked: Path, tmp_path: Path) -> None:
    done = call("--images", marked, "--key", "mine", "--suite", "standard", "--dry-run", "--json")
    assert done.exit_code == 0, done.stderr
    plan = json.loads(done.stdout)
    assert plan["rows"] == 1 + sum(map(len, SUITES["standard"].images.values()))
    assert (plan["images"], plan["key"], plan["subjects"]) == (16, "mine", "data")
    assert "rows made" in call("--images", marked, "--key", "mine", "--dry-run").stdout
    assert not (tmp_path / "runs").exists()


def test_a_generator_is_swept_with_its_twin(
    marked: Path, tmp_path: Path, painter: Callable[[Path, float], Path]
) -> None:
    """A keyed one, told its key; the twin does not listen."""
    words = ("--key", "mine", "--clean", tmp_path / "clean", "--twin", painter(tmp_path / "deaf", 0.0))
    generator = painter(tmp_path / "flowers" / "model", 1.0)
    done = call("--generator", generator, *words, "--count", "8", *UNTOUCHED, "--only", "weights/rounding/0.1/*")
    assert done.exit_code == 0, done.stderr
    folder = tmp_path / "runs" / "robustness-flowers"
    row = json.loads((folder / "rows" / "image.untouched.0.generated.json").read_text())
    assert row["readout"]["accuracy"]["value"] > 0.9
    assert row["twin"]["single"]["count"] == row["clean"]["single"]["count"] == 0
    sweep = json.loads((folder / "sweep.json").read_text())
    assert (sweep["family"], sweep["images"], sweep["side"]) == ("painter", 8, 64)
    assert sum(sweep["thresholds"]["clean_matches"]) == 8
    again = call("--generator", generator / "generator.safetensors", *words, "--count", "8", *UNTOUCHED)
    assert again.exit_code == 0, again.stderr
    assert "robustness-flowers/report.html  2 rows" in again.stdout


def test_a_run_needs_no_words(small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own registry is taken, whatever the usual one is; what is named beside it takes the place of its own."""
    monkeypatch.setenv("ARTFP_REGISTRY", str(tmp_path / "none.sqlite"))
    run = tmp_path / "run"
    shutil.copytree(small_run, run)
    done = call(run, "--count", "4", *UNTOUCHED)
    assert done.exit_code == 0, done.stderr
    assert f"{run / 'robustness' / 'report.html'}  2 rows" in done.stdout
    sweep = json.loads((run / "robustness" / "sweep.json").read_text())
    assert (sweep["name"], sweep["key"], sweep["subjects"]) == ("tiny", "owner", ["data", "generated"])
    assert sweep["twin_sha256"] != sweep["generator_sha256"]
    other = call(run, "--twin", run / "model", "--out", tmp_path / "other", "--count", "4", *UNTOUCHED)
    assert other.exit_code == 0, other.stderr
    sweep = json.loads((tmp_path / "other" / "sweep.json").read_text())
    assert sweep["twin_sha256"] == sweep["generator_sha256"]
    lost = call(run, "--registry", tmp_path / "none.sqlite")
    assert lost.exit_code == 2
    assert "none.sqlite" in lost.stderr
    (run / "keys.sqlite").unlink()
    without = call(run)
    assert without.exit_code == 2
    assert "none.sqlite" in without.stderr


def test_help_says_which_registry_comes_first() -> None:
    words = " ".join(CliRunner().invoke(artfp, ["robustness", "--help"]).stdout.replace("│", "").split())
    assert "RUN/keys.sqlite where it is there, else ARTFP_REGISTRY or ~/.artfp/keys.sqlite" in words


def test_what_is_almost_all_is_not_said_to_be_all() -> None:
    almost = dataclasses.replace(read(1.0), accuracy=Interval(0.9999, 0.999, 1.0), images_needed=None)
    assert _cells(row(IMAGE, "jpeg", 80, DATA, almost))[-3:] == ("> 99.9 %", "100 %", "> 32")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ((), "give either RUN, or --generator, --images or both"),
        (("run", "--images", "marked"), "give either RUN, or --generator, --images or both"),
        (("marked",), "not the folder of a finished `artfp run`"),
        (("--images", "marked"), "--key names the key"),
        (("--images", "marked", "--key", "nobody"), "nobody"),
        (("--images", "gone", "--key", "mine"), "gone: no such folder or zip"),
        (("--generator", "gone", "--key", "mine"), "gone: no such checkpoint"),
        (("--generator", "marked", "--key", "mine"), "holds no generator.safetensors"),
        (("--images", "marked", "--key", "mine", "--twin", "marked"), "holds no generator.safetensors"),
        (("--images", "marked", "--key", "mine", "--only", "jpeg"), "matches no row"),
        (("--images", "marked", "--key", "mine", "--only", "weights/*"), "matches no row"),
        (("--images", "marked", "--key", "mine", "--codec", "nonesuch"), "no codec 'nonesuch'"),
        (("--images", "marked", "--key", "mine", "--out", "clean"), "exists and is not a sweep"),
    ],
)
def test_what_cannot_be_swept_is_said_in_a_line(marked: Path, words: tuple[str, ...], text: str) -> None:
    done = call(*words)
    assert done.exit_code == 2, done.stderr
    assert text in done.stderr.replace("\n", " ")
    assert not (marked.parent / "runs").exists()


def test_a_damaged_generator_is_bad_input(marked: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.safetensors").write_bytes(b"\0" * 64)
    done = call("--generator", tmp_path / "bad.safetensors", "--key", "mine")
    assert done.exit_code == 4
    assert "bad.safetensors" in done.stderr
    assert not (tmp_path / "runs").exists()
