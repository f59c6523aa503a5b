"""The benchmark of keyed generators in miniature: from a zip, a training of seconds, to all studies and tables."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artfp.codec.dct import DctCodec
from artfp.data.manifest import read_manifest, read_seeds
from artfp.data.procedural import generate
from artfp.data.writers import image_name
from artfp.errors import Exit, UsageError
from artfp.generators.settings import GanRecipe
from artfp.keys.records import check_name
from artfp.keys.registry import Registry
from benchmarks.keyed import __main__ as command
from benchmarks.keyed.briefs import brief
from benchmarks.keyed.grid import (
    DATA,
    GUIDED,
    IMAGES,
    ROWS,
    STUDIES,
    Attack,
    Collusion,
    Content,
    FineTune,
    Issuing,
    Keys,
    Leak,
    Quality,
    Row,
    settings_of,
    studies_of,
)
from benchmarks.keyed.job import Bench, Job, job_of
from benchmarks.keyed.registered import candidates_of
from benchmarks.keyed.row import MEASURED, part_of
from benchmarks.keyed.tables import SECTIONS, tables
from benchmarks.measuring.bench import shipped_recipe
from benchmarks.measuring.data import COLLECTIONS, Collection
from benchmarks.measuring.images import Pixels, pack, png
from benchmarks.measuring.reading import Features

WIDTHS = dict.fromkeys(("generator_width", "generator_most", "discriminator_width", "discriminator_most", "latent"), 8)
TINY = GanRecipe(size=32, keyed=True, guided=0.3, images=16, batch=8, monitor_every=8, monitor_images=4, **WIDTHS)
FEW = {"issued": 20, "registered": 100}
NUMBERS = {
    "keys": Keys(**FEW, images=2, folded=2),
    "issuing": Issuing(copies=2, rounds=2, images=8),
    "content": Content(**FEW, pairs=20),
    "collusion": Collusion(
        **FEW,
        attacks=(Attack("mean", 2, 3, (2, 16)), Attack(IMAGES, 3, 2), Attack("each number", 2, 2)),
    ),
    "leak": Leak(
        **FEW, ranks=(2, 6), others=4, copies=(2, 6), attackers=2, images=2, means=(3,), swappers=2, swapped_images=12
    ),
    "finetune": FineTune(**FEW, shares=(0.5,), images=24, pruned=(0.5,), pruners=2, pruned_images=12),
    "quality": Quality(**FEW, images=24),
}
ROW = Row("tiny", "photos", codec="dct")


def silent(done: int, total: int, note: str) -> None:
    pass


def six_numbers(pixels: Pixels) -> Features:
    """An eye for tests: mean and deviation of each colour."""
    return np.concatenate([pixels.mean(axis=(1, 2)), pixels.std(axis=(1, 2))], axis=1) / 64


def levels(first: Pixels, second: Pixels) -> Features:
    """A gauge for tests: the mean difference."""
    return np.abs(first.astype(float) - second).mean(axis=(1, 2, 3))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """72 photographs, larger than they are trained on."""
    (tmp_path / "data").mkdir()
    files = [(image_name(i), png(image)) for i, image in enumerate(generate("horizons", 72, 40, 3))]
    pack(tmp_path / "data" / "photos.zip", files)
    return tmp_path / "data"


@pytest.fixture
def bench(tmp_path: Path, folder: Path, fixed_secrets: None) -> Iterator[Bench]:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    told = {"photos": Collection("photos.zip", held_out=1 / 3)}
    with Registry(scratch / "keys.sqlite") as registry:
        common = (folder, scratch, registry, "cpu", six_numbers, lambda _: silent, lambda _: TINY, told)
        yield Bench(*common, gauge=levels, studies=NUMBERS)


def test_every_row_has_a_name_of_its_own_a_recipe_and_studies() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS) == 12
    assert {row.name for row in ROWS}.isdisjoint(row.unkeyed for row in ROWS)
    assert all(check_name(row.marked(64, per)) for row in ROWS for per in ("image", "dataset"))
    assert {row.data for row in ROWS} <= set(COLLECTIONS)
    recipes = {row.recipe: shipped_recipe(row.recipe) for row in ROWS}
    assert all(recipe.keyed and recipe.guided for recipe in recipes.values())
    assert {recipe.size for recipe in recipes.values()} == {32, 64}
    assert sum(map(len, map(studies_of, ROWS))) == 4 * 7 + 8 * 2
    assert set(STUDIES) == set(MEASURED) == set(NUMBERS) == {study for study, *_ in SECTIONS}


def test_settings_are_what_json_gives_back() -> None:
    for study, numbers in STUDIES.items():
        settings = settings_of(ROWS[0], study, numbers)
        assert settings == json.loads(json.dumps(settings))


# All studies, on a generator that was trained for a second


@pytest.fixture
def parts(bench: Bench, dct: DctCodec) -> dict[str, Any]:
    return {study: part_of(ROW, study, dct, bench) for study in NUMBERS}


def test_all_studies_run_are_made_the_same_again_and_become_tables(
    parts: dict[str, Any], bench: Bench, dct: DctCodec
) -> None:
    for study, part in parts.items():
        assert part["settings"] == settings_of(ROW, study, NUMBERS[study])
        if study != "issuing":  # its numbers are seconds
            assert part == json.loads(json.dumps(part_of(ROW, study, dct, bench)))
    assert len({part["generator"]["sha256"] for part in parts.values()}) == 1
    check_keys(parts["keys"])
    check_issuing(parts["issuing"])
    check_content(parts["content"])
    check_collusion(parts["collusion"])
    check_leak(parts["leak"])
    check_finetune(parts["finetune"])
    check_quality(parts["quality"])
    told = tables(list(parts.values()))
    assert told.count("\n| photos | 32 | data and codec | 0 |") == 1 + 1 + 1 + 4 + (2 + 2 + 2 + 5) + (2 + 2) + 1
    assert "—" not in told
    assert brief(list(parts.values())).count("\n| photos | 32 | 38 | data and codec |") == 4
    assert brief([parts["content"]]).count("—") > 10
    bare = [parts["quality"] | {"distances": None}, parts["content"]]
    bare[1] = bare[1] | {"between_keys": {"lpips": None, "psnr": None}}
    assert "—" in tables(bare)
    assert "—" in brief(bare)


def check_keys(part: dict[str, Any]) -> None:
    assert part["folders"]["folders"] == 20
    assert part["folders"]["total_bits"] == 20 * 2 * 64
    assert [tried["keys"] for tried in part["folders"]["among"]] == [20, 100]
    assert part["single"]["traced"]["total"] == 40
    assert part["bits"]["low"] <= part["bits"]["value"] <= part["bits"]["high"]
    assert part["folded"] == {"copies": 2, "largest_difference": part["folded"]["largest_difference"]}
    assert part["embedding"]["psnr"] == pytest.approx(38, abs=0.2)
    assert part["training"]["images_shown"] == 16
    assert part["training"]["recipe"]["guided"] == 0.3


def check_issuing(part: dict[str, Any]) -> None:
    assert part["same_layout"]
    assert part["issued"]["parameters"] == part["plain"]["parameters"] < part["keyed"]["parameters"]
    assert abs(part["issued"]["bytes"] - part["plain"]["bytes"]) < 64  # where only the settings may differ
    for clocks in (part["fold_and_write"], *part["issue"].values()):
        assert set(clocks) == {"seconds", "processor_seconds"}
    assert set(part["issue"]) == {"first", "further"}


def check_content(part: dict[str, Any]) -> None:
    for found in part["between_keys"], part["between_noises"]:
        assert found["lpips"]["low"] < found["lpips"]["value"] < found["lpips"]["high"]
        assert 5 < found["psnr"] < 60
    assert part["between_keys"] != part["between_noises"]


def check_collusion(part: dict[str, Any]) -> None:
    asked = [("mean", 2, [2]), ("mean", 2, [16]), (IMAGES, 3, [16]), ("each number", 2, [16])]
    assert [(found["strategy"], found["colluders"], found["images"]) for found in part["attacks"]] == asked
    assert [found["folders"] for found in part["attacks"]] == [3, 3, 2, 2]
    assert all(20 < found["agreed"]["total_bits"] / found["folders"] < 44 for found in part["attacks"][:2])


def check_leak(part: dict[str, Any]) -> None:
    assert part["place"] == {"tensors": ["dense.bias"], "numbers": 8 * 16}
    assert [(span["copies"], span["dimensions"]) for span in part["spans"]] == [(2, 1), (6, 5)]
    assert part["spans"][0]["outside"] > part["spans"][1]["outside"] > 0.8
    assert part["needed"] is None
    assert [found["folders"] for found in part["drawn"]] == [2, 2]
    assert [swap["swap"] for swap in part["swaps"]] == ["as issued", "zeros", "noise", "drawn again", "mean of 3"]
    assert all(swap["frechet"] > 0 for swap in part["swaps"])


def check_finetune(part: dict[str, Any]) -> None:
    assert [(found["share"], found["shown"]) for found in part["tuned"]] == [(0, 0), (0.5, 8)]
    assert [look["images_shown"] for look in part["tuned"][1]["looks"]] == [8]
    assert [found["share"] for found in part["pruned"]] == [0, 0.5]
    assert part["pruned"][0]["frechet"] != part["pruned"][1]["frechet"]
    assert part["tuned"][0]["frechet"] != part["tuned"][1]["frechet"]


def check_quality(part: dict[str, Any]) -> None:
    assert part["plain"]["total_bits"] == part["twin"]["total_bits"] == 24 * 64
    assert part["twin"]["outcome"] == "no match"
    assert [found["images"] for found in part["distances"]] == [20] * 4
    assert set(part["training"]) == {"plain", "twin", "keyed"}
    assert part["training"]["plain"]["recipe"]["keyed"] is None


# The pieces


@pytest.fixture
def job(bench: Bench, dct: DctCodec) -> Job:
    return job_of(ROW, dct, bench)


def test_data_mode_is_the_same_recipe_without_the_guide(bench: Bench, dct: DctCodec) -> None:
    row = dataclasses.replace(ROW, mode=DATA, seed=2)
    job = job_of(row, dct, bench)
    assert job.recipe == dataclasses.replace(TINY, guided=0.0, seed=2)
    assert job.unkeyed == dataclasses.replace(TINY, keyed=None, guided=None, seed=2)
    assert row.unkeyed == dataclasses.replace(row, mode=GUIDED).unkeyed
    for broken in ({"keyed": None}, {"guided": None}, {"size": None}):
        recipe = dataclasses.replace(TINY, **broken)
        with pytest.raises(UsageError, match="must name its size"):
            job_of(row, dct, dataclasses.replace(bench, recipe=lambda _, recipe=recipe: recipe))


def test_images_are_marked_with_keys_of_their_own_at_the_psnr_asked(job: Job) -> None:
    own, one = job.prepared("image"), job.prepared("dataset")
    assert own.clean.read_bytes() == one.clean.read_bytes()
    assert own.embedding["psnr"] == pytest.approx(38, abs=0.2)
    manifest = read_manifest(own.marked)
    assert manifest is not None
    assert manifest["key_per"] == "image"
    assert len(set(read_seeds(own.marked).values())) == 48
    assert job.bench.registry.names() == [ROW.marked(32, "image"), ROW.marked(32, "dataset")]


def test_recipients_keep_their_keys_and_others_fill_up(job: Job) -> None:
    job.folder.mkdir()
    few, more = candidates_of(job, Keys(issued=5, registered=8)), candidates_of(job, Keys(issued=6, registered=8))
    np.testing.assert_array_equal(few.bits, more.bits[:5])
    assert few.sizes == (5, 8)
    assert len({row.tobytes() for row in more.packed}) == 8


# The command


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    def called(*options: str) -> int:
        monkeypatch.setattr("sys.argv", ["keyed", *options, "--results", str(tmp_path)])
        return command.main()

    return called


def test_the_command_lists_its_parts(call: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--list", "--only", ROWS[0].name, "--study", "keys", "leak") == Exit.OK
    assert capsys.readouterr().out.split()[::2] == [f"{ROWS[0].name}-keys", f"{ROWS[0].name}-leak"]
    assert call("--list") == Exit.OK
    assert len(capsys.readouterr().out.splitlines()) == 44


def test_a_part_that_fails_is_said(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.measuring.reading.what_is_missing", lambda: "weights")
    part = (dataclasses.replace(ROW, recipe="no-such-recipe"), "keys")
    assert command.run([part], folder, tmp_path / "scratch", tmp_path / "rows", None, "cpu", NUMBERS) == 1
    assert "FAILED: no recipe 'no-such-recipe'" in capsys.readouterr().err


def test_stale_parts_are_left_out_and_parts_of_two_generators_are_said(
    call: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    far, row = {"lpips": None, "psnr": 30.0}, ROWS[0]
    found = {"content": {"between_keys": far, "between_noises": far}, "collusion": {"attacks": []}}
    for study, sha256 in (("content", "one"), ("collusion", "another")):
        told = {"row": row.name, "study": study, "settings": settings_of(row, study, STUDIES[study]), "side": 64}
        part = told | {"generator": {"sha256": sha256}, "codec": {"sha256": "any"}} | found[study]
        (tmp_path / f"{row.name}-{study}.json").write_text(json.dumps(part))
    (tmp_path / f"{row.name}-keys.json").write_text(json.dumps({"settings": {"images": 3}}))
    assert call("--table", "--only", row.name) == Exit.FAILURE
    shown = capsys.readouterr()
    assert f"{row.name}-keys: a row of other settings" in shown.err
    assert f"{row.name}: its parts are of different generators" in shown.err
    assert "| flowers | 64 | data and codec | 0 | — | — | 30.0 | 30.0 |" in shown.out
    assert "Freshly issued" not in shown.out
