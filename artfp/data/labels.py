"""Class labels of a dataset: where they come from.

1. `dataset.json` in the root, the file of the StyleGAN dataset tool: `{"labels": [[name, label], ...] or null}`.
   A label is an integer or a list of numbers. Names of the integers are taken from its `classes`, a list, where
   it has one. `null` means: no classes, whatever the folders are called.
2. Otherwise the first folder level, as Hugging Face's imagefolder has it, when at least two folders hold all the
   images: classes 0, 1, ... in sorted order. A first level of nothing but split names (train, test ...) is looked
   through, and so is the single root folder of a zip. Folders that only chunk (00000/img00000000.png) are none.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from artfp.errors import BadInputError

Label = int | list[float]
CHUNKED = re.compile(r"\d{5}/img\d{8}\.\w+")
NO_CLASS = -1
TOLD_APART = 1 << 15  # classes, by a number of two bytes
SPLITS = frozenset(["train", "training", "test", "testing", "valid", "validation", "val", "dev", "eval", "evaluation"])


@dataclass(frozen=True)
class Labels:
    """The label of every image by index, the classes' names, and whatever else `dataset.json` held."""

    origin: str = "none"  # "dataset.json", "folders" or "none"
    by_index: Sequence[Label | None] | None = None
    classes: Sequence[str] | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)

    def label(self, index: int) -> Label | None:
        """The label of an image; None where it has none."""
        return self.by_index[index] if self.by_index is not None else None

    def class_name(self, index: int) -> str | None:
        """The name of an integer label: from the list of classes, or the number itself."""
        label = self.label(index)
        if not isinstance(label, int):
            return None
        if self.classes is not None and 0 <= label < len(self.classes):
            return self.classes[label]
        return str(label)

    def count(self) -> int:
        """How many classes the integer labels tell apart."""
        return len({label for label in self.by_index or () if isinstance(label, int)})


def from_document(document: Any, indices: Mapping[str, int], where: str) -> Labels:
    """The labels of a parsed `dataset.json` for the images in `indices`."""
    if not isinstance(document, dict):
        raise BadInputError(f"{where}: must be a JSON object with an entry `labels`")
    classes = document.get("classes")
    named = isinstance(classes, list) and all(isinstance(name, str) for name in classes)
    extras = {name: value for name, value in document.items() if name != "labels"}
    pairs = document.get("labels")
    if pairs is None:
        return Labels("dataset.json", None, classes if named else None, extras)
    by_index: list[Label | None] = [None] * len(indices)
    for name, label in _pairs(pairs, where):
        index = indices.get(name, indices.get(name.replace("\\", "/")))
        if index is not None:
            by_index[index] = label
    return Labels("dataset.json", by_index, classes if named else None, extras)


def _pairs(pairs: Any, where: str) -> list[tuple[str, Label]]:
    try:
        found = list(dict(pairs).items())
    except (TypeError, ValueError) as error:
        raise BadInputError(f"{where}: `labels` must be a list of [name, label] pairs") from error
    for name, label in found:
        if not isinstance(name, str) or not _is_label(label):
            raise BadInputError(f"{where}: {name!r} has the label {label!r}; labels are integers or lists of numbers")
    return found


def _is_label(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, int | float) for item in value)
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def from_folders(names: Sequence[str], skip: frozenset[str] = frozenset(), *, archive: bool = False) -> Labels:
    """Labels by folder; `skip` names what is no image of its own, `archive` looks through a single root folder."""

    def images() -> Iterator[str]:
        return (name for name in names if name not in skip)

    level = _class_level(images, archive)
    if level is None:
        return Labels()
    classes = sorted({name.split("/")[level] for name in images()})
    number = {name: label for label, name in enumerate(classes)}
    of = (NO_CLASS if name in skip else number[name.split("/")[level]] for name in names)
    return Labels("folders", _Numbers(of, len(classes)), classes)


class _Numbers(Sequence[int | None]):
    """The classes of millions of images, two bytes each while these can tell so many apart, else four."""

    def __init__(self, numbers: Iterable[int], classes: int) -> None:
        self._of = array("h" if classes < TOLD_APART else "i", numbers)

    def __len__(self) -> int:
        return len(self._of)

    @overload
    def __getitem__(self, index: int) -> int | None: ...
    @overload
    def __getitem__(self, index: slice) -> list[int | None]: ...
    def __getitem__(self, index: int | slice) -> int | list[int | None] | None:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        number = self._of[index]
        return None if number == NO_CLASS else number


def _class_level(images: Callable[[], Iterator[str]], archive: bool) -> int | None:
    """How deep the folders lie that name the classes; None where there are none."""
    if all(CHUNKED.fullmatch(name) for name in images()):
        return None
    level = 0
    while all(name.count("/") > level for name in images()):
        folders = {name.split("/", level + 1)[level] for name in images()}
        if not (folders <= SPLITS or (archive and level == 0 and len(folders) == 1)):
            return level if len(folders) >= 2 else None
        level += 1
    return None
