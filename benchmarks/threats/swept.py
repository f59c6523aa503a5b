"""The rows of `artfp robustness` that the page is about, by section, and tables of them."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from artfp.report.robustness_tables import proven
from artfp.report.sweep_folder import SweepFolder, read_sweep
from artfp.report.tables import count, percent
from artfp.robustness import (
    ADVERSARY,
    CORRECTED,
    DATA,
    FORGERY,
    GENERATED,
    IMAGE,
    WEIGHTS,
    Readout,
    Row,
    address_of,
)
from artfp.statistics.calibration import Share
from artfp.verdict import at_most
from benchmarks.measuring.tables import NONE, ruled

RESULTS = Path(__file__).parents[1] / "results"
FLOWERS, DEMO = "dcgan-cpu-flowers-38db-seed0", "quickstart"
EVERYDAY = "Alterations without purpose"


@dataclass(frozen=True)
class Tried:
    """A row of the sweeps."""

    attack: str
    strength: float
    words: str
    kind: str = ADVERSARY
    subject: str = GENERATED

    def row(self, sweep: str) -> Row:
        """As the sweep has it."""
        address = address_of(self.kind, self.attack, self.strength, self.subject)
        return next(row for row in folder(sweep).rows if row.address == address)


SECTIONS: Mapping[str, Sequence[Tried]] = {
    "Averaging": (
        Tried("averaging-removal", 10, "ten of its images, ten clean ones"),
        Tried("averaging-removal", 1000, "a thousand of each"),
        Tried("averaging-blind-removal", 10, "ten of its images, nothing else"),
        Tried("averaging-blind-removal", 100, "a hundred"),
        Tried("averaging-blind-removal", 1000, "a thousand"),
        Tried("averaging-paired", 10, "ten marked images and their originals", subject=DATA),
    ),
    "Forgery": (
        Tried("averaging-forgery", 10, "ten of its images, ten clean ones"),
        Tried("averaging-blind-forgery", 10, "ten of its images, nothing else"),
        Tried("averaging-blind-forgery", 100, "a hundred"),
        Tried("cross-keys", 1e3, "a thousand keys of others tried; the worst"),
        Tried("cross-keys", 1e6, "a million"),
    ),
    "Overwriting": (
        Tried("overwriting", 1, "the publisher's encoder"),
        Tried("overwriting", 2, "the same, twice as loud"),
        Tried("overwriting-learned", 1, "another learned codec"),
        Tried("overwriting-learned", 2, "the same, twice as loud"),
        Tried("overwriting-dct", 1, "a closed-form codec"),
        Tried("overwriting-dct", 2, "the same, twice as loud"),
    ),
    "Fine-tuning": (
        Tried("fine-tuning", 1000, "1,000 clean images, 1,000 shown"),
        Tried("fine-tuning", 5000, "1,000 clean images, 5,000 shown"),
        Tried("fine-tuning", 20_000, "1,000 clean images, 20,000 shown"),
        Tried("fine-tuning-200", 1000, "200 clean images, 1,000 shown"),
        Tried("fine-tuning-200", 5000, "200 clean images, 5,000 shown"),
    ),
    "Distillation": (
        Tried("distillation", 5000, "5,000 images shown"),
        Tried("distillation", 20_000, "20,000"),
        Tried("distillation", 50_000, "50,000"),
    ),
    "Regeneration": (
        Tried("regeneration", 2, "half the side"),
        Tried("regeneration", 4, "a quarter"),
        Tried("regeneration", 8, "an eighth"),
    ),
    "White-box removal": (
        Tried("white-box", 1, "decoder and key, 1 of 255"),
        Tried("white-box", 2, "2 of 255"),
        Tried("white-box", 4, "4 of 255"),
        Tried("white-box", 8, "8 of 255"),
        Tried("surrogate", 1000, "neither: a detector of his own, 8 of 255"),
    ),
    "Collusion": (
        Tried("collusion", 0.25, "a quarter of the other model"),
        Tried("collusion", 0.5, "half"),
        Tried("collusion", 0.75, "three quarters"),
    ),
    EVERYDAY: (
        Tried("jpeg", 50, "JPEG 50", IMAGE),
        Tried("jpeg", 30, "JPEG 30", IMAGE),
        Tried("noise", 0.222, "noise of .222", IMAGE),
        Tried("rotate", 20, "turned by 20 degrees", IMAGE),
        Tried("crop", 93 / 128, "cut at random to 73 %", IMAGE),
        Tried("hue", 180, "hues turned by 180 degrees", IMAGE),
    ),
}
WEIGHTS_ATTACKED = ("Fine-tuning", "Distillation", "Collusion")  # whose damage is to what the generator makes
HEAD = ("who has, or does", "bits right", "match alone", "log10 p of the set", "PSNR, dB", "the key is")
ON_THE_DEMO = ("demo: bits right", "match alone", "log10 p", "the key is")


@functools.cache
def folder(sweep: str) -> SweepFolder:
    """A sweep that is committed."""
    return read_sweep(RESULTS / "robustness" / sweep)


def fate(row: Row, read: Readout) -> str:
    """What became of the key, judged by the set as verdicts are, and by single images."""
    if row.aim == FORGERY:
        surviving = row.notes.get(CORRECTED)
        forged = surviving > 0 if isinstance(surviving, int) else proven(read)
        return "**forged**" if forged else "not forged"
    if not proven(read):
        return "**gone**"
    return "read" if 2 * read.single.count >= read.single.total else "read in the set alone"


def swept(section: str) -> str:
    """The rows of both sweeps."""
    if section not in WEIGHTS_ATTACKED:
        return ruled(HEAD + ON_THE_DEMO, [cells_of(tried) for tried in SECTIONS[section]])
    untouched = folder(FLOWERS).untouched(GENERATED)
    if untouched is None or untouched.frechet is None:
        raise LookupError(f"{FLOWERS}: the Fréchet distance of what is untouched is not known")
    head = tuple(word.replace("PSNR, dB", f"Fréchet distance (of {untouched.frechet:,.0f})") for word in HEAD)
    return ruled(head + ON_THE_DEMO, [cells_of(tried, frechet=True) for tried in SECTIONS[section]])


def decimal(value: float) -> str:
    """One digit after the point, and no minus before a zero."""
    return f"{round(value, 1) + 0:.1f}"


def cells_of(tried: Tried, *, frechet: bool = False) -> tuple[str, ...]:
    """A line: the first sweep's numbers, then the demo's."""
    row, demo = tried.row(FLOWERS), tried.row(DEMO)
    if row.readout is None or demo.readout is None:
        raise LookupError(f"{row.address} was not carried out")
    bits, harm = row.readout.accuracy, _frechet(row) if frechet else _psnr(row)
    within = f"{percent(bits.value)} ({100 * bits.low:.1f} to {100 * bits.high:.1f})"
    words = f"{tried.words} (`{tried.attack}/{tried.strength:g}`)"
    return (words, within, *_read(row.readout), harm, fate(row, row.readout), *_on_the_demo(demo, demo.readout))


def _frechet(row: Row) -> str:
    return NONE if row.frechet is None else f"{row.frechet:,.0f}"


def _psnr(row: Row) -> str:
    """To the image before, which images of other weights do not have."""
    of_weights = any(row.attack == tried.attack for section in WEIGHTS_ATTACKED for tried in SECTIONS[section])
    return NONE if of_weights or row.damage is None or row.damage.psnr is None else f"{row.damage.psnr:.1f}"


def _on_the_demo(row: Row, read: Readout) -> tuple[str, ...]:
    return (percent(read.accuracy.value), *_read(read), fate(row, read))


def _read(read: Readout) -> tuple[str, str]:
    return f"{read.single.count} of {read.single.total}", decimal(read.log10_p)


def controls() -> str:
    """Unmarked images after the same alterations, and how many of these alterations the key outlives."""
    head = ("sweep", "altered in", "the set still proves the key", "readings of unmarked images", "match", "so at most")
    return ruled(head, [_controls(folder(sweep)) for sweep in (FLOWERS, DEMO)])


def _controls(found: SweepFolder) -> tuple[str, ...]:
    altered = list(found.measured(IMAGE, WEIGHTS))
    generated = [proven(read) for row, read in altered if row.subject == GENERATED]
    shares = {
        (row.kind, row.attack, row.strength, name): each.single
        for row, _ in altered
        for name, each in (("clean", row.clean), ("twin", row.twin))
        if each is not None
    }
    passed, total = (sum(getattr(share, name) for share in shares.values()) for name in ("count", "total"))
    most = at_most(Share.of(passed, total).upper)
    return (f"`{found.sweep.name}`", f"{len(generated)} ways", str(sum(generated)), count(total), str(passed), most)
