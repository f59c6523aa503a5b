"""Marking a dataset: the layout, what survives, what is marked and how strongly."""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from artfp.codec.dct import DctCodec
from artfp.data.survey import evenly_spaced
from artfp.data.writers import image_name
from artfp.embed import EmbedResult, request, run, selfcheck
from artfp.embed.marking import choose_marked, class_key
from artfp.errors import ArtfpError, BadInputError, UsageError
from artfp.files import sha256_file
from artfp.images import load_image, to_tensor
from artfp.keys.fingerprint import pack
from artfp.keys.records import check_name
from artfp.keys.registry import Registry

Embed = Callable[..., EmbedResult]
Pixels = NDArray[np.uint8]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def rgb(path: Path) -> Pixels:
    return load_image(path, path.name).rgb


def accuracy(codec: DctCodec, pixels: Pixels, bits: Pixels) -> float:
    return float(((codec.soft_bits(to_tensor(pixels)).numpy() > 0) == bits.astype(bool)).mean())


def test_every_image_carries_the_key_and_the_pair_is_recorded(
    embed: Embed, photos: Path, tmp_path: Path, registry: Registry, dct: DctCodec
) -> None:
    result = embed(photos)
    bits = registry.pairs(dct.sha256, ["alice"]).bits(0)
    files = sorted((tmp_path / "marked").rglob("*.png"))
    assert [str(path.relative_to(tmp_path / "marked")) for path in files] == [image_name(i) for i in range(24)]
    read = [accuracy(dct, rgb(path), bits) for path in files]
    assert np.mean(read) > 0.9
    assert (result.totals.images, result.totals.marked, result.bad, result.warnings) == (24, 24, (), ())
    check = result.self_check
    assert check is not None
    assert (check.images, check.bits_total) == (24, 24 * 64)
    assert check.bits_right == round(24 * 64 * np.mean(read))
    assert check.passed
    assert check.psnr is not None
    assert 25 < check.psnr < 50
    assert 0.8 < check.ssim < 1


def test_a_style_gan_loader_finds_a_label_for_every_image(embed: Embed, thumbnails: Path, tmp_path: Path) -> None:
    """The loader's own rules: every file whose suffix Pillow knows is an image, and all must be in dataset.json."""
    embed(thumbnails)
    Image.init()
    root = tmp_path / "marked"
    names = sorted(
        os.path.relpath(path, root) for path in root.rglob("*") if path.suffix.lower() in Image.registered_extensions()
    )
    labels = dict(json.loads((root / "dataset.json").read_text())["labels"])
    assert len(names) == 200
    assert [labels[name] for name in names] == [0] * 100 + [1] * 100


def test_hugging_face_finds_a_row_of_equal_columns_for_every_image(
    embed: Embed, thumbnails: Path, tmp_path: Path
) -> None:
    embed(thumbnails)
    rows = lines(tmp_path / "marked" / "metadata.jsonl")
    assert [row["file_name"] for row in rows] == [image_name(index) for index in range(200)]
    assert {tuple(row) for row in rows} == {("file_name", "source_file", "label", "class_name")}
    assert rows[100] == {
        "file_name": image_name(100),
        "source_file": "odd/001.bmp",
        "label": 1,
        "class_name": "odd",
    }


def test_the_manifest_accounts_for_every_file_and_holds_no_key(
    embed: Embed, photos: Path, tmp_path: Path, registry: Registry, dct: DctCodec
) -> None:
    result = embed(photos)
    root = tmp_path / "marked"
    rows = lines(root / "artfp-manifest.jsonl")
    assert [row["sha256"] for row in rows] == [sha256_file(root / row["file_name"]) for row in rows]
    assert [row["bytes"] for row in rows] == [(root / row["file_name"]).stat().st_size for row in rows]
    manifest = json.loads((root / "artfp-manifest.json").read_text())
    assert manifest["tables"] == {
        name: sha256_file(root / name) for name in ("dataset.json", "metadata.jsonl", "artfp-manifest.jsonl")
    }
    assert manifest["codec_sha256"] == dct.sha256
    assert {row["key_id"] for row in rows} == {use.key_id for use in result.keys} == {registry.get("alice").key_id}
    bits = registry.pair("alice", dct.facts()).bits
    secret = registry.export("alice")["secret"]
    forms = [
        "".join(map(str, bits)),
        "".join(map(str, bits[::-1])),
        str(bits.tolist()),
        pack(bits).tobytes().hex(),
        base64.b64encode(pack(bits).tobytes()).decode(),
        str(int.from_bytes(pack(bits).tobytes(), "big")),
        secret,
    ]
    for table in ("dataset.json", "metadata.jsonl", "artfp-manifest.jsonl", "artfp-manifest.json"):
        text = (root / table).read_text()
        assert not [form for form in forms if form in text]
        assert "alice" not in text
        assert str(tmp_path) not in text


def test_zip_in_and_out_hold_what_folders_do(embed: Embed, thumbnails: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "source.zip", "w") as archive:
        for path in sorted(thumbnails.rglob("*.bmp")):
            archive.write(path, str(path.relative_to(thumbnails)))
    embed(thumbnails, "folder")
    embed(tmp_path / "source.zip", "from-zip")
    embed(tmp_path / "source.zip", "packed.zip")
    with zipfile.ZipFile(tmp_path / "packed.zip") as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    for root in ("folder", "from-zip"):
        found = {
            str(p.relative_to(tmp_path / root)): p.read_bytes() for p in (tmp_path / root).rglob("*") if p.is_file()
        }
        assert found.keys() == packed.keys()
        assert [name for name in found if found[name] != packed[name]] == ["artfp-manifest.json"]
    assert not [path for path in tmp_path.iterdir() if "partial" in path.name]


def test_labels_and_all_else_of_dataset_json_survive_twice(embed: Embed, photos: Path, tmp_path: Path) -> None:
    document = {
        "labels": [[f"{index:03d}.png", index % 3] for index in range(24)],
        "classes": ["a", "b", "c"],
        "made by": {"tool": "é"},
    }
    (photos / "dataset.json").write_text(json.dumps(document))
    embed(photos, "once")
    embed(tmp_path / "once", "twice")
    for name in ("once", "twice"):
        written = json.loads((tmp_path / name / "dataset.json").read_text())
        assert written == document | {"labels": [[image_name(index), index % 3] for index in range(24)]}
    assert lines(tmp_path / "twice" / "metadata.jsonl")[4]["source_file"] == "004.png"


def test_labels_that_are_vectors_survive(embed: Embed, photos: Path, tmp_path: Path) -> None:
    vectors = [[f"{index:03d}.png", [index / 2, 1.0]] for index in range(24)]
    (photos / "dataset.json").write_text(json.dumps({"labels": vectors}))
    embed(photos)
    written = json.loads((tmp_path / "marked" / "dataset.json").read_text())["labels"]
    assert written[3] == [image_name(3), [1.5, 1.0]]


def test_labels_of_some_images_only_go_to_the_metadata(embed: Embed, photos: Path, tmp_path: Path) -> None:
    (photos / "dataset.json").write_text(json.dumps({"labels": [["001.png", 4]]}))
    result = embed(photos)
    assert any("only 1 of 24 images have a label" in line for line in result.warnings)
    assert json.loads((tmp_path / "marked" / "dataset.json").read_text())["labels"] is None
    assert [row["label"] for row in lines(tmp_path / "marked" / "metadata.jsonl")[:3]] == [None, 4, None]


def test_without_classes_labels_are_null(embed: Embed, photos: Path, tmp_path: Path) -> None:
    embed(photos)
    assert json.loads((tmp_path / "marked" / "dataset.json").read_text()) == {"labels": None}
    assert lines(tmp_path / "marked" / "metadata.jsonl")[0] == {"file_name": image_name(0), "source_file": "000.png"}


def test_metadata_columns_survive_even_those_called_like_ours(embed: Embed, photos: Path, tmp_path: Path) -> None:
    rows = [{"file_name": f"{i:03d}.png", "text": f"naïve {i}", "label": "text", "source_file": "x"} for i in range(20)]
    (photos / "metadata.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in rows) + '{"file_name": "no.png"}\n'
    )
    result = embed(photos)
    written = lines(tmp_path / "marked" / "metadata.jsonl")
    assert written[7] == {"file_name": image_name(7), "source_file": "x", "text": "naïve 7", "label": "text"}
    assert written[23] == {"file_name": image_name(23), "source_file": None, "text": None, "label": None}
    assert lines(tmp_path / "marked" / "artfp-manifest.jsonl")[7]["source_file"] == "007.png"
    assert result.warnings == ("1 metadata rows of the source name no image of it",)


def test_strange_names_and_names_that_differ_after_a_dot_do_not_collide(
    embed: Embed, tmp_path: Path, clean_pixels: Pixels
) -> None:
    names = ["a.b.c.png", "a.b.d.png", "A.png", "a.png", "new\nline.png", "sp ace/日本.png", "\udcff.png"]
    for name, pixels in zip(names, clean_pixels, strict=False):
        (tmp_path / "src" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "src" / name, "PNG")
    embed(tmp_path / "src")
    rows = lines(tmp_path / "marked" / "metadata.jsonl")
    assert len({row["file_name"] for row in rows}) == len(names)
    assert {row["source_file"] for row in rows} == {*names[:-1], "\\xff.png"}
    assert len({row["sha256"] for row in lines(tmp_path / "marked" / "artfp-manifest.jsonl")}) == len(names)


def shade(mode: str) -> Image.Image:
    ramp = np.add.outer(np.arange(48), np.arange(64)).astype(np.uint8) * 2
    grey = Image.fromarray(ramp)
    if mode == "I;16":
        return Image.fromarray(ramp.astype(np.uint16) * 257)
    if mode == "P+transparency":
        image = grey.convert("P")
        image.info["transparency"] = 40
        return image
    if mode in ("LA", "RGBA"):
        image = grey.convert(mode)
        image.putalpha(Image.fromarray(255 - ramp))
        return image
    return grey.convert(mode)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "P+transparency", "RGB", "RGBA", "CMYK", "I;16"])
def test_every_mode_becomes_8_bit_rgb_and_keeps_its_alpha_exactly(mode: str, embed: Embed, tmp_path: Path) -> None:
    suffix = "tif" if mode == "CMYK" else "png"
    (tmp_path / "src").mkdir()
    source = tmp_path / "src" / f"image.{suffix}"
    shade(mode).save(source)
    result = embed(tmp_path / "src")
    clean, marked = load_image(source, "clean"), load_image(tmp_path / "marked" / image_name(0), "marked")
    has_alpha = mode in ("LA", "RGBA", "P+transparency")
    with Image.open(tmp_path / "marked" / image_name(0)) as written:
        assert written.mode == ("RGBA" if has_alpha else "RGB")
    assert (marked.alpha is not None) == has_alpha
    if has_alpha:
        assert np.array_equal(clean.alpha, marked.alpha)
        assert result.warnings[-1].startswith("1 of 1 images keep their alpha channel")
    assert 0 < np.abs(clean.rgb.astype(int) - marked.rgb).max() < 128
    assert result.totals.with_alpha == has_alpha


def test_photographs_are_turned_upright(embed: Embed, tmp_path: Path, clean_pixels: Pixels) -> None:
    (tmp_path / "src").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: display needs a rotation by 90 degrees
    image = Image.fromarray(clean_pixels[0][:32])
    image.save(tmp_path / "src" / "a.png", exif=exif)
    embed(tmp_path / "src", strength=0.0)
    assert np.array_equal(rgb(tmp_path / "marked" / image_name(0)), np.rot90(clean_pixels[0][:32], -1))


def test_strength_zero_leaves_every_pixel_alone(embed: Embed, photos: Path, tmp_path: Path) -> None:
    result = embed(photos, strength=0.0)
    for index, path in enumerate(sorted(photos.iterdir())):
        assert np.array_equal(rgb(tmp_path / "marked" / image_name(index)), rgb(path))
    assert result.strength == 0
    assert result.self_check is not None
    assert (result.self_check.psnr, result.self_check.passed) == (None, None)


def test_strength_scales_the_residual(embed: Embed, photos: Path) -> None:
    psnr = [embed(photos, f"s{s}", strength=s).self_check.psnr for s in (0.5, 1.0, 2.0)]  # type: ignore[union-attr]
    assert psnr[0] > psnr[1] + 3 > psnr[2] + 6


def test_a_fraction_marks_exactly_so_many(embed: Embed, photos: Path, tmp_path: Path, registry: Registry) -> None:
    result = embed(photos, fraction=0.3)
    assert (result.totals.marked, result.totals.images) == (7, 24)
    assert result.keys[0].images == 7
    rows = lines(tmp_path / "marked" / "artfp-manifest.jsonl")
    marked = {index for index, row in enumerate(rows) if row["key_id"] is not None}
    changed = {
        index
        for index, path in enumerate(sorted(photos.iterdir()))
        if not np.array_equal(rgb(tmp_path / "marked" / image_name(index)), rgb(path))
    }
    assert changed == marked == set(np.flatnonzero(choose_marked(0, 24, 0.3)))


def test_fraction_zero_marks_nothing(embed: Embed, photos: Path) -> None:
    result = embed(photos, fraction=0.0)
    assert (result.totals.marked, result.self_check, result.fraction) == (0, None, 0.0)


def test_the_choice_depends_on_the_seed_and_on_nothing_else() -> None:
    """A hash decides: with 1000 images two seeds choose the same half with probability 10^-299."""
    first = choose_marked(1, 1000, 0.5)
    assert first.sum() == 500
    assert np.array_equal(first, choose_marked(1, 1000, 0.5))
    assert not np.array_equal(first, choose_marked(2, 1000, 0.5))
    assert (choose_marked(1, 1000, 0.2) <= first).all()  # a smaller share is a part of a larger one
    assert [int(choose_marked(3, 5, f).sum()) for f in (0.0, 0.1, 0.3, 1.0)] == [0, 0, 2, 5]


def test_a_key_for_each_class_is_made_and_used(
    embed: Embed, thumbnails: Path, tmp_path: Path, registry: Registry, dct: DctCodec
) -> None:
    result = embed(thumbnails, key="bob", key_per="class")
    assert [name for name in registry.names() if name.startswith("bob")] == ["bob/even", "bob/odd"]
    assert [(use.class_name, use.images) for use in result.keys] == [("even", 100), ("odd", 100)]
    bits = {name: registry.pair(name, dct.facts()).bits for name in ("bob/even", "bob/odd")}
    image = rgb(tmp_path / "marked" / image_name(150))
    assert accuracy(dct, image, bits["bob/odd"]) > accuracy(dct, image, bits["bob/even"])
    assert result.self_check is not None
    assert result.self_check.bit_accuracy > 0.7  # of images of 16 and 24 px; two keys agree on half
    ids = [row["key_id"] for row in lines(tmp_path / "marked" / "artfp-manifest.jsonl")]
    assert ids == [registry.get("bob/even").key_id] * 100 + [registry.get("bob/odd").key_id] * 100


@pytest.mark.parametrize("classes", [2, 128, 129, 300])
def test_any_number_of_classes_have_their_keys(classes: int, tmp_path: Path, dct: DctCodec) -> None:
    for number in range(classes):
        (tmp_path / "src" / f"{number:03d}").mkdir(parents=True)
        (tmp_path / "src" / f"{number:03d}" / "a.png").touch()
    settings = request.EmbedSettings(tmp_path / "src", tmp_path / "marked", "bob", key_per="class")
    with request.checked(settings, dct, None) as found:
        assert found.marking.of.tolist() == list(range(classes))
    with request.checked(dataclasses.replace(settings, fraction=0.5), dct, None) as found:
        marking = found.marking
        marked = [number for number, of in enumerate(marking.of) if of != request.UNMARKED]
        assert [marking.class_names[of] for of in marking.of[marked]] == [f"{number:03d}" for number in marked]
        assert marking.marked == len(marking.names) == classes // 2


def test_the_self_check_samples_what_is_marked_and_good() -> None:
    chosen, bad = choose_marked(1, 2000, 0.5), {0, 1, 2, *range(1000, 1500)}
    marking = request.Marking(("bob",), (None,), np.where(chosen, 0, request.UNMARKED))
    good = [number for number in range(2000) if chosen[number] and number not in bad]
    assert selfcheck.sampled(marking, bad) == [good[at] for at in evenly_spaced(len(good), selfcheck.CHECKED)]


def test_class_keys_have_valid_names_that_stay_apart() -> None:
    classes = ["cat", "Great Dane", "Great_Dane", "Great/Dane", "日本", "x" * 300, "a.b-c"]
    names = [class_key("me", name) for name in classes]
    assert [check_name(name) for name in names] == names
    assert len(set(names)) == len(names)
    assert (names[0], names[2], names[-1]) == ("me/cat", "me/Great_Dane", "me/a.b-c")


def test_keys_per_class_need_classes(embed: Embed, photos: Path) -> None:
    with pytest.raises(UsageError, match="has no classes"):
        embed(photos, key_per="class")
    (photos / "dataset.json").write_text(json.dumps({"labels": [["001.png", 4]]}))
    with pytest.raises(UsageError, match="23 images have no class"):
        embed(photos, key_per="class")


def test_what_a_batch_holds_depends_on_its_group_alone(embed: Embed, photos: Path, tmp_path: Path) -> None:
    """Sizes mixed within a group; every image gets what it would get on its own, up to the last bit of rounding."""
    for index, path in enumerate(sorted(photos.iterdir())):
        Image.fromarray(rgb(path)[: 32 + 16 * (index % 3)]).save(path)
    result = embed(photos)
    assert result.totals.distinct_sizes == 3
    assert sum(size.images for size in result.totals.sizes) == 24
    for index, path in enumerate(sorted(photos.iterdir())):
        (tmp_path / "one").mkdir(exist_ok=True)
        path.rename(tmp_path / "one" / path.name)
        if index in (0, 7):
            embed(tmp_path / "one", f"alone{index}")
            together = rgb(tmp_path / "marked" / image_name(index)).astype(int)
            assert np.abs(together - rgb(tmp_path / f"alone{index}" / image_name(0))).max() <= 1
        (tmp_path / "one" / path.name).unlink()


def test_trainers_are_warned_for(embed: Embed, photos: Path) -> None:
    Image.new("RGBA", (40, 30)).save(photos / "z.png")
    assert embed(photos).warnings == (
        "images of 2 different sizes: StyleGAN-family loaders need one",
        "some images are not square with a power of two as side: StyleGAN-family trainers need that",
        "1 of 25 images keep their alpha channel: most trainers need RGB",
    )


class Deaf(DctCodec):
    """A codec that embeds nothing."""

    def residual(self, images: Any, bits: Any) -> Any:
        return super().residual(images, bits) * 0


def test_a_failed_self_check_is_said_loudly(embed: Embed, photos: Path) -> None:
    """Clean images agree with the key on half of 24 x 64 bits; .9 of them has probability below 1e-200."""
    result = embed(photos, codec=Deaf())
    assert result.self_check is not None
    assert result.self_check.passed is False
    assert result.warnings[0].startswith("SELF-CHECK FAILED: only 0.")


def test_the_same_again_does_nothing(embed: Embed, photos: Path, tmp_path: Path) -> None:
    for target in ("marked", "marked.zip"):
        first = embed(photos, target)
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if "registry" not in str(path)}
        again = embed(photos, target)
        assert again.already_done
        assert (again.totals, again.self_check, again.target) == (first.totals, first.self_check, first.target)
        assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if "registry" not in str(path)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strength": 0.5}, "strength: 1.0 there, 0.5 now"),
        ({"fraction": 0.5}, "fraction: 1.0 there, 0.5 now"),
        ({"seed": 4}, "seed: 0 there, 4 now"),
        ({"key": "bob"}, r"keys: \["),
        ({"key_per": "class"}, "key per: dataset there, class now"),
        ({"skip_bad": True}, "skip-bad: False there, True now"),
    ],
)
def test_other_settings_never_touch_what_is_there(
    changes: dict[str, Any], message: str, embed: Embed, thumbnails: Path, registry: Registry, tmp_path: Path
) -> None:
    registry.new("bob")
    manifest = tmp_path / "marked" / "artfp-manifest.json"
    manifest.parent.mkdir()
    embed(thumbnails, "first")
    manifest.write_bytes((tmp_path / "first" / "artfp-manifest.json").read_bytes())
    with pytest.raises(UsageError, match=rf"made with other settings \(.*{message}.*nothing is overwritten"):
        embed(thumbnails, **changes)
    assert list(manifest.parent.iterdir()) == [manifest]
    assert not (tmp_path / ".marked.artfp-partial").exists()
    assert "alice/even" not in registry.names()


@pytest.mark.parametrize("kind", ["empty folder", "folder", "file", "zip", "link"])
def test_what_we_did_not_make_is_never_overwritten(kind: str, embed: Embed, photos: Path, tmp_path: Path) -> None:
    name = "marked.zip" if kind == "zip" else "marked"
    there = tmp_path / name
    if kind == "link":
        there.symlink_to(tmp_path / "nowhere")
    elif "folder" in kind:
        there.mkdir()
    else:
        there.write_text("mine")
    if kind == "folder":
        (there / "artfp-manifest.json").write_text('{"format": "something else"}')
    with pytest.raises(UsageError, match="exists and is not a dataset of artfp; nothing is overwritten"):
        embed(photos, name)
    assert os.path.lexists(there)
    assert not (tmp_path / f".{name}.artfp-partial").exists()


def test_everything_wrong_is_said_at_once(embed: Embed, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "marked").mkdir()
    with pytest.raises(UsageError) as caught:
        embed(photos, strength=-1.0, fraction=float("nan"), key="nobody")
    message = str(caught.value)
    assert message.startswith("4 problems")
    for part in (
        "strength must be 0 or more, not -1.0",
        "fraction must lie between 0 and 1, not nan",
        "'nobody'",
        "exists and",
    ):
        assert part in message
    with pytest.raises(UsageError, match=r"(?s)2 problems.*no such folder to write out in.*no such folder or zip"):
        embed(tmp_path / "gone", "missing/out")
    with pytest.raises(UsageError, match="make it with `artfp key new`"):
        embed(photos, "other", key="nobody")


def test_damaged_tables_are_found_before_anything_is_done(embed: Embed, photos: Path, tmp_path: Path) -> None:
    (photos / "dataset.json").write_text("{")
    with pytest.raises(BadInputError, match=r"dataset\.json is not readable"):
        embed(photos)
    with pytest.raises(UsageError, match=r"(?s)2 problems.*dataset\.json is not readable.*nobody"):
        embed(photos, key="nobody")
    assert not (tmp_path / ".marked.artfp-partial").exists()


def test_the_target_may_not_lie_in_the_source(embed: Embed, photos: Path) -> None:
    with pytest.raises(UsageError, match="lies inside the source"):
        embed(photos, "photos/marked")


def test_after_each_shard_memory_goes_back(
    embed: Embed, tmp_path: Path, thumbnails: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = []
    monkeypatch.setattr(run, "give_back_memory", lambda: given.append(None))
    monkeypatch.setattr("artfp.data.writers.SHARD", 1)
    embed(thumbnails)
    assert len(given) == 4  # of 200 images


def test_a_source_without_images_is_bad_input(embed: Embed, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    with pytest.raises(BadInputError, match=r"holds no images \(no files at all\)"):
        embed(tmp_path / "src")
    (tmp_path / "src" / "a.txt").write_text("hello")
    with pytest.raises(BadInputError, match=r"holds no images \(1 \.txt\)"):
        embed(tmp_path / "src")


def test_too_little_space_is_known_beforehand(
    embed: Embed, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request, "free_bytes", lambda _: 1000)
    with pytest.raises(ArtfpError, match=r"needs about .* MB, but only 0 MB are free"):
        embed(photos)
    assert not (tmp_path / ".marked.artfp-partial").exists()


KODAK = Path(__file__).parents[2].parent / "shared" / "data" / "kodak"


@pytest.mark.skipif(not KODAK.is_dir(), reason="../shared/data/kodak is not here")
def test_real_photographs_of_any_size_carry_the_key(embed: Embed, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    for name in ("kodim03.png", "kodim04.png"):  # landscape, portrait
        (tmp_path / "src" / name).write_bytes((KODAK / name).read_bytes())
    result = embed(tmp_path / "src")
    assert result.self_check is not None
    assert result.self_check.bit_accuracy > 0.9
