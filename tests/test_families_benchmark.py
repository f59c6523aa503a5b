"""The benchmark of all families in miniature: from a zip to a row, to a table."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from artfp.codec.dct import DctCodec
from artfp.data.procedural import generate
from artfp.data.readers import open_source
from artfp.data.writers import image_name
from artfp.errors import Exit, UsageError
from artfp.files import working_alone
from artfp.generators.settings import FAMILIES, GanRecipe
from artfp.keys.records import check_name
from artfp.keys.registry import Registry
from benchmarks.families import __main__ as command
from benchmarks.families import row as work
from benchmarks.families.grid import ROWS, Row
from benchmarks.families.tables import brief, table
from benchmarks.measuring import preparing
from benchmarks.measuring.bench import Bench
from benchmarks.measuring.data import COLLECTIONS, Collection
from benchmarks.measuring.distances import compared
from benchmarks.measuring.images import Pixels, at_side, pack, png
from benchmarks.measuring.reading import Features
from benchmarks.measuring.sketches import sketch

WIDTHS = dict.fromkeys(("generator_width", "generator_most", "discriminator_width", "discriminator_most", "latent"), 8)
TINY = GanRecipe(size=32, images=16, batch=8, monitor_every=8, monitor_images=4, checkpoint_every=8, **WIDTHS)
RECIPES = {
    "plain": TINY,
    "classes": dataclasses.replace(TINY, family="biggan", classes=True),
    "cut": dataclasses.replace(TINY, family="cut", latent=GanRecipe().latent),
}
TOLD = {
    "photos": Collection("photos.zip", held_out=1 / 3),
    "emoji": Collection("photos.zip", held_out=1 / 3, sketched=True),
}
PLAIN = Row("plain", "photos", codec="dct", samples=24)


def silent(done: int, total: int, note: str) -> None:
    pass


def six_numbers(pixels: Pixels) -> Features:
    """An eye for tests: mean and deviation of each colour."""
    return np.concatenate([pixels.mean(axis=(1, 2)), pixels.std(axis=(1, 2))], axis=1) / 64


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """72 photographs of three classes, larger than they are trained on, in StyleGAN's layout."""
    (tmp_path / "data").mkdir()
    images = list(generate("horizons", 72, 40, 3))
    labels = {"labels": [[image_name(i), i % 3] for i in range(72)]}
    files = [(image_name(i), png(image)) for i, image in enumerate(images)]
    pack(tmp_path / "data" / "photos.zip", [*files, ("dataset.json", json.dumps(labels).encode())])
    return tmp_path / "data"


@pytest.fixture
def bench(tmp_path: Path, folder: Path, fixed_secrets: None) -> Iterator[Bench]:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with Registry(scratch / "keys.sqlite") as registry:
        yield Bench(folder, scratch, registry, "cpu", six_numbers, lambda _: silent, RECIPES.__getitem__, TOLD)


def test_every_row_has_a_name_of_its_own_and_a_key_that_can_have_its_name() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert {row.recipe.split("-")[0] for row in ROWS} == set(FAMILIES)
    assert all(check_name(row.marked(32)) for row in ROWS)
    assert {row.data for row in ROWS} == set(COLLECTIONS)


def test_the_parts_of_data_share_no_image_and_are_as_many_as_asked() -> None:
    held_out, training, sketched = preparing.parts_of(1693, "emoji", COLLECTIONS["emoji"])
    assert (len(held_out), len(training), len(sketched)) == (564, 564, 565)
    assert len({*held_out, *training, *sketched}) == 1693
    held_out, training, sketched = preparing.parts_of(50_000, "cifar", COLLECTIONS["cifar"])
    assert (len(held_out), len(training), len(sketched)) == (4096, 10_000, 0)
    assert not set(held_out) & set(training)


def test_a_sketch_is_dark_at_edges_and_white_elsewhere() -> None:
    image = np.zeros((16, 16, 3), np.uint8)
    image[:, 8:] = 255
    lines = sketch(image)
    assert lines.shape == image.shape
    assert (lines[:, [7, 8]] == 0).all()
    assert (lines[:, [*range(5), *range(11, 16)]] == 255).all()


def test_a_row_is_made_and_an_interrupted_one_becomes_the_same(
    bench: Bench, dct: DctCodec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(done: int, total: int, note: str) -> None:
        if done == 8 and "images/s" in note:
            raise KeyboardInterrupt

    stopped = dataclasses.replace(bench, tell=lambda stage: interrupt if "twin" in stage else silent)
    with pytest.raises(KeyboardInterrupt):
        work.row_of(PLAIN, dct, stopped)
    assert (bench.scratch / PLAIN.name / "model" / "done.json").exists()
    row = work.row_of(PLAIN, dct, bench)
    assert row == json.loads(json.dumps(work.row_of(PLAIN, dct, bench)))
    assert row["data"] == row["data"] | {"images": 48, "held_out": 24, "classes": 3, "sketched": False}
    assert row["embedding"]["psnr"] == pytest.approx(36.5, abs=0.1)
    assert row["generated"]["total_bits"] == row["twin"]["total_bits"] == 24 * 64
    assert row["twin"]["random_keys"]["total"] == 10_000
    assert row["twin"]["random_keys"]["count"] < 30  # of 10 expected; the seed is fixed
    assert [look["images_shown"] for look in row["transfer"]] == [8, 16]
    assert set(row["parameters"]) == {"generator", "discriminator"}
    for found in row["distances"]["generated"], row["distances"]["data"]:
        assert found["images"] == 20
        assert found["frechet"]["marked"]["low"] < found["frechet"]["marked"]["value"]


def test_rows_of_the_same_data_mark_them_once_and_classes_survive(bench: Bench, dct: DctCodec) -> None:
    rows = [work.row_of(dataclasses.replace(PLAIN, recipe=name), dct, bench) for name in ("plain", "classes")]
    rows.append(work.row_of(dataclasses.replace(PLAIN, seed=1), dct, bench))
    assert bench.registry.names() == [PLAIN.marked(32)]
    data = bench.scratch / PLAIN.marked(32)
    with open_source(data / "train.zip") as clean, open_source(data / "marked.zip") as marked:
        labels = [entry.label for entry in marked]
        assert labels == [entry.label for entry in clean]
        assert set(labels) == {0, 1, 2}
    told = table(rows)
    assert "| biggan | photos with classes | 32 | 36.5 | 0 |" in told
    assert told.count("\n| dcgan |") == 2
    assert "| dcgan | photos | 32 | 36.5 | 2 |" in brief(rows)
    assert "—" not in told
    bare = [row | {"distances": None} for row in rows]
    assert "—" in table(bare)
    assert "—" in brief(bare)


def test_cut_translates_held_out_sketches_as_many_as_there_are(bench: Bench, dct: DctCodec) -> None:
    row = work.row_of(dataclasses.replace(PLAIN, recipe="cut", data="emoji", samples=1024), dct, bench)
    assert row["data"] == row["data"] | {"images": 24, "held_out": 24, "sketched": True}
    assert row["generated"]["images"] == row["twin"]["images"] == 24
    assert row["recipe"]["source"] is None
    folder = bench.scratch / Row("cut", "emoji", codec="dct").marked(32)
    held_out, lines = (at_side(folder / name, 32, silent) for name in ("held-out.zip", "held-out-sketches.zip"))
    assert np.array_equal(lines, [sketch(image) for image in held_out])
    assert (lines[..., 0] == lines[..., 2]).all()
    assert "emoji with sketches" in table([row])


def test_a_recipe_that_does_not_suit_its_data_is_refused(bench: Bench, dct: DctCodec) -> None:
    with pytest.raises(UsageError, match="sketches are for the family that translates"):
        work.row_of(dataclasses.replace(PLAIN, recipe="cut"), dct, bench)
    free = dataclasses.replace(bench, recipe=lambda _: GanRecipe())
    with pytest.raises(UsageError, match="must name its size"):
        work.row_of(PLAIN, dct, free)


def test_a_process_waits_for_the_one_that_prepares_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "WAIT", 0.01)
    said, told = [], threading.Event()

    def tell(done: int, total: int, note: str) -> None:
        said.append(note)
        told.set()

    with working_alone(tmp_path):
        entered = threading.Thread(target=lambda: preparing.in_turn(tmp_path, tell).__enter__())
        entered.start()
        assert told.wait(5)
    entered.join(5)
    assert not entered.is_alive()
    assert "waiting for another process" in said[0]


def test_equal_images_are_equally_far_and_a_difference_has_no_interval_left() -> None:
    random = np.random.default_rng(0)
    features, held_out = random.standard_normal((55, 4)), random.standard_normal((57, 4)) + 1
    found = compared(features, features, held_out)
    assert found["images"] == 50
    for name in ("frechet", "kernel"):
        assert found[name]["marked"] == found[name]["clean"]
        assert found[name]["difference"] == {"value": 0, "low": 0, "high": 0}
        assert 0 < found[name]["marked"]["low"] < found[name]["marked"]["high"]


def test_the_command_says_what_failed_and_shows_what_there_is(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.measuring.reading.what_is_missing", lambda: "weights")
    unknown = dataclasses.replace(PLAIN, recipe="no-such-recipe")
    assert command.run([unknown], folder, tmp_path / "scratch", tmp_path / "rows", None, "cpu") == 1
    assert "FAILED: no recipe 'no-such-recipe'" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ["families", "--list", "--only", "cut-cpu", "--results", str(tmp_path)])
    assert command.main() == 0
    assert capsys.readouterr().out.split()[::2] == [row.name for row in ROWS if row.recipe == "cut-cpu"]


def test_a_row_of_other_settings_is_said_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = ROWS[0]
    other = row.to_dict() | {"psnr": row.psnr + 1}
    (tmp_path / f"{row.name}.json").write_text(json.dumps({"settings": other}))
    monkeypatch.setattr("sys.argv", ["families", "--table", "--only", row.name, "--results", str(tmp_path)])
    assert command.main() == Exit.FAILURE
    assert f"{row.name}: a row of other settings" in capsys.readouterr().err
