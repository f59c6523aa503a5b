"""A whole recipe in miniature: images to verdicts to a page."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from artfp import pipeline
from artfp import recipe as recipes
from artfp.codec.settings import CodecRecipe
from artfp.errors import UsageError
from artfp.files import sha256_file
from artfp.generators.settings import FAMILIES, GanRecipe
from artfp.shipped import shipped_folder

TINY = {
    "name": "tiny",
    "key": "owner",
    "samples": 20,
    "data": {"kind": "horizons", "count": 24, "size": 32},
    "embed": {"codec": "dct"},
    "gan": {
        "size": 32,
        "images": 32,
        "batch": 8,
        "generator_width": 4,
        "generator_most": 8,
        "discriminator_width": 4,
        "discriminator_most": 8,
        "latent": 4,
        "monitor_every": 16,
        "monitor_images": 4,
        "checkpoint_every": 16,
        "log_every": 8,
    },
}


@contextmanager
def unwatched(_stage: str) -> Iterator[Callable[[int, int, str], None]]:
    yield lambda done, total, note: None


def tiny() -> pipeline.RunRecipe:
    return recipes.parse(TINY, pipeline.RunRecipe, "tiny")


def carry_out(folder: Path, recipe: pipeline.RunRecipe | None = None) -> dict[str, pipeline.Verdict]:
    return pipeline.run(recipe or tiny(), folder, None, "cpu", unwatched)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    carry_out(folder)
    return folder


def test_the_marked_data_match_and_everything_is_in_its_place(finished: Path) -> None:
    verdicts = carry_out(finished)
    assert set(verdicts) == {"model", "twin", "data"}
    assert verdicts["data"].outcome == "match"
    for name in ("run.json", "embed.json", "keys.sqlite", "report.html", "model/done.json", "twin/done.json"):
        assert (finished / name).is_file()
    assert len(list((finished / "generated" / "model").glob("*.png"))) == 20
    assert "owner" in (finished / "report.html").read_text()


def test_a_second_run_changes_nothing(finished: Path) -> None:
    def hashes() -> dict[Path, str]:
        return {p: sha256_file(p) for p in finished.rglob("*") if p.is_file() and p.suffix != ".sqlite"}

    before = hashes()
    carry_out(finished)
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


def test_a_folder_of_another_recipe_or_of_something_else_is_refused(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="seed"):
        carry_out(finished, dataclasses.replace(tiny(), seed=5))
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="exists and is not a run"):
        carry_out(tmp_path)


def test_a_plan_changes_nothing(tmp_path: Path) -> None:
    plan = pipeline.check(tiny(), tmp_path / "run", "cpu")
    assert plan["images"] == 24
    keyed = dataclasses.replace(tiny(), gan=dataclasses.replace(tiny().gan, keyed=True))
    with pytest.raises(UsageError, match="a run marks its data with one key"):
        pipeline.check(keyed, tmp_path / "run", "cpu")
    assert list(tmp_path.iterdir()) == []


def test_every_shipped_recipe_is_valid() -> None:
    """Codec, generator and run recipes, told apart by their names."""
    families = {f"{family}-": GanRecipe for family in FAMILIES}
    kinds = {"codec-": CodecRecipe, "gan-": GanRecipe, **families}
    found = sorted(shipped_folder("recipes").glob("*.toml"))
    assert len(found) >= 3
    for path in found:
        schema = next((kind for prefix, kind in kinds.items() if path.stem.startswith(prefix)), pipeline.RunRecipe)
        recipes.load(path, schema)
