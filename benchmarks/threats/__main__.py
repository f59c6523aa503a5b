"""Print the tables of docs/threats.md, each under the heading of its section: every number of that page is in one.

    python -m benchmarks.threats

Nothing is measured here; the rows are those of `artfp robustness`, `benchmarks/averaging.py`, `benchmarks.finetune`,
`benchmarks.keyed`, `benchmarks.oracle` and `benchmarks.secrecy` in benchmarks/results.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

from benchmarks.threats.glance import overview
from benchmarks.threats.others import asked, averaged, forgotten, issued, unhidden
from benchmarks.threats.swept import SECTIONS, controls, swept

MORE = {"Averaging": averaged, "Fine-tuning": forgotten, "Collusion": issued}
TABLES: Mapping[str, Sequence[Callable[[], str]]] = {
    "At a glance": (overview, controls),
    **{name: (functools.partial(swept, name), *([MORE[name]] if name in MORE else [])) for name in SECTIONS},
    "Oracle queries": (asked,),
    "Secrecy": (unhidden,),
}


def main() -> None:
    """Print them."""
    for section, makers in TABLES.items():
        print(f"## {section}", *(make() for make in makers), sep="\n\n", end="\n\n")


if __name__ == "__main__":
    main()
