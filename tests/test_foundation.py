"""Seeds, files, records and recipes: what everything else stands on."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import pytest

from artfp import recipe
from artfp.errors import BadInputError, UsageError
from artfp.files import (
    atomic_open,
    json_text,
    new_folder,
    read_json,
    sha256_bytes,
    sha256_file,
    working_in,
    write_first,
    write_json,
)
from artfp.results import Record
from artfp.seeds import derive_seed, numpy_generator
from artfp.statslog import StatsLog


def test_seeds_are_the_same_on_every_machine() -> None:
    assert derive_seed(7, "embed", 3) == 2622339456987485112
    assert numpy_generator("x").integers(1 << 30) == numpy_generator("x").integers(1 << 30)


def test_seeds_tell_parts_and_types_apart() -> None:
    assert len({derive_seed(1, 23), derive_seed(12, 3), derive_seed("1", 23), derive_seed("1", "23")}) == 4


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"old": 1})
    with pytest.raises(RuntimeError, match="disk"), atomic_open(path) as stream:  # noqa: PT012 - the body must run
        stream.write(b"half")
        raise RuntimeError("disk")
    assert read_json(path) == {"old": 1}
    assert [found.name for found in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize(("umask", "modes"), [(0o022, (0o755, 0o644)), (0o077, (0o700, 0o600)), (0, (0o777, 0o666))])
def test_what_appears_is_as_open_as_the_user_has_it(tmp_path: Path, umask: int, modes: tuple[int, int]) -> None:
    before = os.umask(umask)
    try:
        with new_folder(tmp_path / "new") as stage:
            write_json(stage / "open.json", {})
            write_json(stage / "private.json", {}, mode=0o600)
    finally:
        os.umask(before)
    paths = [tmp_path / "new", *(tmp_path / "new" / name for name in ("open.json", "private.json"))]
    assert [stat.S_IMODE(path.stat().st_mode) for path in paths] == [*modes, 0o600]


@pytest.mark.parametrize("done", [False, True])
def test_a_folder_made_to_work_in_goes_again_where_nothing_was_done(done: bool, tmp_path: Path) -> None:
    with contextlib.suppress(KeyboardInterrupt), working_in(tmp_path / "new"):
        if done:
            (tmp_path / "new" / "result").touch()
        raise KeyboardInterrupt
    assert (tmp_path / "new").exists() == done


def test_nobody_works_in_a_folder_beside_another(tmp_path: Path) -> None:
    with working_in(tmp_path), pytest.raises(UsageError, match="another process"), working_in(tmp_path):
        pass


@pytest.mark.parametrize("links", [True, False])
def test_of_two_first_writers_the_first_is_heard(links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where files can have two names: a rename would not have noticed the other one."""

    def no_links(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", no_links)
    for number in (1, 2):
        write_first(tmp_path / "a.json", {"number": number})
    assert read_json(tmp_path / "a.json") == {"number": 1 if links else 2}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_hashes_agree(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert sha256_file(tmp_path / "x") == sha256_bytes(b"abc")


def test_broken_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(BadInputError, match=r"x\.json"):
        read_json(tmp_path / "x.json")


def test_json_has_a_line_for_each_value_and_one_for_a_list_of_numbers() -> None:
    value = {"a": [1, 2.5, None], "b": [[1], ["x [\n  1\n]", "[ 1 ]"]], "c": [], "d": [{"e": [True, -1e-9]}]}
    text = json_text(value)
    assert json.loads(text) == value
    assert '  "a": [1, 2.5, null],' in text.splitlines()
    assert '      "[ 1 ]"' in text.splitlines()
    assert '      "e": [true, -1e-09]' in text.splitlines()


@dataclass(frozen=True)
class Inner(Record):
    p: float


@dataclass(frozen=True)
class Outer(Record):
    name: str
    best: Inner | None
    rows: tuple[Inner, ...]


@pytest.mark.parametrize("best", [None, Inner(0.5)])
def test_records_come_back_equal(best: Inner | None) -> None:
    record = Outer("a", best, (Inner(1.0), Inner(1e-12)))
    assert Outer.from_dict(record.to_dict()) == record


def test_records_ignore_what_a_later_version_adds() -> None:
    assert Inner.from_dict({"p": 0.1, "future": 3}) == Inner(0.1)


@dataclass(frozen=True)
class Part:
    rate: float = recipe.setting(1.0, low=0, high=2)
    batch: int = recipe.setting(16, multiple=16)


@dataclass(frozen=True)
class Whole:
    name: str
    part: Part
    kind: str = recipe.setting("a", choices=("a", "b"))
    folder: Path | None = recipe.setting(None)


def test_recipes_fill_dataclasses() -> None:
    whole = recipe.parse({"name": "n", "part": {"rate": 2}, "folder": "x/y"}, Whole, "r.toml")
    assert whole == Whole("n", Part(2.0), "a", Path("x/y"))


def test_what_a_recipe_was_written_to_comes_back_with_its_nothings() -> None:
    whole = Whole("n", Part())
    assert recipe.parse(recipe.to_dict(whole), Whole, "r.json") == whole
    with pytest.raises(UsageError, match="kind: must be str"):
        recipe.parse({"name": "n", "part": {}, "kind": None}, Whole, "r.json")


def test_every_error_of_a_recipe_is_reported_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        recipe.parse({"part": {"rate": 3, "speed": 1, "batch": 40}, "kind": "c", "folder": 4}, Whole, "r.toml")
    message = str(caught.value)
    for piece in (
        "r.toml",
        "name: missing",
        "part.rate",
        "part.speed",
        "part.batch: must be a multiple of 16",
        "kind: must be one of a, b",
        "folder",
    ):
        assert piece in message


@pytest.mark.parametrize("value", [float("nan"), True, "1"])
def test_recipes_refuse_what_only_looks_like_a_number(value: object) -> None:
    with pytest.raises(UsageError):
        recipe.parse({"name": "n", "part": {"rate": value}}, Whole, "r.toml")


def test_recipes_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.toml"):
        recipe.load(tmp_path / "gone.toml", Part)
    (tmp_path / "bad.toml").write_text("= 1")
    with pytest.raises(UsageError, match="not TOML"):
        recipe.load(tmp_path / "bad.toml", Part)


def test_a_log_is_cut_back_to_its_checkpoint(tmp_path: Path) -> None:
    log = StatsLog(tmp_path / "stats.jsonl", position="step")
    for step in (1, 2, 3):
        log.append({"step": step})
    log.flush()
    with log.path.open("a") as stream:
        stream.write('{"step": 4')
    log.rewind(2)
    assert [row["step"] for row in log.rows()] == [1, 2]
