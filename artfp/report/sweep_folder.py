"""What the folder of a robustness sweep holds (`artfp.robustness`), read and checked.

A row that is asked for and not there is not measured yet; thumbnails and the table may be missing too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from artfp.errors import BadInputError, UsageError
from artfp.files import is_file
from artfp.recipe import MOST_BITS
from artfp.records import read_versioned
from artfp.robustness import (
    ADVERSARY,
    DATA,
    FORGERY,
    GENERATED,
    IMAGE,
    REMOVAL,
    SCHEMA,
    SWEEP,
    TABLE,
    UNTOUCHED,
    WEIGHTS,
    Readout,
    Row,
    Sweep,
    Thresholds,
    address_of,
    row_path,
    thumb_path,
)
from artfp.statistics.calibration import Share

MOST_DAMAGE = 1e9  # dB, or a distance: an axis could not be drawn beyond all numbers


@dataclass(frozen=True)
class SweepFolder:
    """One sweep: its record, the rows that are there in the order asked for, and the first image of each."""

    sweep: Sweep
    rows: tuple[Row, ...]
    missing: tuple[str, ...]  # addresses of rows that are not there
    thumbs: dict[str, Path]  # by address
    table: bool  # whether rows.csv is there

    def measured(self, *kinds: str) -> Iterator[tuple[Row, Readout]]:
        """The rows of these kinds that could be carried out, with what was read in them, the untouched left out."""
        for row in self.rows:
            if row.kind in kinds and row.readout is not None and row.attack != UNTOUCHED:
                yield row, row.readout

    def untouched(self, subject: str) -> Row | None:
        """The row that the subject's others are compared with."""
        return next((row for row in self.rows if row.attack == UNTOUCHED and row.subject == subject), None)

    @property
    def subjects(self) -> tuple[str, ...]:
        """Those of which there are rows, generated images first: they are what a report is about."""
        return tuple(s for s in (GENERATED, DATA) if any(row.subject == s for row in self.rows))


def is_sweep(folder: Path) -> bool:
    """Whether a folder is a sweep's."""
    return (folder / SWEEP).is_file()


def read_sweep(folder: Path) -> SweepFolder:
    """The sweep in a folder; what is there but unreadable, or cannot be, is an error."""
    if not is_sweep(folder):
        raise UsageError(f"{folder}: no robustness sweep here; give the folder that `artfp robustness` made")
    sweep = read_versioned(folder / SWEEP, Sweep, "a sweep", SCHEMA)
    _check_sweep(folder / SWEEP, sweep)
    found = {address: row_path(folder, address) for address in sweep.addresses}
    present = {address: path for address, path in found.items() if is_file(path)}
    thumbs = {address: thumb_path(folder, address) for address in present}
    return SweepFolder(
        sweep=sweep,
        rows=tuple(_read_row(path, address, sweep) for address, path in present.items()),
        missing=tuple(address for address in found if address not in present),
        thumbs={address: path for address, path in thumbs.items() if path.is_file()},
        table=(folder / TABLE).is_file(),
    )


def _check_sweep(path: Path, sweep: Sweep) -> None:
    wrong = [address for address in sweep.addresses if any(c.isspace() for c in address)]
    if wrong or len(set(sweep.addresses)) < len(sweep.addresses):
        raise BadInputError(f"{path}: not a sweep (addresses must differ and have no spaces)")
    if not 1 <= sweep.n_bits <= MOST_BITS or sweep.images < 1:
        raise BadInputError(f"{path}: not a sweep (n_bits or images cannot be)")
    if not _histograms_fit(sweep.thresholds, sweep.n_bits):
        raise BadInputError(f"{path}: not a sweep (thresholds must count images for 0 to {sweep.n_bits} bits)")


def _histograms_fit(thresholds: Thresholds, n_bits: int) -> bool:
    """Whether each counts images for every number of bits; before any clean image is read it may be empty."""
    counted = (thresholds.clean_matches, thresholds.twin_matches or ())
    return all(len(counts) in (0, n_bits + 1) and min(counts, default=0) >= 0 for counts in counted)


def _read_row(path: Path, address: str, sweep: Sweep) -> Row:
    row = read_versioned(path, Row, "a row of a sweep", SCHEMA)
    if not row.address == address == address_of(row.kind, row.attack, row.strength, row.subject):
        raise BadInputError(f"{path}: is of another row, {row.address}")
    if wrong := list(_wrong_in(row, sweep.n_bits)):
        raise BadInputError(f"{path}: not a row of this sweep ({', '.join(wrong)} cannot be)")
    return row


def _wrong_in(row: Row, n_bits: int) -> Iterator[str]:
    words = (
        ("kind", row.kind, (IMAGE, WEIGHTS, ADVERSARY)),
        ("subject", row.subject, (DATA, GENERATED)),
        ("aim", row.aim, (REMOVAL, FORGERY)),
    )
    yield from (name for name, word, known in words if word not in known)
    if (row.readout is None) != (row.failure is not None):
        yield "readout beside failure"
    if row.readout is not None:
        yield from _wrong_in_readout(row.readout, n_bits)
    yield from (name for name, share in _shares_of(row).items() if not 0 <= share.count <= share.total)
    if row.damage is not None:
        damages = (row.damage.psnr, row.damage.lpips, row.damage.frechet)
        if any(abs(value) > MOST_DAMAGE for value in damages if value is not None):
            yield "damage"


def _wrong_in_readout(readout: Readout, n_bits: int) -> Iterator[str]:
    """Counts and numbers that contradict each other."""
    accuracy = readout.accuracy
    if readout.images < 1 or readout.total_bits != readout.images * n_bits:
        yield "total_bits"
    if not 0 <= readout.matching_bits <= readout.total_bits:
        yield "matching_bits of total_bits"
    if not 0 <= accuracy.low <= accuracy.value <= accuracy.high <= 1:
        yield "accuracy"
    if readout.log10_p > 0:
        yield "log10_p"
    if readout.single.total != readout.images:
        yield "single"
    if readout.matches and not _matches_fit(readout, n_bits):
        yield "matches"


def _matches_fit(readout: Readout, n_bits: int) -> bool:
    matches = readout.matches
    counted = len(matches) == readout.images and sum(matches) == readout.matching_bits
    return counted and min(matches) >= 0 and max(matches) <= n_bits


def _shares_of(row: Row) -> dict[str, Share]:
    """All shares of a row that there are, by where they are."""
    places = {"readout": row.readout, "clean": row.clean, "twin": row.twin}
    found = {
        f"{place}.{name}": getattr(of, name)
        for place, of in places.items()
        if of is not None
        for name in ("single", "single_empirical")
    }
    return {name: share for name, share in found.items() if share is not None}
