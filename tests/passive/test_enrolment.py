"""From folders to a trained system, its predictions and its numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from flips import flipped
from passives import TINY, patterned

from artfp.attribution import Evaluation
from artfp.audit.findings import BROKEN, HOLDS, INCONCLUSIVE
from artfp.audit.kinds import audit
from artfp.data.readers import collect
from artfp.errors import BadInputError, UsageError
from artfp.images import LoadedImage, encode_png
from artfp.passive.classes import TEST, TRAIN, UNKNOWN, VALIDATION, Preparation, class_sources, part_of
from artfp.passive.enrolment import CARD, DONE, FILE, Enrolment, enrol, plan
from artfp.passive.evaluation import ALL, closed_set, evaluate, open_set
from artfp.passive.immunity import Immunisation
from artfp.passive.open_set import named, threshold_of
from artfp.passive.prediction import predict
from artfp.passive.store import Enrolled, load_system
from artfp.reading import silent
from artfp.statistics.ranking import auc, equal_error_rate

COUNT = 60  # images of a class


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ant, bee and cat: folders of images of which nobody may change one."""
    root = tmp_path_factory.mktemp("classes")
    examples = patterned(COUNT, seed=5)
    for label, name in enumerate(("ant", "bee", "cat")):
        write(root / name, examples.of_class(label))
    return root


def write(folder: Path, images: np.ndarray) -> None:
    folder.mkdir()
    for index, pixels in enumerate(images):
        (folder / f"{index:03d}.png").write_bytes(encode_png(LoadedImage(pixels)))


def enrolment(folders: Path, names: tuple[str, ...] = ("ant", "bee"), **own: Any) -> Enrolment:
    return Enrolment("dct", TINY["dct"], class_sources([f"{name}={folders / name}" for name in names]), **own)


@pytest.fixture(scope="module")
def trained(folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A system that tells ant from bee."""
    out = tmp_path_factory.mktemp("trained") / "system"
    enrol(enrolment(folders), out, silent)
    return out


@pytest.fixture(scope="module")
def loaded(trained: Path) -> Enrolled:
    return load_system(trained / FILE)


def test_a_plan_counts_and_changes_nothing(folders: Path, tmp_path: Path) -> None:
    planned = plan(enrolment(folders), tmp_path / "out")
    assert planned.classes == {"ant": COUNT, "bee": COUNT}
    assert planned.train + planned.validation + planned.test == 2 * COUNT
    assert (planned.stamp, planned.finished_before) == ("dct own at 16 px", False)
    assert not (tmp_path / "out").exists()


def test_a_flipped_bit_of_any_file_is_found(trained: Path, folders: Path) -> None:
    assert audit(trained).outcome == INCONCLUSIVE  # its images are elsewhere
    found = audit(trained / FILE, [folders / "ant", folders / "bee"])
    assert (found.kind, found.outcome) == ("passive system", HOLDS)
    for path in (path for path in trained.iterdir() if not path.name.startswith(".")):
        with flipped(path, path.stat().st_size // 2):
            assert audit(trained).outcome == BROKEN, path


def test_the_same_again_does_nothing_and_other_settings_are_refused(folders: Path, trained: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in trained.iterdir()}
    result = enrol(enrolment(folders), trained, lambda *_: pytest.fail("worked"))
    assert result.finished_before
    assert {path: path.stat().st_mtime_ns for path in trained.iterdir()} == before
    others = {"seed": enrolment(folders, seed=1), "preparation.jpeg": enrolment(folders, jpeg=90)}
    others["classes.cat"] = enrolment(folders, ("ant", "bee", "cat"))
    for changed, other in others.items():
        with pytest.raises(UsageError, match=changed):
            enrol(other, trained, silent)


def test_interrupted_it_goes_on_to_the_same_file(folders: Path, trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def stop(done: int, total: int, note: str) -> None:
        if note.startswith("training-1") and done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        enrol(enrolment(folders), out, stop)
    assert not (out / DONE).exists()
    enrol(enrolment(folders), out, silent)
    assert (out / FILE).read_bytes() == (trained / FILE).read_bytes()
    assert (out / "training-1.jsonl").read_bytes() == (trained / "training-1.jsonl").read_bytes()


def test_nothing_is_learnt_or_chosen_on_test_images_which_are_not_even_decoded(
    folders: Path, loaded: Enrolled, tmp_path: Path
) -> None:
    """The test images are cut in two: their headers say PNG, and reading their pixels would fail."""
    for name in ("ant", "bee"):
        (tmp_path / name).mkdir()
        for path in (folders / name).iterdir():
            whole = path.read_bytes()
            kept = whole[: len(whole) // 2] if part_of(path.name) == TEST else whole
            (tmp_path / name / path.name).write_bytes(kept)
    enrol(enrolment(tmp_path), tmp_path / "out", silent)
    again = load_system(tmp_path / "out" / FILE)
    assert all((again.system.state()[name] == tensor).all() for name, tensor in loaded.system.state().items())
    assert again.threshold == loaded.threshold


def test_one_class_is_refused_and_so_are_formats_that_differ(folders: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two or more"):
        plan(enrolment(folders, ("ant",)), tmp_path / "out")
    (tmp_path / "bee").mkdir()
    for path in (folders / "bee").iterdir():
        from_pillow(path, tmp_path / "bee" / f"{path.stem}.jpg")
    mixed = class_sources([f"ant={folders}/ant", f"bee={tmp_path}/bee"])
    with pytest.raises(UsageError, match="different formats"):
        enrol(replace(enrolment(folders), sources=mixed), tmp_path / "out", silent)
    enrol(replace(enrolment(folders), sources=mixed, jpeg=80), tmp_path / "out", silent)
    assert load_system(tmp_path / "out" / FILE).preparation == Preparation(16, False, 80)


def from_pillow(source: Path, target: Path) -> None:
    from PIL import Image

    Image.open(source).save(target)


def test_the_card_says_what_it_was_made_of(trained: Path) -> None:
    card, done = json.loads((trained / CARD).read_text()), json.loads((trained / DONE).read_text())
    assert card["stamp"] == done["stamp"] == "dct own at 16 px"
    assert sum(card["classes"][part]["ant"] for part in (TRAIN, VALIDATION, TEST)) == COUNT
    assert card["facts"].keys() == {"penalty", "validation_loss"}
    assert done["validation_accuracy"]["value"] > 0.6


def test_a_file_that_is_no_system_is_refused(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no such checkpoint"):
        load_system(tmp_path / FILE)
    with pytest.raises(BadInputError, match="passive-state"):
        load_system(trained / "training-0.safetensors")


def test_the_threshold_keeps_95_of_100_known_images() -> None:
    scores = np.stack([np.arange(1000.0), np.full(1000, -1.0)], axis=1)
    assert (scores.max(axis=1) >= threshold_of(scores)).mean() == 0.95


def test_an_image_under_the_threshold_is_unknown_only_where_that_is_asked() -> None:
    scores = np.array([[0.1, 0.2], [3.0, 0.0]])
    assert named(scores, ("a", "b"), 0.2) == ["b", "a"]
    assert named(scores, ("a", "b"), 0.3) == [UNKNOWN, "a"]
    assert named(scores, ("a", "b")) == ["b", "a"]


def test_predictions_name_classes_and_scores(loaded: Enrolled, folders: Path) -> None:
    found = predict(loaded, list(collect([str(folders / "ant"), str(folders / "bee" / "000.png")])))
    assert len(found) == COUNT + 1
    assert all(each.answer == max(each.scores, key=lambda name: each.scores[name]) for each in found)
    assert sum(each.answer == "ant" for each in found[:-1]) > 0.8 * COUNT  # it was trained on most of them
    none = replace_threshold(loaded, float("inf"))
    assert {each.answer for each in predict(none, list(collect([str(folders / "ant")])), open_set=True)} == {UNKNOWN}


def replace_threshold(enrolled: Enrolled, threshold: float) -> Enrolled:
    return Enrolled(enrolled.system, enrolled.preparation, threshold, enrolled.trained_on)


def test_an_evaluation_counts_test_images_alone_and_carries_the_preset(loaded: Enrolled, folders: Path) -> None:
    sources = class_sources([f"bee={folders}/bee", f"ant={folders}/ant"])
    found = evaluate(loaded, sources, [folders / "cat"])
    held_out = sum(part_of(f"{index:03d}.png") == TEST for index in range(COUNT))
    assert found.images == {"ant": held_out, "bee": held_out}
    assert [sum(row) for row in found.closed_set.confusion] == [held_out, held_out]
    assert (found.system, found.preset, found.size, found.part) == ("dct", "own", 16, TEST)
    assert found.open_set is not None
    assert found.open_set.unknown == COUNT
    assert Evaluation.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_some_of_the_classes_will_do(loaded: Enrolled, folders: Path) -> None:
    found = evaluate(loaded, class_sources([f"bee={folders}/bee"]))
    assert sum(found.closed_set.confusion[0]) == 0
    assert (found.closed_set.auc, found.closed_set.eer, found.open_set) == (None, None, None)


def test_what_would_test_on_training_images_is_refused(loaded: Enrolled, folders: Path, tmp_path: Path) -> None:
    ant = class_sources([f"ant={folders}/ant"])
    with pytest.raises(UsageError, match="was trained on some of these"):
        evaluate(loaded, ant, part=ALL)
    with pytest.raises(UsageError, match="--unknown: the system was trained"):
        evaluate(loaded, ant, [folders / "bee"])
    with pytest.raises(UsageError, match="class cat: the system knows ant, bee"):
        evaluate(loaded, class_sources([f"cat={folders}/cat"]))
    write(tmp_path / "others", patterned(4, seed=9).of_class(0))
    assert evaluate(loaded, class_sources([f"ant={tmp_path}/others"]), part=ALL).images == {"ant": 4}


def test_numbers_of_scores_are_those_of_the_statistics() -> None:
    random = np.random.default_rng(0)
    truth, scores = np.repeat([0, 1], 40), random.normal(size=(80, 2))
    scores[np.arange(80), truth] += 1
    found = closed_set(scores, truth, random)
    margin = scores[:, 1] - scores[:, 0]
    assert found.accuracy.value == ((margin > 0) == truth).mean()
    assert found.auc is not None
    assert found.eer is not None
    assert found.auc.value == pytest.approx(auc(margin[40:], margin[:40]))
    assert found.eer.value == equal_error_rate(margin[40:], margin[:40])
    assert found.accuracy.low < found.accuracy.value < found.accuracy.high
    strangers = random.normal(size=(30, 2))
    opened = open_set(scores, truth, strangers, 0.5, random)
    assert opened.auroc.value == auc(scores.max(axis=1), strangers.max(axis=1))
    assert opened.known_kept.value == (scores.max(axis=1) >= 0.5).mean()
    assert opened.unknown_refused.value == (strangers.max(axis=1) < 0.5).mean()


def test_an_immunised_system_is_trained_on_and_says_so(
    folders: Path, tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("artfp.passive.enrolment.Immunisation", partial(Immunisation, steps=5, batch=8))
    asked, out = enrolment(folders, immunise="noise"), tmp_path / "out"
    assert plan(asked, out).stamp == "dct own+noise at 16 px"
    assert enrol(asked, out, silent).stamp == "dct own+noise at 16 px"
    immune, plain = load_system(out / FILE).system, load_system(trained / FILE).system
    assert (immune.preset, plain.preset) == ("own+noise", "own")
    assert not torch.equal(immune.state()["linear.weight"], plain.state()["linear.weight"])
    with pytest.raises(UsageError, match="another"):
        enrol(enrolment(folders), out, silent)


def test_what_has_no_network_is_not_immunised_before_anything_is_done(folders: Path, tmp_path: Path) -> None:
    asked = replace(enrolment(folders, immunise="jpeg"), system="residual", settings=TINY["residual"])
    with pytest.raises(UsageError, match="no network"):
        enrol(asked, tmp_path / "out", silent)
    assert not (tmp_path / "out").exists()
