"""What a sweep comes down to: a sentence for whoever reads no further, what qualifies it, and its control."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from artfp.report.curves import attack_label, strength_label, worst_of
from artfp.report.robustness_tables import Attempt, attempts, images_needed, never_proven, proven
from artfp.report.sweep_folder import SweepFolder
from artfp.report.tables import Row, count, counted, percent, short
from artfp.robustness import DATA, FORGERY, GENERATED, IMAGE, REMOVAL, WEIGHTS, Readout
from artfp.robustness import Row as SweepRow
from artfp.statistics.calibration import Share

MOST_DEFEATS = 6  # attacks in a sentence
SOURCES = {GENERATED: "images from this generator", DATA: "marked images"}


@dataclass(frozen=True)
class Headline:
    """The sentence that opens the page, what qualifies it, and its numbers."""

    outcome: str  # picks the stamp's colour and symbol
    stamp: str
    claim: str
    rest: tuple[str, ...]
    numbers: tuple[Row, ...]


@dataclass(frozen=True)
class Counted:
    """What a headline counts: the alterations of images and of weights, on the one subject that it is about."""

    folder: SweepFolder
    subject: str
    altered: tuple[tuple[SweepRow, Readout], ...]
    kept: int  # of them so many still prove the key
    never: bool  # whether the images do not prove it even untouched


def headline(folder: SweepFolder) -> Headline:
    """What survives of the alterations, and all that speaks against it."""
    found = _counted(folder)
    outcome, stamp, claim = _claim(found)
    return Headline(outcome, stamp, claim, tuple(_rest(found)), tuple(_numbers(found)))


def _counted(folder: SweepFolder) -> Counted:
    """Of generated images, where there are any: they are what a publisher has to prove."""
    subject = next(iter(folder.subjects), GENERATED)
    altered = tuple(each for each in folder.measured(IMAGE, WEIGHTS) if each[0].subject == subject)
    kept = sum(proven(readout) for _, readout in altered)
    return Counted(folder, subject, altered, kept, never_proven(folder, subject))


def _claim(found: Counted) -> tuple[str, str, str]:
    """Outcome, stamp and sentence."""
    sweep, kept, total = found.folder.sweep, found.kept, len(found.altered)
    images = f"{count(sweep.images)} {SOURCES[found.subject]}"
    if found.never:
        return "no match", "Not proven", f"Even unaltered, {images} do not prove the key {sweep.key}."
    if not total:
        return "inconclusive", "Not measured", "No alteration has been measured in this sweep yet."
    told = f"After {_part(kept, total)}, {images} {_still(kept, total)} prove the key {sweep.key}."
    return "match" if kept else "no match", f"Proven after {kept} of {total}", told


def _part(kept: int, total: int) -> str:
    """Of how many alterations: all 7 alterations, 6 of 7 alterations, none of 7 alterations."""
    if total == 1:
        return "the one alteration measured"
    return f"all {total} alterations" if kept == total else f"{kept or 'none'} of {total} alterations"


def _still(kept: int, total: int) -> str:
    """None of several is denied already."""
    return "no longer" if (kept, total) == (0, 1) else "still"


def _rest(found: Counted) -> Iterator[str]:
    """What a reader of the claim has to know beside it, the worst first; nothing takes what was never there."""
    folder = found.folder
    if not found.never and (defeats := [row for row, readout in found.altered if not proven(readout)]):
        yield f"It is no longer proven after {_listed(defeats)}."
    tried = [attempt for attempt in attempts(folder) if attempt.tried]
    if told := [words for aim in (REMOVAL, FORGERY) if (words := _attempts_words(tried, aim))]:
        yield f"Adversaries {' and '.join(told)}."
    if failed := [row for row in folder.rows if row.readout is None]:
        yield f"{len(failed)} of {counted(len(folder.rows), 'row')} could not be carried out; the tables say why."
    if folder.missing:
        yield f"Not measured yet: {len(folder.missing)} of {counted(len(folder.sweep.addresses), 'row')}."


def _attempts_words(tried: Iterable[Attempt], aim: str) -> str:
    """How often adversaries reached one aim, of the times they could try."""
    done = [attempt.succeeded for attempt in tried if attempt.row.aim == aim]
    verb = "removed the key" if aim == REMOVAL else "forged a proof"
    return f"{verb} in {sum(done)} of {counted(len(done), 'attempt')}" if done else ""


def _listed(rows: list[SweepRow]) -> str:
    """JPEG (quality 30); Blur (share of the side 0.024, 0.036); and 3 more kinds of alteration."""
    groups = [list(group) for _, group in groupby(rows, key=lambda row: (row.kind, row.attack))]
    words = [f"{attack_label(group[0].attack)} ({_strengths(group)})" for group in groups]
    more = len(groups) - MOST_DEFEATS
    last = [f"and {counted(more, 'more kind')} of alteration"] if more > 0 else []
    return "; ".join(words[:MOST_DEFEATS] + last)


def _strengths(rows: list[SweepRow]) -> str:
    return f"{rows[0].unit} {', '.join(short(row.strength) for row in rows)}"


def _numbers(found: Counted) -> Iterator[Row]:
    rows, before = found.altered, found.folder.untouched(found.subject)
    if rows:
        yield Row("alterations after which the key is proven", (str(found.kept), f"of {len(rows)}"))
    if before is not None and before.readout is not None:
        yield Row("bits right in unaltered images", (percent(before.readout.accuracy.value), ""))
        yield Row("unaltered images needed for a proof", (images_needed(before.readout), ""))
    if rows:
        row, worst = worst_of(rows)
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
