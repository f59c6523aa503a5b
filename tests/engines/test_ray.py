"""A Ray cluster of two machines: the same bytes as one process, and no death costs more than time.

The machines are sessions of processes of this one. Each run starts actors, which takes seconds, so there are few.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import faults
import pytest
import torch
from click.testing import CliRunner
from ray_nodes import Nodes, await_end

from artfp.cli.main import artfp
from artfp.codec.dct import DctCodec
from artfp.data import writers
from artfp.embed import EmbedResult, EmbedSettings, embed_dataset
from artfp.engines.local import LocalEngine
from artfp.engines.ray import RayEngine
from artfp.engines.ray_actor import Orders, ShardActor, versions
from artfp.engines.ray_pool import Pool, Wish, pool_for
from artfp.errors import ArtfpError, Exit, UsageError
from artfp.keys.registry import Registry

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra `ray`")

Embed = Callable[..., EmbedResult]
Digests = Callable[[Path], dict[str, str]]


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards of one group: the thumbnails are four."""
    monkeypatch.setattr(writers, "SHARD", 1)


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    """The cluster; the tests that come first may take one of its machines away."""
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        found = Nodes(Path(folder), [Path(__file__).parents[1]])
        try:
            found.start()
            yield found
        finally:
            found.end()


@pytest.fixture
def cluster(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> Nodes:
    """The same, with what a process needs to be let in."""
    for name, value in nodes.environment.items():
        monkeypatch.setenv(name, value)
    return nodes


@pytest.fixture
def embed(thumbnails: Path, tmp_path: Path, registry: Registry, dct: DctCodec) -> Embed:
    """Embedding the thumbnails by an engine."""
    registry.new("alice")

    def run(target: str, engine: RayEngine | LocalEngine, **options: Any) -> EmbedResult:
        return embed_dataset(
            EmbedSettings(thumbnails, tmp_path / target, "alice"), dct, registry, engine=engine, **options
        )

    return run


def local() -> LocalEngine:
    return LocalEngine("cpu", 1, torch.get_num_threads())


def on(cluster: Nodes, workers: int | None = None, tell: Callable[[str], None] = print) -> RayEngine:
    return RayEngine("cpu", workers, torch.get_num_threads(), cluster.address, tell)


@needs_ray
def test_an_actor_and_a_machine_that_die_in_mid_shard_change_no_byte(
    embed: Embed, cluster: Nodes, tmp_path: Path, digests: Digests, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed("whole", local())
    (tmp_path / "doomed").write_text(str(cluster.other.session))
    said: list[str] = []
    steps: list[tuple[int, int, str]] = []
    monkeypatch.setattr(writers, "Staging", faults.Doomed)
    embed("marked", on(cluster, tell=said.append), on_progress=lambda *step: steps.append(step))
    deaths = {path.name for path in tmp_path.glob("died-*")}
    assert deaths == {f"died-{node.session}" for node in (cluster.head, cluster.other)}
    assert len(said) == 2
    assert max(done for done, _, note in steps if note == "marking") == 200
    assert (200, 200, "marked") in steps
    assert digests(tmp_path / "marked") == digests(tmp_path / "whole")


@needs_ray
def test_a_full_disk_ends_the_run_and_one_process_goes_on(
    embed: Embed, cluster: Nodes, tmp_path: Path, digests: Digests, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(writers, "Staging", faults.Full)
        with pytest.raises(ArtfpError, match="the disk is full; what is done is kept") as caught:
            embed("marked", on(cluster, 1))
    assert caught.value.exit_code == Exit.FAILURE
    journals = list((tmp_path / ".marked.artfp-partial" / "journal").iterdir())
    assert sum(bool(path.read_bytes()) for path in journals) >= 2
    steps: list[tuple[int, int, str]] = []
    embed("marked", local(), on_progress=lambda *step: steps.append(step))
    assert max(done for done, _, note in steps if note == "marking") == 200
    embed("whole", local())
    assert digests(tmp_path / "marked") == digests(tmp_path / "whole")
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == [
        "marked",
        "registry",
        "thumbnails",
        "whole",
    ]


@needs_ray
def test_the_command_names_all_bad_files_and_nothing_else_on_stdout(
    cluster: Nodes, thumbnails: Path, tmp_path: Path, registry: Registry
) -> None:
    registry.new("alice")
    files = sorted(thumbnails.rglob("*.bmp"))
    for index in (3, 70, 199):
        files[index].write_bytes(b"BM")
    done = CliRunner().invoke(artfp, command(thumbnails, tmp_path, "--ray-address", cluster.address))
    assert done.exit_code == Exit.BAD_INPUT, done.stderr
    assert [item["index"] for item in json.loads(done.stdout)["bad"]] == [3, 70, 199]
    assert "3 unusable file(s)" in done.stderr
    assert not [path for path in tmp_path.iterdir() if "marked" in path.name]


@pytest.fixture
def actor(tmp_path: Path) -> Callable[..., ArtfpError]:
    """What an actor says of shard 3, for which it has no parcel, so that it must be an error."""

    def refused(**changes: Any) -> ArtfpError:
        orders = {"device": "cpu", "threads": 1, "cpus": 1, "restarts": 2, "attempts": tmp_path, "versions": versions()}
        row = ShardActor(None, Orders(**orders | changes))({"number": 3})
        assert (row["number"], row["images"], row["bad"]) == (3, 0, 0)
        return pickle.loads(row["error"])

    return refused


def test_a_shard_that_three_actors_died_at_is_given_up(actor: Callable[..., ArtfpError], tmp_path: Path) -> None:
    (tmp_path / "00003").write_bytes(b"...")
    error = actor()
    assert error.exit_code == Exit.FAILURE
    assert "3 workers have died at shard 3; what is done is kept" in str(error)
    assert "fewer --workers" in str(error)


def test_a_machine_without_the_same_files_or_versions_says_so(actor: Callable[..., ArtfpError], tmp_path: Path) -> None:
    error = actor(attempts=tmp_path / "elsewhere")
    assert error.exit_code == Exit.BAD_INPUT
    assert "all machines of the Ray cluster must see the same files" in str(error)
    error = actor(versions=("0.0", "1.0"))
    assert error.exit_code == Exit.USAGE
    assert "whoever began the run has artfp 0.0 and torch 1.0" in str(error)


@pytest.mark.parametrize(
    ("wish", "machines", "pool"),
    [
        (Wish("cpu", 1, None, 2), [{"CPU": 4.0}, {"CPU": 2.0, "GPU": 1.0}], Pool(6, 1)),
        (Wish("cpu", 3, None, 2), [{"CPU": 4.0}, {"CPU": 7.0}, {}], Pool(3, 3)),
        (Wish("cpu", 1, 9, 2), [{"CPU": 4.0}], Pool(9, 1)),
        (Wish("cuda", None, None, 2), [{"CPU": 96.0, "GPU": 8.0}, {"CPU": 64.0}], Pool(8, 12, 1.0)),
        (Wish("cuda", None, None, 2), [{"CPU": 96.0, "GPU": 1.0}], Pool(1, 16, 1.0)),
        (Wish("cuda", None, None, 2), [{"CPU": 96.0, "GPU": 8.0}, {"CPU": 4.0, "GPU": 1.0}], Pool(9, 4, 1.0)),
        (Wish("cuda", None, 4, 2), [{"CPU": 12.0, "GPU": 2.0}], Pool(4, 3, 0.5)),
        (Wish("cuda", None, 2, 2), [{"GPU": 2.0}], Pool(2, 0, 1.0)),
    ],
)
def test_actors_have_room(wish: Wish, machines: list[dict[str, float]], pool: Pool) -> None:
    assert pool_for(wish, machines) == pool


def test_no_room_is_said() -> None:
    with pytest.raises(UsageError, match="has 8 CPUs for a worker: give fewer --threads"):
        pool_for(Wish("cpu", 8, None, 2), [{"CPU": 4.0}, {"CPU": 4.0}])
    with pytest.raises(UsageError, match="no machine of the Ray cluster has a GPU"):
        pool_for(Wish("cuda", None, None, 2), [{"CPU": 4.0}])


def test_without_the_extra_the_command_says_how_to_get_it(
    thumbnails: Path, tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.new("alice")
    monkeypatch.setitem(sys.modules, "ray", None)
    for more in ([], ["--dry-run"]):
        done = CliRunner().invoke(artfp, [*command(thumbnails, tmp_path), *more])
        assert done.exit_code == Exit.USAGE
        assert "pip install 'artfp[ray]'" in done.stderr
    assert registry.codecs() == []


@needs_ray
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--ray-address", "ray://head:10001"], "run artfp on a machine of the cluster"),
        (["--ray-address", "127.0.0.1:1"], "no Ray cluster at 127.0.0.1:1"),
        (["--ray-address", "head:port"], "no Ray cluster at head:port"),
        (["--ray-address", "auto", "--engine", "local"], "--ray-address is for --engine ray"),
    ],
)
def test_an_address_where_nobody_is_ends_the_command_before_it_begins(
    options: list[str], words: str, thumbnails: Path, tmp_path: Path, registry: Registry
) -> None:
    registry.new("alice")
    done = CliRunner().invoke(artfp, [*command(thumbnails, tmp_path), *options])
    assert done.exit_code == Exit.USAGE
    assert words in done.stderr
    assert registry.codecs() == []


@needs_ray
def test_a_plan_says_the_engine(
    thumbnails: Path, tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.new("alice")
    plan = [word for word in command(thumbnails, tmp_path) if word != "--json"]
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert "ray, a cluster of its own on this machine" in CliRunner().invoke(artfp, [*plan, "--dry-run"]).stdout
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    assert "ray, the cluster at auto" in CliRunner().invoke(artfp, [*plan, "--dry-run"]).stdout
    with pytest.raises(UsageError, match="Ray gives each worker its GPU"):
        RayEngine("cuda:1")


def command(thumbnails: Path, folder: Path, *options: str) -> list[str]:
    where = ["--registry", str(folder / "registry" / "keys.sqlite"), "--device", "cpu", "--threads", "1"]
    what = ["--key", "alice", "--codec", "dct", "--engine", "ray", "--json"]
    return ["embed-dataset", str(thumbnails), str(folder / "marked"), *what, *where, *options]


INTERRUPTED = """
import json, os, signal, sys
from pathlib import Path
import psutil
from artfp.cli.main import main
from artfp.data import writers
from artfp.embed import dataset

writers.SHARD = 1
told = dataset._Sum.__call__

def interrupted(self, images, bad):
    told(self, images, bad)
    below = psutil.Process().children(recursive=True)
    ports = [port.laddr.ip for each in below for port in each.net_connections("inet") if port.status == "LISTEN"]
    sessions = sorted({os.getsid(each.pid) for each in below})
    Path("seen.json").write_text(json.dumps({"ports": ports, "sessions": sessions, "folders": os.listdir()}))
    os.killpg(0, signal.SIGINT)  # as a terminal does: to everyone

dataset._Sum.__call__ = interrupted
main()
"""


@needs_ray
def test_a_cluster_of_ones_own_is_private_and_ends_with_ctrl_c(
    embed: Embed, thumbnails: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("place")
    (place / "tmp").mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, *command(thumbnails, tmp_path, "--workers", "1")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=place,
        env=environment,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a suite in the background ignores it
    ) as process:
        stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == Exit.INTERRUPTED, stderr
    assert stdout == ""
    assert "run the same command again to continue" in stderr
    assert len(stderr.splitlines()) <= 3, stderr
    seen = json.loads((place / "seen.json").read_text())
    assert {address.removeprefix("::ffff:") for address in seen["ports"]} == {"127.0.0.1"}
    for session in {process.pid, *seen["sessions"]}:
        await_end(session)
    assert isinstance(embed("marked", local()), EmbedResult)
