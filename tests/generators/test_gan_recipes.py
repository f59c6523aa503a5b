"""The shipped recipes of generators."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
from click.testing import CliRunner

from artfp import recipe as recipes
from artfp.cli.main import artfp
from artfp.data.procedural import generate
from artfp.errors import UsageError
from artfp.generators.base import Shape
from artfp.generators.families import planned_learner
from artfp.generators.settings import FAMILIES, GanRecipe
from artfp.shipped import shipped_folder

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "recipes.md").read_text()
ROWS = [json.loads(path.read_text()) for path in (ROOT / "benchmarks" / "results" / "families").glob("*.json")]

# Parameters of a network. Fewer learn no photographs; more take hours on a core, or leave no room on a GPU for a batch
# beside their gradients, their average and Adam's moments.
ON_A_CORE, ON_A_GPU = range(10_000, 5_000_000), range(100_000, 100_000_000)
PURPOSES = {"cpu": ON_A_CORE, "gpu": ON_A_GPU, "32": ON_A_CORE}
SHIPPED = sorted(path for path in shipped_folder("recipes").glob("*.toml") if path.stem.rsplit("-")[-1] in PURPOSES)
SHIPPED = [path for path in SHIPPED if not path.stem.startswith("codec-")]


def test_every_family_has_one_for_a_cpu_and_one_for_a_gpu() -> None:
    expected = {f"{family}-{kind}" for family in FAMILIES for kind in ("cpu", "gpu")}
    assert {path.stem for path in SHIPPED} == expected | {
        "gan-32",
        "dcgan-128-cpu",
        "dcgan-keyed-cpu",
        "dcgan-keyed-32",
    }


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_recipe_is_sound(path: Path) -> None:
    """Its networks are built on the meta device, where even the largest cost nothing."""
    recipe = recipes.load(path, GanRecipe)
    assert recipe.data is None
    assert recipe.source is None
    assert recipe.size is not None
    family = f"{recipe.family}-keyed" if recipe.keyed else recipe.family
    sized = f"{family}-{recipe.size}"
    assert path.stem in (f"gan-{recipe.size}", f"{family}-cpu", f"{family}-gpu", sized, f"{sized}-cpu")
    fitting = PURPOSES[path.stem.rsplit("-")[-1]]
    for name, count in parameters(recipe, 10).items():
        assert count in fitting, f"{name} has {count:,} parameters; see PURPOSES for what {fitting} is for"


def parameters(recipe: GanRecipe, classes: int, device: str = "meta") -> dict[str, int]:
    assert recipe.size is not None
    recipe = dataclasses.replace(recipe, source=Path("x")) if recipe.family == "cut" else recipe
    key_bits = 64 if recipe.keyed else 0
    shape = Shape(recipe.size, (classes if recipe.classes else 0) + key_bits, key_bits)
    return planned_learner(recipe, shape, device).parameters()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_dry_run_plans_a_gpu_recipe(
    family: str, tmp_path: Path, write_pngs: Callable[[Path, np.ndarray], Sequence[Path]]
) -> None:
    """Two painted images of each of two classes, which is all the data that a plan needs."""
    recipe = recipes.load(shipped_folder("recipes") / f"{family}-gpu.toml", GanRecipe)
    assert recipe.size is not None
    images = np.stack(list(generate("photo-like", 4, recipe.size, seed=3)))
    for name, some in (("ash", images[:2]), ("oak", images[2:])):
        write_pngs(tmp_path / "data" / name, some)
    folders = {"--data": "data", "--out": "out", "--registry": "keys.sqlite"}
    folders |= {"--source": "data"} if family == "cut" else {}
    words = [word for option, name in folders.items() for word in (option, str(tmp_path / name))]
    done = CliRunner().invoke(artfp, ["train-gan", f"{family}-gpu", *words, "--dry-run", "--json"])
    assert done.exit_code == 0, done.stderr
    plan = json.loads(done.stdout)
    assert (plan["images"], plan["size"], plan["resumes_after"]) == (4, recipe.size, 0)
    assert recipe.images <= plan["steps"] * recipe.batch < recipe.images + recipe.batch
    assert plan["parameters"] == parameters(recipe, 2, "cpu")
    assert not (tmp_path / "out").exists()


def test_the_docs_list_every_recipe_with_what_it_says() -> None:
    for path in shipped_folder("recipes").glob("*.toml"):
        assert f"`{path.stem}`" in DOCS or f"| {path.stem} |" in DOCS, path
    for path in SHIPPED:
        recipe = recipes.load(path, GanRecipe)
        row = re.search(rf"^\| `?{path.stem}`? \| {recipe.size} \| {recipe.images:,} \|", DOCS, flags=re.M)
        assert row or path.stem == "gan-32", path


@pytest.mark.parametrize("family", FAMILIES)
def test_the_docs_say_how_long_a_cpu_recipe_took_in_the_benchmarks_rows(family: str) -> None:
    """Within a minute, so that a further row need not change what is said; nothing is said where there is no row."""
    row = re.search(rf"^\| `{family}-cpu` \| \S+ \| \S+ \| (\S+) \|", DOCS, flags=re.M)
    assert row, family
    rows = [found for found in ROWS if found["settings"]["recipe"] == f"{family}-cpu"]
    seconds = [found["seconds"]["processor"]["model"] for found in rows]
    assert (row[1] == "—") if not seconds else abs(float(row[1]) - fmean(seconds) / 60) < 1


@pytest.mark.parametrize("family", FAMILIES)
def test_a_gpu_recipe_says_what_differs_from_the_paper_and_the_docs_what_was_published(family: str) -> None:
    first = (shipped_folder("recipes") / f"{family}-gpu.toml").read_text().partition("\nfamily")[0]
    assert re.search(r"^# (Differs: |No paper's settings: )", first, flags=re.M), family
    told = r"(none|not known to us|\d+\.\d+ [(→])[^|]*"
    assert re.search(rf"^\| {family}-gpu \| {told} \| {told} \|$", DOCS, flags=re.M), family


def test_everything_wrong_with_a_recipe_is_said_at_once() -> None:
    values = {"batch": 1, "size": 48, "learning_rate": 2, "gamma": -1, "family": "oracle", "speed": 9}
    with pytest.raises(UsageError, match=r"6 problem\(s\)") as caught:
        recipes.parse(values, GanRecipe, "x.toml")
    assert all(f"  {name}: " in str(caught.value) for name in values)
