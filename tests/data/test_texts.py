"""Texts in little memory, and the order in which folders are walked."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from artfp.data.listing import walk_folder
from artfp.data.texts import TOGETHER, Texts

ODD = ["", "a\0b", "line\nend", "\udcff.png", "\ud800", "\ud83d" + "\ude00", "x" * 5000, "ü/漢.png"]


@pytest.mark.parametrize("count", [0, 1, TOGETHER - 1, TOGETHER, 3 * TOGETHER + 5])
def test_they_are_what_a_list_is(count: int) -> None:
    plain = [f"{ODD[index % len(ODD)]}{index}" for index in range(count)]
    texts = Texts(plain)
    assert len(texts) == count
    assert list(texts) == plain
    assert texts[-3:] == plain[-3:]
    assert texts[::7] == plain[::7]
    order = list(range(-count, count))
    random.Random(0).shuffle(order)
    assert [texts[place] for place in order] == [plain[place] for place in order]
    with pytest.raises(IndexError):
        texts[count]


def test_a_folder_is_walked_in_the_order_of_whole_names(tmp_path: Path) -> None:
    """A slash comes before some characters and behind others."""
    names = ["b.png", "a/b.png", "a.png", "a-b/c.png", "a b/c.png", "a/b/c.png", "a0/z.png", "ab.png", "a/b-c.png"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert [name for name, _, _ in walk_folder(tmp_path).images] == sorted(names)
