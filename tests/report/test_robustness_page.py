"""The page of a sweep: honest in its headline, complete, addressable, and self-contained."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from outline import Outline
from sweeps import IMAGES, adversaries, alterations, full_rows, read, row, write_sweep

from artfp.errors import BadInputError
from artfp.report.published import PUBLISHED
from artfp.report.robustness_page import write_robustness_report
from artfp.robustness import ADVERSARY, DATA, FORGERY, GENERATED, IMAGE, UNTOUCHED, WEIGHTS, Control, Row
from artfp.statistics.calibration import Share


def page_of(folder: Path, rows: Sequence[Row], thumbs: bool = False, **changes: Any) -> str:
    return write_robustness_report(write_sweep(folder / "sweep", rows, thumbs, **changes)).read_text(encoding="utf-8")


UNPROVEN = row(IMAGE, UNTOUCHED, 0, GENERATED, read(0.6, log10_p=-3))


def headline(page: str) -> str:
    found = re.search(r"<h1>(.*?)</h1>", page)
    assert found is not None
    return found[1]


def with_p(*log10_ps: float, subject: str = GENERATED) -> list[Row]:
    """Rows of one attack, proven or not."""
    return [
        row(IMAGE, "noise", place, subject, read(0.7, log10_p=log10_p)) for place, log10_p in enumerate(log10_ps, 1)
    ]


@pytest.mark.parametrize(
    ("log10_ps", "claim"),
    [
        ((-30, -6.0), f"After all 2 alterations, {IMAGES} images from this generator still prove the key"),
        ((-30, -5.99), f"After 1 of 2 alterations, {IMAGES} images from this generator still prove the key"),
        ((-5, -0.1), f"After none of 2 alterations, {IMAGES} images from this generator still prove the key"),
        ((-9,), f"After the one alteration measured, {IMAGES} images from this generator still prove the key"),
        ((-5,), f"After the one alteration measured, {IMAGES} images from this generator no longer prove the key"),
    ],
)
def test_the_headline_counts_the_sets_that_prove_the_key(
    tmp_path: Path, log10_ps: tuple[float, ...], claim: str
) -> None:
    assert headline(page_of(tmp_path, with_p(*log10_ps))) == f"{claim} publisher."


def test_the_headline_is_of_generated_images_where_there_are_any(tmp_path: Path) -> None:
    page = page_of(tmp_path, [*with_p(-9, -1), *with_p(-9, -9, subject=DATA)])
    assert headline(page).startswith("After 1 of 2 alterations")


def test_data_alone_have_a_headline_of_their_own(tmp_path: Path) -> None:
    page = page_of(tmp_path, with_p(-9, subject=DATA))
    assert headline(page) == f"After the one alteration measured, {IMAGES} marked images still prove the key publisher."


def test_images_that_never_proved_anything_are_no_success(tmp_path: Path) -> None:
    page = page_of(tmp_path, [UNPROVEN, *with_p(-9)])
    assert headline(page).startswith("Even unaltered,")
    assert 'class="stamp no-match"' in page


def test_nothing_takes_from_images_a_key_that_they_never_proved(tmp_path: Path) -> None:
    """Alterations, adversaries; of the other subject, which proves it, they do."""
    data = row(IMAGE, UNTOUCHED, 0, DATA, read(0.9))
    removals = [row(ADVERSARY, "averaging", 10, subject, read(0.51, log10_p=-0.3)) for subject in (GENERATED, DATA)]
    text = Outline(page_of(tmp_path, [UNPROVEN, data, *with_p(-1), *removals])).text
    assert "no longer proven" not in text
    assert "Adversaries removed the key in 1 of 1 attempt." in text
    assert "Averaging, strength 10, generated imagesWas not proven beforeremoval" in text
    assert "Averaging, strength 10, marked dataRemoved the keyremoval" in text
    only = Outline(page_of(tmp_path / "alone", [UNPROVEN, *with_p(-1), removals[0]])).text
    assert "removed the key in" not in only


def test_the_worst_of_all_is_the_worst_of_the_tables(tmp_path: Path) -> None:
    """Of three that read about half of the bits, not the one with the fewest, but the one that proves least."""
    rotated = [
        row(IMAGE, "rotate", strength, GENERATED, read(accuracy, log10_p=log10_p))
        for strength, accuracy, log10_p in ((5, 0.6, -9), (10, 0.498, -6.8), (20, 0.51, -0.1))
    ]
    page = page_of(tmp_path, rotated)
    text = Outline(page).text
    assert "no longer proven after Rotate (strength 20)." in text
    assert "bits right at the worst: Rotate, strength 20" in text
    table = page[page.index('id="worst-table"') :]
    assert "at strength 20" in table[: table.index("</table>")]


def test_many_kinds_of_defeat_are_counted(tmp_path: Path) -> None:
    rows = [row(IMAGE, f"harm-{index}", 1, GENERATED, read(0.5, log10_p=-1)) for index in range(8)]
    assert "Harm 5 (strength 1); and 2 more kinds of alteration." in Outline(page_of(tmp_path / "8", rows)).text
    assert "Harm 5 (strength 1); and 1 more kind of alteration." in Outline(page_of(tmp_path / "7", rows[:7])).text


def test_distances_read_as_people_write_them(tmp_path: Path) -> None:
    page = page_of(tmp_path, full_rows())
    assert "Fréchet 20,000" in page
    assert "<td>25,000</td>" in page
    assert "0.24: 25,000" in page
    assert not re.search(r"\de\+\d", page)


def test_an_empty_sweep_says_so(tmp_path: Path) -> None:
    page = page_of(tmp_path, [])
    assert headline(page) == "No alteration has been measured in this sweep yet."
    Outline(page)


def test_what_defeats_the_key_stands_beneath_the_headline(tmp_path: Path) -> None:
    rows = full_rows()
    sweep = write_sweep(tmp_path / "sweep", rows, thumbs=False)
    (sweep / "rows/image.flip.1.generated.json").unlink()
    head = Outline(write_robustness_report(sweep).read_text()).text.split("Worst cases")[0]
    assert "After 18 of 20 alterations" in head
    assert "no longer proven after JPEG (quality 30); Brightness (factor 1.5)." in head
    assert "removed the key in 1 of 2 attempts and forged a proof in 1 of 2 attempts" in head
    assert "1 of 44 rows could not be carried out" in head
    assert "Not measured yet: 1 of 45 rows." in head


@pytest.mark.parametrize(("surviving", "told"), [(0, "0 of 1"), (3, "1 of 1")])
def test_the_best_of_many_keys_is_a_forgery_only_after_correction(tmp_path: Path, surviving: int, told: str) -> None:
    notes = {"keys": 1_000_000, "corrected_matches": surviving}
    attack = row(ADVERSARY, "cross-keys", 1e6, DATA, read(0.5, log10_p=-6.2), aim=FORGERY, notes=notes)
    page = page_of(tmp_path, [*with_p(-9), attack])
    assert f"Adversaries forged a proof in {told} attempt." in page
    assert ("Forged the key" in page) == (surviving > 0)


def test_the_control_counts_unmarked_images_that_pass(tmp_path: Path) -> None:
    assert "The control holds: of 64 readings of 32 unmarked images" in page_of(tmp_path, with_p(-9, -9))
    passing = Control(Share.of(2, 32), None)
    rows = [dataclasses.replace(each, twin=passing) for each in with_p(-9)]
    assert "The control needs a look: 2 of 64 readings of 64 unmarked images" in page_of(tmp_path, rows)


def test_what_the_control_reads_counts_once_for_both_subjects(tmp_path: Path) -> None:
    unharmed = [row(IMAGE, UNTOUCHED, 0, subject, read(0.9)) for subject in (GENERATED, DATA)]
    page = page_of(tmp_path, [*unharmed, *with_p(-9), *with_p(-9, subject=DATA)])
    assert "The control holds: of 32 readings of 32 unmarked images" in page


def test_without_unmarked_images_there_is_no_control(tmp_path: Path) -> None:
    rows = [dataclasses.replace(each, clean=None) for each in with_p(-9)]
    assert "The control" not in page_of(tmp_path, rows)


def test_the_papers_numbers_stand_beside_ours(tmp_path: Path) -> None:
    text = Outline(page_of(tmp_path, full_rows())).text
    assert "arXiv 2007.08457" in text
    for published in PUBLISHED.values():
        for accuracy in published.accuracy.values():
            assert f"{accuracy:.3f}" in text
    assert "JPEG, quality 80" in text
    assert "FID 47" in text
    assert "8.4 px 0.619" in text
    assert "holds 97 % of a Gaussian" in text


def test_data_alone_have_neither_the_papers_numbers_nor_its_notes_beside_them(tmp_path: Path) -> None:
    text = Outline(page_of(tmp_path, alterations(IMAGE, DATA))).text
    assert "Beside the paper" not in text
    assert "window of its blur" not in text


def test_adversaries_who_succeed_come_first(tmp_path: Path) -> None:
    page = page_of(tmp_path, full_rows())
    table = page[page.index('id="adversaries-table"') : page.index('id="null"')]
    outcomes = ["Removed the key", "Forged the key", "Still proven", "Forged nothing", "Not carried out: there is no"]
    places = [table.index(outcome) for outcome in outcomes]
    assert places == sorted(places)
    for words in ("nothing but the images", "a minute", "psnr_found 21.5", "Averaging, strength 1,000"):
        assert words in table


def test_every_row_has_its_address_as_an_anchor(tmp_path: Path) -> None:
    rows = full_rows()
    outline = Outline(page_of(tmp_path, rows))
    anchors = {each["id"] for each in outline.all("tr") if each.get("id")}
    assert anchors == {each.address for each in rows}
    inner = {(link["href"] or "")[1:] for link in outline.all("a") if (link["href"] or "").startswith("#")}
    ids = {attributes["id"] for _, attributes in outline.elements if attributes.get("id")}
    assert anchors < inner <= ids


def test_the_page_needs_nothing_but_the_table_beside_it_and_can_be_read_without_seeing_it(tmp_path: Path) -> None:
    outline = Outline(page_of(tmp_path, full_rows(), thumbs=True))
    outline.check("rows.csv")
    assert "rows.csv" in {link["href"] for link in outline.all("a")}
    assert len(outline.figures) == 18


def test_thumbnails_are_small_and_say_what_they_are(tmp_path: Path) -> None:
    rows = full_rows()
    outline = Outline(page_of(tmp_path, rows, thumbs=True))
    alternatives = [image["alt"] for image in outline.all("img")]
    assert "The first image, unaltered" in alternatives
    assert "The first image after JPEG, quality 80" in alternatives
    assert "The first image after Forging, strength 10" in alternatives
    assert all(int(image["width"] or 0) <= 96 for image in outline.all("img"))


def test_without_thumbnails_the_page_has_no_pictures(tmp_path: Path) -> None:
    assert not list(Outline(page_of(tmp_path, full_rows())).all("img"))


def test_a_torn_thumbnail_is_named(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, full_rows())
    (sweep / "thumbs/image.jpeg.80.generated.png").write_bytes(b"torn")
    with pytest.raises(BadInputError, match=r"image\.jpeg\.80\.generated\.png: not a readable image"):
        write_robustness_report(sweep)
    assert not (sweep / "report.html").exists()


@pytest.mark.parametrize(
    "rows",
    [
        alterations(IMAGE, DATA),
        alterations(IMAGE, GENERATED),
        alterations(WEIGHTS, GENERATED),
        adversaries(),
        [row(IMAGE, "jpeg", 80, GENERATED, None, failure="no memory")],
        [dataclasses.replace(each, damage=None, clean=None) for each in full_rows()],
        [
            dataclasses.replace(
                each,
                readout=each.readout and dataclasses.replace(each.readout, single_empirical=None, images_needed=None),
            )
            for each in full_rows()
        ],
    ],
    ids=["data", "generated", "weights", "adversaries", "failures", "no damage", "no empirical threshold"],
)
def test_a_page_comes_from_any_part_of_a_sweep(tmp_path: Path, rows: list[Row]) -> None:
    Outline(page_of(tmp_path, rows, side=None, generator_sha256=None, family=None))


def test_settings_and_hashes_are_told(tmp_path: Path) -> None:
    text = Outline(page_of(tmp_path, full_rows())).text
    for words in ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "ab" * 32, "standard", "dcgan"):
        assert words in text


def test_what_records_say_cannot_become_markup(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>"
    made = row(IMAGE, "<b>&\"'", 1, GENERATED, read(0.9), unit=hostile, failure=None, notes={hostile: hostile})
    attacker = [dataclasses.replace(each, knows=hostile, costs=hostile, notes={"x": hostile}) for each in adversaries()]
    failed = [dataclasses.replace(each, failure=each.failure and hostile) for each in attacker]
    page = page_of(tmp_path, [made, *failed], thumbs=True, name=hostile, key=hostile, codec=hostile, family=hostile)
    assert "<script" not in page
    assert "<b>" not in page
    Outline(page)


def test_the_same_sweep_gives_the_same_page(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, full_rows())
    assert write_robustness_report(sweep).read_bytes() == write_robustness_report(sweep).read_bytes()
