"""Cards of codecs: what may have one, what a failure leaves, and what the README tells of them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from artfp.codec.learned import LearnedCodec
from artfp.codec.store import load_codec
from artfp.errors import ArtfpError, UsageError
from artfp.files import read_json, write_json
from artfp.seals import broken_seal, sealed
from benchmarks import card
from benchmarks.card_table import exact, table, told

README = (Path(__file__).parents[1] / "README.md").read_text()
OPTIONS = argparse.Namespace(data=["photos"], limit=None, size=None, commit="HEAD")


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the checkpoint and the card of before."""
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    for suffix in (".safetensors", ".json"):
        (folder / f"artfp-64{suffix}").write_bytes((card.SHIPPED / f"artfp-64{suffix}").read_bytes())
    monkeypatch.setattr(card, "SHIPPED", folder)
    return folder


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished training of another codec of that name, where LPIPS can be measured."""
    codec = load_codec("artfp-64")
    assert isinstance(codec, LearnedCodec)
    codec.psnr = 38.0
    (tmp_path / "run").mkdir()
    codec.save(tmp_path / "run" / "artfp-64.safetensors")
    write_json(tmp_path / "run" / "recipe.json", {"name": "artfp-64", "data": None, "private": False, "seed": 7})
    write_json(tmp_path / "run" / "done.json", {})
    monkeypatch.setattr(card, "what_is_missing", lambda side: None)
    monkeypatch.setattr(card, "_commit", lambda name: "abc")
    return tmp_path / "run"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def measure(result: Any) -> Callable[..., dict[str, Any]]:
    return lambda verb, codec, data, flags: {"command": " ".join([verb, codec.stem, *flags]), "result": result}


def test_a_card_comes_with_its_checkpoint_once_all_is_measured(
    run: Path, shipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(shipped)

    def looks(verb: str, codec: Path, data: Path, flags: list[str]) -> dict[str, Any]:
        assert contents(shipped) == before
        return {"command": " ".join(flags), "result": {}}

    monkeypatch.setattr(card, "measured", looks)
    path = card.make(argparse.Namespace(**vars(OPTIONS) | {"run": run, "data": ["a", "b:full"], "size": 32}))
    made = LearnedCodec.load(shipped / "artfp-64.safetensors").card
    assert made == read_json(path)
    assert made["psnr"] == 38.0
    assert [entry["command"] for entry in made["measured"]] == ["--size 32", "--crop --size 32", "--full"]


def test_a_failed_evaluation_leaves_the_good_card(run: Path, shipped: Path, tmp_path: Path) -> None:
    before = contents(shipped)
    with pytest.raises(ArtfpError, match=r"artfp codec evaluate artfp-64 photos --json: ended with exit code 2"):
        card.make(argparse.Namespace(**vars(OPTIONS) | {"run": run}))
    assert contents(shipped) == before


def test_private_codecs_unknown_views_and_no_lpips_are_refused(
    run: Path, shipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, options = contents(shipped), argparse.Namespace(**vars(OPTIONS) | {"run": run})
    monkeypatch.setattr(card, "measured", measure({}))
    with pytest.raises(UsageError, match="no view sideways; known: resized"):
        card.make(argparse.Namespace(**vars(options) | {"data": ["photos:sideways"]}))
    monkeypatch.setattr(card, "what_is_missing", lambda side: f"weights for {side} px")
    with pytest.raises(UsageError, match="LPIPS, which is not measured without weights for 64 px"):
        card.make(options)
    write_json(run / "recipe.json", read_json(run / "recipe.json") | {"private": True})
    with pytest.raises(UsageError, match="artfp-64 is a private codec"):
        card.make(options)
    assert contents(shipped) == before


def test_a_bias_is_one_more_entry_and_takes_the_place_of_its_like(
    shipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_json(shipped / "artfp-64.json")
    for ones in ([5, 6], [5, 8]):
        monkeypatch.setattr(card, "measured", measure({"ones": ones, "images": 10}))
        card.add_bias("artfp-64", Path("flowers"))
    after = read_json(shipped / "artfp-64.json")
    assert after["measured"] == [
        *(entry for entry in before["measured"] if "rows" in entry["result"]),
        *(entry for entry in before["measured"] if "ones" in entry["result"]),
        {"command": "bias artfp-64", "result": {"ones": [5, 8], "images": 10}},
    ]
    assert sealed(after | {"measured": []}) == sealed(before | {"measured": []})
    assert broken_seal(after) is None
    last = table(after).splitlines()[-1]
    assert last.startswith("| farthest bit from .5 on clean images (`bias artfp-64`, 10 images) | .300* |")
    assert last.count("|") == table(after).splitlines()[0].count("|")


@pytest.mark.parametrize(
    ("value", "target", "digits", "measure", "words"),
    [
        (Fraction(8475, 10000), "-", 3, "JPEG 30", ".848"),  # half to even
        (Fraction(8465, 10000), "-", 3, "JPEG 30", ".846"),
        (Fraction(8678, 10240), "-", 3, "JPEG 30", ".847"),  # .84746: through four digits it became .848
        (Fraction(41.97), "42", 1, "psnr", "42.0*"),
        (Fraction(42), "42", 1, "psnr", "42.0"),
        (Fraction(1), ".999", 3, "unperturbed", "1.000"),
        (Fraction(9994, 10000), ".9995", 4, "unperturbed", ".9994*"),
        (Fraction(0.0103), ".01", 3, "lpips", ".010*"),
        (Fraction(0.0097), ".01", 3, "lpips", ".010"),
    ],
)
def test_cells_are_rounded_once_and_misses_are_marked(
    value: Fraction, target: str, digits: int, measure: str, words: str
) -> None:
    assert told(value, target, digits, measure) == words


def test_the_least_of_four_settings_is_told() -> None:
    settings = {"contrast x .5": 9, "contrast x 1.5": 7, "saturation x .5": 8, "saturation x 1.5": 9}
    rows = [{"label": label, "matching": matching, "bits": 9} for label, matching in settings.items()]
    assert exact({"rows": rows}, "the least") == Fraction(7, 9)


@pytest.mark.parametrize("name", ["artfp-64", "artfp-128"])
def test_the_readme_tells_what_the_cards_hold(name: str) -> None:
    """Printed by `python -m benchmarks.card --table NAME`."""
    lines = table(read_json(card.SHIPPED / f"{name}.json")).splitlines()
    assert [line for line in lines if line not in README.splitlines()] == []
