"""What a marked dataset is written as, and in which of its files an image lies.

    folder    00000/img00000000.png ...
    zip       the same in one file
    tar       NAME-000000.tar ...                    WebDataset: img00000000.cls, img00000000.json, img00000000.png
    parquet   data/train-00000-of-00003.parquet ...  Hugging Face: image, label, further columns

The target has one name, a folder's or a zip's: only so can it appear whole. How the images are spread over files
follows from their order and their sizes alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from artfp.data.journal import Row
from artfp.data.listing import SHARDS, unicode_name
from artfp.data.writers import image_name
from artfp.errors import UsageError
from artfp.results import Record

Kind = Literal["folder", "zip", "tar", "parquet"]
IMAGES = 10_000  # in a file at most, where nobody says
PARQUET_FOLDER = "data"  # where Hugging Face looks first
MEGABYTES: dict[Kind, int] = {"tar": 1000, "parquet": 500}  # what others' writers aim at


@dataclass(frozen=True)
class DataFile(Record):
    """One of the files that the images lie in."""

    name: str
    images: int
    bytes: int  # of the images themselves


@dataclass(frozen=True)
class Output:
    """The kind, and of tars and Parquet files what one may hold."""

    kind: Kind
    name: str
    images: int
    megabytes: int

    @property
    def is_sharded(self) -> bool:
        """Whether the images lie in several files, many in each."""
        return self.kind in MEGABYTES

    def settings(self) -> dict[str, Any]:
        """All that decides what the result is, but for the name."""
        limits = {"images per file": self.images, "MB per file": self.megabytes}
        return {"output": self.kind} | (limits if self.is_sharded else {})

    def files(self, rows: Iterable[Row]) -> tuple[DataFile, ...]:
        """The files that images are to lie in, in order; none where each is a file, or all are one."""
        if not self.is_sharded:
            return ()
        counts = self._counts(rows)
        return tuple(DataFile(self._file_name(i, len(counts)), *count) for i, count in enumerate(counts))

    def _counts(self, rows: Iterable[Row]) -> list[tuple[int, int]]:
        """Images and bytes of each: the next one begins where an image would be one too many, or too large."""
        counts: list[tuple[int, int]] = []
        for row in rows:
            images, size = counts[-1] if counts else (self.images, 0)
            if images == self.images or size + row.bytes > self.megabytes * 10**6:
                counts.append((1, row.bytes))
            else:
                counts[-1] = images + 1, size + row.bytes
        return counts

    def _file_name(self, number: int, count: int) -> str:
        if self.kind == "tar":
            return f"{self.name}-{number:06d}.tar"
        return f"{PARQUET_FOLDER}/train-{number:05d}-of-{count:05d}.parquet"

    def image_name(self, index: int, file: str) -> str:
        """What the image with this index in the source is called, as whoever opens the dataset finds it."""
        return f"{file}/{sample_key(index)}.png" if self.kind == "tar" else image_name(index)


def sample_key(index: int) -> str:
    """What the names of the files of one WebDataset sample have in common."""
    return Path(image_name(index)).stem


def output_for(
    target: Path, kind: Kind | None = None, images: int | None = None, megabytes: int | None = None
) -> Output:
    """What a target becomes; without a kind its name decides. A UsageError says what does not go together."""
    suffix = target.suffix.lower()
    if suffix in SHARDS:
        raise UsageError(
            f"{target}: tars and Parquet files are written into a new folder, so that all of them appear at once; "
            f"give its name without {suffix}, and --format {suffix[1:]}"
        )
    kind = kind or ("zip" if suffix == ".zip" else "folder")
    if (kind == "zip") != (suffix == ".zip"):
        raise UsageError(f"{target}: as --format {kind}? Names of zips end in .zip, and no others do")
    if kind not in MEGABYTES and (images, megabytes) != (None, None):
        raise UsageError(f"{target}: is to be a {kind}; --images-per-file and --mb-per-file go with tar and parquet")
    if min(images or 1, megabytes or 1) < 1:
        raise UsageError(f"{target}: a file holds at least one image, and one MB")
    name = unicode_name(target.name).lstrip(".")  # hidden files are no part of a dataset
    return Output(kind, name, images or IMAGES, megabytes or MEGABYTES.get(kind, 0))
