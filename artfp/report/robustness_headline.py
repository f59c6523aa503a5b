"""What a sweep comes down to: a sentence for whoever reads no further, what qualifies it, and its control."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from artfp.report.curves import attack_label, strength_label
from artfp.report.robustness_tables import attempts, images_needed, proven
from artfp.report.sweep_folder import SweepFolder
from artfp.report.tables import Row, count, percent, short
from artfp.robustness import FORGERY, GENERATED, IMAGE, REMOVAL, WEIGHTS, Readout
from artfp.robustness import Row as SweepRow
from artfp.statistics.calibration import Share

MOST_DEFEATS = 6  # attacks in a sentence
SOURCES = {True: "images from this generator", False: "marked images"}  # by whether one generated them


@dataclass(frozen=True)
class Headline:
    """The sentence that opens the page, what qualifies it, and its numbers."""

    outcome: str  # picks the stamp's colour and symbol
    stamp: str
    claim: str
    rest: tuple[str, ...]
    numbers: tuple[Row, ...]


def headline(folder: SweepFolder) -> Headline:
    """What survives of the alterations, and all that speaks against it."""
    rest, numbers = tuple(_rest(folder)), tuple(_numbers(folder))
    images = f"{count(folder.sweep.images)} {SOURCES[subject_of(folder) == GENERATED]}"
    total, kept = len(altered(folder)), sum(proven(readout) for _, readout in altered(folder))
    before = folder.untouched(subject_of(folder))
    if before is not None and before.readout is not None and not proven(before.readout):
        claim = f"Even unaltered, {images} do not prove the key {folder.sweep.key}."
        return Headline("no match", "Not proven", claim, rest, numbers)
    if not total:
        claim = "No alteration has been measured in this sweep yet."
        return Headline("inconclusive", "Not measured", claim, rest, numbers)
    claim = f"After {_part(kept, total)}, {images} still prove the key {folder.sweep.key}."
    return Headline("match" if kept else "no match", f"Proven after {kept} of {total}", claim, rest, numbers)


def _part(kept: int, total: int) -> str:
    """Of how many alterations: all 7 alterations, 6 of 7 alterations, none of 7 alterations."""
    if kept == total:
        return f"all {total} alterations" if total > 1 else "the one alteration measured"
    return f"{kept or 'none'} of {total} alterations"


def altered(folder: SweepFolder) -> list[tuple[SweepRow, Readout]]:
    """The rows that a headline counts: alterations of images and of weights, on what the page is about."""
    rows = folder.measured(IMAGE, WEIGHTS)
    return [(row, readout) for row, readout in rows if row.subject == subject_of(folder)]


def subject_of(folder: SweepFolder) -> str:
    """Generated images, where there are any: they are what a publisher has to prove."""
    return next(iter(folder.subjects), GENERATED)


def _rest(folder: SweepFolder) -> Iterator[str]:
    """What a reader of the claim has to know beside it, the worst first."""
    if defeats := [row for row, readout in altered(folder) if not proven(readout)]:
        yield f"It is no longer proven after {_listed(defeats)}."
    if told := [words for aim in (REMOVAL, FORGERY) if (words := _attempts_words(folder, aim))]:
        yield f"Adversaries {' and '.join(told)}."
    if failed := [row for row in folder.rows if row.readout is None]:
        yield f"{len(failed)} of {len(folder.rows)} rows could not be carried out; the tables say why."
    if folder.missing:
        yield f"{len(folder.missing)} of {len(folder.sweep.addresses)} rows are not measured yet."


def _attempts_words(folder: SweepFolder, aim: str) -> str:
    """How often adversaries reached one aim, of the times they could try."""
    tried = [attempt for attempt in attempts(folder) if attempt.row.aim == aim and attempt.row.readout is not None]
    done = sum(attempt.succeeded for attempt in tried)
    verb = "removed the key" if aim == REMOVAL else "forged a proof"
    return f"{verb} in {done} of {len(tried)} attempts" if tried else ""


def _listed(rows: list[SweepRow]) -> str:
    """JPEG (quality 30); Blur (share of the side 0.024, 0.036); and 3 more alterations."""
    groups = [list(group) for _, group in groupby(rows, key=lambda row: (row.kind, row.attack))]
    words = [f"{attack_label(group[0].attack)} ({_strengths(group)})" for group in groups]
    more = [f"and {len(groups) - MOST_DEFEATS} more kinds of alteration"] if len(groups) > MOST_DEFEATS else []
    return "; ".join(words[:MOST_DEFEATS] + more)


def _strengths(rows: list[SweepRow]) -> str:
    return f"{rows[0].unit} {', '.join(short(row.strength) for row in rows)}"


def _numbers(folder: SweepFolder) -> Iterator[Row]:
    rows, before = altered(folder), folder.untouched(subject_of(folder))
    if rows:
        kept = sum(proven(readout) for _, readout in rows)
        yield Row("alterations after which the key is proven", (str(kept), f"of {len(rows)}"))
    if before is not None and before.readout is not None:
        yield Row("bits right in unaltered images", (percent(before.readout.accuracy.value), ""))
        yield Row("unaltered images needed for a proof", (images_needed(before.readout), ""))
    if rows:
        row, worst = min(rows, key=lambda pair: pair[1].accuracy.value)
        yield Row(f"bits right at the worst: {strength_label(row)}", (percent(worst.accuracy.value), ""))


def control(folder: SweepFolder) -> dict[str, str] | None:
    """What unmarked images do under the same alterations: they should never pass for marked ones."""
    found = _control_readings(folder)
    if not found:
        return None
    passed, total = sum(share.count for share in found.values()), sum(share.total for share in found.values())
    of = f"{count(total)} readings of {count(_images_of(found))} unmarked images"
    if passed:
        words = (
            f"The control needs a look: {count(passed)} of {of}, put through the same alterations, pass for marked "
            "ones at p ≤ 10⁻⁶. The table of all rows shows where."
        )
        return {"style": "fails", "words": words}
    words = f"The control holds: of {of}, put through the same alterations, none passes for a marked one."
    return {"style": "holds", "words": words}


def _control_readings(folder: SweepFolder) -> dict[tuple[str, str, float, str], Share]:
    """Of each alteration and kind of unmarked images; once, though the rows of both subjects tell it."""
    return {
        (row.kind, row.attack, row.strength, name): each.single
        for row, _ in folder.measured(IMAGE, WEIGHTS)
        for name, each in (("clean", row.clean), ("twin", row.twin))
        if each is not None and each.single.total
    }


def _images_of(found: dict[tuple[str, str, float, str], Share]) -> int:
    """How many images they are of: every alteration has the same ones."""
    most: dict[str, int] = {}
    for (*_, name), share in found.items():
        most[name] = max(share.total, most.get(name, 0))
    return sum(most.values())
