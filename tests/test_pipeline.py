"""A whole recipe in miniature: images to verdicts to a page."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from small_runs import carry_out, tiny

from artfp import pipeline
from artfp import recipe as recipes
from artfp.codec.settings import CodecRecipe
from artfp.contest.settings import Contest
from artfp.errors import UsageError
from artfp.files import sha256_file
from artfp.generators.settings import FAMILIES, GanRecipe
from artfp.shipped import shipped_folder


def test_the_marked_data_match_and_everything_is_in_its_place(small_run: Path) -> None:
    verdicts = carry_out(small_run)
    assert set(verdicts) == {"model", "twin", "data"}
    assert verdicts["data"].outcome == "match"
    for name in ("run.json", "embed.json", "keys.sqlite", "report.html", "model/done.json", "twin/done.json"):
        assert (small_run / name).is_file()
    assert len(list((small_run / "generated" / "model").glob("*.png"))) == 20
    assert "owner" in (small_run / "report.html").read_text()


def test_a_second_run_changes_nothing(small_run: Path) -> None:
    def hashes() -> dict[Path, str]:
        return {p: sha256_file(p) for p in small_run.rglob("*") if p.is_file() and p.suffix != ".sqlite"}

    before = hashes()
    carry_out(small_run)
    assert hashes() == before


def test_an_interrupted_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_run: pipeline.Run) -> None:
        raise KeyboardInterrupt

    whole = pipeline.STAGES
    monkeypatch.setattr(pipeline, "STAGES", (*whole[:2], interrupt))
    with pytest.raises(KeyboardInterrupt):
        carry_out(tmp_path / "run")
    monkeypatch.setattr(pipeline, "STAGES", whole)
    assert carry_out(tmp_path / "run")["data"].outcome == "match"


def test_a_folder_of_another_recipe_or_of_something_else_is_refused(small_run: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="seed"):
        carry_out(small_run, dataclasses.replace(tiny(), seed=5))
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="exists and is not a run"):
        carry_out(tmp_path)


def test_a_plan_changes_nothing(tmp_path: Path) -> None:
    plan = pipeline.check(tiny(), tmp_path / "run", "cpu")
    assert plan["images"] == 40
    keyed = dataclasses.replace(tiny(), gan=dataclasses.replace(tiny().gan, keyed=True))
    with pytest.raises(UsageError, match="a run marks its data with one key"):
        pipeline.check(keyed, tmp_path / "run", "cpu")
    assert list(tmp_path.iterdir()) == []


def test_every_shipped_recipe_is_valid() -> None:
    """Recipes of codecs, generators, a comparison and runs, told apart by their names."""
    families = {f"{family}-": GanRecipe for family in FAMILIES}
    kinds = {"codec-": CodecRecipe, "gan-": GanRecipe, "comparison": Contest, **families}
    found = sorted(shipped_folder("recipes").glob("*.toml"))
    assert len(found) >= 3
    for path in found:
        schema = next((kind for prefix, kind in kinds.items() if path.stem.startswith(prefix)), pipeline.RunRecipe)
        recipes.load(path, schema)
