"""Limits on what is read: a file may be made to fill the memory, or to take for ever.

Each is a variable of the environment, asked whenever it matters, so that all processes that mark or read have the same;
what is no number is found when a command begins.
What they are for, and what has no such limit: `docs/hostile.md`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from artfp.errors import UsageError

DIGITS = 18  # of a limit that anybody could mean


@dataclass(frozen=True)
class Limit:
    """The largest number of something that is accepted."""

    variable: str
    usual: int
    what: str

    @property
    def value(self) -> int:
        """What the environment says, or else the usual one."""
        text = os.environ.get(self.variable, "")
        if not text:
            return self.usual
        if not (text.isascii() and text.isdigit() and len(text) <= DIGITS and int(text)):
            raise UsageError(f"{self.variable}={text[:DIGITS]!r}: must be a whole number from 1")
        return int(text)

    @property
    def words(self) -> str:
        """What is said of something that is larger."""
        return f"over the limit of {self.value:,} ({self.variable})"


PIXELS = Limit("ARTFP_MAX_PIXELS", 100_000_000, "pixels of an image, told by its header before any is decoded")
SIDE = Limit("ARTFP_MAX_SIDE", 65_500, "pixels of a side (JPEG's own): a 1 x 100,000,000 strip is no photograph")
SCANS = Limit("ARTFP_MAX_SCANS", 100, "passes of a progressive JPEG over all of its pixels; cameras make ten")
FILE_BYTES = Limit("ARTFP_MAX_FILE_BYTES", 1 << 29, "bytes of an image's file, unpacked: 100 megapixels of plain RGBA")
ENTRIES = Limit("ARTFP_MAX_ENTRIES", 20_000_000, "images of a dataset, whose names are held in memory")
TABLE_BYTES = Limit("ARTFP_MAX_TABLE_BYTES", 1 << 31, "bytes of a table of labels or columns in an archive, unpacked")
FIELD_BYTES = Limit("ARTFP_MAX_FIELD_BYTES", 1 << 24, "bytes of a `.cls`, `.json` or `.txt` beside an image in a tar")
GROUP_BYTES = Limit("ARTFP_MAX_GROUP_BYTES", 1 << 30, "bytes of images in a group of a Parquet file's rows, decoded")

LIMITS = (PIXELS, SIDE, SCANS, FILE_BYTES, ENTRIES, TABLE_BYTES, FIELD_BYTES, GROUP_BYTES)


def check_limits() -> None:
    """Refuse a malformed variable before anything is read."""
    for limit in LIMITS:
        _ = limit.value
