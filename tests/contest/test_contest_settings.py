"""Recipes of comparisons: all that is wrong is said at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from contests import CONTEST, written

from artfp.contest.run import contest_of
from artfp.contest.settings import owners
from artfp.contest.sources import recipe_of
from artfp.errors import UsageError
from artfp.generators.losses import GAMES
from artfp.generators.settings import LOSSES
from artfp.shipped import find_recipe


def test_the_shipped_comparison_asks_what_it_is_for() -> None:
    contest = contest_of(find_recipe("comparison"))
    families = {recipe_of(spec, contest).family for spec in contest.models}
    assert len(families) >= 4
    assert {course.name for course in contest.courses} == {
        "attribution",
        "detection",
        "formats",
        "marked-models",
        "2-seeds",
        "4-seeds",
        "8-seeds",
    }
    exams = {exam.name for course in contest.courses for exam in course.examinations}
    assert exams >= {"closed", "open", "cross-seed", "cross-loss", "cross-finetune", "cross-dataset"}
    assert exams >= {"noise", "blur", "crop", "jpeg", "relighting", "formats swapped"}
    assert all(course.systems[0] == "artfp" for course in contest.courses)


def test_a_key_marks_the_data_of_all_models_of_its_owner() -> None:
    contest = contest_of(find_recipe("comparison"))
    assert owners(contest, ["real", "dcgan-0", "dcgan-seed@jpeg", "r3gan-data"]) == ["dcgan-0", "r3gan-0"]


def test_photographs_of_ones_own_take_the_place_of_the_recipe_s(tmp_path: Path) -> None:
    contest = contest_of(written(tmp_path), tmp_path / "photos.zip")
    assert contest.main.path == tmp_path / "photos.zip"
    assert contest.main.count == 120
    assert contest.other.path is None


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('["three"]', '["ghost"]', "attribution: no model is called 'ghost'"),
        ('"attnet+noise"', '"attnet+rain"', r"attribution: no system attnet\+rain"),
        ('"attnet+noise"', '"artfp+noise"', r"attribution: no system artfp\+noise"),
        ('attack = "noise"', 'attack = "rain"', "attribution: noise: no attack 'rain'"),
        ('one = ["one-stolen"]', 'three = ["one-stolen"]', "stolen: class 'three' is not taught"),
        ('start = "one", loss', 'start = "two-tuned", loss', "one-tuned: start: no model 'two-tuned' stands before it"),
        ('name = "two", recipe', 'name = "one", recipe', "models: one is there twice"),
        ('name = "two", recipe', 'name = "real", recipe', "models: 'real' is no name for one"),
        ('real = ["real"], one', 'real = ["real", "two"], one', "attribution: real: photographs, and nothing else"),
        (
            'two = ["two"] }\nexam',
            'two = ["one-stolen"] }\nexam',
            "a model of which no key is known teaches artfp nothing",
        ),
        ('"nobody" },\n]', '"somebody" },\n]', "one-stolen: key: no model 'somebody' stands before it"),
        (
            '"artfp", "residual", "attnet", ',
            '"artfp", "residual", ',
            r"attnet\+noise: goes on from attnet, which must be there",
        ),
        (
            '"artfp", "residual", "attnet"',
            '"artfp", "residual", "residual", "attnet"',
            "attribution: residual is there twice",
        ),
        ('name = "detection"', 'name = "attribution"', "attribution is there twice"),
        ('name = "detection"', 'name = "de/tection"', "no name for a course"),
        ('name = "detection"', 'name = "detection"\nblind = { none = "" }', "blind: no examination is called 'none'"),
        ('{ name = "closed" }', '{ name = "noise" }', "attribution: noise is there twice"),
        ('unknown = ["three"]', 'unknown = ["one"]', "open: one is taught, and so no unknown"),
        ('two = ["two"] }\nexam', 'two = ["one"] }\nexam', "attribution: one is there twice"),
        ('two = ["two"] }\nexam', 'two = ["one-seed"] }\nexam', "the key of one is there twice"),
        ('generated = ["one@jpeg"]', 'generated = ["real@jpeg"]', "swapped: generated: photographs, and nothing else"),
        ('loss = "logistic"', 'loss = "ghost"', r"models\[4\]\.loss: must be one of relativistic"),
        ('["artfp", "residual", "attnet", "attnet+noise"]', "[1]", r"courses\[0\]\.systems: holds something else"),
        ('{ real = ["real"], one = ["one"], two', '{ real = [3], one = ["one"], two', "classes: holds something else"),
        ('{ real = ["real"], one = ["one"], two', '{ real = 3, one = ["one"], two', "classes: holds something else"),
        ('codec = "dct"', 'codec = "dct"\nstrength = 0', "strength: must be at least"),
        ("main = { count = 120 }", "main = [1]", "main: must be a table"),
        ("models = [", "models = [ 1,", r"models\[0\]: must be a table"),
        ("seed = 1 }", "sead = 1 }", r"models\[1\]\.sead: unknown"),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, told: str, tmp_path: Path) -> None:
    assert old in CONTEST
    with pytest.raises(UsageError, match=told):
        contest_of(written(tmp_path, CONTEST.replace(old, new, 1)))


def test_recipes_of_another_size_and_settings_that_a_family_ignores_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="one: recipe .* is for 16 px, the comparison of 32"):
        contest_of(written(tmp_path, CONTEST.replace("size = 16", "size = 32")))
    path = written(tmp_path, CONTEST.replace('"RECIPE", seed = 1', '"diffusion-cpu", seed = 1, loss = "hinge"'))
    path.write_text(path.read_text().replace("size = 16", "size = 32"))
    (tmp_path / "model.toml").write_text((tmp_path / "model.toml").read_text().replace("size = 16", "size = 32"))
    with pytest.raises(UsageError, match="diffusion makes no use of loss"):
        contest_of(path)


def test_every_loss_has_a_game() -> None:
    assert tuple(GAMES) == LOSSES
