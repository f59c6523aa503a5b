"""Which models teach architectures and which test them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from passives import tiny
from PIL import Image

from artfp.errors import UsageError
from artfp.passive.enrolment import Enrolment, enrol
from artfp.passive.evaluation import ALL, evaluate
from artfp.passive.protocols import FACTORS, PROTOCOLS, Model, sources, trials
from artfp.passive.store import load_system
from artfp.reading import silent

FIRST = Model("progan", Path("a"), seed=1, loss="wasserstein", data="faces")
SECOND = Model("sngan", Path("b"), seed=1, loss="hinge", data="faces")
TEACHERS = (FIRST, SECOND)


def other(like: Model, path: str, **values: str | int) -> Model:
    return replace(like, images=Path(path), **values)  # type: ignore[arg-type]


def test_each_protocol_is_of_another_factor() -> None:
    assert sorted(PROTOCOLS) == ["cross-dataset", "cross-finetune", "cross-loss", "cross-seed"]
    assert sorted(each.factor for each in PROTOCOLS.values()) == sorted(FACTORS)


@pytest.mark.parametrize(
    ("values", "served"),
    [
        ({"seed": 2}, ["cross-seed"]),
        ({"loss": "logistic"}, ["cross-loss"]),
        ({"loss": "logistic", "seed": 2}, ["cross-loss"]),
        ({"tuned": "cats"}, ["cross-finetune"]),
        ({"data": "rooms", "seed": 2}, ["cross-dataset"]),
        ({"data": "rooms", "loss": "logistic"}, []),  # of which of the two would a failure come?
        ({}, []),  # differs in nothing
        ({"architecture": "began", "seed": 2}, []),  # nobody taught it
    ],
)
def test_a_model_serves_the_protocol_of_what_it_differs_in(values: dict[str, str], served: list[str]) -> None:
    model = other(FIRST, "c", **values)
    assert [name for name in PROTOCOLS if name in trials(TEACHERS, [model])] == served


def test_no_model_that_tests_has_taught_and_all_architectures_that_test_are_taught() -> None:
    others = [
        other(like, f"{like.architecture}-{factor}-{value}", **{factor: value})
        for like in TEACHERS
        for factor in FACTORS
        for value in (2, 3)
    ]
    found = trials(TEACHERS, others)
    assert found.keys() == PROTOCOLS.keys()
    for trial in found.values():
        assert trial.teachers == TEACHERS
        assert len(trial.tests) == 4
        assert not {each.images for each in trial.tests} & {each.images for each in trial.teachers}
        assert {each.architecture for each in trial.tests} <= {each.architecture for each in trial.teachers}


def test_a_value_that_one_of_several_teachers_has_is_not_new() -> None:
    teachers = (*TEACHERS, other(FIRST, "c", seed=2))
    assert not trials(teachers, [other(FIRST, "d", seed=2)])
    assert trials(teachers, [other(SECOND, "d", seed=2)]).keys() == {"cross-seed"}


def test_the_same_images_under_two_names_are_refused() -> None:
    with pytest.raises(UsageError, match="two models"):
        trials(TEACHERS, [other(FIRST, "x/../a", seed=2)])


def test_one_architecture_is_refused() -> None:
    with pytest.raises(UsageError, match="two or more"):
        trials((FIRST, other(FIRST, "c", seed=2)), [])


CONTRASTS = {"a": 3, "b": 120}


def noisy(folder: Path, contrast: int, seed: int) -> Path:
    """Images of one contrast, so many that each part has some."""
    folder.mkdir()
    random = np.random.default_rng(seed)
    for index in range(40):
        pixels = 128 + random.integers(-contrast, contrast, (16, 16, 3))
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{folder.name}-{index}.png")
    return folder


def test_a_trial_trains_on_the_teachers_and_tests_architectures_on_others(tmp_path: Path) -> None:
    """The images that test are all of the second class: its place is that among the classes that were taught."""
    teachers = [Model(name, noisy(tmp_path / name, contrast, 1)) for name, contrast in CONTRASTS.items()]
    (trial,) = trials(teachers, [Model("b", noisy(tmp_path / "b2", CONTRASTS["b"], 2), seed=1)]).values()
    enrol(Enrolment("dct", tiny("dct").settings, sources(trial.teachers)), tmp_path / "out", silent)
    found = evaluate(load_system(tmp_path / "out" / "system.safetensors"), sources(trial.tests), part=ALL)
    assert (trial.protocol, found.classes, found.images) == ("cross-seed", ("a", "b"), {"b": 40})
    assert found.closed_set.accuracy.value > 0.9
    assert found.closed_set.confusion[1][1] > 36
