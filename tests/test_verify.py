"""Verification end to end: sets of images against a registry.

Unmarked images match a key drawn at random at 1e-3 with a chance of 1e-3; the keys here are fixed, so luck is too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from artfp.codec.dct import DctCodec
from artfp.codec.desk import BATCH
from artfp.errors import BadInputError, UsageError
from artfp.files import write_json
from artfp.images import LoadedImage, encode_png, to_tensor
from artfp.keys.fingerprint import CodecFacts
from artfp.keys.registry import Registry
from artfp.reading import BadFilesError, Item
from artfp.verdict import read_verdict
from artfp.verify import key_names, recorded_codecs, verify

Pixels = np.ndarray
Mark = Callable[[Pixels, str], Pixels]


def items_of(pixels: Pixels, prefix: str = "set") -> list[Item]:
    """Images as verify takes them."""
    return [(f"{prefix}/{i}.png", functools.partial(encode_png, LoadedImage(p))) for i, p in enumerate(pixels)]


@pytest.fixture(scope="module")
def photographs() -> Pixels:
    """Centre crops of the Kodak photographs."""
    folder = Path(__file__).parents[2] / "shared" / "data" / "kodak"
    if not folder.is_dir():
        pytest.skip("the Kodak photographs are not here (../shared/data/kodak)")
    crops = []
    for path in sorted(folder.glob("*.png"))[:8]:
        with Image.open(path) as image:
            left, top = (image.width - 256) // 2, (image.height - 256) // 2
            crops.append(np.asarray(image.convert("RGB").crop((left, top, left + 256, top + 256))))
    return np.stack(crops)


def test_marked_images_match_their_key_and_no_other(
    registry: Registry, dct: DctCodec, mark: Mark, clean_pixels: Pixels
) -> None:
    mark(clean_pixels[:1], "other")
    verdict = verify(items_of(mark(clean_pixels, "mine")), registry, [dct])
    assert (verdict.outcome, verdict.key, verdict.n_images, verdict.trials) == ("match", "mine", 24, 2)
    assert verdict.q <= 1e-12
    assert verdict.matching_bits == 64
    assert verdict.bit_accuracy > 0.95
    assert verdict.share == 1.0
    assert verdict.share_low < 1.0
    assert verdict.runner_up_key == "other"
    assert verdict.runner_up_q is not None
    assert verdict.runner_up_q > 1e-6
    assert verdict.margin is not None
    assert verdict.margin > 0.1
    assert verdict.key_id == registry.get("mine").key_id
    assert {image.key for image in verdict.images} == {"mine"}
    assert all(image.p <= image.q <= 1e-6 for image in verdict.images)


def test_unmarked_images_do_not_match(registry: Registry, dct: DctCodec, mark: Mark, clean_pixels: Pixels) -> None:
    mark(clean_pixels[:1], "mine")
    verdict = verify(items_of(clean_pixels), registry, [dct])
    assert verdict.outcome == "no match"
    assert verdict.statement.endswith("this does not prove absence.")


def test_marked_photographs_are_called_marked_data_or_output_of_a_model_never_the_latter_alone(
    registry: Registry, dct: DctCodec, mark: Mark, photographs: Pixels
) -> None:
    verdict = verify(items_of(mark(photographs, "mine")), registry, [dct])
    assert verdict.outcome == "match"
    assert "they are marked data or come from a model trained on it" in verdict.statement
    assert "this model" not in verdict.statement
    assert verify(items_of(photographs), registry, [dct]).outcome == "no match"


def test_one_image_is_judged_by_its_own_bits(
    registry: Registry, dct: DctCodec, mark: Mark, clean_pixels: Pixels
) -> None:
    verdict = verify(items_of(mark(clean_pixels[:1], "mine")), registry, [dct])
    assert verdict.outcome == "match"
    assert verdict.p_mean is None
    assert verdict.statement.startswith("This image carries the key mine")


@pytest.mark.parametrize(("images", "key"), [(1, "mine"), (1, None), (24, "mine"), (24, None)])
@pytest.mark.parametrize("marked", [True, False])
def test_a_verdict_comes_back_from_its_file(
    images: int,
    key: str | None,
    marked: bool,
    registry: Registry,
    dct: DctCodec,
    mark: Mark,
    clean_pixels: Pixels,
    tmp_path: Path,
) -> None:
    pixels = {True: mark(clean_pixels[:images], "mine"), False: clean_pixels[:images]}[marked]
    mark(clean_pixels[:1], "other")
    verdict = verify(items_of(pixels), registry, [dct], key)
    write_json(tmp_path / "verdict.json", verdict.to_dict())
    assert read_verdict(tmp_path / "verdict.json") == verdict


def test_few_marked_among_many_match_by_the_best_single_image(
    registry: Registry, dct: DctCodec, mark: Mark, clean_pixels: Pixels
) -> None:
    mixed = clean_pixels.copy()
    mixed[:1] = mark(clean_pixels[:1], "mine")
    verdict = verify(items_of(mixed), registry, [dct])
    assert verdict.outcome == "match"
    assert verdict.statement.startswith("As a set, these 24 images carry the key mine: at least some")
    assert verdict.share < 0.2


def test_the_key_option_limits_the_trials_and_takes_class_keys_along(
    registry: Registry, dct: DctCodec, mark: Mark, clean_pixels: Pixels
) -> None:
    for name in ("pub/cats", "pub/dogs", "public", "else"):
        mark(clean_pixels[:1], name)
    assert key_names(registry, "pub") == ["pub/cats", "pub/dogs"]
    verdict = verify(items_of(mark(clean_pixels, "pub/dogs")), registry, [dct], key="pub")
    assert (verdict.trials, verdict.key) == (2, "pub/dogs")
    with pytest.raises(UsageError, match="nobody"):
        key_names(registry, "nobody")


def test_images_of_different_sizes_share_a_set(
    registry: Registry, dct: DctCodec, mark: Mark, clean_pixels: Pixels
) -> None:
    big = np.kron(clean_pixels[:3], np.ones((1, 3, 2, 1), np.uint8))
    items = items_of(mark(clean_pixels[3:6], "mine"), "small") + items_of(mark(big, "mine"), "big")
    verdict = verify(items, registry, [dct])
    assert verdict.outcome == "match"
    assert min(image.matching_bits for image in verdict.images) > 45  # 1e-3 of 64


def test_the_place_of_an_image_in_its_batch_changes_nothing(
    registry: Registry, dct: DctCodec, mark: Mark, clean_pixels: Pixels
) -> None:
    pixels = mark(np.tile(clean_pixels, (3, 1, 1, 1)), "mine")[: BATCH + 1]
    whole = verify(items_of(pixels), registry, [dct]).images
    last = verify(items_of(pixels[-2:]), registry, [dct]).images
    assert [image.p for image in whole[-2:]] == [image.p for image in last]
    direct = dct.soft_bits(to_tensor(pixels[-1])).numpy() > 0
    bits = registry.pair("mine", dct.facts()).bits
    assert whole[-1].matching_bits == int((direct[0] == bits).sum())


def broken(_name: str = "") -> bytes:
    """Not an image."""
    return b"\x89PNG\r\n but no more"


def test_bad_files_end_it_and_all_of_them_are_named(
    registry: Registry, dct: DctCodec, mark: Mark, clean_pixels: Pixels
) -> None:
    tiny = encode_png(LoadedImage(clean_pixels[0, :8, :8]))
    good = items_of(mark(clean_pixels, "mine"))
    items = [good[0], ("bad/one.png", broken), *good[1:], ("bad/two.png", lambda: tiny)]
    with pytest.raises(BadFilesError) as caught:
        verify(items, registry, [dct])
    assert [file.name for file in caught.value.files] == ["bad/one.png", "bad/two.png"]
    assert "2 of 26 files cannot be judged" in str(caught.value)
    assert "bad/two.png: 8 x 8 pixels is under 16" in str(caught.value)
    verdict = verify(items, registry, [dct], skip_bad=True)
    assert (verdict.outcome, verdict.n_images, len(verdict.bad_files)) == ("match", 24, 2)


def test_a_file_that_vanishes_is_a_bad_file(
    registry: Registry, dct: DctCodec, mark: Mark, clean_pixels: Pixels
) -> None:
    mark(clean_pixels[:1], "mine")
    gone = functools.partial(Path("/nowhere/at/all.png").read_bytes)
    with pytest.raises(BadFilesError, match="1 of 1 files"):
        verify([("all.png", gone)], registry, [dct], skip_bad=True)


def test_keys_of_a_codec_that_is_not_here_are_reported_not_forgotten(
    registry: Registry, dct: DctCodec, mark: Mark, clean_pixels: Pixels
) -> None:
    mark(clean_pixels[:1], "mine")
    registry.pair("mine", CodecFacts("lost", "f" * 64, 64, dct.facts().consensus, dct.facts().calibration))
    codecs = recorded_codecs(registry)
    assert [codec.sha256 for codec in codecs] == [dct.sha256]
    verdict = verify(items_of(clean_pixels[:4]), registry, codecs)
    assert [(lost.codec_sha256, lost.keys) for lost in verdict.not_tried] == [("f" * 64, 1)]
    assert verdict.trials == 1


def test_what_cannot_be_asked_is_said(registry: Registry, dct: DctCodec, mark: Mark, clean_pixels: Pixels) -> None:
    with pytest.raises(UsageError, match="embed-dataset"):
        recorded_codecs(registry)
    registry.new("unused")
    with pytest.raises(UsageError, match="the key unused has not been used"):
        recorded_codecs(registry, "unused")
    with pytest.raises(UsageError, match="the key unused has not been used"):
        verify(items_of(clean_pixels[:1]), registry, [dct], key="unused")
    with pytest.raises(UsageError, match="no images"):
        verify([], registry, [dct])
    facts = CodecFacts("lost", "f" * 64, 64, dct.facts().consensus, dct.facts().calibration)
    registry.pair("unused", facts)
    with pytest.raises(UsageError, match="no codec file found for ffffffffffff"):
        recorded_codecs(registry, "unused")


def test_imported_bits_are_labelled_in_the_verdict(
    registry: Registry, dct: DctCodec, clean_pixels: Pixels, mark: Mark
) -> None:
    bits = (dct.soft_bits(to_tensor(clean_pixels[:1])).numpy()[0] > 0).astype(np.uint8)
    registry.import_bits("chosen", dct.facts(), bits)
    verdict = verify(items_of(clean_pixels[:1]), registry, [dct])
    assert verdict.outcome == "match"  # bits read off the image itself: what the label warns of
    assert verdict.key_origin == "imported-bits"
    assert "bits chosen by their owner" in verdict.key_origin_words
    assert "chosen by their owner: the probability holds if" in verdict.statement


def test_progress_is_told_for_every_image(registry: Registry, dct: DctCodec, mark: Mark, clean_pixels: Pixels) -> None:
    mark(clean_pixels[:1], "mine")
    seen: list[Sequence[object]] = []
    verify(
        [*items_of(clean_pixels[:3]), ("bad.png", broken)],
        registry,
        [dct],
        skip_bad=True,
        on_progress=lambda *told: seen.append(told),
    )
    assert seen == [(1, 4, ""), (2, 4, ""), (3, 4, ""), (4, 4, "1 bad")]


def test_no_secret_reaches_the_record(registry: Registry, dct: DctCodec, mark: Mark, clean_pixels: Pixels) -> None:
    verdict = verify(items_of(mark(clean_pixels, "mine")), registry, [dct])
    bits = registry.pair("mine", dct.facts()).bits
    text = str(verdict.to_dict())
    assert np.packbits(bits).tobytes().hex() not in text
    assert "".join(map(str, bits.tolist())) not in text
    assert str(registry.export("mine").get("secret")) not in text


def test_bad_input_errors_carry_their_exit_code() -> None:
    assert issubclass(BadFilesError, BadInputError)
