"""What an audit says of each thing that it looked at, and of all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from artfp.results import Record

HOLDS = "holds"
BROKEN = "broken"
MISSING = "missing"  # it names something that is not here
SILENT = "says nothing"  # it does not name what it should; most earlier versions did not
APART = "not covered"  # nobody is meant to name it
INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Finding(Record):
    """One thing that was looked at."""

    what: str
    state: str
    file: str
    note: str = ""


@dataclass(frozen=True)
class Audit(Record):
    """All of them."""

    path: str
    kind: str
    outcome: str  # BROKEN if anything is, else INCONCLUSIVE if something is missing or says nothing, else HOLDS
    findings: tuple[Finding, ...]


class Look(NamedTuple):
    """How one of many like things was found, by its name."""

    name: str
    state: str
    note: str = ""


def outcome_of(findings: Iterable[Finding]) -> str:
    """What all findings say together."""
    states = {finding.state for finding in findings}
    if BROKEN in states:
        return BROKEN
    return INCONCLUSIVE if states & {MISSING, SILENT} else HOLDS


def gathered(what: str, file: str, looks: Iterable[Look]) -> Iterator[Finding]:
    """Of many like things every broken one, and how many are in each of the other states."""
    counts: Counter[str] = Counter()
    first: dict[str, Look] = {}
    for look in looks:
        counts[look.state] += 1
        first.setdefault(look.state, look)
        if look.state == BROKEN:
            yield Finding(what, BROKEN, look.name, look.note)
    total = counts.total()
    for state in (HOLDS, MISSING, SILENT):
        if counts[state]:
            yield Finding(what, state, file, _told(counts[state], total, () if state == HOLDS else first[state]))


def _told(count: int, total: int, first: Sequence[str]) -> str:
    share = f"{count:,}" if count == total else f"{count:,} of {total:,}"
    return f"{share}, the first {first[0]}" + (f": {first[2]}" if first[2] else "") if first else share
