"""`artfp quality` as a function: what is measured of which images, and what is said where it cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from eyes import Corners

from artfp.codec.dct import DctCodec
from artfp.data.procedural import generate
from artfp.embed import EmbedSettings, embed_dataset
from artfp.errors import BadInputError, UsageError
from artfp.evaluate import features, quality
from artfp.evaluate.quality import FEATURES, Request, measure
from artfp.keys.registry import Registry
from artfp.perceptual import Inception
from artfp.quality import Measure, Quality
from artfp.statistics.frechet import frechet_distance
from artfp.statistics.jackknife import intervals
from artfp.statistics.kernel import kernel_distance_in_order
from artfp.statistics.neighbours import Neighbours
from artfp.statistics.paired import beside

Write = Callable[[Path, np.ndarray], list[Path]]
SETS = ["fd-squeeze", "kd-squeeze", "precision-squeeze", "recall-squeeze"]


@contextmanager
def unwatched(_stage: str) -> Iterator[Callable[[int, int, str], None]]:
    yield lambda done, total, note: None


@pytest.fixture
def seeing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eyes that need no weights in the place of SqueezeNet."""
    monkeypatch.setattr(quality, "what_is_missing", lambda: None)
    monkeypatch.setattr(quality, "Perceptual", lambda device: Corners())
    monkeypatch.setattr(quality, "inception_path", lambda: None)


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without weights."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "nothing"))


@pytest.fixture
def folders(tmp_path: Path, write_pngs: Write) -> dict[str, Path]:
    """Real images, and two sets of others, the second of which is darker."""
    images = np.stack(list(generate("photo-like", 74, 32, seed=3)))
    sets = {"real": images[:30], "model": images[30:52], "twin": images[52:] // 2}
    for name, pixels in sets.items():
        write_pngs(tmp_path / name, pixels)
    return {name: tmp_path / name for name in sets}


def run(*paths: Path, **options: Any) -> Quality:
    return measure(Request(*paths, **options), "cpu", unwatched)


def by_name(found: Quality) -> dict[str, Measure]:
    return {each.name: each for each in found.measures}


def test_sets_are_compared_as_their_definitions_say(seeing: None, folders: dict[str, Path]) -> None:
    found = run(folders["real"], folders["model"], pairs="no")
    assert [each.name for each in found.measures] == SETS
    assert (found.real.images, found.other.images, found.twin) == (30, 22, None)
    decks = {name: quality.all_of(folders[name], 0) for name in ("real", "model")}
    see = {name: at_once(deck.first(30 if name == "real" else 20)) for name, deck in decks.items()}
    frechet, kernel, precision, recall = found.measures
    assert (frechet.images, frechet.reference) == (20, 30)
    assert frechet.value.value == pytest.approx(frechet_distance(see["model"], see["real"]))
    assert (kernel.images, kernel.reference) == (20, 20)
    assert kernel.value.value == pytest.approx(kernel_distance_in_order(see["model"], see["real"][:20]))
    shares = Neighbours.of(see["model"], see["real"][:20]).precision_and_recall()
    assert (precision.value.value, recall.value.value) == pytest.approx(shares)
    assert all(each.value.low <= each.value.value <= each.value.high for each in found.measures)
    assert found.left_out == ()


def test_streamed_intervals_are_those_of_all_features_at_once(seeing: None, folders: dict[str, Path]) -> None:
    sets = {name: at_once(quality.all_of(path, 0).first(20)) for name, path in folders.items()}
    three = beside(lambda one, real: (frechet_distance(one, real),))
    expected = intervals(three, [sets["model"], sets["twin"], sets["real"]])
    found = run(folders["real"], folders["model"], twin=folders["twin"], count=20).measures[0]
    for ours, theirs in zip((found.value, found.twin, found.difference), expected, strict=True):
        assert ours is not None
        assert (ours.value, ours.low, ours.high) == pytest.approx((theirs.value, theirs.low, theirs.high))


def at_once(deck: quality.Deck) -> np.ndarray:
    return np.concatenate(list(features.feature_batches(deck.images(slice(None)), Corners(), "cpu")))


def test_of_a_twin_there_is_the_same_and_the_difference(seeing: None, folders: dict[str, Path]) -> None:
    found = run(folders["real"], folders["model"], twin=folders["twin"])
    alone = by_name(run(folders["real"], folders["twin"]))
    for each in found.measures:
        assert each.twin is not None
        assert each.difference is not None
        assert each.twin.value == pytest.approx(alone[each.name].value.value)
        assert each.difference.value == pytest.approx(each.value.value - each.twin.value)
    assert found.measures[0].difference.high < 0  # the darker twin is far from the real images


def test_a_model_held_beside_itself_does_not_differ(seeing: None, folders: dict[str, Path]) -> None:
    for each in run(folders["real"], folders["model"], twin=folders["model"]).measures:
        assert each.difference is not None
        assert (each.difference.value, each.difference.low, each.difference.high) == (0, 0, 0)


def test_marked_data_is_compared_pair_by_pair_and_as_a_set(
    seeing: None, folders: dict[str, Path], registry: Registry, dct: DctCodec
) -> None:
    registry.new("mine")
    marked = folders["real"].parent / "marked"
    embed_dataset(EmbedSettings(folders["real"], marked, "mine"), dct, registry)
    found = run(folders["real"], marked)
    assert found.paired_by == "manifest"
    assert [each.name for each in found.measures] == ["psnr", "ssim", "lpips-squeeze", *SETS]
    numbers = by_name(found)
    assert 30 < numbers["psnr"].value.low < numbers["psnr"].value.high < 60
    assert numbers["psnr"].images == 30
    assert 0.9 < numbers["ssim"].value.value < 1
    assert any(reason.startswith("ms-ssim: takes two pairs at least, and 176 pixels") for reason in found.left_out)
    assert numbers["precision-squeeze"].value.value == 1  # each lies in the ball of its own original


def test_the_record_is_json_and_the_seed_decides_it(seeing: None, folders: dict[str, Path]) -> None:
    paths = folders["real"], folders["model"]
    found = run(*paths, twin=folders["twin"], seed=4)
    assert Quality.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    assert run(*paths, twin=folders["twin"], seed=4) == found
    assert run(*paths, twin=folders["twin"], seed=5) != found
    assert str(folders["real"].parent) not in json.dumps(found.to_dict())


def test_a_reference_that_is_cached_gives_the_same_record(
    seeing: None, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, cache = (folders["real"], folders["model"]), folders["real"].parent / "kept" / "here"
    uncached, first = run(*paths), run(*paths, cache=cache)
    (file,) = cache.iterdir()
    assert file.suffix == ".safetensors"
    looked = []
    monkeypatch.setattr("artfp.evaluate.sets.see", lambda *given: looked.append(1) or features.see(*given))
    assert run(*paths, cache=cache) == first == uncached
    assert len(looked) == 1  # at the images alone


def test_without_weights_the_file_and_its_place_are_named_and_pairs_still_measured(
    blind: None, folders: dict[str, Path]
) -> None:
    found = run(folders["real"], folders["twin"], pairs="yes", count=10)
    assert [each.name for each in found.measures] == ["psnr", "ssim"]
    assert any("lpips-squeeze: needs SqueezeNet's weights: put squeezenet1_1" in reason for reason in found.left_out)
    assert any(reason.startswith("sets: features need SqueezeNet's weights") for reason in found.left_out)
    assert found.extractor is None


def test_what_was_asked_for_and_cannot_be_is_an_error(blind: None, folders: dict[str, Path]) -> None:
    paths = folders["real"], folders["model"]
    with pytest.raises(UsageError, match="need SqueezeNet's weights: put squeezenet1_1"):
        run(*paths, features="squeeze")
    with pytest.raises(UsageError, match=r"no weights of Inception here: put pt_inception-2015.* --inception"):
        run(*paths, features="inception")
    with pytest.raises(UsageError, match="need SqueezeNet's weights"):
        run(*paths, twin=folders["twin"])
    with pytest.raises(UsageError, match="30 images and 22 real ones of other names are no pairs"):
        run(folders["model"], folders["real"], pairs="yes")
    with pytest.raises(UsageError, match=r"nothing can be measured\n.*pairs: no manifest.*\n.*sets: "):
        run(*paths)


def test_weights_that_only_bear_inceptions_name_are_refused(seeing: None, folders: dict[str, Path]) -> None:
    weights = folders["real"].parent / "pt_inception-2015-12-05-6726825d.pth"
    weights.write_bytes(b"something else")
    with pytest.raises(BadInputError, match="not Inception's weights, or damaged"):
        run(folders["real"], folders["model"], inception=weights)


def test_weights_of_inception_without_its_package_are_left_out_or_told(
    seeing: None, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(weights: Path, device: str) -> None:
        raise UsageError("Inception needs torch-fidelity")

    monkeypatch.setattr(quality, "inception_path", lambda: Path("weights"))
    monkeypatch.setattr(quality, "Inception", refuse)
    paths = folders["real"], folders["model"]
    found = run(*paths, twin=folders["twin"])
    assert [each.name for each in found.measures] == SETS
    assert "fid-inception: Inception needs torch-fidelity" in found.left_out
    with pytest.raises(UsageError, match="torch-fidelity"):
        run(*paths, features="inception")
    with pytest.raises(UsageError, match="no use for"):
        run(*paths, features="squeeze", inception=Path("weights"))


def test_only_inceptions_features_make_a_fid(
    seeing: None, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stand(Corners):
        name = Inception.name

    monkeypatch.setattr(quality, "inception_path", lambda: Path("weights"))
    monkeypatch.setattr(quality, "Inception", lambda weights, device: Stand())
    left_to_us = run(folders["real"], folders["model"])
    assert [each.name for each in left_to_us.measures][:2] == ["fid-inception", "kid-inception"]
    assert left_to_us.extractor.name == "inception"
    named = run(folders["real"], folders["model"], features="squeeze")
    assert [each.name for each in named.measures] == SETS
    assert not any("fid" in each.name or "kid" in each.name for each in named.measures)
    assert set(FEATURES) == {"auto", "squeeze", "inception"}


def test_images_of_different_sizes_take_a_side(seeing: None, folders: dict[str, Path], write_pngs: Write) -> None:
    large = np.stack(list(generate("photo-like", 24, 48, seed=5)))
    write_pngs(folders["real"].parent / "large", large)
    paths = folders["real"], folders["real"].parent / "large"
    with pytest.raises(UsageError, match="images of 32 x 32 and of 48 x 48 pixels; --side N"):
        run(*paths, features="squeeze")
    found = run(*paths, side=32)
    assert found.side == 32
    assert [each.name for each in found.measures] == SETS
    with pytest.raises(UsageError, match="squeeze sees images of 32 pixels at least"):
        run(*paths, features="squeeze", side=16)


def test_a_size_that_changes_later_on_is_told_too(seeing: None, folders: dict[str, Path], write_pngs: Write) -> None:
    odd = folders["model"] / quality.all_of(folders["model"], 0).names[15]
    (path,) = write_pngs(folders["real"].parent / "odd", np.stack(list(generate("photo-like", 1, 48, seed=5))))
    path.replace(odd)
    with pytest.raises(UsageError, match="48 x 48"):
        run(folders["real"], folders["model"], features="squeeze")


def test_pairs_of_two_sizes_are_no_pairs(seeing: None, folders: dict[str, Path], write_pngs: Write) -> None:
    write_pngs(folders["real"].parent / "large", np.stack(list(generate("photo-like", 3, 48, seed=5))))
    with pytest.raises(UsageError, match=r"00\d.png: 48 x 48 pixels, its original 32 x 32: pairs have one size"):
        run(folders["real"], folders["real"].parent / "large", pairs="yes")


def test_empty_folders_and_too_few_images_are_told(seeing: None, folders: dict[str, Path], write_pngs: Write) -> None:
    (folders["real"].parent / "empty").mkdir()
    with pytest.raises(UsageError, match="empty: holds no images"):
        run(folders["real"], folders["real"].parent / "empty")
    pixels = np.stack(list(generate("photo-like", 1, 32, seed=6)))
    write_pngs(folders["real"].parent / "one", pixels)
    one = folders["real"].parent / "one"
    with pytest.raises(UsageError, match=r"sets: intervals take 20 images of each; here are 1, and 30 real ones"):
        run(folders["real"], one)
    with pytest.raises(UsageError, match=r"psnr: .*fewer than two pairs differ"):
        run(folders["real"], one, pairs="yes")


def test_copies_have_no_psnr_and_are_as_alike_as_can_be(seeing: None, folders: dict[str, Path]) -> None:
    found = by_name(run(folders["real"], folders["real"], pairs="yes"))
    assert "psnr" not in found
    assert found["ssim"].value.value == pytest.approx(1, abs=1e-5)
    assert found["fd-squeeze"].value.value == pytest.approx(0, abs=1e-9)
    assert found["recall-squeeze"].value.value == 1


def test_files_that_are_no_images_are_named(seeing: None, folders: dict[str, Path]) -> None:
    (folders["model"] / "000.png").write_bytes(b"no image")
    with pytest.raises(BadInputError, match=r"000\.png: not a readable image"):
        run(folders["real"], folders["model"], features="squeeze")
