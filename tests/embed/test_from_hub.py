"""Marking a dataset of the hub: the same as its files, at one commit from the first try to the last."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hub import COMMIT, LATER, Hub
from kinds import Sample, parquet_shards
from numpy.typing import NDArray

from artfp.data.manifest import read_manifest
from artfp.data.writers import Staging
from artfp.embed import EmbedResult
from artfp.embed.job import Advance, Job
from artfp.embed.run import process_shard
from artfp.errors import UnreachableError, UsageError
from artfp.images import LoadedImage, encode_png

Embed = Callable[..., EmbedResult]
SOURCE = Path("hf://cats/dogs:train")


@pytest.fixture
def repository(tmp_path: Path, hub: Hub, clean_pixels: NDArray[np.uint8]) -> Path:
    """The folder of cats/dogs: 8 images in two shards."""
    files = [encode_png(LoadedImage(pixels)) for pixels in clean_pixels[:8]]
    root = parquet_shards(
        tmp_path / "repository", [Sample(f"{i}.png", file, i % 2, "") for i, file in enumerate(files)]
    )
    hub.add("cats/dogs", root)
    return root


class Elsewhere:
    """Another process, which opens the source anew, when the branch has moved on already."""

    def __init__(self, hub: Hub, later: Path) -> None:
        self.hub, self.later = hub, later

    def run(self, job: Job, stage: Staging, shards: Sequence[int], advance: Advance) -> None:
        self.hub.add("cats/dogs", self.later, LATER)
        job, stage = pickle.loads(pickle.dumps((job, stage)))
        for number in shards:
            process_shard(job, stage, number, advance)


def test_it_is_marked_as_its_files_are_and_a_later_commit_is_another_dataset(
    embed: Embed, repository: Path, tmp_path: Path, hub: Hub, digests: Callable[[Path], dict[str, str]]
) -> None:
    embed(SOURCE, engine=Elsewhere(hub, tmp_path))
    embed(repository / "data" / "*.parquet", "local")
    assert _images(digests(tmp_path / "marked")) == _images(digests(tmp_path / "local"))
    manifest, local = (read_manifest(tmp_path / name) or {} for name in ("marked", "local"))
    assert manifest["settings"] == {**local["settings"], "revision": f"hf://cats/dogs@{COMMIT}"}
    hub.add("cats/dogs", repository, LATER)
    with pytest.raises(UsageError, match=f"revision: hf://cats/dogs@{COMMIT} there, hf://cats/dogs@{LATER} now"):
        embed(SOURCE)
    assert embed(Path(f"hf://cats/dogs@{COMMIT}:train")).already_done


def _images(digests: dict[str, str]) -> dict[str, str]:
    return {name: digest for name, digest in digests.items() if not name.endswith(("manifest.json", "artefacts.json"))}


def test_a_network_that_fails_stops_the_run_and_no_image_is_skipped_for_it(
    embed: Embed, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub.hf_file_system import HfFileSystemFile

    class Failing:
        def run(self, job: Job, stage: Staging, shards: Sequence[int], advance: Advance) -> None:
            def fail(*_: object) -> bytes:
                raise TimeoutError("no answer")

            with monkeypatch.context() as patched:
                patched.setattr(HfFileSystemFile, "_fetch_range", fail)
                job.request.source._kept.clear()  # type: ignore[attr-defined] - what planning has fetched
                process_shard(job, stage, 0, advance)

    with pytest.raises(UnreachableError, match="no answer"):
        embed(SOURCE, skip_bad=True, engine=Failing())
    assert embed(SOURCE, skip_bad=True).totals.images == 8
