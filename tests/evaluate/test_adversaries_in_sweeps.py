"""Adversaries as rows: what they are given, what is said of them, and those that have nothing to try."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artfp.attacks.adversary import Adversary, Attempt, Scene
from artfp.attacks.registry import ADVERSARIES
from artfp.errors import ArtfpError, BadInputError, CannotError, DivergedError, UsageError
from artfp.evaluate.plan import chains, units
from artfp.evaluate.request import Request
from artfp.evaluate.sweep import Outcome
from artfp.perturb.grids import SUITES
from artfp.robustness import FORGERY, REMOVAL

RequestOf = Callable[..., Request]
Swept = Callable[..., Outcome]


class Painter(Adversary):
    """Paints everything grey, and remembers that he did."""

    name, aim, knows, costs, unit = "painter", REMOVAL, "Nothing.", "Paint.", "coats"
    strengths = (1.0, 2.0)

    def __call__(self, scene: Scene, strength: float) -> Attempt:
        diary = scene.scratch / "coats.txt"
        coats = len(diary.read_text()) if diary.exists() else 0
        diary.write_text("x" * (coats + 1))
        grey = np.full_like(scene.images, 128)
        assert scene.more(3).shape[1:] == scene.images.shape[1:]
        return Attempt(grey, scene.images, clean=grey[:4], notes={"coats before": coats, "seed": scene.seed})


class Copyist(Adversary):
    """Passes marked images off as his, under another key."""

    name, aim, knows, costs, unit = "copyist", FORGERY, "The key.", "Nothing.", "images"
    strengths = (4.0,)
    needs = ("originals",)

    def __call__(self, scene: Scene, strength: float) -> Attempt:
        return Attempt(scene.images, scene.originals, bits=1 - scene.bits)


class Glutton(Adversary):
    """Wants more than there is."""

    name, aim, knows, costs, unit = "glutton", REMOVAL, "Everything.", "All.", "images"
    strengths = (10_000.0,)

    def __call__(self, scene: Scene, strength: float) -> Attempt:
        return Attempt(scene.clean(int(strength)))


class Unlucky(Adversary):
    """Meets with the error of his strength."""

    name, aim, knows, costs, unit = "unlucky", REMOVAL, "Nothing.", "Nothing.", "misfortunes"
    strengths = (0.0, 1.0, 2.0, 3.0)
    errors = (
        CannotError("never"),
        DivergedError("/a/path: NaN"),
        BadInputError("/a/path: torn"),
        UsageError("not now"),
    )

    def __call__(self, scene: Scene, strength: float) -> Attempt:
        raise self.errors[int(strength)]


DOUBLES: dict[str, Adversary] = {each.name: each for each in (Painter(), Copyist(), Glutton())}


@pytest.fixture
def full(swept: Swept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Carries out the adversaries' rows of a suite with the doubles."""
    suite = SUITES["full"]
    monkeypatch.setitem(SUITES, "full", type(suite)(suite.images, suite.weights, 8, 0, adversaries=True))

    def sweep(request: Request, *only: str) -> Outcome:
        return swept(request, tmp_path / "out", *(only or ("adversary/*",)), adversaries=DOUBLES)

    return sweep


def test_full_is_standard_and_every_adversary() -> None:
    planned = units(SUITES["full"], DOUBLES, ("data", "generated"))
    standard = units(SUITES["standard"], DOUBLES, ("data", "generated"))
    assert planned[: len(standard)] == standard
    assert [unit.addresses for unit in planned[len(standard) :]] == [
        ("adversary/painter/1/generated",),
        ("adversary/painter/2/generated",),
        ("adversary/copyist/4/generated",),
        ("adversary/glutton/10000/generated",),
    ]
    assert units(SUITES["full"], DOUBLES, ("data",))[-1].addresses == ("adversary/glutton/10000/data",)
    assert not [unit for unit in units(SUITES["standard"], {}, ("data",)) if unit.kind == "weights"]


def test_the_strengths_of_one_adversary_come_one_after_another() -> None:
    made = chains(units(SUITES["full"], DOUBLES, ("data",)))
    assert [len(chain) for chain in made[-3:]] == [2, 1, 1]
    assert {len(chain) for chain in made[:-3]} == {1}


def test_every_adversary_of_the_registry_goes_by_its_name_and_can_be_sent_to_another_process() -> None:
    assert all(name == adversary.name for name, adversary in ADVERSARIES.items())
    assert list(pickle.loads(pickle.dumps(ADVERSARIES))) == list(ADVERSARIES)


def test_an_adversary_is_told_of_with_what_he_knows_and_did(
    request_of: RequestOf, full: Callable[..., Outcome]
) -> None:
    once, twice = full(request_of("full"), "adversary/painter/*").rows
    assert (once.aim, once.knows, once.costs, once.unit) == (REMOVAL, "Nothing.", "Paint.", "coats")
    assert once.readout is not None
    assert once.readout.images == 12
    assert abs(once.readout.accuracy.value - 0.5) < 0.3
    assert once.damage is not None
    assert once.damage.psnr is not None
    assert once.clean is not None
    assert once.clean.single.total == 4
    assert once.twin is None
    assert [row.notes["coats before"] for row in (once, twice)] == [0, 1]
    assert once.notes["seed"] == twice.notes["seed"]


def test_data_come_with_their_originals_and_the_key_to_be_read_is_the_attempts(
    request_of: RequestOf, full: Callable[..., Outcome]
) -> None:
    generated = full(request_of("full"), "adversary/copyist/*").rows[0]
    assert generated.failure == "there is no originals"
    assert (generated.aim, generated.knows) == (FORGERY, "The key.")


def test_originals_are_there_without_a_generator(request_of: RequestOf, full: Callable[..., Outcome]) -> None:
    row: Any = full(request_of("full", generator=None, twin=None), "adversary/copyist/*").rows[0]
    assert row.failure is None
    assert row.readout.accuracy.value < 0.1  # the opposite of the key
    assert 30 < row.damage.psnr < 50
    assert row.damage.frechet is None


def test_who_wants_more_images_than_there_are_gets_those(request_of: RequestOf, full: Callable[..., Outcome]) -> None:
    row: Any = full(request_of("full"), "adversary/glutton/*").rows[0]
    assert row.failure is None
    assert row.readout.images == 28


def test_who_wants_clean_images_where_there_are_none_is_a_row_that_says_so(
    request_of: RequestOf, full: Callable[..., Outcome]
) -> None:
    row = full(request_of("full", clean=None), "adversary/glutton/*").rows[0]
    assert row.failure == "there are no clean images; --clean names some"


@pytest.fixture
def unlucky(full: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """The same, with one more."""
    monkeypatch.setitem(DOUBLES, Unlucky.name, Unlucky())
    return full


def test_what_cannot_be_done_is_a_row_and_tells_no_path(request_of: RequestOf, unlucky: Callable[..., Outcome]) -> None:
    rows = unlucky(request_of("full"), "adversary/unlucky/0/*", "adversary/unlucky/1/*").rows
    assert [row.failure for row in rows] == ["never", "what unlucky trains diverges"]


@pytest.mark.parametrize(("strength", "message"), [(2, "/a/path: torn"), (3, "not now")])
def test_what_may_go_well_another_time_ends_the_sweep_and_is_no_row(
    request_of: RequestOf, unlucky: Callable[..., Outcome], tmp_path: Path, strength: int, message: str
) -> None:
    with pytest.raises(ArtfpError, match=message):
        unlucky(request_of("full"), f"adversary/unlucky/{strength}/*")
    assert not list((tmp_path / "out" / "rows").iterdir())


def test_full_goes_on_where_standard_ended(
    request_of: RequestOf, full: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SUITES, "standard", replace(SUITES["full"], adversaries=False))
    before = full(request_of("standard"), "image/jpeg/80/*")
    after = full(request_of("full"), "adversary/copyist/*")
    assert after.rows[: len(before.rows)] == before.rows
    assert (after.sweep.suite, after.sweep.addresses[-1]) == ("full", "adversary/copyist/4/generated")


def test_what_only_full_has_is_refused_elsewhere(request_of: RequestOf, full: Callable[..., Outcome]) -> None:
    with pytest.raises(UsageError, match="matches no row"):
        full(request_of("quick"))
