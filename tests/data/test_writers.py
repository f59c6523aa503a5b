"""A dataset appears whole or not at all, and a journal knows what is finished."""

from __future__ import annotations

import errno
import fcntl
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from artfp.data import writers
from artfp.data.journal import Group, Refusal
from artfp.data.writers import (
    BusyError,
    Staging,
    clear_leftovers,
    differences,
    disk_errors,
    image_name,
    staged_groups,
    staging,
    staging_path,
)
from artfp.errors import ArtfpError, Exit, UsageError
from artfp.images import LoadedImage

SETTINGS = {"seed": 1, "keys": ["k"]}


def fill(stage: Staging, groups: int, size: int = 2) -> None:
    """Groups of tiny images, journaled."""
    for number in range(groups):
        indices = range(number * size, (number + 1) * size)
        rows = [stage.write(i, LoadedImage(np.full((4, 4, 3), i, np.uint8))) for i in indices]
        stage.record(Group(number, rows, [Refusal(99, "odd\nname")]))


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def test_names_chunk_by_a_thousand() -> None:
    assert [image_name(0), image_name(999), image_name(1000)] == [
        "00000/img00000000.png",
        "00000/img00000999.png",
        "00001/img00001000.png",
    ]


def test_finished_groups_come_back_and_are_counted(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with staging(target, SETTINGS) as stage:
        fill(stage, 3)
    assert staged_groups(target, SETTINGS) == 3
    with staging(target, SETTINGS) as stage:
        assert stage.resume(2) == 3
        groups = list(stage.groups())
        assert [group.number for group in groups] == [0, 1, 2]
        assert groups[2].bad == [Refusal(99, "odd\nname")]
        assert [row.image for row in stage.rows()] == list(range(6))
    assert not target.exists()


@pytest.mark.parametrize(
    ("damage", "left"),
    [
        (lambda root: append(root / "journal" / "00000.jsonl", "[3, [["), 3),
        (lambda root: append(root / "journal" / "00000.jsonl", "not json\n"), 3),
        (lambda root: (root / "dataset" / image_name(3)).unlink(), 1),
        (lambda root: (root / "dataset" / image_name(1)).write_bytes(b""), 0),
    ],
    ids=["torn line", "noise", "file gone", "file cut short by a power failure"],
)
def test_resuming_trusts_only_what_is_intact(damage: Callable[[Path], object], left: int, tmp_path: Path) -> None:
    target = tmp_path / "out"
    with staging(target, SETTINGS) as stage:
        fill(stage, 3)
        stage.write(6, LoadedImage(np.zeros((4, 4, 3), np.uint8)))  # of a group that never finished
    damage(staging_path(target))
    with staging(target, SETTINGS) as stage:
        assert stage.resume(2) == left
        assert len(list(stage.groups())) == left
        assert {path.name for path in stage.dataset.rglob("*.png")} == {
            Path(image_name(index)).name for index in range(2 * left)
        }


def test_publishing_renames_and_leaves_nothing_else(tmp_path: Path) -> None:
    with staging(tmp_path / "out", SETTINGS) as stage:
        fill(stage, 1)
        stage.publish(stage.dataset)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert sorted(path.name for path in (tmp_path / "out" / "00000").iterdir()) == [
        "img00000000.png",
        "img00000001.png",
    ]


def test_publishing_overwrites_nothing(tmp_path: Path) -> None:
    with staging(tmp_path / "out", SETTINGS) as stage:
        fill(stage, 1)
        (tmp_path / "out").write_text("mine")
        with pytest.raises(UsageError, match="appeared meanwhile"):
            stage.publish(stage.dataset)
    assert (tmp_path / "out").read_text() == "mine"


def test_a_second_run_on_the_same_target_is_told_so(tmp_path: Path) -> None:
    with (
        staging(tmp_path / "out", SETTINGS),
        pytest.raises(UsageError, match="another artfp is writing it"),
        staging(tmp_path / "out", SETTINGS),
    ):
        pytest.fail("two runs in one staging folder")


def test_those_who_share_it_work_beside_each_other_and_keep_others_out(tmp_path: Path) -> None:
    with (
        staging(tmp_path / "out", SETTINGS, shared=True),
        staging(tmp_path / "out", SETTINGS, shared=True) as stage,
        stage.shard(0),
    ):
        for busy in (
            lambda: staging(tmp_path / "out", SETTINGS).__enter__(),
            lambda: staging(tmp_path / "out", SETTINGS, new=False).__enter__(),
            lambda: stage.shard(0).__enter__(),
        ):
            with pytest.raises(BusyError, match="another artfp is writing it"):
                busy()
        with stage.shard(1):
            pass
    with staging(tmp_path / "out", SETTINGS, new=False) as stage:
        stage.discard()
    with pytest.raises(BusyError, match="finished with it"), staging(tmp_path / "out", SETTINGS, new=False):
        pytest.fail("made a folder")
    assert not list(tmp_path.iterdir())


def test_shards_have_journals_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "SHARD", 2)
    with staging(tmp_path / "out", SETTINGS) as stage:
        fill(stage, 5)
        (stage.dataset / image_name(4)).unlink()
        assert [stage.resume(2, shard) for shard in (2, 1, 0)] == [5, 2, 2]
        assert [group.number for group in stage.groups()] == [0, 1, 4]
        assert [stage.recorded(shard) for shard in range(4)] == [2, 0, 1, 0]
        assert sorted(path.name for path in stage.dataset.rglob("*.png")) == [
            Path(image_name(index)).name for index in (0, 1, 2, 3, 8, 9)
        ]


def test_whether_someone_is_at_a_shard_can_be_asked_and_changes_nothing(tmp_path: Path) -> None:
    with staging(tmp_path / "out", SETTINGS) as stage:
        assert not stage.is_busy(3)
        assert not list((stage.root / "journal").iterdir())
        with stage.shard(3):
            assert stage.is_busy(3)
        assert not stage.is_busy(3)


def test_a_staging_folder_is_the_same_where_another_folder_is_the_working_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with staging(Path("out"), SETTINGS) as stage:
        sent = pickle.loads(pickle.dumps(stage))
        monkeypatch.chdir("/")
        fill(sent, 1)
        sent.refusals.begin()
        monkeypatch.chdir(tmp_path)
        assert stage.recorded(0) == 1
        assert stage.refusals.are_there
        assert sent.target == tmp_path / "out"


def test_what_ends_the_marking_is_known_to_all(tmp_path: Path) -> None:
    with staging(tmp_path / "out", SETTINGS) as stage:
        refusals = stage.refusals
        assert (refusals.are_there, refusals.all()) == (False, [])
        refusals.forget()
        refusals.begin()
        refusals.write(11, [Refusal(70, "of a file called \udcff"), Refusal(99, "b")])
        refusals.write(2, [Refusal(3, "c")])
        refusals.begin()
        assert (refusals.are_there, refusals.has(11), refusals.has(3)) == (True, True, False)
        assert [item.image for item in refusals.all()] == [3, 70, 99]
        refusals.forget()
        assert not refusals.are_there


def test_the_lock_dies_with_its_run(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), staging(tmp_path / "out", SETTINGS):
        raise RuntimeError
    with staging(tmp_path / "out", SETTINGS) as stage:
        assert stage.resume(2) == 0


def test_file_systems_without_locks_are_usable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_lock(handle: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_lock)
    with staging(tmp_path / "out", SETTINGS) as stage:
        assert stage.resume(2) == 0


def test_other_settings_are_refused_with_what_differs(tmp_path: Path) -> None:
    with staging(tmp_path / "out", SETTINGS):
        pass
    other = {"seed": 2, "keys": ["k"], "new": 1}
    for attempt in (
        lambda: staged_groups(tmp_path / "out", other),
        lambda: staging(tmp_path / "out", other).__enter__(),
    ):
        with pytest.raises(UsageError, match=r"seed: 1 there, 2 now; new: None there, 1 now.*delete the folder"):
            attempt()


def test_a_folder_of_that_name_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    (staging_path(tmp_path / "out") / "dataset").mkdir(parents=True)
    with pytest.raises(UsageError, match="not a staging folder of artfp"), staging(tmp_path / "out", SETTINGS):
        pytest.fail("took a stranger's folder")


def test_leftovers_of_a_run_that_died_after_its_last_step_go(tmp_path: Path) -> None:
    with staging(tmp_path / "out", SETTINGS) as stage:
        fill(stage, 1)
    clear_leftovers(tmp_path / "out", {"seed": 9})
    assert staging_path(tmp_path / "out").exists()
    clear_leftovers(tmp_path / "out", SETTINGS)
    clear_leftovers(tmp_path / "out", SETTINGS)
    assert not staging_path(tmp_path / "out").exists()


def test_a_full_disk_is_a_failure_that_keeps_the_work(tmp_path: Path) -> None:
    with pytest.raises(ArtfpError, match="the disk is full; what is done is kept") as caught, disk_errors(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.exit_code == Exit.FAILURE
    with pytest.raises(PermissionError), disk_errors(tmp_path):
        raise PermissionError(errno.EACCES, "Permission denied")


def test_differences_name_both_sides() -> None:
    assert differences({"a": 1, "b": 2}, {"a": 1, "c": 3}) == ["c: None there, 3 now", "b: 2 there, None now"]
    assert differences(json.loads(json.dumps(SETTINGS)), SETTINGS) == []
