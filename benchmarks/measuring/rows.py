"""The rows on the disk: one JSON file for each thing measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artfp.errors import ArtfpError
from artfp.files import read_json, write_json
from benchmarks.measuring.progress import note

if TYPE_CHECKING:
    from artfp.codec.base import Codec

ABSENT, USABLE = "-", "row"  # what `status` says of a row that is to be made, and of one that stands


def status(path: Path, settings: Mapping[str, Any], codec_sha256: str | None = None) -> str:
    """What there is of a row that is to have these settings."""
    if not path.exists():
        return ABSENT
    row = read_json(path)
    if row["settings"] != settings:
        return "a row of other settings; remove it to measure again"
    if codec_sha256 not in (None, row["codec"]["sha256"]):
        return "a row of another codec of this name; remove it, and its folder, to measure again"
    return USABLE


def carried_out(path: Path, settings: Mapping[str, Any], codec_name: str, row_of: Callable[[Codec], Any]) -> bool:
    """Write the row, unless there is one; whether nothing went wrong. A codec not trained yet is nothing wrong."""
    from benchmarks.measuring.codecs import load  # torch, which must find its settings when it is loaded

    try:
        codec = load(codec_name)
        if path.exists():
            note(there := status(path, settings, codec.sha256 if codec else None))
            return there == USABLE
        if codec is None:
            note(f"skipped: no codec {codec_name} here (artfp codec train codec-{codec_name})")
        else:
            write_json(path, row_of(codec))
    except ArtfpError as error:
        note(f"FAILED: {error}")
        return False
    return True


def rows_at(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """The rows that there are, in this order."""
    return [read_json(path) for path in paths if path.exists()]


def doubtful_twins(outcomes: Mapping[str, str]) -> bool:
    """A twin knows nothing of any key: one in a thousand may be inconclusive, none of a million may match."""
    doubtful = {name: outcome for name, outcome in outcomes.items() if outcome != "no match"}
    for name, outcome in doubtful.items():
        note(f"the clean twin of {name}: {outcome}")
    return bool(doubtful)
