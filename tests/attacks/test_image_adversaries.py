"""Adversaries who work on images: one contract for all of them, in a scene of a few images and the dct codec."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from artfp.attacks import regeneration, registry, surrogate
from artfp.attacks.adversary import Adversary, Pixels, Scene
from artfp.attacks.attempts import clean_images, controls, twin_images
from artfp.attacks.averaging import AVERAGING, AveragingRemoval, PairedRemoval
from artfp.attacks.collusion import COLLUSION
from artfp.attacks.crosskeys import CrossKeys
from artfp.attacks.distillation import DISTILLATION
from artfp.attacks.fine_tuning import FINE_TUNING
from artfp.attacks.overwriting import OVERWRITING
from artfp.attacks.regeneration import Regeneration
from artfp.attacks.released import Owner
from artfp.attacks.surrogate import Surrogate
from artfp.attacks.whitebox import WhiteBox
from artfp.codec.dct import DctCodec
from artfp.errors import BadInputError, CannotError, UsageError
from artfp.generators.sampling import load_generator
from artfp.images import to_pixels, to_tensor
from artfp.reading import silent
from artfp.robustness import FORGERY, REMOVAL
from artfp.seeds import numpy_generator

COUNT = 4  # images of the key
PAINTING = Regeneration(regeneration.Training(images=6, steps=2, batch=2, width=8))
DETECTING = Surrogate(surrogate.Training(steps=2, batch=4, width=8))
ADVERSARIES: dict[str, tuple[Adversary, float]] = {
    adversary.name: (adversary, strength)
    for adversary, strength in (
        *((adversary, 3) for adversary in AVERAGING),
        *((each, 1.5) for each in OVERWRITING),
        (WhiteBox(), 2),
        (CrossKeys(), 50),
        (DETECTING, 4),
        (PAINTING, 2),
    )
}


@pytest.fixture
def scene(dct: DctCodec, clean_pixels: Pixels, painter: Callable[..., Path], tmp_path: Path) -> Scene:
    """Four images of a key, eight more, twelve clean ones and a twin."""
    bits = numpy_generator("scene").integers(0, 2, 64, np.uint8)
    marked = to_pixels(dct.embed(to_tensor(clean_pixels[:12]), torch.from_numpy(bits)))
    return Scene(
        codec=dct,
        bits=bits,
        images=marked[:COUNT],
        originals=clean_pixels[:COUNT],
        more=lambda count: marked[COUNT:][:count],
        clean=lambda count: clean_pixels[12:][:count],
        generator=None,
        twin=load_generator(painter(tmp_path / "twin", 0.0)),
        scratch=tmp_path / "scratch",
        seed=1,
        device="cpu",
        tell=silent,
    )


def fair(scene: Scene, name: str) -> Scene:
    """With another codec where the adversary's own is the scene's."""
    return replace(scene, codec=Renamed()) if name == "overwriting-dct" else scene


class Renamed(DctCodec):
    """The dct codec, taken for another."""

    def __init__(self) -> None:
        super().__init__()
        self.sha256 = "another"


def test_every_adversary_is_held_to_one_of_the_two_contracts() -> None:
    owners = {name for name, adversary in registry.ADVERSARIES.items() if isinstance(adversary, Owner)}
    assert owners == {each.name for each in (*FINE_TUNING, *DISTILLATION, *COLLUSION)}  # of test_released.py
    assert owners | set(ADVERSARIES) == set(registry.ADVERSARIES)


@pytest.mark.parametrize("name", ADVERSARIES)
def test_an_adversary_tells_what_he_is(name: str) -> None:
    adversary, _ = ADVERSARIES[name]
    assert adversary.aim in (REMOVAL, FORGERY)
    for sentence in (adversary.knows, adversary.costs):
        assert sentence[0].isupper()
        assert sentence.endswith(".")
    assert adversary.unit
    assert list(adversary.strengths) == sorted(set(adversary.strengths))


@pytest.mark.parametrize("name", ADVERSARIES)
def test_an_attempt_is_made_of_8_bit_images_of_their_own_size_and_leaves_the_scene_alone(
    scene: Scene, name: str
) -> None:
    (adversary, strength), scene = ADVERSARIES[name], fair(scene, name)
    images, clean = scene.images.copy(), scene.clean(12).copy()
    assert adversary.missing(scene) is None
    attempt = adversary(scene, strength)
    for made in (attempt.images, attempt.before, attempt.clean, attempt.twin):
        if made is not None:
            assert made.dtype == np.uint8
            assert made.shape[1:] == scene.images.shape[1:]
    assert attempt.before is not None
    assert attempt.before.shape == attempt.images.shape
    assert (attempt.images != attempt.before).any() == (name != "cross-keys")
    if attempt.bits is not None:
        assert attempt.bits.shape == scene.bits.shape
    assert all(isinstance(note, int | float | str | bool | None) for note in attempt.notes.values())
    assert (scene.images == images).all()
    assert (scene.clean(12) == clean).all()


@pytest.mark.parametrize("name", ADVERSARIES)
def test_the_seed_decides_and_what_was_trained_before_is_as_good_as_new(
    scene: Scene, name: str, tmp_path: Path
) -> None:
    (adversary, strength), scene = ADVERSARIES[name], fair(scene, name)
    torch.manual_seed(1)
    first = adversary(scene, strength)
    torch.manual_seed(2)
    for again in (scene, replace(scene, scratch=tmp_path / "elsewhere")):
        second = adversary(again, strength)
        for kind in ("images", "before", "clean", "twin", "bits"):
            assert np.array_equal(getattr(first, kind), getattr(second, kind)), kind
        assert first.notes == second.notes


@pytest.mark.parametrize("strength", [0, -1, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ADVERSARIES)
def test_strengths_that_mean_nothing_are_refused(scene: Scene, name: str, strength: float) -> None:
    with pytest.raises(UsageError, match=name):
        ADVERSARIES[name][0](fair(scene, name), strength)


@pytest.mark.parametrize("name", [name for name in ADVERSARIES if not name.startswith("overwriting")])
def test_halves_of_a_step_or_an_image_are_refused(scene: Scene, name: str) -> None:
    with pytest.raises(UsageError, match="whole number"):
        ADVERSARIES[name][0](scene, 1.5)


@pytest.mark.parametrize("adversary", [PAINTING, DETECTING], ids=lambda adversary: adversary.name)
def test_what_was_trained_is_kept_and_not_taken_for_what_it_is_not(adversary: Adversary, scene: Scene) -> None:
    strength = ADVERSARIES[adversary.name][1]
    adversary(scene, strength)
    (kept,) = scene.scratch.iterdir()
    told: list[int] = []
    adversary(replace(scene, tell=lambda *_: told.append(1)), strength)
    assert not told
    adversary(replace(scene, seed=2), strength)
    assert len(list(scene.scratch.iterdir())) == 2
    kept.write_bytes(b"damaged")
    with pytest.raises(BadInputError, match=kept.name):
        adversary(scene, strength)


def test_those_who_learn_do_not_learn_from_the_clean_images_that_are_compared(scene: Scene) -> None:
    first, second = clean_images(scene, 5)
    assert np.array_equal(np.concatenate([first, second]), scene.clean(9))
    assert len(first) == COUNT
    assert np.array_equal(controls(scene), first)
    few = replace(scene, clean=lambda count: scene.clean(min(count, 5)))
    assert [len(part) for part in clean_images(few, 100)] == [2, 3]
    with pytest.raises(UsageError, match="too few"):
        clean_images(replace(scene, clean=lambda count: scene.clean(1)), 3)


def test_who_does_not_learn_from_clean_images_can_do_without(scene: Scene) -> None:
    def none(count: int) -> Pixels:
        raise CannotError("there are no clean images")

    without = replace(scene, clean=none)
    for name in ("averaging-paired", "overwriting", "white-box", "cross-keys"):
        adversary, strength = ADVERSARIES[name]
        assert adversary(without, strength).clean is None
    with pytest.raises(UsageError, match="no clean images"):
        AveragingRemoval("averaging-removal")(without, 3)


def test_a_twin_that_translates_has_no_images_here(scene: Scene) -> None:
    assert scene.twin is not None
    found = twin_images(scene)
    assert found is not None
    assert len(found) == COUNT
    scene.twin.reads_images = True
    assert twin_images(scene) is None
    assert twin_images(replace(scene, twin=None)) is None


def test_an_averaging_adversary_takes_what_there_is_and_says_so(scene: Scene) -> None:
    notes = AveragingRemoval("averaging-removal")(scene, 10_000).notes
    assert notes == {"averaged": 8, "averaged_clean": 8}


def test_without_originals_there_are_no_pairs(scene: Scene) -> None:
    assert PairedRemoval().missing(replace(scene, originals=None)) == "there is no originals"


def test_a_second_codec_that_is_the_first_is_no_second(scene: Scene) -> None:
    by_name = {each.name: each for each in OVERWRITING}
    assert by_name["overwriting-dct"].missing(scene) == "the second codec would be dct, which is the first"
    assert by_name["overwriting"].missing(scene) is None
