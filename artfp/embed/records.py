"""What embedding reports: the plan, the result, the self-check, the files it could not use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from artfp.data.manifest import SizeCount, Totals
from artfp.data.outputs import DataFile
from artfp.errors import BadInputError
from artfp.results import Record

LISTED = 1000  # bad files in an error message


@dataclass(frozen=True)
class BadImage(Record):
    """A file of the source that could not be used; its index stays free."""

    index: int
    name: str
    reason: str

    def __str__(self) -> str:
        text = f"{self.name}: {self.reason}"
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class BadFilesError(BadInputError):
    """Some files of the source cannot be used, and nothing was written; `bad` names every one."""

    def __init__(self, bad: tuple[BadImage, ...]) -> None:
        lines = [f"  {item}" for item in bad[:LISTED]]
        more = [f"  ... and {len(bad) - LISTED:,} more"] if len(bad) > LISTED else []
        advice = "nothing was written; repair or remove them, or leave them out with --skip-bad"
        super().__init__("\n".join([f"{len(bad):,} unusable file(s); {advice}", *lines, *more]))
        self.bad = bad


@dataclass(frozen=True)
class ShardRecord(Record):
    """What came of a shard: its files, or where some files put an end to the marking, how many of those are in it."""

    number: int
    images: int
    bad: int


@dataclass(frozen=True)
class ShareResult(Record):
    """What one of several runs of a command has done of a dataset that is not there yet."""

    target: str
    shard_index: int
    shard_count: int
    shards: int  # of the whole dataset
    shards_here: int  # done by this run or its predecessors
    shards_left: int  # to be done elsewhere


@dataclass(frozen=True)
class KeyUse(Record):
    """A key by its public id, the class it stands for where there is one per class, and how many images carry it."""

    key_id: str
    class_name: str | None
    images: int


@dataclass(frozen=True)
class SelfCheck(Record):
    """What a sample of the files on the disk says: tallies first, then what follows from them."""

    images: int
    bits_right: int
    bits_total: int
    squared_error: int  # of 8-bit values
    values: int
    ssim_sum: float  # of the middles of the images, 256 pixels a side at most
    bit_accuracy: float
    psnr: float | None  # of the pooled error; None where the images are unchanged
    ssim: float
    passed: bool | None  # None at a strength below 1, where nothing is promised


@dataclass(frozen=True)
class EmbedResult(Record):
    """A finished dataset; all but `target` and `already_done` is its manifest too."""

    output: str  # "folder", "zip", "tar" or "parquet"
    codec: str
    codec_sha256: str
    n_bits: int
    keys: tuple[KeyUse, ...]
    strength: float
    fraction: float
    seed: int
    totals: Totals
    ignored_files: dict[str, int]  # by suffix
    bad: tuple[BadImage, ...]
    self_check: SelfCheck | None  # None where no image is marked
    warnings: tuple[str, ...]
    key_per: str = "dataset"  # "class", or "image" where every image has bits of its own from one key's secret
    files: tuple[DataFile, ...] = ()  # that the images lie in, where many lie in one
    target: str = ""
    already_done: bool = False

    def manifest(self) -> dict[str, Any]:
        """The part that describes the dataset wherever it lies."""
        return {name: value for name, value in self.to_dict().items() if name not in ("target", "already_done")}

    @classmethod
    def of_manifest(cls, manifest: dict[str, Any], target: str) -> Self:
        """The result that a dataset's manifest records."""
        return cls.from_dict({**manifest, "target": target, "already_done": True})


@dataclass(frozen=True)
class EmbedPlan(Record):
    """What a run would do."""

    source: str
    target: str
    output: str
    images: int
    to_mark: int
    refused_files: int  # seen from outside already, as a link that leaves the folder
    ignored_files: dict[str, int]
    label_origin: str
    classes: int
    codec: str
    codec_sha256: str
    n_bits: int
    keys: tuple[str, ...]
    new_keys: tuple[str, ...]
    sampled_sizes: tuple[SizeCount, ...]
    needed_bytes: int
    free_bytes: int
    shards: int
    resumes_after: int  # images that an earlier run has finished
    already_done: bool
