"""How many colluders a trace survives, where nothing stands between their keys and what is read.

    python -m benchmarks.colluders [--groups 1000]

Groups of recipients average their copies as if averaging weights averaged marks: the soft bits of 16 images are the
mean of the members' signs, .8 of it, and noise of .15. Nothing of a network is in this; real ones read worse. Prints a
table: how often anyone of a group is named, and how many of its members.
"""

from __future__ import annotations

import argparse

import numpy as np

from artfp.seeds import numpy_generator
from artfp.statistics.evidence import Evidence
from artfp.statistics.tracing import suspects
from benchmarks.measuring.tables import markdown

IMAGES, CLEAR, NOISE = 16, 0.8, 0.15
SIZES = (1, 2, 3, 4, 6, 8)
CASES = (  # bits, keys, error
    (64, 1000, 1e-3),
    (64, 1_000_000, 1e-3),
    (64, 1_000_000, 1e-6),
    (128, 1000, 1e-3),
    (128, 1_000_000, 1e-6),
)


def main() -> None:
    """One line for each case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", type=int, default=1000)
    groups = parser.parse_args().groups
    header = ["bits", "recipients", "error", *(f"{size} average" for size in SIZES)]
    lines = [[str(bits), f"{keys:,}", f"{error:g}", *_cells(bits, keys, error, groups)] for bits, keys, error in CASES]
    print(markdown("anyone of the group named; share of its members named", header, lines))


def _cells(bits: int, keys: int, error: float, groups: int) -> list[str]:
    return [_cell([_named(bits, size, keys, error, seed) for seed in range(groups)], size) for size in SIZES]


def _cell(named: list[int], size: int) -> str:
    return f"{100 * np.mean(np.array(named) > 0):.1f} %; {100 * np.mean(named) / size:.1f} %"


def _named(bits: int, size: int, keys: int, error: float, seed: int) -> int:
    """How many of a group are named."""
    random = numpy_generator("colluders", bits, size, seed)
    members = random.integers(0, 2, (size, bits), np.uint8)
    soft = CLEAR * (2.0 * members - 1).mean(axis=0) + NOISE * random.standard_normal((IMAGES, bits))
    evidence = Evidence(bits)
    evidence.add(np.clip(soft, -1, 1))
    return len(suspects(evidence, np.packbits(members, axis=1), keys, error).rows)


if __name__ == "__main__":
    main()
