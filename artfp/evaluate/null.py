"""What is read in images that never had the key: from it, one threshold for all rows.

clean images, topped up by the twin's --pieces--> in 0, 1 ... n bits so many match --> Thresholds
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from artfp.evaluate.numbers import empirical_threshold, matches_of
from artfp.evaluate.workbench import CLEAN, TWIN, Workbench
from artfp.files import read_json, write_json
from artfp.perturb.grids import CLEAN_DECODES
from artfp.robustness import Thresholds
from artfp.statistics.decision import MATCH_AT
from artfp.statistics.exact import Ints, matches_needed

PIECE = 256  # images of a piece; a multiple of what generators make together


@dataclass(frozen=True)
class Piece:
    """So many images from one place on."""

    name: str  # of the workbench's: clean or twin
    start: int
    count: int

    def do(self, bench: Workbench) -> tuple[str, list[int]]:
        """Of how many images 0, 1 ... n bits match; remembered in a file."""
        path = bench.cache / "null" / f"{self.name}-{self.start:06d}-{self.count}.json"
        if not path.exists():
            (soft,) = bench.read(list(bench.keyless(self.name, self.start, self.count)))
            matches = matches_of(soft, bench.request.bits)
            write_json(path, np.bincount(matches, minlength=len(bench.request.bits) + 1).tolist())
        return self.name, read_json(path)


def pieces(bench: Workbench) -> list[Piece]:
    """All that is read: at least the controls, and what the suite's empirical threshold takes."""
    suite = bench.request.suite
    wanted = max(suite.controls, suite.clean_decodes)
    clean = 0 if bench.clean is None else min(wanted, len(bench.clean))
    twin = 0 if bench.twin is None else max(suite.controls, suite.clean_decodes - clean)
    return [*_cut(CLEAN, clean), *_cut(TWIN, twin)]


def _cut(name: str, count: int) -> list[Piece]:
    return [Piece(name, start, min(PIECE, count - start)) for start in range(0, count, PIECE)]


def thresholds_of(bench: Workbench, counted: Sequence[tuple[str, Sequence[int]]]) -> Thresholds:
    """Both thresholds, and what the empirical one rests on."""
    n_bits, suite = len(bench.request.bits), bench.request.suite
    clean, twin = (_added(counted, name, n_bits) for name in (CLEAN, TWIN))
    enough = suite.clean_decodes and (clean + twin).sum() >= CLEAN_DECODES
    return Thresholds(
        theoretical=matches_needed(n_bits, MATCH_AT),
        empirical=empirical_threshold(clean + twin) if enough else None,
        clean_matches=tuple(clean.tolist()),
        twin_matches=None if bench.twin is None else tuple(twin.tolist()),
    )


def _added(counted: Sequence[tuple[str, Sequence[int]]], name: str, n_bits: int) -> Ints:
    parts = [np.array(counts, np.int64) for of, counts in counted if of == name]
    return np.sum([np.zeros(n_bits + 1, np.int64), *parts], axis=0)
