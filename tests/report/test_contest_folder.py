"""The folder of a comparison: read in its own order, whole or in part, and refused by name where it cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from contest_rows import change, put, shipped, write_contest

from artfp.errors import BadInputError, UsageError
from artfp.report.contest_folder import is_contest, read_contest

ROW = "rows/attribution-attnet+noise.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_contest(tmp_path / "contest")


def change_exam(folder: Path, **values: Any) -> None:
    """Of the first examination."""
    first, *others = json.loads((folder / ROW).read_text())["exams"]
    change(folder / ROW, exams=[first | values, *others])


def change_closed(folder: Path, **values: Any) -> None:
    first = json.loads((folder / ROW).read_text())["exams"][0]
    change_exam(folder, closed_set=first["closed_set"] | values)


def test_all_rows_come_back_in_the_order_of_the_comparison(folder: Path) -> None:
    assert is_contest(folder)
    found = read_contest(folder)
    assert list(found.entries) == [(course.name, system) for course in shipped().courses for system in course.systems]
    assert found.missing == ()
    entry = found.entries["detection", "dct"]
    assert entry.to_dict() == json.loads((folder / "rows/detection-dct.json").read_text())
    assert [course.name for course in found.contest.courses] == [course.name for course in shipped().courses]


def test_rows_that_are_not_there_are_told(folder: Path) -> None:
    for name in ("8-seeds-dct", "attribution-artfp"):
        (folder / f"rows/{name}.json").unlink()
    found = read_contest(folder)
    assert found.missing == ("attribution-artfp", "8-seeds-dct")
    assert found.entry(found.contest.courses[0], "artfp") is None
    assert found.exam(found.contest.courses[0], "artfp", "closed") is None


def test_nothing_but_what_the_comparison_asks_for_is_read(folder: Path) -> None:
    put(folder / "rows/other-dct.json", {"schema": 1})
    put(folder / "rows/notes.json", [])
    assert ("other", "dct") not in read_contest(folder).entries


def test_a_folder_without_a_comparison_is_a_wrong_request(tmp_path: Path) -> None:
    assert not is_contest(tmp_path)
    with pytest.raises(UsageError, match="no comparison here"):
        read_contest(tmp_path)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("contest", "another", "of another, and should be attnet.noise in the course attribution of comparison"),
        ("course", "detection", r"is attnet.noise in the course detection of comparison, and should be"),
        ("system", "attnet", "is attnet in the course attribution of comparison, and should be attnet.noise in"),
    ],
)
def test_a_row_under_another_ones_name_is_refused(folder: Path, field: str, value: str, told: str) -> None:
    change(folder / ROW, **{field: value})
    with pytest.raises(BadInputError, match=f"attribution-attnet.noise.json: .*{told}"):
        read_contest(folder)


def test_a_row_with_other_examinations_is_refused(folder: Path) -> None:
    change(folder / ROW, exams=json.loads((folder / ROW).read_text())["exams"][1:])
    with pytest.raises(BadInputError, match="has other examinations than the course attribution"):
        read_contest(folder)


@pytest.mark.parametrize(
    "values",
    [
        {"schema": 0},
        {"schema": 2},
        {"classes": {"real": ["real"]}},
        {"cost": {"images": -1, "seconds": 1.0, "processor_seconds": 1.0}},
        {"cost": {"images": 1, "seconds": float("nan"), "processor_seconds": 1.0}},
        {"exams": None},
        {"data": ["real"]},
    ],
)
def test_a_row_that_cannot_be_is_named(folder: Path, values: dict[str, Any]) -> None:
    change(folder / ROW, **values)
    with pytest.raises(BadInputError, match=r"rows/attribution-attnet.noise\.json: "):
        read_contest(folder)


@pytest.mark.parametrize(
    "values",
    [
        {"confusion": [[1, 0], [0, 1]]},
        {"confusion": [[0] * 5] * 5},
        {"confusion": [[-1, 2, 0, 0, 0]] * 5},
        {"balanced_accuracy": {"value": 1.5, "low": 0, "high": 1}},
        {"auc": {"value": 0.5, "low": 0, "high": -1}},
    ],
)
def test_numbers_that_cannot_be_are_named_by_their_examination(folder: Path, values: dict[str, Any]) -> None:
    change_closed(folder, **values)
    with pytest.raises(BadInputError, match=r"not a row of this comparison \(closed cannot be\)"):
        read_contest(folder)


def test_what_is_no_number_is_named_by_its_field(folder: Path) -> None:
    change_closed(folder, auc={"value": 0.5, "low": float("nan"), "high": 1})
    with pytest.raises(BadInputError, match=r"not a row of a comparison \(exams cannot be\)"):
        read_contest(folder)


def test_an_open_set_of_no_images_cannot_be(folder: Path) -> None:
    share = {"value": 0.5, "low": 0.4, "high": 0.6}
    names = ("auroc", "fpr_at_95_tpr", "oscr", "known_kept", "unknown_refused")
    change_exam(folder, open_set={"unknown": 0, **dict.fromkeys(names, share)})
    with pytest.raises(BadInputError, match=r"closed cannot be"):
        read_contest(folder)


@pytest.mark.parametrize(
    "values",
    [
        {"courses": []},
        {"courses": {}},
        {"courses": {"attribution": 3}},
        {"models": {"one": "recipe"}},
        {"name": None},
        {"size": "32"},
    ],
)
def test_a_comparison_that_cannot_be_is_named(folder: Path, values: dict[str, Any]) -> None:
    change(folder / "contest.json", **values)
    with pytest.raises(BadInputError, match=r"contest\.json: not a comparison"):
        read_contest(folder)


@pytest.mark.parametrize(
    "values",
    [
        {"name": "another"},
        {"classes": {"real": ["real"]}},
        {"systems": ["dct", "dct"]},
        {"examinations": []},
        {"examinations": [{"name": "x", "classes": {"wish": ["real"]}, "unknown": [], "attack": None}]},
    ],
)
def test_a_course_that_cannot_be_is_named(folder: Path, values: dict[str, Any]) -> None:
    courses = json.loads((folder / "contest.json").read_text())["courses"]
    courses["formats"] |= values
    change(folder / "contest.json", courses=courses)
    with pytest.raises(BadInputError, match=r"contest\.json: not a comparison"):
        read_contest(folder)


def test_what_is_no_object_is_refused(folder: Path) -> None:
    put(folder / "contest.json", [])
    with pytest.raises(BadInputError, match=r"contest\.json: must hold a JSON object"):
        read_contest(folder)


def test_fields_of_other_versions_are_ignored(folder: Path) -> None:
    change(folder / "contest.json", newer="than this")
    change(folder / ROW, newer={"than": "this"})
    assert ("attribution", "attnet+noise") in read_contest(folder).entries
