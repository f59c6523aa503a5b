"""What the rows say, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from artfp.records import read_versioned
from artfp.report.contest_tables import decimal
from artfp.secrecy import CONTROL, LABELLED, SCHEMA, SUSPECTS, Row, Study, file_name
from artfp.statistics.detection import LEAKS, UNDECIDED
from benchmarks.measuring.tables import NONE, markdown
from benchmarks.secrecy.questions import MINE, QUESTIONS, Question

WORDS = {"image": ", a key for each image", "dataset": ""}
NOTES = {LEAKS: "", UNDECIDED: "?"}
EXPLAINED = '"?": the interval does not tell whether anything leaks; "kept": it is within .05 of a half.'

Line = dict[int, Row]


def tables(results: Path) -> Iterator[str]:
    """Those who have labelled examples, then those who have none."""
    for unit in (LABELLED, SUSPECTS):
        if lines := {name: line for name, line in _lines(results) if next(iter(line.values())).unit == unit}:
            counts = sorted({count for line in lines.values() for count in line})
            header = ("marks of", "attacker", *(f"{count:,}" for count in counts))
            cells = ((*name, *(_cell(line.get(count)) for count in counts)) for name, line in lines.items())
            yield markdown(f"AUC by the number of {unit}; {_reach(lines.values())}", header, cells)
    yield EXPLAINED


def _reach(lines: Iterable[Line]) -> str:
    found = [row.detection.auc for line in lines for row in line.values()]
    widest = max(max(each.value - each.low, each.high - each.value) for each in found)
    return f"no 95 % interval reaches farther than {decimal(widest)} to either side"


def _lines(results: Path) -> Iterator[tuple[tuple[str, str], Line]]:
    """Each attacker of each study, his rows by how many images he was given; a control is the same in all studies."""
    controls: set[str] = set()
    for question in QUESTIONS:
        for attacker, line in _by_attacker(rows_of(results / question.name)).items():
            if attacker.endswith(CONTROL):
                if attacker not in controls:
                    yield ("dct", f"{attacker.removesuffix(f'-{CONTROL}')}, the control"), line
                controls.add(attacker)
            else:
                yield (question.marks + WORDS[question.key_per], _told(question, attacker, line)), line


def _by_attacker(rows: Sequence[Row]) -> dict[str, Line]:
    found: dict[str, Line] = {}
    for row in rows:
        found.setdefault(row.attacker, {})[row.given] = row
    return found


def _told(question: Question, attacker: str, line: Line) -> str:
    if next(iter(line.values())).codec is None:
        return attacker
    codec = {question.marks: "the publisher's", MINE: "a private one"}.get(question.codec, question.codec)
    return f"{attacker}, his is {codec}"


def _cell(row: Row | None) -> str:
    if row is None:
        return NONE
    return f"{decimal(row.detection.auc.value)} {NOTES.get(row.finding, row.finding)}".rstrip()


def rows_of(folder: Path) -> list[Row]:
    """The rows of a study; none if it is not there."""
    path = folder / "secrecy.json"
    if not path.is_file():
        return []
    addresses = read_versioned(path, Study, "a secrecy study", SCHEMA).addresses
    paths = (folder / "rows" / f"{file_name(address)}.json" for address in addresses)
    return [read_versioned(path, Row, "a row of a secrecy study", SCHEMA) for path in paths]
