"""The overview: every adversary in a line, with the numbers of one row."""

from __future__ import annotations

from dataclasses import dataclass

from artfp.report.figures import MATCH_LOG_P
from artfp.report.tables import percent
from artfp.robustness import FORGERY, REMOVAL
from benchmarks.measuring.tables import accuracy, ruled
from benchmarks.threats.others import oracle_rows, psnr_of
from benchmarks.threats.swept import EVERYDAY, HEAD, SECTIONS, Tried, cells_of, decimal

NAMES = ("aim", "start", "answer", "queries")  # of a row of the oracle's


@dataclass(frozen=True)
class Asked:
    """A row of the oracle's."""

    aim: str
    start: str
    answer: str
    queries: int

    def numbers(self) -> tuple[str, ...]:
        """As a row of the sweeps has them."""
        wanted = (self.aim, self.start, self.answer, self.queries)
        row = next(row for row in oracle_rows() if tuple(row[name] for name in NAMES) == wanted)
        found, done = row["found"], row["found"]["succeeded"]
        alone = done["count"] if self.aim == FORGERY else done["total"] - done["count"]
        proves = found["log10_p_of_the_set"] <= MATCH_LOG_P
        fates = ("read in the set alone", "**gone**") if self.aim == REMOVAL else ("**forged**", "not forged")
        numbers = (percent(accuracy(found)), f"{alone} of {done['total']}", decimal(found["log10_p_of_the_set"]))
        return (*numbers, psnr_of(found), fates[not proves])


@dataclass(frozen=True)
class Glance:
    """A line of the overview."""

    who: str
    has: str
    row: Tried | Asked
    so: str

    def cells(self) -> tuple[str, ...]:
        """With the numbers of its row."""
        numbers = self.row.numbers() if isinstance(self.row, Asked) else cells_of(self.row)[1 : len(HEAD)]
        return (self.who, self.has, *numbers, self.so)


GLANCES = tuple(
    Glance(who, has, row, so)
    for who, has, row, so in (
        ("[averages](#forgery), to forge", "ten of its images", SECTIONS["Forgery"][1], "commit first"),
        (
            "[asks a verifier](#oracle-queries), to forge",
            "the public encoder, 65 answers",
            Asked(FORGERY, "the public encoder", "q", 65),
            "tell no numbers",
        ),
        ("[averages](#averaging)", "1,000 of its images", SECTIONS["Averaging"][4], "a key for each release"),
        ("[averages](#averaging)", "ten, and ten clean ones", SECTIONS["Averaging"][0], "the same"),
        ("[overwrites](#overwriting)", "the publisher's encoder", SECTIONS["Overwriting"][0], "keep it offline"),
        ("[overwrites](#overwriting)", "another codec, twice as loud", SECTIONS["Overwriting"][3], "nothing helps"),
        ("[fine-tunes](#fine-tuning)", "the weights, 200 images", SECTIONS["Fine-tuning"][4], "access, not weights"),
        ("[regenerates](#regeneration)", "an auto-encoder, an eighth", SECTIONS["Regeneration"][2], "nothing helps"),
        ("[turns hues](#alterations-without-purpose)", "an editor", SECTIONS[EVERYDAY][5], "turn them back"),
        ("[regenerates](#regeneration)", "an auto-encoder, a quarter", SECTIONS["Regeneration"][1], "judge sets"),
        (
            "[follows the decoder](#white-box-removal)",
            "decoder and key, 4 of 255",
            SECTIONS["White-box removal"][2],
            "a private codec; judge sets",
        ),
        (
            "[asks a verifier](#oracle-queries)",
            "2,000 verdicts on each image",
            Asked(REMOVAL, "noise", "verdict", 2000),
            "limit queries; judge sets",
        ),
        ("[colludes](#collusion)", "a copy of another key, half of each", SECTIONS["Collusion"][1], "—"),
        ("[distils](#distillation)", "the weights, 50,000 shown", SECTIONS["Distillation"][2], "—"),
        ("[fools a detector](#white-box-removal)", "1,000 of each kind", SECTIONS["White-box removal"][4], "—"),
        ("[tries keys](#forgery)", "the decoder, a million keys", SECTIONS["Forgery"][4], "—"),
    )
)


def overview() -> str:
    """The adversaries at a glance, those who succeed first."""
    head = ("who", "has", "bits right", "match alone", "log10 p of the set", "PSNR, dB", "the key is", "so")
    return ruled(head, [glance.cells() for glance in GLANCES])
