"""Sweeps of a small run: what is in the folder, what makes no difference to it, and what does."""

from __future__ import annotations

import csv
import io
import json
import multiprocessing
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from artfp.codec.dct import DctCodec
from artfp.errors import BadInputError, UsageError
from artfp.evaluate import sweep as module
from artfp.evaluate.request import Request
from artfp.evaluate.sweep import Outcome, check, run
from artfp.evaluate.table import as_csv
from artfp.evaluate.workers import Crew
from artfp.generators.sampling import read_generator, save_generator
from artfp.images import load_image, to_tensor
from artfp.perturb.grids import SUITES
from artfp.robustness import Row, Sweep

SOME = ("image/untouched/*", "image/noise/0.111/*", "image/jpeg/80/*", "weights/weight-noise/*")
RequestOf = Callable[..., Request]
Swept = Callable[..., Outcome]
FilesOf = Callable[[Path], dict[str, bytes]]


def test_quick_makes_every_row_of_both_subjects(request_of: RequestOf, swept: Swept, tmp_path: Path) -> None:
    outcome = swept(request_of(), tmp_path / "out")
    sweep = Sweep.from_dict(json.loads((tmp_path / "out" / "sweep.json").read_text()))
    assert sweep == outcome.sweep
    assert len(outcome.rows) == len(sweep.addresses) == 2 * (1 + 8 * 2) + 4 * 2
    assert sweep.addresses[:3] == ("image/untouched/0/data", "image/untouched/0/generated", "image/jpeg/80/data")
    assert (sweep.images, sweep.side, sweep.subjects) == (12, 32, ("data", "generated"))
    assert [row.failure for row in outcome.rows] == [None] * len(outcome.rows)
    assert all(row.readout and row.readout.images == 12 for row in outcome.rows)
    assert {path.stem for path in (tmp_path / "out" / "thumbs").iterdir()} == {
        address.replace("/", ".") for address in sweep.addresses
    }


def test_marked_data_are_read_where_nothing_was_done_and_clean_images_are_not(
    request_of: RequestOf, swept: Swept, tmp_path: Path
) -> None:
    data, _ = swept(request_of(), tmp_path / "out", "image/untouched/*").rows
    assert data.readout is not None
    assert data.readout.accuracy.value > 0.9
    assert data.readout.log10_p < -15
    assert data.readout.images_needed == 1
    assert data.damage is not None
    assert (data.damage.psnr, data.damage.lpips) == (None, None)
    assert data.clean is not None
    assert data.twin is not None
    assert (data.clean.single.count, data.clean.single.total) == (0, 32)
    assert (data.twin.single.count, data.twin.single.total) == (0, 32)
    assert data.clean.single_empirical is None  # quick has no empirical threshold


def test_the_row_of_a_codec_in_closed_form_is_what_its_soft_bits_say(
    request_of: RequestOf, swept: Swept, dct: DctCodec, tmp_path: Path
) -> None:
    request = request_of(count=5)
    row = swept(request, tmp_path / "out", "image/untouched/0/data").rows[0]
    pixels = np.fromfile(tmp_path / "out" / "cache" / "data.raw", np.uint8).reshape(5, 32, 32, 3)
    read = dct.soft_bits(to_tensor(pixels)).numpy() > 0
    assert row.readout is not None
    assert row.readout.matching_bits == int((read == request.bits.astype(bool)).sum())
    thumb = load_image(tmp_path / "out" / "thumbs" / "image.untouched.0.data.png", "thumb").rgb
    assert np.array_equal(thumb, pixels[0])


def test_clean_images_get_the_draws_of_the_marked_ones(request_of: RequestOf, swept: Swept, tmp_path: Path) -> None:
    """Clean images called marked, beside themselves: what is read of both is one."""
    request = request_of(count=32)
    clean = request.subjects.clean
    same = replace(request, subjects=replace(request.subjects, images=clean, generator=None, twin=None))
    row = swept(same, tmp_path / "out", "image/noise/0.111/data").rows[0]
    assert row.readout is not None
    assert row.clean is not None
    assert row.readout.single == row.clean.single


def test_workers_change_no_byte(request_of: RequestOf, swept: Swept, files_of: FilesOf, tmp_path: Path) -> None:
    swept(request_of(), tmp_path / "alone", *SOME)
    swept(request_of(), tmp_path / "two", *SOME, workers=2)
    assert files_of(tmp_path / "alone") == files_of(tmp_path / "two")
    assert len(files_of(tmp_path / "alone")) == 2 + 2 * 8


def test_an_interruption_changes_no_byte(
    request_of: RequestOf, swept: Swept, files_of: FilesOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes between the rows of one unit, of which the first is there and the second is not."""
    written: list[str] = []

    def interrupted(path: Path, values: object) -> None:
        if path.parent.name == "rows":
            if len(written) == 3:
                raise KeyboardInterrupt
            written.append(path.stem)
        whole(path, values)

    whole = module.write_json
    monkeypatch.setattr(module, "write_json", interrupted)
    with pytest.raises(KeyboardInterrupt):
        swept(request_of(), tmp_path / "other", *SOME)
    monkeypatch.undo()
    assert sorted(path.stem for path in (tmp_path / "other" / "rows").iterdir()) == sorted(written)
    killed = [tmp_path / "other" / part / ".half.x.tmp" for part in ("rows", "cache/null", "cache/scratch/averaging")]
    for half in killed:
        half.parent.mkdir(parents=True, exist_ok=True)
        half.write_text("{")
    swept(request_of(), tmp_path / "other", *SOME)
    assert not any(half.exists() for half in killed)
    swept(request_of(), tmp_path / "whole", *SOME)
    assert files_of(tmp_path / "whole") == files_of(tmp_path / "other")


def test_an_interruption_ends_the_workers_and_changes_no_byte(
    request_of: RequestOf, swept: Swept, files_of: FilesOf, tmp_path: Path
) -> None:
    @contextmanager
    def interrupted(stage: str) -> Iterator[Callable[[int, int, str], None]]:
        def advance(done: int, _total: int, _note: str) -> None:
            if stage == "rows" and done:
                raise KeyboardInterrupt

        yield advance

    with pytest.raises(KeyboardInterrupt):
        run(Crew(request_of(), tmp_path / "other", "cpu", 1, 2), interrupted, SOME)
    deadline = time.monotonic() + 60
    while multiprocessing.active_children():  # the pool's own thread joins them
        assert time.monotonic() < deadline
        time.sleep(0.05)
    swept(request_of(), tmp_path / "other", *SOME, workers=2)
    swept(request_of(), tmp_path / "whole", *SOME)
    assert files_of(tmp_path / "whole") == files_of(tmp_path / "other")


def test_another_seed_draws_others(request_of: RequestOf, swept: Swept, files_of: FilesOf, tmp_path: Path) -> None:
    swept(request_of(), tmp_path / "a", "image/noise/0.111/*")
    swept(request_of(seed=1), tmp_path / "b", "image/noise/0.111/*")
    a, b = files_of(tmp_path / "a"), files_of(tmp_path / "b")
    assert a["rows/image.noise.0.111.data.json"] != b["rows/image.noise.0.111.data.json"]


def test_rows_that_are_there_are_not_made_again_and_more_can_be_asked_for(
    request_of: RequestOf, swept: Swept, files_of: FilesOf, tmp_path: Path
) -> None:
    swept(request_of(), tmp_path / "out", "image/jpeg/80/*")
    before = (tmp_path / "out" / "rows" / "image.jpeg.80.data.json").stat().st_mtime_ns
    shutil.rmtree(tmp_path / "out" / "cache")
    more = swept(request_of(), tmp_path / "out", "image/untouched/*")
    assert (tmp_path / "out" / "rows" / "image.jpeg.80.data.json").stat().st_mtime_ns == before
    assert [row.attack for row in more.rows] == ["untouched", "untouched", "jpeg", "jpeg"]
    swept(request_of(), tmp_path / "at once", "image/untouched/*", "image/jpeg/80/*")
    assert files_of(tmp_path / "out") == files_of(tmp_path / "at once")


def test_a_folder_belongs_to_one_sweep(request_of: RequestOf, swept: Swept, tmp_path: Path) -> None:
    swept(request_of(), tmp_path / "out", "image/untouched/*")
    with pytest.raises(UsageError, match="holds a sweep with other settings .seed: 0, now 1.; choose another folder"):
        swept(request_of(seed=1), tmp_path / "out")
    told = json.loads((tmp_path / "out" / "settings.json").read_text())
    (tmp_path / "out" / "settings.json").write_text(json.dumps(told | {"squeezenet": not told["squeezenet"]}))
    with pytest.raises(UsageError, match="squeezenet"):  # half of the rows would have perceptual distances
        swept(request_of(), tmp_path / "out")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="exists and is not a sweep"):
        swept(request_of(), tmp_path / "mine")


def test_no_file_tells_a_path_or_a_secret(request_of: RequestOf, swept: Swept, small_run: Path, tmp_path: Path) -> None:
    request = request_of()
    unchanged = replace(request.subjects, generator=halved(small_run / "model", tmp_path))
    rows = swept(
        replace(request, subjects=unchanged, suite_name="standard"), tmp_path / "out", *SOME, "weights/cast/11/*"
    ).rows
    assert rows[-1].failure
    told = "".join(path.read_text() for path in (tmp_path / "out").rglob("*.json"))
    told += (tmp_path / "out" / "rows.csv").read_text()
    assert str(small_run) not in told
    assert str(tmp_path) not in told
    assert np.packbits(request.bits).tobytes().hex() not in told
    assert "bits=" not in repr(request)


def test_weights_that_nothing_changes_and_a_soup_without_a_twin_are_rows_that_say_so(
    request_of: RequestOf, swept: Swept, small_run: Path, tmp_path: Path
) -> None:
    half = halved(small_run / "model", tmp_path)
    request = request_of("standard", generator=half, twin=None, images=None)
    cast, soup = swept(request, tmp_path / "out", "weights/cast/11/*", "weights/soup/0.5/*").rows
    assert cast.failure is not None
    assert "changed no weight" in cast.failure
    assert (cast.readout, cast.damage, cast.unit) == (None, None, "bits of precision")
    assert soup.failure == "there is no clean twin to average with; --twin names one"
    assert Row.from_dict(json.loads((tmp_path / "out/rows/weights.soup.0.5.generated.json").read_text())) == soup


def test_weights_change_the_twin_as_the_generator_and_a_soup_has_no_twin(
    request_of: RequestOf, swept: Swept, tmp_path: Path
) -> None:
    request = request_of("standard")
    noise, soup = swept(request, tmp_path / "out", "weights/weight-noise/0.12/*", "weights/soup/0.5/*").rows
    for row in (noise, soup):
        assert row.damage is not None
        assert row.damage.psnr is not None
        assert row.damage.psnr > 0
        assert row.clean is None
    assert noise.twin is not None
    assert noise.twin.single.total == request.suite.controls
    assert soup.twin is None


def test_a_twin_that_nothing_changes_is_missing_from_a_row_that_can_be_made(
    request_of: RequestOf, swept: Swept, small_run: Path, tmp_path: Path
) -> None:
    request = request_of("standard", twin=halved(small_run / "twin", tmp_path))
    row = swept(request, tmp_path / "out", "weights/cast/11/*").rows[0]
    assert row.readout is not None
    assert row.twin is None
    assert "changed no weight" in row.notes["twin"]


def halved(training: Path, folder: Path) -> Path:
    """The generator of a training with weights that half precision can hold."""
    generator, facts = read_generator(training / "generator.safetensors")
    with torch.no_grad():
        for weight in generator.parameters():
            weight.copy_(weight.half())
    save_generator(folder / "half.safetensors", generator, facts["family"], {"images_shown": 16})
    return folder / "half.safetensors"


def test_the_empirical_threshold_counts_clean_images_and_tops_them_up(
    request_of: RequestOf, swept: Swept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("artfp.evaluate.null.CLEAN_DECODES", 100)
    suite = replace(request_of("standard").suite, clean_decodes=100, controls=16)
    monkeypatch.setitem(SUITES, "standard", suite)
    found = swept(request_of("standard"), tmp_path / "out", "image/untouched/*")
    thresholds = found.sweep.thresholds
    assert thresholds.theoretical == 51
    assert sum(thresholds.clean_matches) == 40
    assert thresholds.twin_matches is not None
    assert sum(thresholds.twin_matches) == 60
    most = max(bits for bits in range(65) if thresholds.clean_matches[bits] + thresholds.twin_matches[bits])
    assert thresholds.empirical == most + 1  # not one of a hundred may reach it
    read = found.rows[0].readout
    assert read is not None
    assert read.single_empirical is not None
    assert read.single_empirical.count == 12


def test_the_table_has_a_line_for_each_row_with_its_numbers(
    request_of: RequestOf, swept: Swept, tmp_path: Path
) -> None:
    found = swept(request_of(), tmp_path / "out", *SOME)
    lines = list(csv.DictReader(io.StringIO((tmp_path / "out" / "rows.csv").read_text())))
    assert [line["address"] for line in lines] == list(found.sweep.addresses)
    for line, row in zip(lines, found.rows, strict=True):
        assert row.readout is not None
        assert float(line["accuracy"]) == row.readout.accuracy.value
        assert float(line["tpr"]) == row.readout.single.rate
        assert line["tpr_empirical"] == ""
        assert (line["clean_fpr"] == "") == (row.clean is None)


@pytest.mark.parametrize("text", ["[]", "{", "{}", '{"thresholds": 1}'])
def test_a_broken_record_is_named(request_of: RequestOf, swept: Swept, tmp_path: Path, text: str) -> None:
    for name in ("sweep.json", "rows/image.untouched.0.data.json"):
        path = tmp_path / "out" / name
        swept(request_of(count=2), tmp_path / "out", "image/untouched/0/data")
        whole = path.read_text()
        path.write_text(text)
        with pytest.raises(BadInputError, match=rf"{path.name}: (not (a|readable)|must hold a) .*remove it"):
            swept(request_of(count=2), tmp_path / "out", "image/untouched/0/data")
        path.write_text(whole)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_a_spreadsheet_would_compute_is_quoted_and_numbers_are_not(start: str) -> None:
    row = Row(1, "a", "image", f"{start}1", -1.0, "", "data", None, None, None, None, failure=f"{start}HYPERLINK()")
    cells = next(csv.DictReader(io.StringIO(as_csv([row]), newline="")))
    shown = start.replace("\r", " ")
    assert (cells["attack"], cells["failure"]) == (f"'{shown}1", f"'{shown}HYPERLINK()")
    assert (cells["strength"], cells["kind"]) == ("-1.0", "image")


def test_a_plan_tells_what_there_is_to_do_and_changes_nothing(request_of: RequestOf, tmp_path: Path) -> None:
    plan = check(request_of(), tmp_path / "out", ["image/jpeg/*"])
    assert (plan["rows"], plan["rows made"], plan["images"], plan["subjects"]) == (4, 0, 12, "data, generated")
    assert not (tmp_path / "out").exists()
    with pytest.raises(UsageError, match="matches no row; one is called image/untouched/0/data"):
        check(request_of(), tmp_path / "out", ["jpeg"])
