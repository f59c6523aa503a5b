"""Secrecy studies: rows, resumed and repeated to the byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from flips import flipped

from artfp.attacks.attempts import drawn_key, marking
from artfp.audit.findings import BROKEN, HOLDS
from artfp.audit.kinds import audit
from artfp.codec.dct import DctCodec
from artfp.data.procedural import generate
from artfp.errors import UsageError
from artfp.evaluate import secrecy
from artfp.evaluate.gallery import Gallery, Request
from artfp.evaluate.pictures import pictures_of
from artfp.evaluate.secrecy import Outcome
from artfp.secrecy import LABELLED, SUSPECTS

Pixels = np.ndarray


@pytest.fixture
def request_of(tmp_path: Path, write_pngs: Callable[[Path, Pixels], list[Path]]) -> Callable[..., Request]:
    """A study of 48 small marked images and their originals, whose attacker has the codec that marked."""
    originals = np.stack(list(generate("photo-like", 48, 64, seed=5)))
    write_pngs(tmp_path / "clean", originals)
    write_pngs(tmp_path / "marked", marking(DctCodec(), drawn_key(64, 1, "publisher"), 2.0)(originals))

    def request(*attackers: str, seed: int = 0, test: int = 12, codec: str | None = "dct") -> Request:
        pictures = pictures_of(tmp_path / "marked", tmp_path / "clean", seed)
        return Request(pictures, attackers, codec, test, 20, seed, "cpu")

    return request


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in [*folder.glob("*.json"), *folder.glob("rows/*")]
    }


def test_a_study_has_a_row_for_every_attacker_and_number(
    request_of: Callable[..., Request], studied: Callable[[Request, Path], Outcome], tmp_path: Path
) -> None:
    outcome = studied(request_of("averaging", "other-codec", "ats-once"), tmp_path / "out")
    rows = {row.address: row for row in outcome.rows}
    assert list(rows) == [
        "ats-once-control/20", "ats-once/20", "averaging/10", "averaging/18", "other-codec/10", "other-codec/18",
    ]  # fmt: skip
    assert outcome.study.pairs == outcome.study.marked == 48
    assert (outcome.study.test, outcome.study.side, outcome.study.publishers_codec) == (12, (64, 64), None)
    assert rows["other-codec/18"].detection.auc.value > 0.9
    assert rows["other-codec/18"].finding == "leaks"
    assert (rows["other-codec/18"].codec, rows["averaging/18"].codec, rows["ats-once/20"].codec) == ("dct", None, "dct")
    assert (rows["averaging/10"].unit, rows["ats-once/20"].unit) == (LABELLED, SUSPECTS)
    assert (rows["averaging/10"].detection.marked, rows["ats-once/20"].detection.marked) == (12, 10)
    assert set(outcome.study.addresses) == set(rows)


def test_the_same_seed_gives_the_same_files_whatever_interrupts(
    request_of: Callable[..., Request],
    studied: Callable[[Request, Path], Outcome],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = request_of("averaging", "cooccurrence", "ats-once")
    studied(asked, tmp_path / "whole")
    make, calls = secrecy._row, 0

    def interrupted(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return make(*arguments)

    monkeypatch.setattr(secrecy, "_row", interrupted)
    with pytest.raises(KeyboardInterrupt):
        studied(asked, tmp_path / "cut")
    assert len(list((tmp_path / "cut" / "rows").iterdir())) == 2
    studied(asked, tmp_path / "cut")
    assert calls == 3 + 4  # the two rows that were there are not made again
    assert files_of(tmp_path / "cut") == files_of(tmp_path / "whole")


def test_a_study_may_be_widened_and_remembers_its_rows(
    request_of: Callable[..., Request], studied: Callable[[Request, Path], Outcome], tmp_path: Path
) -> None:
    studied(request_of("averaging"), tmp_path / "out")
    outcome = studied(request_of("frequency"), tmp_path / "out")
    assert [row.attacker for row in outcome.rows] == ["frequency"] * 2
    assert set(outcome.study.addresses) == {
        f"{name}/{count}" for name in ("averaging", "frequency") for count in (10, 18)
    }


def test_a_folder_belongs_to_one_study(
    request_of: Callable[..., Request], studied: Callable[[Request, Path], Outcome], tmp_path: Path
) -> None:
    studied(request_of("averaging"), tmp_path / "out")
    with pytest.raises(UsageError, match=r"a secrecy study with other settings \(seed: 0, now 1"):
        studied(request_of("averaging", seed=1), tmp_path / "out")
    with pytest.raises(UsageError, match="exists and is not a secrecy study"):
        studied(request_of("averaging"), tmp_path / "clean")


def test_images_of_several_sizes_are_refused(
    request_of: Callable[..., Request],
    studied: Callable[[Request, Path], Outcome],
    tmp_path: Path,
    write_pngs: Callable[[Path, Pixels], list[Path]],
) -> None:
    write_pngs(tmp_path / "clean", np.stack(list(generate("photo-like", 48, 32, seed=5))))
    with pytest.raises(UsageError, match="several sizes"):
        studied(request_of("averaging"), tmp_path / "out")


def test_too_few_pictures_and_unknown_attackers_are_refused(
    request_of: Callable[..., Request],
    studied: Callable[[Request, Path], Outcome],
    tmp_path: Path,
    write_pngs: Callable[[Path, Pixels], list[Path]],
    clean_pixels: Pixels,
) -> None:
    with pytest.raises(UsageError, match="no attacker 'spy': one of ats, ats-once, averaging"):
        studied(request_of("spy"), tmp_path / "out")
    for name in ("few", "others"):
        write_pngs(tmp_path / name, clean_pixels[:3])
    few = Request(pictures_of(tmp_path / "few", tmp_path / "others", 0), (), "dct", 12, 20, 0, "cpu")
    with pytest.raises(UsageError, match="too few"):
        studied(few, tmp_path / "out")


def test_the_attackers_codec_is_not_the_publishers(small_run: Path, request_of: Callable[..., Request]) -> None:
    assert request_of(codec=None).codec().name == "artfp-128"
    pictures = pictures_of(small_run / "data" / "marked", small_run / "data" / "original", 0)
    assert pictures.codec_sha256 == DctCodec().sha256


def test_control_suspects_are_marked_with_the_closed_form_codec(
    request_of: Callable[..., Request], tmp_path: Path
) -> None:
    """Every other one; those between are clean images as they are."""
    gallery = Gallery(request_of(), tmp_path / "out")
    (tmp_path / "out" / "cache").mkdir(parents=True)
    controls = gallery._controls()
    clean = gallery.pixels("clean", gallery.controls.clean)
    np.testing.assert_array_equal(controls[1::2], clean)
    before = gallery.pixels("clean", gallery.controls.marked)
    assert (controls[::2] != before).any(axis=(1, 2, 3)).all()


def test_a_flipped_bit_of_any_file_is_found(
    request_of: Callable[..., Request], studied: Callable[[Request, Path], Outcome], tmp_path: Path
) -> None:
    """Also after a second run has added rows."""
    studied(request_of("averaging"), tmp_path / "out")
    studied(request_of("averaging", "frequency"), tmp_path / "out")
    images = [tmp_path / "marked", tmp_path / "clean"]
    found = audit(tmp_path / "out" / secrecy.STUDY, images)
    assert (found.kind, found.outcome) == ("secrecy study", HOLDS)
    for path in [*(tmp_path / "out").glob("*.json"), *(tmp_path / "out" / "rows").iterdir()]:
        with flipped(path, path.stat().st_size // 2):
            assert audit(tmp_path / "out", images).outcome == BROKEN, path
