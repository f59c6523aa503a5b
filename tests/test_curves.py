"""The benchmark of transfer curves in miniature: from images to a row, to a table and a chart."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from artfp.codec.dct import DctCodec
from artfp.data.procedural import generate
from artfp.data.readers import open_source
from artfp.errors import UsageError
from artfp.generators.settings import GanRecipe
from artfp.keys.records import check_name
from artfp.keys.registry import Registry
from benchmarks.curves import __main__ as command
from benchmarks.curves import figures
from benchmarks.curves import point as work
from benchmarks.curves.figures import write_figures
from benchmarks.curves.grid import CURVES, Point, points
from benchmarks.curves.images import STORAGES, chosen, originals, pixels_of, stored
from benchmarks.curves.tables import brief, tables
from benchmarks.measuring.marking import marked_with, residuals, squared_error, strength_for

TINY = Point(codec="dct", count=12, shown=16, samples=8)
WIDTHS = dict.fromkeys(("generator_width", "generator_most", "discriminator_width", "discriminator_most", "latent"), 8)
GAN = GanRecipe(size=32, batch=8, monitor_every=8, monitor_images=4, checkpoint_every=8, **WIDTHS)


def silent(done: int, total: int, note: str) -> None:
    pass


@pytest.fixture
def photos(tmp_path: Path, write_pngs: Callable[..., list[Path]]) -> Path:
    write_pngs(tmp_path / "photos", np.stack(list(generate("horizons", 16, 64, 3))))
    return tmp_path / "photos"


@pytest.fixture
def bench(tmp_path: Path, photos: Path, fixed_secrets: None) -> Iterator[work.Bench]:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with Registry(scratch / "keys.sqlite") as registry:
        yield work.Bench({"flowers": photos}, scratch, registry, "cpu", None, lambda _stage: silent, recipe=GAN)


def test_every_point_has_a_name_of_its_own_that_a_key_can_have() -> None:
    every = points(CURVES)
    assert len(every) == 50
    assert len({check_name(point.name) for point in every}) == len(every)
    assert len({point.twin for point in every}) == 14
    assert {point.storage for point in every} - STORAGES.keys() == {"as is"}


def test_smaller_choices_lie_in_larger_ones() -> None:
    data = Path("photos.zip")
    assert set(chosen(100, 10, data)) < set(chosen(100, 40, data)) < set(chosen(100, None, data))
    with pytest.raises(UsageError, match="holds 100 images, not 101"):
        chosen(100, 101, data)


def test_the_strength_hits_the_psnr(dct: DctCodec, photos: Path) -> None:
    clean = pixels_of(photos, silent)
    bits = np.arange(dct.n_bits, dtype=np.uint8) % 2
    residual = residuals(dct, clean, bits)
    for psnr in (32.0, 46.0):
        marked = marked_with(clean, residual, strength_for(dct, clean, bits, psnr))
        reached = 10 * np.log10(255**2 * clean.size / squared_error(clean, marked))
        assert reached == pytest.approx(psnr, abs=0.05)


def test_a_row_of_bits_for_each_image_marks_it_with_its_own(dct: DctCodec, photos: Path) -> None:
    clean = pixels_of(photos, silent)
    bits = np.arange(dct.n_bits, dtype=np.uint8) % 2
    ways = [residuals(dct, clean, each) for each in (bits, 1 - bits)]
    found = residuals(dct, clean, np.stack([bits if i % 2 else 1 - bits for i in range(len(clean))]))
    assert all(bool((found[i] == ways[1 - i % 2][i]).all()) for i in range(len(clean)))


def test_every_way_to_store_gives_as_many_images_of_the_size(photos: Path, tmp_path: Path) -> None:
    source = originals(photos, None, tmp_path / "all.zip", silent)
    before = pixels_of(source, silent)
    for way in STORAGES:
        path = stored(source, way, tmp_path / f"{way}.zip", silent)
        after = pixels_of(path, silent)
        assert after.shape == before.shape == (16, 32, 32, 3)
        assert 0 < np.abs(after.astype(int) - before).mean() < 60
    assert stored(source, "as is", tmp_path / "none.zip", silent) == source
    flipped = pixels_of(tmp_path / "mirrored.zip", silent)
    kinds = [(np.array_equal(a, b), np.array_equal(a, b[:, ::-1])) for a, b in zip(flipped, before, strict=True)]
    assert set(kinds) == {(True, False), (False, True)}
    with open_source(tmp_path / "jpeg75.zip") as source_of_jpegs:
        assert source_of_jpegs[0].name.endswith(".jpg")


def test_a_point_gives_a_row_and_an_interrupted_one_the_same(
    bench: work.Bench, dct: DctCodec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(work, "_train", interrupt)
        with pytest.raises(KeyboardInterrupt):
            work.row_of(TINY, dct, bench)
    key = bench.registry.get(TINY.name).key_id
    row = work.row_of(TINY, dct, bench)
    assert row["key_id"] == key
    assert row == json.loads(json.dumps(work.row_of(TINY, dct, bench)))
    assert row["embedding"]["psnr"] == pytest.approx(38, abs=0.1)
    assert row["generated"]["total_bits"] == row["twin"]["total_bits"] == 8 * 64
    assert [look["images_shown"] for look in row["transfer"]] == [8, 16]
    assert len(bench.registry.names()) == 1


def test_points_of_one_twin_train_it_once_and_are_told_in_words_and_charts(
    bench: work.Bench, dct: DctCodec, tmp_path: Path
) -> None:
    part = dataclasses.replace(TINY, fraction=0.5)
    rows = [work.row_of(point, dct, bench) for point in (TINY, part)]
    assert len(list(bench.scratch.glob("twin-*"))) == 1
    assert rows[1]["embedding"]["marked"] == 6
    told = tables({"fraction": rows, "shown": rows, "bits": []})
    assert "| flowers | 6 of 12 | 1 |" in brief({"fraction": rows, "shown": rows, "bits": []})
    assert "| flowers | 0 | 6 of 12 |" in told
    assert "Against the marked share" in told
    assert "bits of the fingerprint" not in told
    drawn = write_figures({"fraction": rows, "shown": rows}, tmp_path)
    assert [path.name for path in drawn] == [
        "curves-fraction-accuracy.svg",
        "curves-fraction-tpr.svg",
        "curves-shown-accuracy.svg",
    ]
    assert all(ElementTree.parse(path).getroot().tag.endswith("svg") for path in drawn)


def test_a_point_without_its_codec_is_skipped_and_one_with_a_row_not_run(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    later = dataclasses.replace(TINY, codec="not-trained-yet")
    (tmp_path / f"{TINY.name}.json").write_text(
        json.dumps({"settings": TINY.to_dict(), "codec": {"sha256": DctCodec().sha256}})
    )
    monkeypatch.setattr("benchmarks.measuring.reading.what_is_missing", lambda: "weights")
    assert command.run([TINY, later], {"flowers": photos}, tmp_path / "scratch", tmp_path, None, "cpu") == 0
    other = dataclasses.replace(TINY, shown=32)
    assert command.run([other], {"flowers": photos}, tmp_path / "scratch", tmp_path, None, "cpu") == 1
    words = capsys.readouterr().err
    assert "no codec not-trained-yet here" in words
    assert command.status(TINY, tmp_path) == "row"
    assert "other settings" in command.status(other, tmp_path)
    assert command.status(later, tmp_path) == "-"


@pytest.mark.parametrize(
    ("changed", "words"), [({"settings": {}}, "other settings"), ({"codec": {"sha256": "0" * 64}}, "another codec")]
)
def test_rows_of_others_are_told_left_out_and_a_failure(
    changed: dict[str, object],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    points_here = (TINY, dataclasses.replace(TINY, fraction=0.5))
    for point in points_here:
        (tmp_path / f"{point.name}.json").write_text(json.dumps(told(point) | (changed if point == TINY else {})))
    monkeypatch.setattr(command, "CURVES", {"fraction": points_here})
    monkeypatch.setattr(command, "brief", lambda rows: "\n".join(row["point"] for row in rows["fraction"]))
    monkeypatch.setattr("sys.argv", ["curves", "--brief", "--results", str(tmp_path), "--only", "fraction"])
    assert command.main() == 5
    shown, noted = capsys.readouterr()
    assert shown.split() == [points_here[1].name]
    assert f"{TINY.name}: a row of {words}" in noted
    (tmp_path / f"{TINY.name}.json").unlink()
    assert command.main() == 0


def told(point: Point) -> dict[str, object]:
    """As much of a row as says whose it is."""
    whose = {"point": point.name, "settings": point.to_dict(), "codec": {"sha256": DctCodec().sha256}}
    return whose | {"twin": {"outcome": "no match"}}


def test_a_line_more_than_there_are_styles_is_no_chart() -> None:
    series = {str(number): [(0.0, 0.5), (1.0, 0.6)] for number in range(5)}
    axis = figures.Axis("x", lambda row: 0.0)
    assert len(figures.chart("x", figures.HEIGHTS["tpr"], axis, dict(list(series.items())[:4])).lines) == 4
    with pytest.raises(ValueError, match="zip"):
        figures.chart("x", figures.HEIGHTS["tpr"], axis, series)
