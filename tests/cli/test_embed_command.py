"""`artfp embed-dataset`: exit codes, JSON, the plan, and every error text."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from kinds import pyarrow

from artfp.cli.main import artfp
from artfp.codec.dct import DctCodec
from artfp.data import writers
from artfp.embed import EmbedPlan, EmbedResult, ShareResult, request, run
from artfp.keys.registry import Registry

Command = Callable[..., Result]


@pytest.fixture
def photos(tmp_path: Path, clean_pixels: np.ndarray, write_pngs: Callable[[Path, np.ndarray], list[Path]]) -> Path:
    """Eight images of 64 px."""
    write_pngs(tmp_path / "photos", clean_pixels[:8])
    return tmp_path / "photos"


@pytest.fixture
def alice(registry: Registry) -> Registry:
    """A registry with one key."""
    registry.new("alice")
    return registry


@pytest.fixture
def embed(registry_path: Path) -> Command:
    """The command with the dct codec on this test's registry."""

    def invoke(*arguments: object) -> Result:
        fixed = ["--registry", str(registry_path), "--codec", "dct", "--device", "cpu"]
        return CliRunner().invoke(artfp, ["embed-dataset", *fixed, *map(str, arguments)])

    return invoke


def test_a_dataset_is_marked_and_the_self_check_printed(
    embed: Command, photos: Path, tmp_path: Path, alice: Registry
) -> None:
    done = embed(photos, tmp_path / "out", "--key", "alice")
    assert done.exit_code == 0, done.stderr
    for words in ("8, of which 8 marked; 0 skipped", alice.get("alice").key_id, "of the bits read back from 8 files"):
        assert words in done.stdout
    assert "codec dct: 64 bits at 64 px" in done.stderr
    assert len(list((tmp_path / "out" / "00000").iterdir())) == 8


def test_json_is_the_whole_result_and_nothing_else(
    embed: Command, photos: Path, tmp_path: Path, alice: Registry
) -> None:
    done = embed(photos, tmp_path / "out.zip", "--key", "alice", "--fraction", "0.5", "--strength", "0", "--json")
    result = EmbedResult.from_dict(json.loads(done.stdout))
    assert (result.output, result.totals.images, result.totals.marked, result.strength) == ("zip", 8, 4, 0.0)
    assert result.to_dict() == json.loads(done.stdout)
    assert result.self_check is not None
    assert result.self_check.psnr is None


@pytest.mark.parametrize(("kind", "usual"), [("tar", 1000), ("parquet", 500)])
def test_shards_are_written_and_verified(
    kind: str, usual: int, embed: Command, photos: Path, tmp_path: Path, alice: Registry, registry_path: Path
) -> None:
    if kind == "parquet":
        pyarrow()
    arguments = (photos, tmp_path / "out", "--key", "alice", "--format", kind, "--images-per-file", 3)
    assert f"({kind})" in embed(*arguments, "--dry-run").stdout
    done = embed(*arguments)
    assert done.exit_code == 0, done.stderr
    assert f"3 {kind} files, " in done.stdout
    result = EmbedResult.from_dict(json.loads(embed(*arguments, "--mb-per-file", usual, "--json").stdout))
    assert result.already_done
    assert [file.images for file in result.files] == [3, 3, 2]
    own = ["--registry", str(registry_path), "--key", "alice", "--codec", "dct", "--json"]
    verified = CliRunner().invoke(artfp, ["verify", str(tmp_path / "out"), *own])
    assert verified.exit_code == 0, verified.stderr
    assert len(json.loads(verified.stdout)["images"]) == 8


def test_the_same_again_says_so_and_succeeds(embed: Command, photos: Path, tmp_path: Path, alice: Registry) -> None:
    first = embed(photos, tmp_path / "out", "--key", "alice", "--json")
    again = embed(photos, tmp_path / "out", "--key", "alice", "--json")
    assert again.exit_code == 0
    assert "is there already, made with the same settings; nothing to do" in again.stderr
    assert json.loads(again.stdout) == json.loads(first.stdout) | {"already_done": True}


def test_a_key_for_each_class_needs_no_registry_beforehand(
    embed: Command, photos: Path, tmp_path: Path, registry_path: Path
) -> None:
    for number, path in enumerate(sorted(photos.iterdir())):
        (photos / f"class {number % 2}").mkdir(exist_ok=True)
        path.rename(photos / f"class {number % 2}" / path.name)
    planned = embed(photos, tmp_path / "out", "--key", "me", "--key-per", "class", "--dry-run")
    assert planned.exit_code == 0, planned.stderr
    assert "(2 to be made)" in planned.stdout
    assert "2, from folders" in planned.stdout
    assert not registry_path.exists()
    done = embed(photos, tmp_path / "out", "--key", "me", "--key-per", "class")
    assert done.exit_code == 0, done.stderr
    with Registry(registry_path) as registry:
        assert [name.startswith("me/class-") for name in registry.names()] == [True, True]


def test_a_dry_run_plans_and_writes_nothing(
    embed: Command, photos: Path, tmp_path: Path, alice: Registry, dct: DctCodec
) -> None:
    (photos / "notes.txt").write_text("hello")
    before = sorted(tmp_path.rglob("*"))
    done = embed(photos, tmp_path / "out", "--key", "alice", "--fraction", "0.25", "--dry-run", "--json")
    assert done.exit_code == 0, done.stderr
    plan = EmbedPlan.from_dict(json.loads(done.stdout))
    assert (plan.images, plan.to_mark, plan.keys, plan.new_keys) == (8, 2, ("alice",), ())
    assert (plan.ignored_files, plan.output, plan.resumes_after) == ({".txt": 1}, "folder", 0)
    assert plan.sampled_sizes[0].to_dict() == {"width": 64, "height": 64, "images": 8}
    assert 0 < plan.needed_bytes < plan.free_bytes
    assert sorted(tmp_path.rglob("*")) == before
    assert alice.codecs() == []
    text = embed(photos, tmp_path / "out", "--key", "alice", "--dry-run").stdout
    for words in ("8 images (64x64 in a sample)", "1 .txt", "(folder)", "alice", "MB free"):
        assert words in text


def test_bad_files_are_exit_4_in_json_and_on_stderr(
    embed: Command, photos: Path, tmp_path: Path, alice: Registry
) -> None:
    (photos / "bad.png").write_bytes(b"text")
    done = embed(photos, tmp_path / "out", "--key", "alice", "--json")
    assert done.exit_code == 4
    (bad,) = json.loads(done.stdout)["bad"]
    assert (bad["name"], bad["index"]) == ("bad.png", 8)
    assert "bad.png: not a readable image" in done.stderr
    assert "--skip-bad" in done.stderr
    assert not (tmp_path / "out").exists()
    skipped = embed(photos, tmp_path / "out", "--key", "alice", "--skip-bad", "--json")
    assert skipped.exit_code == 0
    assert "skipped bad.png: not a readable image" in skipped.stderr
    assert json.loads(skipped.stdout)["bad"] == [bad]


def test_warnings_go_to_stderr(embed: Command, photos: Path, tmp_path: Path, alice: Registry) -> None:
    from PIL import Image

    Image.new("RGB", (40, 40)).save(photos / "odd.png")
    (photos / "phone.heic").write_bytes(b"")
    done = embed(photos, tmp_path / "out", "--key", "alice")
    assert "warning: images of 2 different sizes" in done.stderr
    assert "left out, as no images that artfp reads: 1 .heic" in done.stderr
    assert "different sizes" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--key", "nobody"], "no key 'nobody'"),
        (["--key", "no key"], "is no name for a key"),
        (["--key", "alice", "--format", "zip"], "as --format zip? Names of zips end in .zip"),
        (["--key", "alice", "--images-per-file", "3"], "go with tar and parquet"),
        (["--key", "alice", "--format", "tar", "--mb-per-file", "0"], "0 is not in the range x>=1"),
        (["--key", "alice", "--strength", "-1"], "strength must be 0 or more, not -1.0"),
        (["--key", "alice", "--strength", "nan"], "strength must be 0 or more, not nan"),
        (["--key", "alice", "--fraction", "1.5"], "fraction must lie between 0 and 1, not 1.5"),
        (["--key", "alice", "--key-per", "class"], "has no classes"),
        (["--key", "alice", "--key-per", "pixel"], "'pixel' is not one of"),
        (["--key", "alice", "--codec", "none-such"], "no codec 'none-such'"),
        (["--key", "alice", "--device", "abacus"], "--device abacus"),
        (["--key", "alice", "--shard-index", "0"], "give both --shard-index and --shard-count, or neither"),
        (["--key", "alice", "--shard-index", "4", "--shard-count", "4"], "shard index 4 of 4: it counts from 0 to 3"),
        (["--key", "alice", "--workers", "0"], "Invalid value for '--workers'"),
        ([], "Missing option"),
    ],
)
def test_wrong_requests_are_exit_2(
    arguments: list[str], message: str, embed: Command, photos: Path, tmp_path: Path, alice: Registry
) -> None:
    done = embed(photos, tmp_path / "out", *arguments)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.split())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos", "registry"]


def test_a_missing_registry_comes_with_all_else_that_is_wrong(
    embed: Command, photos: Path, tmp_path: Path, registry_path: Path
) -> None:
    done = embed(photos, tmp_path / "out", "--key", "alice", "--strength", "-1")
    assert done.exit_code == 2
    assert "there is no registry yet; `artfp key new alice` makes one" in done.stderr
    assert "strength must be 0 or more" in done.stderr
    assert not registry_path.exists()


def test_a_source_that_is_missing_or_empty(embed: Command, tmp_path: Path, alice: Registry) -> None:
    assert embed(tmp_path / "gone", tmp_path / "out", "--key", "alice").exit_code == 2
    (tmp_path / "empty").mkdir()
    done = embed(tmp_path / "empty", tmp_path / "out", "--key", "alice")
    assert (done.exit_code, "holds no images" in done.stderr) == (4, True)


def test_what_is_there_is_exit_2(embed: Command, photos: Path, tmp_path: Path, alice: Registry) -> None:
    (tmp_path / "out").mkdir()
    done = embed(photos, tmp_path / "out", "--key", "alice")
    assert (done.exit_code, "nothing is overwritten" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (OSError(28, "No space left on device"), 5, "the disk is full"),
        (KeyboardInterrupt(), 130, "run the same command again to continue"),
    ],
)
def test_a_full_disk_is_exit_5_and_ctrl_c_130(
    error: BaseException,
    code: int,
    message: str,
    embed: Command,
    photos: Path,
    tmp_path: Path,
    alice: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(run, "_record", fail)
    done = embed(photos, tmp_path / "out", "--key", "alice")
    assert (done.exit_code, message in done.stderr) == (code, True)
    assert not (tmp_path / "out").exists()
    assert (tmp_path / ".out.artfp-partial").is_dir()
    monkeypatch.undo()
    assert embed(photos, tmp_path / "out", "--key", "alice").exit_code == 0


def test_a_share_says_what_is_still_to_be_done_elsewhere(
    embed: Command, photos: Path, tmp_path: Path, alice: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (writers, request):
        monkeypatch.setattr(module, "SHARD", 1)
    for number in range(64, 140):
        shutil.copy(photos / "000.png", photos / f"{number:03d}.png")
    arguments = (photos, tmp_path / "out", "--key", "alice", "--shard-count", 2)
    assert "2, 1 of them for this run" in embed(*arguments, "--shard-index", 1, "--dry-run").stdout
    first = embed(*arguments, "--shard-index", 1)
    assert first.exit_code == 0, first.stderr
    assert "1, every 2 from 1 on: done" in first.stdout
    assert "1 of its 2 shards are still to be done elsewhere" in first.stdout
    again = embed(*arguments, "--shard-index", 1, "--json")
    assert ShareResult.from_dict(json.loads(again.stdout)).shards_left == 1
    last = embed(*arguments, "--shard-index", 0, "--json")
    assert EmbedResult.from_dict(json.loads(last.stdout)).totals.images == 84


def test_help_explains_every_option() -> None:
    text = CliRunner().invoke(artfp, ["embed-dataset", "--help"]).stdout
    for option in ("--format", "--images-per-file", "--mb-per-file"):
        assert option in text
    for option in ("--workers", "--threads", "--shard-index", "--shard-count"):
        assert option in text
    for option in ("--key ", "--key-per", "--strength", "--fraction", "--codec", "--seed", "--skip-bad", "--dry-run"):
        assert option in text
