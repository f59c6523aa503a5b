"""Shards: whoever does them, in whatever order and however often, the dataset is the same to the byte."""

from __future__ import annotations

import errno
import fcntl
import json
import pickle
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from artfp.codec.dct import DctCodec
from artfp.data.writers import BusyError, Staging, staging, staging_path
from artfp.embed import BadFilesError, EmbedResult, EmbedSettings, Share, ShareResult, dataset, plan_embedding, request
from artfp.embed.job import Advance, Job, with_keys
from artfp.embed.records import ShardRecord
from artfp.embed.request import checked
from artfp.embed.run import finish, process_shard
from artfp.errors import BadInputError, Exit, UsageError
from artfp.keys.registry import Registry

Embed = Callable[..., EmbedResult]
EmbedPart = Callable[..., EmbedResult | ShareResult]
Digests = Callable[[Path], dict[str, str]]

pytestmark = pytest.mark.usefixtures("small_shards")


class Death(BaseException):
    """As sudden as SIGKILL as far as the code can tell."""


def once(action: Callable[[], Any], note: str = "marking") -> Callable[[int, int, str], None]:
    """Progress that does something when it first says this."""
    done: list[str] = []

    def on_progress(_images: int, _total: int, told: str) -> None:
        if note in told and not done:
            done.append(told)
            action()

    return on_progress


def die() -> None:
    raise Death


def spoil(folder: Path, *indices: int) -> None:
    files = sorted(folder.rglob("*.bmp"))
    for index in indices:
        files[index].write_bytes(files[index].read_bytes()[:90])


def nothing_left(folder: Path) -> bool:
    return not [path for path in folder.iterdir() if "partial" in path.name]


class Anyhow:
    """The last shard first, every one twice, and by what another process would get."""

    def __init__(self) -> None:
        self.records: list[ShardRecord] = []

    def run(self, job: Job, stage: Staging, shards: Sequence[int], advance: Advance) -> None:
        for number in reversed(shards):
            for _ in range(2):
                job, stage = pickle.loads(pickle.dumps((job, stage)))
                self.records.append(process_shard(job, stage, number, advance))


@pytest.mark.parametrize(
    "changes", [{}, {"fraction": 0.4, "key_per": "image"}, {"target": "marked.zip"}, {"format": "tar"}]
)
def test_order_repetition_and_pickling_change_no_byte(
    changes: dict[str, Any], embed: Embed, thumbnails: Path, tmp_path: Path, digests: Digests
) -> None:
    anyhow, target = Anyhow(), changes.pop("target", "marked")
    (tmp_path / "whole").mkdir()
    embed(thumbnails, f"whole/{target}", **changes)
    embed(thumbnails, target, engine=anyhow, **changes)
    assert digests(tmp_path / target) == digests(tmp_path / "whole" / target)
    assert [(record.number, record.images) for record in anyhow.records[::2]] == [(3, 8), (2, 64), (1, 64), (0, 64)]


def test_the_size_of_shards_changes_no_byte(
    embed: Embed, thumbnails: Path, tmp_path: Path, digests: Digests, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed(thumbnails)
    monkeypatch.undo()
    embed(thumbnails, "whole")
    assert digests(tmp_path / "marked") == digests(tmp_path / "whole")


def test_runs_that_would_cut_shards_differently_do_not_mix(
    embed: Embed, thumbnails: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Death):
        embed(thumbnails, on_progress=once(die))
    monkeypatch.undo()
    with pytest.raises(UsageError, match="groups in a shard: 1 there, 8 now"):
        embed(thumbnails)


def test_a_source_that_has_changed_opens_no_more(
    thumbnails: Path, tmp_path: Path, registry: Registry, dct: DctCodec
) -> None:
    registry.new("alice")
    with checked(EmbedSettings(thumbnails, tmp_path / "out", "alice"), dct, registry) as found:
        parcel = pickle.dumps(with_keys(found, registry))
    assert len(pickle.loads(parcel).request.source) == 200
    (thumbnails / "odd" / "001.bmp").unlink()
    with pytest.raises(BadInputError, match="has changed since the run began"):
        pickle.loads(parcel)


def test_a_shard_is_for_one_process_at_a_time(
    thumbnails: Path, tmp_path: Path, registry: Registry, dct: DctCodec
) -> None:
    registry.new("alice")
    settings = EmbedSettings(thumbnails, tmp_path / "out", "alice")
    with checked(settings, dct, registry) as found:
        job = with_keys(found, registry)
        with staging(settings.target, job.request.description()) as stage, stage.shard(1):
            with pytest.raises(BusyError, match="another artfp is writing it"):
                process_shard(job, stage, 1)
            assert process_shard(job, stage, 2).images == 64


def test_shares_together_are_the_whole(
    embed: Embed, embed_part: EmbedPart, thumbnails: Path, tmp_path: Path, digests: Digests
) -> None:
    whole = embed(thumbnails, "whole")
    first = embed_part(thumbnails, 1, 3)
    assert isinstance(first, ShareResult)
    assert (first.shards, first.shards_here, first.shards_left) == (4, 1, 3)
    second = embed_part(thumbnails, 0, 3)
    assert isinstance(second, ShareResult)
    assert (second.shards_here, second.shards_left) == (2, 1)
    assert not (tmp_path / "marked").exists()
    last = embed_part(thumbnails, 2, 3)
    assert isinstance(last, EmbedResult)
    assert last.manifest() == whole.manifest()
    assert digests(tmp_path / "marked") == digests(tmp_path / "whole")
    assert nothing_left(tmp_path)
    again = embed_part(thumbnails, 0, 3)
    assert isinstance(again, EmbedResult)
    assert again.already_done


def test_progress_is_that_of_the_share(embed_part: EmbedPart, thumbnails: Path) -> None:
    told: list[tuple[int, int, str]] = []
    embed_part(thumbnails, 1, 2, on_progress=lambda *said: told.append(said))
    assert told == [(64, 72, "marking"), (72, 72, "marking"), (72, 72, "marked")]


def test_a_share_may_be_empty(embed_part: EmbedPart, thumbnails: Path) -> None:
    result = embed_part(thumbnails, 6, 9)
    assert isinstance(result, ShareResult)
    assert (result.shards_here, result.shards_left) == (0, 4)


def test_a_share_counts_from_zero() -> None:
    for index, count in ((-1, 2), (2, 2), (0, 0)):
        with pytest.raises(UsageError, match=f"shard index {index} of {count}"):
            Share(index, count)


@pytest.mark.parametrize("by", ["itself", "a run of all"])
def test_a_dead_member_is_made_up_for(
    by: str, embed: Embed, embed_part: EmbedPart, thumbnails: Path, tmp_path: Path, digests: Digests
) -> None:
    embed(thumbnails, "whole")
    with pytest.raises(Death):
        embed_part(thumbnails, 0, 2, on_progress=once(die))
    other = embed_part(thumbnails, 1, 2)
    assert isinstance(other, ShareResult)
    assert other.shards_left == 1
    last = embed_part(thumbnails, 0, 2) if by == "itself" else embed(thumbnails)
    assert isinstance(last, EmbedResult)
    assert digests(tmp_path / "marked") == digests(tmp_path / "whole")


@pytest.mark.parametrize(("note", "left"), [("marking", 1), ("marked", 0)])
def test_members_work_beside_each_other_and_whoever_leaves_last_ends_it(
    note: str, left: int, embed: Embed, embed_part: EmbedPart, thumbnails: Path, tmp_path: Path, digests: Digests
) -> None:
    """The second one runs within the first: among its shards, or after all of them."""
    seen: list[EmbedResult | ShareResult] = []
    inner = once(lambda: seen.append(embed_part(thumbnails, 1, 2)), note)
    assert isinstance(embed_part(thumbnails, 0, 2, on_progress=inner), EmbedResult)
    assert isinstance(seen[0], ShareResult)
    assert seen[0].shards_left == left
    embed(thumbnails, "whole")
    assert digests(tmp_path / "marked") == digests(tmp_path / "whole")


def test_members_and_a_run_of_all_do_not_mix(embed: Embed, embed_part: EmbedPart, thumbnails: Path) -> None:
    def refused(other: Callable[[], Any]) -> Callable[[], None]:
        def check() -> None:
            with pytest.raises(UsageError, match="another artfp is writing it"):
                other()

        return check

    embed_part(thumbnails, 0, 2, on_progress=once(refused(lambda: embed(thumbnails))))
    embed(thumbnails, on_progress=once(refused(lambda: embed_part(thumbnails, 1, 2))))


def test_members_of_other_settings_are_refused(embed_part: EmbedPart, thumbnails: Path) -> None:
    embed_part(thumbnails, 0, 2)
    with pytest.raises(UsageError, match=r"unfinished run with other settings \(strength: 1.0 there, 2.0 now\)"):
        embed_part(thumbnails, 1, 2, strength=2.0)


def test_who_finds_it_ended_by_another_says_so(
    embed_part: EmbedPart, thumbnails: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one ends it between the moment when this one leaves and when it looks."""
    embed_part(thumbnails, 0, 3)
    embed_part(thumbnails, 1, 3)
    others: list[EmbedResult | ShareResult] = []

    def late(job: Job, stage: Staging) -> int:
        monkeypatch.setattr(dataset, "_count_left", count)
        others.append(embed_part(thumbnails, 0, 3))
        return count(job, stage)

    count = dataset._count_left
    monkeypatch.setattr(dataset, "_count_left", late)
    result = embed_part(thumbnails, 2, 3)
    assert isinstance(others[0], EmbedResult)
    assert isinstance(result, EmbedResult)
    assert (others[0].already_done, result.already_done) == (False, True)


@pytest.mark.parametrize("who", ["a member", "a run of all"])
def test_who_begins_while_another_ends_it_leaves_no_folder(
    who: str, embed_part: EmbedPart, embed: Embed, thumbnails: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one does and ends it all after this one has looked for the target."""
    others: list[EmbedResult] = []

    def other_first(*arguments: Any) -> Job:
        monkeypatch.setattr(dataset, "with_keys", with_keys)
        others.append(embed(thumbnails))
        return with_keys(*arguments)

    monkeypatch.setattr(dataset, "with_keys", other_first)
    late = embed_part(thumbnails, 1, 2) if who == "a member" else embed(thumbnails)
    assert isinstance(late, EmbedResult)
    assert (others[0].already_done, late.already_done) == (False, True)
    assert nothing_left(tmp_path)


def test_a_member_that_comes_when_another_puts_it_together_is_done(
    embed_part: EmbedPart, thumbnails: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late: list[EmbedResult | ShareResult] = []

    def finish_beside(*arguments: Any) -> EmbedResult:
        late.append(embed_part(thumbnails, 0, 2))
        return finish(*arguments)

    embed_part(thumbnails, 0, 2)
    monkeypatch.setattr(dataset, "finish", finish_beside)
    assert isinstance(embed_part(thumbnails, 1, 2), EmbedResult)
    assert isinstance(late[0], ShareResult)
    assert (late[0].shards_left, nothing_left(tmp_path)) == (0, True)


def test_files_that_a_machine_has_lost_are_made_again(
    embed: Embed, embed_part: EmbedPart, thumbnails: Path, tmp_path: Path, digests: Digests
) -> None:
    """One that failed before what it had noted was on the disk."""
    embed(thumbnails, "whole")
    embed_part(thumbnails, 0, 2)
    (staging_path(tmp_path / "marked") / "dataset" / "00000" / "img00000003.png").write_bytes(b"")
    told = embed_part(thumbnails, 1, 2)
    assert isinstance(told, ShareResult)
    assert told.shards_left == 1
    assert isinstance(embed_part(thumbnails, 0, 2), EmbedResult)
    assert digests(tmp_path / "marked") == digests(tmp_path / "whole")


def test_without_locks_a_run_of_all_ends_it(
    embed: Embed, embed_part: EmbedPart, thumbnails: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_lock(handle: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_lock)
    results = [embed_part(thumbnails, index, 2) for index in (0, 1)]
    assert [getattr(result, "shards_left", None) for result in results] == [2, 0]
    assert embed(thumbnails).totals.images == 200


def test_all_bad_files_of_all_shards_are_named_and_nothing_is_left(
    embed: Embed, thumbnails: Path, tmp_path: Path
) -> None:
    spoil(thumbnails, 70, 3, 199)
    with pytest.raises(BadFilesError) as caught:
        embed(thumbnails, engine=Anyhow())
    assert [item.index for item in caught.value.bad] == [3, 70, 199]
    assert nothing_left(tmp_path)


def test_members_name_the_bad_files_they_know_and_the_last_one_all(
    embed_part: EmbedPart, thumbnails: Path, tmp_path: Path
) -> None:
    spoil(thumbnails, 70, 130, 3)
    caught = []
    for index in (2, 0, 1):
        with pytest.raises(BadFilesError) as error:
            embed_part(thumbnails, index, 3)
        caught.append([item.index for item in error.value.bad])
    assert caught == [[130], [3, 130], [3, 70, 130]]
    assert nothing_left(tmp_path)


def test_a_member_without_bad_files_of_its_own_knows_of_the_others(
    embed_part: EmbedPart, thumbnails: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(thumbnails, 0, 1)
    with pytest.raises(Death):
        embed_part(thumbnails, 0, 2, on_progress=once(die, "looking for more unusable files, 1 so far"))
    with pytest.raises(BadInputError, match="another run found unusable files, and will name them") as caught:
        embed_part(thumbnails, 1, 2)
    assert caught.value.exit_code == Exit.BAD_INPUT
    with pytest.raises(BadFilesError, match="2 unusable"):
        embed_part(thumbnails, 0, 2)


def test_a_dataset_that_another_member_has_given_up(
    embed_part: EmbedPart, thumbnails: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(thumbnails, 199)
    embed_part(thumbnails, 0, 2)

    def late(job: Job, stage: Staging) -> int:
        monkeypatch.setattr(dataset, "_count_left", count)
        with pytest.raises(BadFilesError):
            embed_part(thumbnails, 1, 2)
        return count(job, stage)

    count = dataset._count_left
    monkeypatch.setattr(dataset, "_count_left", late)
    with pytest.raises(BadInputError, match="given up by another run"):
        embed_part(thumbnails, 1, 2)


def test_what_was_mended_since_a_search_died_is_good(
    embed: Embed, embed_part: EmbedPart, thumbnails: Path, tmp_path: Path, digests: Digests
) -> None:
    embed(thumbnails, "whole")
    file = thumbnails / "even" / "000.bmp"
    good = file.read_bytes()
    file.write_bytes(bytes(len(good)))
    with pytest.raises(Death):
        embed(thumbnails, on_progress=once(die, "looking for more unusable files, 1 so far"))
    file.write_bytes(good)
    embed(thumbnails)
    assert digests(tmp_path / "marked") == digests(tmp_path / "whole")


def test_members_that_begin_at_once_make_the_keys_of_classes_once(
    embed_part: EmbedPart, thumbnails: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one makes them, and begins, after this one has found that there are none."""

    def stale(*arguments: Any) -> Any:
        ids = known(*arguments)
        monkeypatch.setattr(request, "_known_ids", known)
        embed_part(thumbnails, 0, 2, key_per="class")
        return ids

    known = request._known_ids
    monkeypatch.setattr(request, "_known_ids", stale)
    result = embed_part(thumbnails, 1, 2, key_per="class")
    assert isinstance(result, EmbedResult)
    assert [name for name in registry.names() if "/" in name] == ["alice/even", "alice/odd"]
    assert [use.key_id for use in result.keys] == [registry.get(name).key_id for name in ("alice/even", "alice/odd")]


def test_a_plan_counts_the_shards(
    embed_part: EmbedPart, thumbnails: Path, tmp_path: Path, registry: Registry, dct: DctCodec
) -> None:
    embed_part(thumbnails, 1, 2)
    plan = plan_embedding(EmbedSettings(thumbnails, tmp_path / "marked", "alice"), dct, registry)
    assert (plan.shards, plan.resumes_after) == (4, 128)


def test_results_of_shares_come_back_equal(embed_part: EmbedPart, thumbnails: Path) -> None:
    result = embed_part(thumbnails, 0, 2)
    assert ShareResult.from_dict(json.loads(json.dumps(result.to_dict()))) == result


MEMBERS = """
import os, signal, sys
from pathlib import Path
from artfp.codec.dct import DctCodec
from artfp.data import writers
from artfp.embed import EmbedResult, EmbedSettings, Share, embed_dataset, embed_share
from artfp.keys.registry import Registry

writers.SHARD = 1
root, codec = Path(sys.argv[1]), DctCodec()

def member(index, target, kill):
    def on_progress(done, total, note):
        if kill and note == "marking":
            os.kill(os.getpid(), signal.SIGKILL)
    settings = EmbedSettings(root / "thumbnails", root / target, "me", key_per="class")
    with Registry(root / "registry" / "keys.sqlite") as registry:
        return embed_share(settings, codec, registry, Share(index, 2), on_progress)

def at_once(target, killed=()):
    children = []
    for index in (0, 1):
        child = os.fork()  # before any thread
        if child == 0:
            os._exit(10 + isinstance(member(index, target, index in killed), EmbedResult))
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]

codec.facts()
assert at_once("killed", killed=(0, 1)) == [-9, -9]
assert at_once("killed", killed=(1,)) == [10, -9]
assert not (root / "killed").exists()
print(sorted(at_once("killed")), sorted(at_once("fresh")))
with Registry(root / "registry" / "keys.sqlite") as registry:
    embed_dataset(EmbedSettings(root / "thumbnails", root / "whole", "me", key_per="class"), codec, registry)
"""


def test_real_members_at_once_and_real_kills_change_nothing(
    embed: Embed, thumbnails: Path, tmp_path: Path, digests: Digests, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two that end at the same moment one puts it together, or both find it there."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(MEMBERS), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) <= {"[10,", "[11,", "11]"}, done.stderr
    assert digests(tmp_path / "killed") == digests(tmp_path / "fresh") == digests(tmp_path / "whole")
    assert nothing_left(tmp_path)


def test_a_member_of_other_settings_is_refused_also_while_another_puts_it_together(
    embed_part: EmbedPart, thumbnails: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def finish_beside(*arguments: Any) -> EmbedResult:
        with pytest.raises(UsageError, match="strength: 1.0 there, 2.0 now"):
            embed_part(thumbnails, 0, 2, strength=2.0)
        return finish(*arguments)

    embed_part(thumbnails, 0, 2)
    monkeypatch.setattr(dataset, "finish", finish_beside)
    assert isinstance(embed_part(thumbnails, 1, 2), EmbedResult)


def test_a_member_that_comes_when_another_has_just_given_up_says_so(
    embed_part: EmbedPart, thumbnails: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one holds the folder as this one asks for it, and has removed it when this one looks."""
    root = staging_path(tmp_path / "marked")
    embed_part(thumbnails, 0, 2)

    def given_up(*_arguments: Any, **_named: Any) -> Any:
        shutil.rmtree(root)
        raise BusyError("another artfp is writing it")

    monkeypatch.setattr(dataset, "staging", given_up)
    with pytest.raises(BadInputError, match="given up by another run"):
        embed_part(thumbnails, 1, 2)
    assert nothing_left(tmp_path)
