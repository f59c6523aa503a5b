"""Datasets of the hub by id, against a hub on this machine: the same as their files, and no more fetched than read."""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hub import COMMIT, LATER, Hub
from kinds import Sample, parquet_shards, pyarrow, write_parquet

from artfp.data.hub import Address
from artfp.data.readers import collect, is_there, open_source
from artfp.data.source import Source
from artfp.errors import ArtfpError, BadInputError, UnreachableError, UsageError

CARD = """---
configs:
- config_name: small
  data_files:
  - {split: train, path: data/train-*}
  - {split: rest, path: other/rest.parquet}
- config_name: large
  data_files: "data/*"
---
"""


def samples(count: int = 12, size: int = 3000) -> list[Sample]:
    return [Sample(f"{i}.png", Random(i).randbytes(size), i % 2, f"image {i}") for i in range(count)]


@pytest.fixture
def repository(tmp_path: Path, hub: Hub) -> Path:
    """The folder of cats/dogs, with a split in three shards."""
    root = parquet_shards(tmp_path / "repository", samples())
    hub.add("cats/dogs", root)
    return root


def told(source: Source) -> tuple[Any, ...]:
    entries = [(entry.name, entry.label, entry.class_name, source.read(entry)) for entry in source]
    return entries, [source.columns.row(index) for index in range(len(source))], source.sha256


def error(address: str) -> str:
    with pytest.raises(UsageError) as raised:
        open_source(Path(address))
    return str(raised.value)


@pytest.mark.parametrize("address", ["hf://cats/dogs", f"hf://cats/dogs@{COMMIT}:train#image"])
def test_a_split_of_the_hub_is_what_its_files_are(address: str, repository: Path) -> None:
    assert is_there(Path(address))
    with open_source(Path(address)) as source, open_source(repository / "data" / "train-*.parquet") as local:
        assert told(source) == told(local)
        assert (source.revision, local.revision) == (f"hf://cats/dogs@{COMMIT}", None)
        assert str(source.lasting_path) == f"hf:/cats/dogs@{COMMIT}:train{'#image' * ('#' in address)}"
    names = [name for name, _ in collect([address])]
    assert names[0] == f"hf://cats/dogs@{COMMIT}:train{'#image' * ('#' in address)}/0.png"


def test_no_more_is_fetched_than_the_groups_of_rows_that_are_read_and_nothing_is_kept(tmp_path: Path, hub: Hub) -> None:
    """Opening fetches 64 KiB of each file, a guess at its footer, and the names; then comes a group of 3 x 200 kB."""
    hub.add("cats/dogs", parquet_shards(tmp_path / "repository", samples(24, 200_000)))
    with open_source(Path("hf://cats/dogs:train")) as source:
        opened = hub.sent
        source.read_at(20)
        assert opened < 1_000_000  # of 4,800,000
        assert 600_000 <= hub.sent - opened < 700_000
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.stat().st_size > 10_000]


def test_files_that_the_librarys_cache_has_are_read_from_it(repository: Path, hub: Hub) -> None:
    import huggingface_hub

    name = "data/train-00000-of-00003.parquet"
    path = huggingface_hub.hf_hub_download("cats/dogs", name, repo_type="dataset", revision=COMMIT)
    hub.asked.clear()
    with open_source(Path("hf://cats/dogs")) as source:
        assert source.read_at(0) == samples()[0].data
        asked = [place for method, place in hub.asked if method == "GET" and place.endswith(name)]
    assert (asked, Path(path).is_file()) == ([], True)


def test_configurations_and_splits_are_those_of_the_card(repository: Path) -> None:
    (repository / "README.md").write_text(CARD)
    write_parquet(repository / "other" / "rest.parquet", samples(2))
    assert "Please pick one among the available configs: ['small', 'large']" in error("hf://cats/dogs:train")
    assert "BuilderConfig 'huge' not found. Available: ['small', 'large']" in error("hf://cats/dogs:huge/train")
    counts = [len(open_source(Path(f"hf://cats/dogs:{which}"))) for which in ("small/rest", "large/train")]
    assert counts == [2, 12]
    assert "no split 'test'; there are train, rest" in error("hf://cats/dogs:small/test")


def test_of_several_splits_or_columns_one_has_to_be_named(repository: Path) -> None:
    write_parquet(repository / "data" / "test-00000-of-00001.parquet", samples(2))
    assert "several splits; say which one, as hf://cats/dogs:train or hf://cats/dogs:test" in error("hf://cats/dogs")
    with pytest.raises(BadInputError, match="columns of images: image; needed is one called mask"):
        open_source(Path("hf://cats/dogs:train#mask"))


def test_of_two_columns_of_images_the_named_one_is_read(tmp_path: Path, hub: Hub) -> None:
    pa = pyarrow()
    (tmp_path / "repository").mkdir()
    columns = {name: pa.array([{"bytes": name.encode()}]) for name in ("image", "mask")}
    pa.parquet.write_table(pa.table(columns), tmp_path / "repository" / "train.parquet")
    hub.add("cats/dogs", tmp_path / "repository")
    read = [open_source(Path(f"hf://cats/dogs{column}")).read_at(0) for column in ("", "#mask")]
    assert read == [b"image", b"mask"]


@pytest.mark.parametrize("address", ["hf://cats", "hf://cats/dogs:", "hf://cats/dogs@:train", "hf://a/b/c", "hf:/"])
def test_an_address_has_one_form(address: str) -> None:
    with pytest.raises(UsageError, match=r"its form is hf://OWNER/NAME\[@REVISION\]\[:\[CONFIG/\]SPLIT\]\[#COLUMN\]"):
        Address.of(Path(address))


def test_what_is_not_there_or_not_for_everybody_is_a_usage_error_that_says_what_to_do(
    repository: Path, hub: Hub, tmp_path: Path
) -> None:
    hub.add("cats/secret", repository)
    hub.gated.add("cats/secret")
    assert "gated dataset on the Hub" in error("hf://cats/secret")
    assert "doesn't exist on the Hub or cannot be accessed. If it is gated or private" in error("hf://cats/none")
    assert "Revision 'v2' doesn't exist" in error("hf://cats/dogs@v2")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(b"x")
    hub.add("cats/photos", tmp_path / "photos")
    assert "its files are no Parquet (.png)" in error("hf://cats/photos")
    (tmp_path / "empty").mkdir()
    hub.add("cats/empty", tmp_path / "empty")
    assert "doesn't contain any data files" in error("hf://cats/empty")


def test_files_elsewhere_that_a_card_names_are_not_read(repository: Path, tmp_path: Path) -> None:
    secret = write_parquet(tmp_path / "secret.parquet", samples(2))
    (repository / "README.md").write_text(f"---\nconfigs:\n- config_name: x\n  data_files: {secret}\n---\n")
    with pytest.raises(ArtfpError, match="names files that are not its own|not a readable dataset|hf://OWNER"):
        open_source(Path("hf://cats/dogs"))


def test_without_a_network_it_says_how_to_come_by_the_files(
    repository: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(sys.modules["datasets"].config, "HF_HUB_OFFLINE", True)
    with pytest.raises(
        UnreachableError, match=r"`hf download cats/dogs --repo-type dataset --local-dir DIR` elsewhere"
    ):
        open_source(Path("hf://cats/dogs"))


def test_a_network_that_fails_is_no_bad_image_and_the_next_reading_succeeds(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub.hf_file_system import HfFileSystemFile

    def fail(*_: Any) -> bytes:
        raise TimeoutError("no answer")

    with open_source(Path("hf://cats/dogs")) as source:
        with monkeypatch.context() as patched:
            patched.setattr(HfFileSystemFile, "_fetch_range", fail)
            with pytest.raises(UnreachableError, match=r"the hub does not give it \(no answer\); run the same command"):
                source.read_at(5)
        assert source.read_at(5) == samples()[5].data


def test_a_branch_that_moves_on_is_another_revision(repository: Path, tmp_path: Path, hub: Hub) -> None:
    with open_source(Path("hf://cats/dogs")) as source:
        hub.add("cats/dogs", parquet_shards(tmp_path / "later", samples(4)), LATER)
        assert source.read_at(9) == samples()[9].data
        with open_source(source.lasting_path) as again, open_source(Path("hf://cats/dogs")) as later:
            assert (again.sha256, again.revision) == (source.sha256, source.revision)
            assert (len(later), later.revision) == (4, f"hf://cats/dogs@{LATER}")


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("datasets", "datasets.exceptions", "datasets.data_files"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match=r"need the extra `datasets` .* pip install 'artfp\[datasets\]'"):
        open_source(Path("hf://cats/dogs"))
