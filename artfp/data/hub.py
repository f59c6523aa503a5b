"""Datasets of the Hugging Face hub by their ids: the Parquet files of one split, at one commit.

    hf://OWNER/NAME[@REVISION][:[CONFIG/]SPLIT][#COLUMN]  --datasets: which files, at a commit--> ParquetSource

`datasets` says which files a split has, as `load_dataset` would take them, and fetches no more than the dataset's card.
The files are then read like local ones: from the library's cache where they are in it, else over the network as far
as they are asked for. So images, names, labels and hash are those of the same files in a folder.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from artfp.data.listing import inside
from artfp.data.parquet import ParquetSource
from artfp.data.remote import HubFile, import_for_hub
from artfp.data.source import reason
from artfp.errors import ArtfpError, BadInputError, UnreachableError, UsageError

FORM = "hf://OWNER/NAME[@REVISION][:[CONFIG/]SPLIT][#COLUMN]"
START = "hf:/"  # a `Path` makes one slash of two
ADDRESS = re.compile(
    r"hf:/{1,2}(?P<name>[\w.-]+/[\w.-]+)(@(?P<revision>[^:#]+))?(:((?P<config>[^/:#]+)/)?(?P<split>[^/:#]+))?"
    r"(#(?P<column>.+))?"
)
ACCESS = "If it is gated or private: ask for access on its page, and log in with `hf auth login` or HF_TOKEN"
WITHOUT_NETWORK = "Without a network: `hf download {name} --repo-type dataset --local-dir DIR` elsewhere, and give DIR"


@dataclass(frozen=True)
class Address:
    """What a user writes of a dataset of the hub."""

    name: str
    revision: str | None = None
    config: str | None = None
    split: str | None = None
    column: str | None = None

    @classmethod
    def of(cls, path: Path) -> Address:
        """The parts of an address."""
        found = ADDRESS.fullmatch(str(path))
        if found is None:
            raise UsageError(f"{path}: no dataset of the Hugging Face hub; its form is {FORM}")
        return cls(**found.groupdict())

    def __str__(self) -> str:
        revision = f"@{self.revision}" if self.revision else ""
        config = f"{self.config}/" if self.config else ""
        split = f":{config}{self.split}" if self.split else ""
        return f"hf://{self.name}{revision}{split}" + (f"#{self.column}" if self.column else "")


def is_on_hub(path: Path) -> bool:
    """Whether a path is an address of the hub."""
    return str(path).startswith(START)


class HubSource(ParquetSource):
    """A split of a dataset of the hub, at the commit that its revision was when it was opened."""

    def __init__(self, path: Path) -> None:
        self.address, shards = _resolved(Address.of(path))
        super().__init__(Path(str(self.address)), shards, self.address.column)

    @property
    def revision(self) -> str | None:
        """Repository and commit."""
        return f"hf://{self.address.name}@{self.address.revision}"

    @property
    def title(self) -> str:
        """The address, with its commit."""
        return str(self.address)

    @property
    def lasting_path(self) -> Path:
        """The address, with its commit."""
        return self.path


def _resolved(address: Address) -> tuple[Address, Mapping[str, Path | HubFile]]:
    """An address with commit and split, and the files behind it, by their names below the folder of all of them."""
    with _explained(address):
        builder = import_for_hub("datasets").load_dataset_builder(
            f"hf://datasets/{address.name}", name=address.config, revision=address.revision
        )
    commit, splits = str(builder.hash), dict(builder.config.data_files or {})
    address = dataclasses.replace(address, revision=commit, split=address.split or _only(address, splits))
    if address.split not in splits:
        raise UsageError(f"{address}: no split {address.split!r}; there are {', '.join(map(str, splits))} ({FORM})")
    return address, _files(address, [str(url) for url in splits[address.split]])


def _only(address: Address, splits: Mapping[Any, Any]) -> str:
    if len(splits) == 1:
        return str(next(iter(splits)))
    told = " or ".join(f"hf://{address.name}:{split}" for split in splits)
    if not told:  # what was prepared here before, which `datasets` falls back to
        raise UnreachableError(f"{address}: the hub does not answer. {_without_network(address)}")
    raise UsageError(f"{address}: has several splits; say which one, as {told}")


def _files(address: Address, urls: list[str]) -> dict[str, Path | HubFile]:
    """The files by name, in order; only such as lie in the repository itself, whatever its card says."""
    root = f"hf://datasets/{address.name}@{address.revision}/"
    names = sorted(url.removeprefix(root) for url in urls)
    if strange := [name for name in names if not inside(name) or "://" in name]:
        raise BadInputError(f"{address}: names files that are not its own, such as {strange[0]}")
    if others := {PurePosixPath(name).suffix for name in names} - {".parquet"}:
        told = f"its files are no Parquet ({', '.join(sorted(others))})"
        how = f"hf download {address.name} --repo-type dataset --revision {address.revision} --local-dir DIR"
        raise UsageError(f"{address}: {told}, and only Parquet files are read over the network; `{how}`, and give DIR")
    common = os.path.commonpath([PurePosixPath(name).parent for name in names])
    return {PurePosixPath(name).relative_to(common).as_posix(): _file(address, name) for name in names}


def _file(address: Address, name: str) -> Path | HubFile:
    """A file in the library's cache, or else over the network."""
    cached = import_for_hub("huggingface_hub").try_to_load_from_cache(
        address.name, name, revision=address.revision, repo_type="dataset"
    )
    return Path(cached) if isinstance(cached, str) else HubFile(f"datasets/{address.name}@{address.revision}/{name}")


@contextmanager
def _explained(address: Address) -> Iterator[None]:
    """What `datasets` raises, in our words, with what to do."""
    known, files = import_for_hub("datasets.exceptions"), import_for_hub("datasets.data_files")
    try:
        yield
    except (ArtfpError, MemoryError):
        raise
    except known.DatasetNotFoundError as error:
        raise UsageError(f"{address}: {error} {ACCESS}") from error
    except (known.DataFilesNotFoundError, files.EmptyDatasetError) as error:
        raise UsageError(f"{address}: {reason(error)}") from error
    except ValueError as error:  # of a configuration that is not there, or not said
        raise UsageError(f"{address}: {' '.join(str(error).splitlines()[:2])} ({FORM})") from error
    except OSError as error:
        raise UnreachableError(f"{address}: {reason(error)}. {_without_network(address)}") from error
    except Exception as error:  # a crafted card raises whatever YAML does
        raise BadInputError(f"{address}: not a readable dataset ({reason(error)})") from error


def _without_network(address: Address) -> str:
    return WITHOUT_NETWORK.format(name=address.name)
