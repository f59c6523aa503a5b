"""The rows of sweeps that are known by name, as the README's table: the paper's column, a target, and each sweep.

    python -m benchmarks.headline SWEEP [SWEEP ...]
    python -m benchmarks.headline --adversaries SWEEP     what every adversary leaves, as LAB.md has it

Every SWEEP is a folder of `artfp robustness`; of its generated images the share of the bits read right, with the share
of images that match on their own at p <= 1e-6. A cell under its target is marked with a star. Some targets hold only
of a generator that is still of use: its Fréchet distance less than twice that of the untouched row.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from artfp.report.published import PUBLISHED
from artfp.report.sweep_folder import SweepFolder, read_sweep
from artfp.report.tables import percent
from artfp.robustness import ADVERSARY, GENERATED, IMAGE, UNTOUCHED, WEIGHTS, Damage, Readout, Row, address_of
from benchmarks.measuring.tables import ruled


@dataclass(frozen=True)
class Line:
    """A row of the table."""

    words: str
    kind: str
    attack: str
    strength: float
    target: float | None = None
    of_use: bool = False  # whether the target holds only of a generator that is still of use

    @property
    def published(self) -> float | None:
        """What the paper has, where it has this."""
        curve = PUBLISHED.get(self.attack)
        return None if curve is None else curve.accuracy.get(self.strength)


LINES = (
    Line("nothing", IMAGE, UNTOUCHED, 0),
    Line("JPEG 80", IMAGE, "jpeg", 80, 0.95),
    Line("JPEG 50", IMAGE, "jpeg", 50, 0.88),
    Line("noise .056", IMAGE, "noise", 0.056, 0.95),
    Line("noise .111", IMAGE, "noise", 0.111, 0.83),
    Line("blur, sigma 1.2 % of the side", IMAGE, "blur", 0.012, 0.92),
    Line("centre crop 100/128", IMAGE, "centre-crop", 100 / 128, 0.90),
    Line("weights: noise .12", WEIGHTS, "weight-noise", 0.12, 0.93),
    Line("weights: noise .24", WEIGHTS, "weight-noise", 0.24, 0.80),
    Line("weights: rounded to .1", WEIGHTS, "rounding", 0.1, 0.97),
    Line("weights: 4 bits", WEIGHTS, "quantise", 4, 0.90, of_use=True),
    Line("weights: half of them pruned", WEIGHTS, "prune", 0.5, 0.90, of_use=True),
)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweeps", nargs="+", type=Path, metavar="SWEEP")
    parser.add_argument("--adversaries", action="store_true", help="the rows of adversaries, a table for each sweep")
    options = parser.parse_args()
    sweeps = [read_sweep(path) for path in options.sweeps]
    print("\n\n".join(map(adversaries, sweeps)) if options.adversaries else table(sweeps))


def table(sweeps: Sequence[SweepFolder]) -> str:
    """Markdown."""
    return ruled(("after", "paper", "target", *(sweep.sweep.name for sweep in sweeps)), _lines(sweeps))


def _lines(sweeps: Sequence[SweepFolder]) -> Iterator[tuple[str, ...]]:
    for line in LINES:
        known = (line.published, line.target)
        yield (line.words, *("" if value is None else f"{value:.3g}"[1:] for value in known), *_cells(line, sweeps))


def _cells(line: Line, sweeps: Sequence[SweepFolder]) -> Iterator[str]:
    address = address_of(line.kind, line.attack, line.strength, GENERATED)
    for sweep in sweeps:
        row = next((row for row in sweep.rows if row.address == address), None)
        if row is None or row.readout is None:
            yield "—"
            continue
        read = row.readout
        missed = line.target is not None and read.accuracy.value < line.target and _is_held_to_it(line, row, sweep)
        yield f"{percent(read.accuracy.value)}{'*' if missed else ''} ({percent(read.single.rate)})"


def _is_held_to_it(line: Line, row: Row, sweep: SweepFolder) -> bool:
    """Whether the target holds of a row; where a distance is not known it does."""
    unharmed = sweep.untouched(GENERATED)
    after, before = row.frechet, unharmed.frechet if unharmed else None
    return not line.of_use or after is None or before is None or after < 2 * before


def adversaries(sweep: SweepFolder) -> str:
    """Markdown: a line for each row in which an adversary could try."""
    heads = ("adversary", "strength", "bits right", "match alone", "log10 p of the set", "PSNR, dB", "Fréchet distance")
    rows = [row for row in sweep.rows if row.kind == ADVERSARY]
    return ruled(heads, [_tried(row, row.readout, row.damage) for row in rows if row.readout and row.damage])


def _tried(row: Row, read: Readout, damage: Damage) -> tuple[str, ...]:
    return (
        row.attack,
        f"{row.strength:,.10g} {row.unit}",
        percent(read.accuracy.value),
        f"{read.single.count} of {read.single.total}",
        f"{read.log10_p:.1f}",
        "" if damage.psnr is None else f"{damage.psnr:.1f}",
        "" if damage.frechet is None else f"{damage.frechet:,.0f}",
    )


if __name__ == "__main__":
    main()
