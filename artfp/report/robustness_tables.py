"""The tables of a robustness report: worst cases, the paper's numbers, adversaries, and every row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from artfp.report.curves import Attack, Curve, attacks, strength_label
from artfp.report.figures import LEAST_LOG_P, MATCH_LOG_P
from artfp.report.published import PUBLISHED, Published
from artfp.report.sweep_folder import SweepFolder
from artfp.report.tables import ABSENT, Row, count, percent, probability, scientific, setting_text, short
from artfp.robustness import ADVERSARY, CORRECTED, DATA, FORGERY, GENERATED, IMAGE, WEIGHTS, Control, Damage, Readout
from artfp.robustness import Row as SweepRow
from artfp.verdict import share_or_bound

SUBJECTS = {GENERATED: "Generated images", DATA: "Marked data"}
ALL_COLUMNS = (
    "Row",
    "Images",
    "Bits right",
    "Match alone",
    "Over the empirical threshold",
    "p of the set",
    "Images needed",
    "PSNR",
    "LPIPS",
    "Fréchet",
    "Clean images that pass",
    "Twin's images that pass",
)

ATTEMPT_COLUMNS = (
    "Outcome",
    "Wants",
    "Knows",
    "Spends",
    "p of the set",
    "Bits right",
    "Match alone",
    "Damage",
    "Notes",
)


@dataclass(frozen=True)
class Attempt:
    """What an adversary reached, as a line of the table: the worst for the publisher come first."""

    row: SweepRow
    outcome: str
    rank: int  # 0: he had what he wanted; 1: he had not; 2: he could not try, or there was nothing to remove

    @property
    def succeeded(self) -> bool:
        """Whether he had what he wanted."""
        return self.rank == 0

    @property
    def tried(self) -> bool:
        """Whether it says anything that he had it, or not."""
        return self.rank < 2


def proven(readout: Readout) -> bool:
    """Whether the images of a row, as one set, have the key at the report's level."""
    return readout.log10_p <= MATCH_LOG_P


def never_proven(folder: SweepFolder, subject: str) -> bool:
    """Whether a subject's images do not prove the key even untouched; where those were not read, they are trusted."""
    before = folder.untouched(subject)
    return before is not None and before.readout is not None and not proven(before.readout)


def p_of(log10_p: float) -> Markup:
    """The p of a set, rounded up."""
    return probability(10 ** max(LEAST_LOG_P, log10_p))


def with_interval(readout: Readout) -> str:
    """Bit accuracy with its interval over images."""
    found = readout.accuracy
    return f"{percent(found.value)} ({percent(found.low)} to {percent(found.high)})"


def link_to(row: SweepRow, words: str) -> Markup:
    """Words that lead to the row in the table of all rows."""
    return Markup('<a href="#{}">{}</a>').format(row.address, words)


def worst_rows(folder: SweepFolder) -> tuple[Row, ...]:
    """Of each attack the worst row and the area of each subject; the smallest area first."""
    found = [attack for kind in (IMAGE, WEIGHTS) for attack in attacks(folder, kind)]
    found.sort(key=lambda attack: attack.curves[0].area)
    return tuple(_worst_row(attack, folder.subjects) for attack in found)


def worst_columns(folder: SweepFolder) -> tuple[str, ...]:
    """The headings over them."""
    kinds = ("area", "bits right at the worst", "p of the set there", "images needed there")
    return tuple(f"{SUBJECTS[subject]}: {kind}" for subject in folder.subjects for kind in kinds)


def _worst_row(attack: Attack, subjects: Sequence[str]) -> Row:
    name = f"{attack.label} (weights)" if attack.kind == WEIGHTS else attack.label
    return Row(name, tuple(cell for subject in subjects for cell in _worst_cells(attack.curve(subject))))


def _worst_cells(curve: Curve | None) -> tuple[str, ...]:
    if curve is None:
        return (ABSENT,) * 4
    row, readout = curve.worst
    where = link_to(row, f"at {row.unit} {short(row.strength)}")
    right = Markup("{}, {}").format(percent(readout.accuracy.value), where)
    return (f"{curve.area:.3f}", right, p_of(readout.log10_p), images_needed(readout))


def images_needed(readout: Readout) -> str:
    """How many of the images prove the key; more than there are, where all do not."""
    return f"> {count(readout.images)}" if readout.images_needed is None else count(readout.images_needed)


def paper_rows(folder: SweepFolder) -> tuple[Row, ...]:
    """Every published number of an attack that the sweep has on generated images, beside the sweep's."""
    return tuple(row for found in _in_both(folder) for row in _paper_rows_of(*found))


def _in_both(folder: SweepFolder) -> Iterator[tuple[Attack, Curve, Published]]:
    """The attacks on generated images that the paper has too."""
    for attack in (attack for kind in (IMAGE, WEIGHTS) for attack in attacks(folder, kind)):
        published, curve = PUBLISHED.get(attack.name), attack.curve(GENERATED)
        if published is not None and curve is not None:
            yield attack, curve, published


def _paper_rows_of(attack: Attack, curve: Curve, published: Published) -> Iterator[Row]:
    for strength, accuracy in published.accuracy.items():
        ours = [read for row, read in curve.points if row.strength == strength]
        told = (
            f"{accuracy:.3f}" if published.frechet is None else f"{accuracy:.3f}, FID {published.frechet[strength]:g}"
        )
        mine = f"{ours[0].accuracy.value:.3f}" if ours else "not measured"
        yield Row(f"{attack.label}, {attack.unit} {short(strength)}", (told, mine))


def paper_notes(folder: SweepFolder) -> tuple[str, ...]:
    """What has to be said of single curves."""
    return tuple(published.note for *_, published in _in_both(folder) if published.note)


def attempts(folder: SweepFolder) -> tuple[Attempt, ...]:
    """The adversaries' rows: first who succeeded, then who failed, then who could not try."""
    never = {subject: never_proven(folder, subject) for subject in folder.subjects}
    found = [_attempt(row, never[row.subject]) for row in folder.rows if row.kind == ADVERSARY]
    return tuple(sorted(found, key=lambda attempt: attempt.rank))


def _attempt(row: SweepRow, never: bool) -> Attempt:
    """`never`: the images that he started from did not prove the key."""
    if row.readout is None:
        return Attempt(row, f"Not carried out: {row.failure}", 2)
    if row.aim == FORGERY:
        return Attempt(row, "Forged the key", 0) if _forged(row, row.readout) else Attempt(row, "Forged nothing", 1)
    if never:
        return Attempt(row, "Was not proven before", 2)
    return Attempt(row, "Still proven", 1) if proven(row.readout) else Attempt(row, "Removed the key", 0)


def _forged(row: SweepRow, readout: Readout) -> bool:
    """Whether a forger has a proof; the least p of many keys that he tried is none before it is corrected for them."""
    surviving = row.notes.get(CORRECTED)
    return surviving > 0 if isinstance(surviving, int) else proven(readout)


def attempt_rows(folder: SweepFolder) -> tuple[Row, ...]:
    """A line for each attempt, its heading leading to the row."""
    return tuple(_attempt_row(attempt) for attempt in attempts(folder))


def _attempt_row(attempt: Attempt) -> Row:
    row, read = attempt.row, attempt.row.readout
    numbers = (p_of(read.log10_p), with_interval(read), percent(read.single.rate)) if read else (ABSENT,) * 3
    words = (attempt.outcome, row.aim, row.knows or ABSENT, row.costs or ABSENT)
    heading = link_to(row, f"{strength_label(row)}, {SUBJECTS[row.subject].lower()}")
    return Row(heading, (*words, *numbers, _damage_words(row.damage), setting_text(row.notes) or ABSENT))


def _damage_words(damage: Damage | None) -> str:
    if damage is None:
        return ABSENT
    frechet = None if damage.frechet is None else short(damage.frechet)
    told = (("PSNR {:.1f} dB", damage.psnr), ("LPIPS {:.3f}", damage.lpips), ("Fréchet {}", frechet))
    return ", ".join(form.format(value) for form, value in told if value is not None) or ABSENT


def all_rows(folder: SweepFolder) -> tuple[Row, ...]:
    """Every row with its address as an anchor."""
    return tuple(Row(link_to(row, row.address), _cells(row), anchor=row.address) for row in folder.rows)


def _cells(row: SweepRow) -> tuple[str, ...]:
    read = row.readout
    if read is None:
        return (f"Not carried out: {row.failure}", *(ABSENT,) * (len(ALL_COLUMNS) - 2))
    damage = row.damage or Damage(None, None, None)
    return (
        count(read.images),
        with_interval(read),
        percent(read.single.rate),
        ABSENT if read.single_empirical is None else percent(read.single_empirical.rate),
        p_of(read.log10_p),
        images_needed(read),
        _number("{:.1f} dB", damage.psnr),
        _number("{:.4f}", damage.lpips),
        ABSENT if damage.frechet is None else short(damage.frechet),
        _control(row.clean),
        _control(row.twin),
    )


def _number(form: str, value: float | None) -> str:
    return ABSENT if value is None else form.format(value)


def _control(control: Control | None) -> str:
    if control is None or not control.single.total:
        return ABSENT
    return scientific(share_or_bound(control.single.rate, control.single.total))


def threshold_rows(folder: SweepFolder) -> tuple[Row, ...]:
    """From how many bits on an image matches by itself, and on what that rests."""
    found, n = folder.sweep.thresholds, folder.sweep.n_bits
    empirical = "too few unmarked images" if found.empirical is None else f"{found.empirical} of {n} bits"
    rows = (
        ("Threshold by theory, p ≤ 10⁻⁶", f"{found.theoretical} of {n} bits"),
        ("Threshold by experiment, at most 0.1 % of unmarked images", empirical),
        ("Unmarked images read for it", count(sum(found.clean_matches) + sum(found.twin_matches or ()))),
        ("Clean images over the theoretical threshold", _passing(found.clean_matches, found.theoretical)),
        ("The twin's images over it", _passing(found.twin_matches or (), found.theoretical)),
    )
    return tuple(Row(heading, (words,)) for heading, words in rows)


def _passing(matches: Sequence[int], threshold: int) -> str:
    total = sum(matches)
    return scientific(share_or_bound(sum(matches[threshold:]) / total, total)) if total else ABSENT
