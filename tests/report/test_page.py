"""The page: complete, self-contained, and honest about what is there."""

from __future__ import annotations

import base64
import io
import math
import re
from pathlib import Path

import numpy as np
import pytest
from outline import Outline
from PIL import Image
from sweeps import change

from artfp.errors import BadInputError, UsageError
from artfp.report.page import write_report
from artfp.report.run_folder import read_run
from artfp.verdict import statement_of_match


def page_of(run: Path) -> str:
    return write_report(run).read_text(encoding="utf-8")


def test_the_page_opens_with_the_verdict(run_folder: Path) -> None:
    page = page_of(run_folder)
    headline = re.search(r"<h1>(.*?)</h1>", page)
    assert headline is not None
    assert headline[1] == (
        "As a set, these 512 images carry the key publisher: at least some of them are marked data or come from a "
        "model trained on it."
    )
    text = Outline(page).text
    assert "probability at most 2.2 × 10−19 (corrected for 2 trials)" in text
    assert "The control holds" in text
    assert "509 of 512 images match on their own (p ≤ 0.001)" in text


def test_the_page_needs_nothing_but_itself_and_can_be_read_without_seeing_it(run_folder: Path) -> None:
    outline = Outline(page_of(run_folder))
    outline.check()
    assert len(outline.figures) == 3
    assert len(list(outline.all("caption"))) == 2


def test_every_section_shows_what_the_run_holds(run_folder: Path) -> None:
    text = Outline(page_of(run_folder)).text
    for words in ("Clean twin", "Marked data", "38.4", "0.9871", "training images shown", "gan.betas", "0, 0.99"):
        assert words in text
    assert "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" in text
    assert "9f86d081884c7d65" in text
    assert "/home/somebody" not in text


@pytest.mark.parametrize(
    "left", ["run.json", "embed.json", "verdicts/model.json", "verdicts/data.json", "model/stats.jsonl"]
)
def test_a_page_comes_from_any_part_of_a_run(run_folder: Path, tmp_path: Path, left: str) -> None:
    part = tmp_path / "part" / left
    part.parent.mkdir(parents=True)
    part.write_bytes((run_folder / left).read_bytes())
    text = Outline(page_of(tmp_path / "part")).text
    assert ("No verdict has been reached" in text) == (not left.startswith("verdicts"))
    assert "The control" not in text


def test_without_images_and_curves_their_sections_are_gone(run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part/run.json").write_bytes((run_folder / "run.json").read_bytes())
    outline = Outline(page_of(tmp_path / "part"))
    assert not list(outline.all("img"))
    assert not list(outline.all("svg"))


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("match", "The control fails"),
        ("inconclusive", "The control is inconclusive"),
        ("no match", "The control holds"),
    ],
)
def test_the_clean_twin_is_the_control(run_folder: Path, outcome: str, words: str) -> None:
    change(run_folder / "verdicts/twin.json", outcome=outcome)
    assert words in Outline(page_of(run_folder)).text


def test_without_a_match_there_is_nothing_to_control(run_folder: Path) -> None:
    change(run_folder / "verdicts/model.json", outcome="no match")
    assert "The control" not in Outline(page_of(run_folder)).text


def test_imported_bits_are_labelled_where_the_verdict_stands(run_folder: Path) -> None:
    words = statement_of_match(512, "k", "imported-bits", 1e-12, 1, 512)
    change(run_folder / "verdicts/model.json", statement=words, key_origin_words="bits chosen by their owner")
    head = page_of(run_folder).split("<section")[0]
    assert "chosen by their owner" in head


def test_what_records_say_cannot_become_markup(run_folder: Path) -> None:
    hostile = "<script>alert(1)</script>"
    change(run_folder / "verdicts/model.json", key=hostile, statement=f"{hostile} 1e-9. More {hostile}")
    change(run_folder / "run.json", name=hostile, recipe={hostile: {hostile: hostile}})
    (run_folder / "verdicts" / "a<b>&.json").write_bytes((run_folder / "verdicts/data.json").read_bytes())
    (run_folder / "strips/original-000.png").rename(run_folder / "strips/original-<i>.png")
    (run_folder / "strips/marked-000.png").rename(run_folder / "strips/marked-<i>.png")
    page = page_of(run_folder)
    assert "<script" not in page
    assert "<i>" not in page
    assert "<b>&" not in page
    Outline(page)


def test_the_same_run_gives_the_same_page(run_folder: Path) -> None:
    assert page_of(run_folder) == page_of(run_folder)


def test_pictures_hold_pixels_and_nothing_else_of_their_files(run_folder: Path) -> None:
    path = run_folder / "strips/original-000.png"
    with Image.open(path) as image:
        pixels = np.asarray(image)
        exif = Image.Exif()
        exif[0x010E] = "where it was taken"
        image.save(path, exif=exif)
    page = page_of(run_folder)
    first = base64.b64decode(re.findall(r"data:image/png;base64,([^\"]+)", page)[0])
    with Image.open(io.BytesIO(first)) as shown:
        assert np.array_equal(np.asarray(shown), pixels)
        assert not shown.getexif()
    assert b"where it was taken" not in first


def test_a_page_replaces_an_old_one_whole_or_not_at_all(run_folder: Path) -> None:
    (run_folder / "report.html").write_text("old")
    (run_folder / "strips/marked-001.png").write_bytes(b"torn")
    with pytest.raises(BadInputError, match=r"marked-001\.png: not a readable image"):
        write_report(run_folder)
    assert (run_folder / "report.html").read_text() == "old"
    assert not list(run_folder.glob(".report*"))


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such run folder"):
        read_run(tmp_path / "absent")
    with pytest.raises(UsageError, match="nothing to report"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    ("file", "content", "complaint"),
    [
        ("run.json", "[1]", "must hold a JSON object"),
        ("run.json", "{", "not readable as JSON"),
        ("verdicts/model.json", '{"outcome": "match"}', "not a verdict"),
        ("model/stats.jsonl", '{"images_shown": 1, "matching_bits": 3, "total_bits": 2, "p": 1}\n', "that cannot be"),
        ("model/stats.jsonl", "no json\n", r"stats\.jsonl:1: not a line of JSON"),
        (
            "model/stats.jsonl",
            '{"images_shown": "x", "matching_bits": 1, "total_bits": 2, "p": 1}\n',
            "not a line of JSON statistics",
        ),
    ],
)
def test_a_corrupt_record_is_named(run_folder: Path, file: str, content: str, complaint: str) -> None:
    (run_folder / file).write_text(content)
    with pytest.raises(BadInputError, match=complaint):
        write_report(run_folder)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("outcome", "perhaps"),
        ("q", "small"),
        ("q", 1.1),
        ("log10_q", 1.0),
        ("n_bits", 0),
        ("n_bits", 10**9),
        ("matching_bits", 65),
        ("n_images", 0),
        ("share", None),
        ("share_high", math.inf),
        ("margin", math.nan),
        ("calibration_images", -1),
        ("trials", [1]),
        ("images", [{"name": "a", "key": "k", "matching_bits": 65, "n_bits": 64, "p": 1, "q": 1}]),
    ],
)
def test_a_verdict_that_cannot_be_is_named(run_folder: Path, field: str, value: object) -> None:
    change(run_folder / "verdicts/twin.json", **{field: value})
    with pytest.raises(BadInputError, match=rf"twin\.json: not a verdict \({field}[ ,]"):
        write_report(run_folder)


def test_an_original_that_lies_on_its_side_meets_its_upright_copy(run_folder: Path) -> None:
    path = run_folder / "strips/original-000.png"
    with Image.open(path) as image:
        exif = Image.Exif()
        exif[0x0112] = 6  # the camera was turned by 90 degrees
        upright = image.crop((0, 0, 64, 40))
        upright.save(run_folder / "strips/marked-000.png")
        upright.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)
    assert "unchanged" in page_of(run_folder)


def test_pairs_of_different_sizes_are_refused(run_folder: Path) -> None:
    with Image.open(run_folder / "strips/marked-000.png") as image:
        smaller = image.resize((32, 32))
    smaller.save(run_folder / "strips/marked-000.png")
    with pytest.raises(BadInputError, match=r"marked-000\.png: not of the size"):
        write_report(run_folder)


def test_a_run_that_is_still_going_has_a_page(run_folder: Path) -> None:
    with (run_folder / "model/stats.jsonl").open("a") as stream:
        stream.write('{"images_shown": 63000, "matchi')
    assert len(read_run(run_folder).transfer["model"]) == 21


def test_the_latest_grid_is_shown(run_folder: Path) -> None:
    samples = run_folder / "model/samples"
    for name in ("900.png", "1000.png"):
        (samples / name).write_bytes((samples / "000060000.png").read_bytes())
    (samples / "000060000.png").unlink()
    assert read_run(run_folder).samples["model"].name == "1000.png"
