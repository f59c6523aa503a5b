"""A whole comparison in miniature: who is shown what, what is written, and that the same again changes nothing."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from contests import CONTEST, written
from small_runs import unwatched

from artfp.attribution import Entry
from artfp.contest.examining import Candidate, as_detection
from artfp.contest.rows import all_rows
from artfp.contest.run import contest_of, plan, run
from artfp.contest.sources import Studio
from artfp.data.readers import open_source
from artfp.errors import BadInputError, UsageError
from artfp.files import read_json
from artfp.generators.folder import CARD, RECIPE
from artfp.images import load_image
from artfp.passive.classes import TEST, part_of
from artfp.passive.enrolment import FILE


def entry(folder: Path, name: str) -> Entry:
    return Entry.from_dict(read_json(folder / "rows" / f"{name}.json"))


def test_every_system_of_every_course_is_a_row(made: Path) -> None:
    assert {path.stem for path in (made / "rows").iterdir()} == {
        "attribution-artfp",
        "attribution-residual",
        "attribution-attnet",
        "attribution-attnet+noise",
        "detection-residual",
    }
    found = entry(made, "attribution-attnet+noise")
    assert found.stamp == "attnet lite+noise at 16 px"
    assert [exam.name for exam in found.exams] == ["closed", "open", "cross", "stolen", "noise"]
    assert Entry.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_generators_never_see_the_photographs_that_test(made: Path) -> None:
    with open_source(made / "data" / "main" / "taught") as taught, open_source(made / "data" / "main" / "real") as real:
        names = {image.name for image in taught}
        assert names == {image.name for image in real if part_of(image.name) != TEST}
        assert 60 < len(names) < len(real) == 120


def test_every_model_is_trained_clean_and_marked_and_a_stolen_one_is_tuned_on_clean_images(made: Path) -> None:
    settings = {path.parent.name: read_json(path) for path in (made / "models").glob(f"*/{RECIPE}")}
    assert len(settings) == 12
    for name, found in settings.items():
        assert found["twin"] == name.endswith("clean")
        assert (found["monitor"] is None) == (name.endswith("clean") or name.startswith("one-stolen"))
    assert settings["one-tuned-marked"]["start"] != settings["one-tuned-clean"]["start"] is not None
    assert settings["one-tuned-clean"]["loss"] == "logistic"
    assert settings["one-stolen-marked"]["start"] == settings["one-tuned-marked"]["start"]


def test_artfp_is_shown_marked_models_and_passive_systems_clean_ones_but_the_same_photographs(made: Path) -> None:
    proactive, passive = entry(made, "attribution-artfp"), entry(made, "attribution-residual")
    same = {name for name in passive.data if passive.data[name] == proactive.data[name]}
    assert same == {"real", "real:other"}
    assert [exam.images for exam in proactive.exams] == [exam.images for exam in passive.exams]


def test_a_row_of_artfp_tells_how_each_model_that_it_was_shown_was_marked(made: Path) -> None:
    found = {mark.model: mark for mark in entry(made, "attribution-artfp").marks}
    assert {name: mark.owner for name, mark in found.items()} == {
        "one": "one",
        "two": "two",
        "three": "three",
        "one-seed": "one",
        "one-tuned": "one",
    }, "whose data nobody marked has no mark"
    card = read_json(made / "models" / "one-marked" / CARD)
    assert found["one"].generator_sha256 == card["sha256"]
    assert found["one"].bit_accuracy == card["transfer"]["bit_accuracy"]
    assert found["one"].psnr > 20
    assert entry(made, "attribution-residual").marks == ()


def test_a_control_shows_passive_systems_the_marked_models(made: Path) -> None:
    studio = Studio(contest_of(written(made.parent / "recipes")), made)
    row = next(row for row in all_rows(studio) if row.name == "attribution-residual")
    control = replace(row, course=replace(row.course, marked=True))
    assert row.images("one") == made / "images" / "one-clean"
    assert control.images("one") == made / "images" / "one-marked"
    assert control.images("real") == row.images("real")


def test_a_class_of_several_sources_has_as_many_images_as_one_of_one(made: Path) -> None:
    closed, swapped = entry(made, "detection-residual").exams
    with open_source(made / "images" / "one-clean") as source:
        tested = [part_of(image.name) == TEST for image in source]
    assert closed.images["generated"] == 2 * sum(tested[::2])
    assert swapped.images["generated"] == sum(tested)
    learnt = entry(made, "detection-residual").cost.images
    assert learnt == min(2 * sum(not test for test in tested[::2]), sum(not each for each in tested) * 2)


def test_attacks_are_suffered_and_immunised_systems_are_others(made: Path) -> None:
    exams = {exam.name: exam for exam in entry(made, "attribution-residual").exams}
    assert exams["noise"].attack == "noise"
    assert exams["noise"].images == exams["closed"].images
    assert exams["noise"].closed_set.confusion != exams["closed"].closed_set.confusion
    plain, immune = (made / "systems" / f"attribution-{name}" / FILE for name in ("attnet", "attnet+noise"))
    assert plain.read_bytes() != immune.read_bytes()


def test_strangers_are_none_of_the_taught_and_photographs_take_no_part_in_the_open_set(made: Path) -> None:
    found = next(exam for exam in entry(made, "attribution-artfp").exams if exam.name == "open")
    assert found.unknown == ("three",)
    assert set(found.images) == {"one", "two"}
    assert found.open_set is not None
    assert found.open_set.unknown_refused.value > 0.9  # of images that no key has marked


def test_formats_differ_in_their_traces_alone(made: Path) -> None:
    with open_source(made / "images" / "one-clean") as plain, open_source(made / "images" / "one-clean@jpeg") as jpeg:
        first, second = (load_image(source.read_at(0), source[0].name).rgb for source in (plain, jpeg))
        assert [image.name.rpartition("/")[2] for image in plain] == [image.name.rpartition("/")[2] for image in jpeg]
    assert (first != second).any()


def test_the_same_again_does_nothing_and_elsewhere_finds_the_same(made: Path, tmp_path: Path) -> None:
    times = {path: path.stat().st_mtime_ns for path in made.rglob("*.json") if path.name != "contest.json"}
    recipe = written(made.parent / "recipes")
    assert all(run(contest_of(recipe), made, unwatched).rows.values())
    assert times == {path: path.stat().st_mtime_ns for path in times}

    copy = tmp_path / "copy"
    shutil.copytree(made, copy)
    shutil.rmtree(copy / "rows")
    shutil.rmtree(copy / "systems")
    run(contest_of(recipe), copy, unwatched, only=["attribution-attnet*"])
    for name in ("attribution-attnet", "attribution-attnet+noise"):
        assert entry(copy, name).exams == entry(made, name).exams
    assert not (copy / "rows" / "attribution-residual.json").exists()


def test_a_comparison_may_get_more_models_and_courses_but_none_may_change(made: Path, tmp_path: Path) -> None:
    more = CONTEST.replace('{ name = "two",', '{ name = "four", recipe = "RECIPE", seed = 4 },\n  { name = "two",')
    more += '\n[[courses]]\nname = "more"\nsystems = ["residual"]\nclasses = { two = ["two"], four = ["four"] }\n'
    more += 'examinations = [{ name = "closed" }]\n'
    found = plan(
        contest_of(written(tmp_path / "more", more.replace("RECIPE", str(made.parent / "recipes/model.toml")))), made
    )
    assert found.rows["attribution-artfp"]
    assert not found.rows["more-residual"]
    other = CONTEST.replace('recipe = "RECIPE", seed = 1', 'recipe = "RECIPE", seed = 7')
    changed = contest_of(written(tmp_path / "other", other.replace("RECIPE", str(made.parent / "recipes/model.toml"))))
    with pytest.raises(UsageError, match=r"models\.two\.seed: 1, now 7"):
        plan(changed, made)


def test_what_a_course_says_to_its_readers_may_be_put_better_later(made: Path, tmp_path: Path) -> None:
    words = 'name = "attribution"\nquestion = "Whose?"\nblind = { stolen = "Of a thief nothing is said" }'
    told = CONTEST.replace('name = "attribution"', words)
    told = told.replace("RECIPE", str(made.parent / "recipes/model.toml"))
    assert all(plan(contest_of(written(tmp_path, told)), made).rows.values())


def test_a_folder_whose_courses_cannot_be_is_refused(made: Path, tmp_path: Path) -> None:
    (tmp_path / "contest.json").write_text(
        json.dumps(json.loads((made / "contest.json").read_text()) | {"courses": []})
    )
    recipe = CONTEST.replace("RECIPE", str(made.parent / "recipes/model.toml"))
    with pytest.raises(BadInputError, match="courses cannot be"):
        plan(contest_of(written(tmp_path / "recipe", recipe)), tmp_path)


def test_rows_that_nobody_has_are_refused(made: Path) -> None:
    with pytest.raises(UsageError, match="no row is called so; there are attribution-artfp, attribution-residual"):
        plan(contest_of(written(made.parent / "recipes")), made, ["nothing-*"])


def test_several_classes_become_a_detection_by_their_margin() -> None:
    scores = np.array([[2.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 3.0, 1.0], [0.0, 0.5, 4.0]])  # a, b, real
    truth = np.array([0, 2, 1, 2])
    candidate = Candidate("x", ("a", "b", "real"), lambda _: scores, 0.0, logits=False)
    found = as_detection(candidate, scores, truth, np.random.default_rng(0))
    assert found is not None
    assert found.confusion == ((2, 0), (0, 2))  # real, generated
    assert found.auc is not None
    assert found.auc.value == 1
    alone = as_detection(candidate, scores[[0, 2]], truth[[0, 2]], np.random.default_rng(0))
    assert alone is None


def test_of_logits_the_margin_is_the_log_odds_at_as_many_photographs_as_others() -> None:
    """A system that has learnt two generators and photographs alike has seen twice as many of the former."""
    scores = np.array([[1.2, -3.0, 1.0], [0.0, 0.0, 1.0], [0.0, 3.0, 1.0], [2.0, 0.0, 1.0]])  # a, b, real
    truth = np.array([0, 2, 1, 0])
    for logits, first in ((False, 1), (True, 0)):
        candidate = Candidate("x", ("a", "b", "real"), lambda _: scores, 0.0, logits=logits)
        found = as_detection(candidate, scores, truth, np.random.default_rng(0))
        assert found is not None
        assert found.confusion == ((1, 0), (1 - first, 2 + first))
