"""Labels come from dataset.json, else from folders, by written rules."""

from __future__ import annotations

from typing import Any

import pytest

from artfp.data.labels import TOLD_APART, from_document, from_folders
from artfp.errors import BadInputError

INDICES = {"00000/a.png": 0, "00000/b.png": 1}


def test_document_labels_reach_their_images_with_names() -> None:
    found = from_document(
        {"labels": [["00000\\b.png", 1], ["gone.png", 7], ["00000/a.png", 0]], "classes": ["x", "y"], "by": "me"},
        INDICES,
        "d",
    )
    assert [found.label(0), found.label(1)] == [0, 1]
    assert [found.class_name(0), found.class_name(1)] == ["x", "y"]
    assert found.extras == {"classes": ["x", "y"], "by": "me"}
    assert found.count() == 2


def test_null_labels_mean_no_classes() -> None:
    found = from_document({"labels": None}, INDICES, "d")
    assert found.origin == "dataset.json"
    assert found.label(0) is None
    assert found.count() == 0


def test_missing_labels_vectors_and_nameless_classes() -> None:
    found = from_document({"labels": {"00000/a.png": 5}}, INDICES, "d")
    assert [found.label(0), found.class_name(0), found.label(1), found.class_name(1)] == [5, "5", None, None]
    vectors = from_document({"labels": [["00000/a.png", [0.5, 1]]]}, INDICES, "d")
    assert vectors.label(0) == [0.5, 1]
    assert vectors.class_name(0) is None


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "must be a JSON object"),
        ({"labels": 3}, "must be a list of"),
        ({"labels": [["a.png"]]}, "must be a list of"),
        ({"labels": [["00000/a.png", "cat"]]}, "has the label 'cat'"),
        ({"labels": [["00000/a.png", True]]}, "has the label True"),
        ({"labels": [["00000/a.png", -1]]}, "has the label -1"),
    ],
)
def test_malformed_documents_are_refused(document: Any, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        from_document(document, INDICES, "d")


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["cat/1.png", "dog/deep/2.png"], ["cat", "dog"]),
        (["cat/1.png", "2.png"], None),  # an image in the root
        (["cat/1.png", "cat/2.png"], None),  # one folder tells nothing apart
        (["00000/img00000000.png", "00001/img00001000.png"], None),  # chunks
        (["train/cat/1.png", "test/dog/2.png"], ["cat", "dog"]),  # splits are looked through
        (["train/1.png", "test/2.png"], None),
        (["train/1.png", "cat/2.png"], ["cat", "train"]),  # not nothing but splits
        ([], None),
    ],
)
def test_folders_are_classes_when_two_of_them_hold_everything(names: list[str], classes: list[str] | None) -> None:
    found = from_folders(names)
    assert found.classes == classes
    if classes:
        assert [found.class_name(i) for i in range(len(names))] == [
            next(part for part in name.split("/") if part in classes) for name in names
        ]


@pytest.mark.parametrize("classes", [TOLD_APART - 1, TOLD_APART, TOLD_APART + 1])
def test_any_number_of_folders_are_told_apart(classes: int) -> None:
    found = from_folders([*(f"{number:05d}/a.png" for number in range(classes)), "link"], frozenset({"link"}))
    assert [found.label(place) for place in (0, classes - 1, classes)] == [0, classes - 1, None]


def test_the_single_root_folder_of_a_zip_is_looked_through() -> None:
    names = ["flowers/daisy/1.png", "flowers/rose/2.png"]
    assert from_folders(names).classes is None
    assert from_folders(names, archive=True).classes == ["daisy", "rose"]


def test_what_is_refused_does_not_decide_about_folders() -> None:
    found = from_folders(["cat/1.png", "dog/2.png", "link"], frozenset({"link"}))
    assert found.classes == ["cat", "dog"]
    assert found.label(2) is None
