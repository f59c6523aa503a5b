"""Killed at any moment and run again, embedding gives what it would have given, byte for byte."""

from __future__ import annotations

import errno
import io
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kinds import pyarrow

from artfp.data import packing
from artfp.data.writers import Row, Staging
from artfp.embed import EmbedResult, EmbedSettings, embed_dataset, plan_embedding, run
from artfp.embed.job import Job
from artfp.errors import ArtfpError, BadInputError, Exit, UsageError
from artfp.keys.registry import Registry

Embed = Callable[..., EmbedResult]
Digests = Callable[[Path], dict[str, str]]


class Death(BaseException):
    """As sudden as SIGKILL as far as the code can tell: nothing catches it."""


def die_on(note: str, after: int) -> Callable[[int, int, str], None]:
    def on_progress(done: int, total: int, told: str) -> None:
        if note in told and done >= after:
            raise Death

    return on_progress


KINDS = pytest.mark.parametrize("kind", ["folder", "zip", "tar", "parquet"])


def target_of(kind: str) -> str:
    if kind == "parquet":
        pyarrow()
    return "marked.zip" if kind == "zip" else "marked"


@KINDS
@pytest.mark.parametrize("fraction", [1.0, 0.4])
def test_deaths_change_nothing(
    kind: str, fraction: float, embed: Embed, thumbnails: Path, tmp_path: Path, digests: Digests
) -> None:
    target, options = target_of(kind), {"fraction": fraction, "format": kind}
    (tmp_path / "whole").mkdir()
    embed(thumbnails, f"whole/{target}", **options)
    notes = [("marking", 64), ("marked", 0), ("self-check", 50), ("writing tables", 0), ("packing", 64)]
    for note, after in (*(notes[:-1] if kind == "folder" else notes), ("its name", 0)):
        with pytest.raises(Death):
            embed(thumbnails, target, on_progress=die_on(note, after), **options)
        assert not (tmp_path / target).exists()
    embed(thumbnails, target, **options)
    assert digests(tmp_path / target) == digests(tmp_path / "whole" / target)
    assert not [path for path in tmp_path.iterdir() if "partial" in path.name]


def test_a_death_between_two_files_of_a_group_costs_that_group_only(
    embed: Embed, thumbnails: Path, tmp_path: Path, digests: Digests, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    whole = run._write

    def write(job: Job, stage: Staging, item: Any) -> Any:
        written.append(item.index)
        if item.index == 150 and len(written) < 200:
            raise Death
        return whole(job, stage, item)

    monkeypatch.setattr(run, "_write", write)
    with pytest.raises(Death):
        embed(thumbnails)
    assert (tmp_path / ".marked.artfp-partial").exists()
    already = len(written)
    embed(thumbnails)
    assert set(written[already:]) >= set(range(128, 200))
    assert len(written) - already < 200
    monkeypatch.undo()
    embed(thumbnails, "whole")
    assert digests(tmp_path / "marked") == digests(tmp_path / "whole")


def test_bad_files_are_skipped_alike_before_and_after_a_death(
    embed: Embed, thumbnails: Path, tmp_path: Path, digests: Digests
) -> None:
    for number in (3, 180):
        next(thumbnails.rglob(f"{number:03d}.bmp")).write_bytes(b"BM")
    embed(thumbnails, "whole", skip_bad=True)
    with pytest.raises(Death):
        embed(thumbnails, skip_bad=True, on_progress=die_on("marking", 64))
    assert [item.name for item in embed(thumbnails, skip_bad=True).bad] == ["even/180.bmp", "odd/003.bmp"]
    assert digests(tmp_path / "marked") == digests(tmp_path / "whole")


def test_other_settings_do_not_continue_and_nothing_is_lost(embed: Embed, thumbnails: Path, tmp_path: Path) -> None:
    with pytest.raises(Death):
        embed(thumbnails, on_progress=die_on("marking", 64))
    with pytest.raises(UsageError, match=r"unfinished run with other settings \(strength: 1.0 there, 2.0 now\)"):
        embed(thumbnails, strength=2.0)
    (thumbnails / "new.bmp").write_bytes(b"BM")
    with pytest.raises(UsageError, match=r"images: 200 there, 201 now; source: "):
        embed(thumbnails)
    (thumbnails / "new.bmp").unlink()
    assert embed(thumbnails).totals.images == 200


def test_a_plan_says_where_it_would_go_on(
    embed: Embed, thumbnails: Path, tmp_path: Path, registry: Registry, dct: Any, digests: Digests
) -> None:
    with pytest.raises(Death):
        embed(thumbnails, on_progress=die_on("marked", 0))
    before = digests(tmp_path / ".marked.artfp-partial")
    plan = plan_embedding(EmbedSettings(thumbnails, tmp_path / "marked", "alice"), dct, registry)
    assert plan.resumes_after == 200
    assert digests(tmp_path / ".marked.artfp-partial") == before


@KINDS
def test_a_death_after_the_last_step_leaves_a_finished_dataset(
    kind: str, embed: Embed, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = target_of(kind)

    def die(stage: Staging) -> None:
        raise Death

    with monkeypatch.context() as patch:
        patch.setattr(Staging, "discard", die)
        with pytest.raises(Death):
            embed(photos, target, format=kind)
    assert (tmp_path / target).exists()
    assert embed(photos, target, format=kind).already_done
    assert not (tmp_path / f".{target}.artfp-partial").exists()


def test_ctrl_c_keeps_what_is_done(embed: Embed, thumbnails: Path, tmp_path: Path) -> None:
    def press(done: int, total: int, note: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed(thumbnails, on_progress=press)
    assert (tmp_path / ".marked.artfp-partial" / "journal" / "00000.jsonl").read_text().count("\n") == 1
    assert not (tmp_path / "marked").exists()
    assert embed(thumbnails).totals.images == 200


def full(*args: Any, **kwargs: Any) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


def full_from(index: int) -> Callable[[Job, Staging, Any], Row]:
    whole = run._write
    return lambda job, stage, item: full() if item.index == index else whole(job, stage, item)


class Full(io.FileIO):
    """A file that grows no further."""

    def write(self, data: Any) -> int:
        return full() if self.tell() + len(data) > 100_000 else super().write(data)

    @classmethod
    def instead_of(cls, real: Callable[..., Any], suffix: str) -> Callable[..., Any]:
        def opened(path: Path, mode: str = "r", **options: Any) -> Any:
            return cls(path, "w") if path.suffix == suffix and "w" in mode else real(path, mode, **options)

        return opened


@pytest.mark.parametrize("where", ["image", "journal", "tables", "zip", "tar", "parquet"])
def test_a_full_disk_fails_clearly_and_keeps_what_is_done(
    where: str, embed: Embed, thumbnails: Path, tmp_path: Path, digests: Digests, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, options = target_of(where), {"format": where} if where in ("zip", "tar", "parquet") else {}
    with monkeypatch.context() as patch:
        if where == "image":
            patch.setattr(run, "_write", full_from(140))
        elif where == "journal":
            patch.setattr(Staging, "record", full)
        elif where == "tables":
            patch.setattr(run.manifest, "write_tables", full)
        elif where == "zip":
            patch.setattr(packing.shutil, "copyfileobj", full)
        else:
            patch.setattr(Path, "open", Full.instead_of(Path.open, f".{where}"))
        with pytest.raises(ArtfpError, match="the disk is full; what is done is kept") as caught:
            embed(thumbnails, target, **options)
    assert caught.value.exit_code == Exit.FAILURE
    assert not (tmp_path / target).exists()
    embed(thumbnails, target, **options)
    (tmp_path / "whole").mkdir()
    embed(thumbnails, f"whole/{target}", **options)
    assert digests(tmp_path / target) == digests(tmp_path / "whole" / target)


def test_a_source_that_vanishes_under_the_self_check_is_named(embed: Embed, thumbnails: Path) -> None:
    def vanish(done: int, total: int, note: str) -> None:
        if note == "marked":
            (thumbnails / "even" / "000.bmp").unlink(missing_ok=True)

    with pytest.raises(BadInputError, match=r"even/000\.bmp: not readable"):
        embed(thumbnails, on_progress=vanish)


def test_two_runs_at_once_do_not_mix(
    embed: Embed, thumbnails: Path, tmp_path: Path, registry: Registry, dct: Any
) -> None:
    told = []

    def second(done: int, total: int, note: str) -> None:
        if not told:
            with pytest.raises(UsageError, match="another artfp is writing it") as caught:
                embed_dataset(EmbedSettings(thumbnails, tmp_path / "marked", "alice"), dct, registry)
            told.append(caught.value)

    assert embed(thumbnails, on_progress=second).totals.images == 200
    assert told


KILLED = """
import os, signal, sys
from pathlib import Path
from artfp.codec.dct import DctCodec
from artfp.embed import EmbedSettings, embed_dataset
from artfp.keys.registry import Registry

root, codec = Path(sys.argv[1]), DctCodec()

def run(target, kill_at=None):
    def on_progress(done, total, note):
        if kill_at and note == kill_at[0] and done >= kill_at[1]:
            os.kill(os.getpid(), signal.SIGKILL)
    with Registry(root / "registry" / "keys.sqlite") as registry:
        embed_dataset(EmbedSettings(root / "thumbnails", root / target, "alice"), codec, registry, on_progress)

codec.facts()
for kill_at in (("marking", 64), ("marking", 128), ("self-check", 100)):
    child = os.fork()  # before any thread: each child dies on its own
    if child == 0:
        run("killed", kill_at)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, status
    assert not (root / "killed").exists()
run("killed")
run("whole")
"""


def test_real_kills_at_three_moments_change_nothing(
    embed: Embed, thumbnails: Path, tmp_path: Path, digests: Digests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert digests(tmp_path / "killed") == digests(tmp_path / "whole")
    assert not [path for path in tmp_path.iterdir() if "partial" in path.name]
