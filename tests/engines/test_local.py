"""Several processes on one machine: the same bytes as one, and a death costs nothing but time.

Every worker takes seconds to start, so a test goes through several misfortunes one after the other.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faults
import pytest
import torch

from artfp.codec.dct import DctCodec
from artfp.data import writers
from artfp.data.journal import Row
from artfp.data.writers import Staging
from artfp.embed import BadFilesError, EmbedResult, EmbedSettings, Share, ShareResult, embed_dataset, embed_share
from artfp.engines import local
from artfp.engines.local import LocalEngine
from artfp.errors import ArtfpError, Exit
from artfp.images import LoadedImage
from artfp.keys.registry import Registry

Embed = Callable[..., EmbedResult | ShareResult]
Digests = Callable[[Path], dict[str, str]]


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards of one group: the thumbnails are four."""
    monkeypatch.setattr(writers, "SHARD", 1)


@pytest.fixture
def embed(thumbnails: Path, tmp_path: Path, registry: Registry, dct: DctCodec) -> Embed:
    """Embedding the thumbnails with so many workers, and as many threads in each as in this process."""
    registry.new("alice")

    def run(target: str, workers: int = 1, share: Share | None = None, **options: Any) -> EmbedResult | ShareResult:
        engine = LocalEngine("cpu", workers, torch.get_num_threads(), options.pop("tell", lambda message: None))
        settings = EmbedSettings(thumbnails, tmp_path / target, "alice")
        if share is not None:
            return embed_share(settings, dct, registry, share, engine=engine, **options)
        return embed_dataset(settings, dct, registry, engine=engine, **options)

    return run


def test_whatever_happens_to_workers_no_byte_changes(
    embed: Embed, tmp_path: Path, digests: Digests, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker is killed, then Ctrl-C; the disk is full; two members end it, one of them alone, one by two workers."""
    embed("whole")
    said: list[str] = []
    steps: list[int] = []

    def misfortunes(done: int, _total: int, _note: str) -> None:
        if not steps:
            multiprocessing.active_children()[0].kill()
        steps.append(done)
        if said and done >= 64:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed("marked", 2, on_progress=misfortunes, tell=said.append)
    assert not multiprocessing.active_children()
    (message,) = said
    assert message.startswith("a worker ended by SIGKILL at ")
    assert message.endswith("; another one goes on there")
    assert not (tmp_path / "marked").exists()
    with monkeypatch.context() as patch:
        patch.setattr(writers, "Staging", faults.Full)
        with pytest.raises(ArtfpError, match="the disk is full; what is done is kept") as caught:
            embed("marked", 2)
    assert caught.value.exit_code == Exit.FAILURE
    assert not multiprocessing.active_children()
    first = embed("marked", 1, Share(0, 2))
    assert isinstance(first, ShareResult)
    assert first.shards_left <= 2
    assert isinstance(embed("marked", 2, Share(1, 2)), EmbedResult)
    assert digests(tmp_path / "marked") == digests(tmp_path / "whole")


def test_killed_workers_shards_are_done_by_others_and_counted_once(
    embed: Embed, tmp_path: Path, digests: Digests
) -> None:
    """Both are killed when the first of four shards is noted, so that there is more for either of them."""
    said: list[str] = []
    steps: list[tuple[int, int, str]] = []

    def kill_all(*step: Any) -> None:
        if not steps:
            for child in multiprocessing.active_children():
                child.kill()
        steps.append(step)

    embed("marked", 2, on_progress=kill_all, tell=said.append)
    assert len(said) == 2
    assert max(done for done, _, note in steps if note == "marking") == 200
    assert (200, 200, "marked") in steps
    embed("whole")
    assert digests(tmp_path / "marked") == digests(tmp_path / "whole")


def test_a_shard_that_kills_its_workers_ends_the_run_and_the_rest_is_kept(
    embed: Embed, tmp_path: Path, digests: Digests, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(local, "RESTARTS", 1)
    with monkeypatch.context() as patch:
        patch.setattr(writers, "Staging", faults.Deadly)
        with pytest.raises(ArtfpError, match="2 workers have died at shard 3, the last one ended by SIGKILL") as caught:
            embed("marked", 2, tell=said.append)
    assert "fewer --workers" in str(caught.value)
    assert len(said) == 1
    left = embed("marked", 1, Share(5, 6))  # which has no shards
    assert isinstance(left, ShareResult)
    assert left.shards_left == 1
    embed("marked")
    embed("whole")
    assert digests(tmp_path / "marked") == digests(tmp_path / "whole")


def test_all_bad_files_are_named_by_several_workers_and_nothing_is_left(
    embed: Embed, thumbnails: Path, tmp_path: Path
) -> None:
    files = sorted(thumbnails.rglob("*.bmp"))
    for index in (3, 70, 199):
        files[index].write_bytes(b"BM")
    with pytest.raises(BadFilesError) as caught:
        embed("marked", 2)
    assert [item.index for item in caught.value.bad] == [3, 70, 199]
    assert not [path for path in tmp_path.iterdir() if "marked" in path.name]


def test_what_is_done_already_needs_no_worker(embed: Embed, monkeypatch: pytest.MonkeyPatch) -> None:
    for index in range(3):
        embed("marked", 1, Share(index, 4))
    monkeypatch.setattr(local, "_Worker", lambda *_: pytest.fail("started a worker"))
    assert isinstance(embed("marked", 8), EmbedResult)


def test_threads_do_not_depend_on_the_number_of_workers(
    embed: Embed, thumbnails: Path, tmp_path: Path, registry: Registry, dct: DctCodec, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    class Seen(Staging):
        def write(self, index: int, image: LoadedImage, source_sha256: str | None = None) -> Row:
            seen.append(torch.get_num_threads())
            return super().write(index, image, source_sha256)

    monkeypatch.setattr(writers, "Staging", Seen)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(4)
        for shard, threads in ((1, [1]), (2, [2]), (8, [4])):
            seen.clear()
            monkeypatch.setattr(writers, "SHARD", shard)
            settings = EmbedSettings(thumbnails, tmp_path / f"by-{shard}", "alice")
            embed_dataset(settings, dct, registry, engine=LocalEngine("cpu", 1))
            assert (sorted(set(seen)), torch.get_num_threads()) == (threads, 4)
    finally:
        torch.set_num_threads(before)


INTERRUPTED = """
import os, signal, sys
from artfp.cli.main import main
from artfp.data import writers
from artfp.embed import dataset

writers.SHARD = 1
told = dataset._Sum.__call__

def interrupted(self, images, bad):
    told(self, images, bad)
    os.killpg(0, signal.SIGINT)  # as a terminal does: to everyone

dataset._Sum.__call__ = interrupted
main()
"""


def test_ctrl_c_at_a_terminal_ends_all_at_once_with_130(embed: Embed, thumbnails: Path, tmp_path: Path) -> None:
    arguments = [str(thumbnails), str(tmp_path / "marked"), "--key", "alice", "--codec", "dct", "--device", "cpu"]
    options = ["--workers", "2", "--registry", str(tmp_path / "registry" / "keys.sqlite")]
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(INTERRUPTED), "embed-dataset", *arguments, *options],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a suite in the background ignores it
    ) as command:
        _, stderr = command.communicate(timeout=120)
    assert command.returncode == 130, stderr
    assert "run the same command again to continue" in stderr
    assert "Traceback" not in stderr
    deadline = time.monotonic() + 60
    while _group_lives(command.pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert isinstance(embed("marked"), EmbedResult)


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
