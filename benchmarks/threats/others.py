"""Tables of the other benchmarks' rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from artfp.files import read_json
from artfp.report.contest_tables import decimal as area
from artfp.report.tables import count, percent
from benchmarks.measuring.tables import accuracy, interval, ruled
from benchmarks.threats.swept import RESULTS, decimal

ORACLE = "oracle/artfp-64-flowers64.json"
AVERAGING = "averaging/artfp-64-flowers64.json"
FORGETTING = "finetune/forget-dcgan-38db.json"
KEYED = "keyed/dcgan-keyed-32-cifar-38db-guided-seed0"


def read_row(name: str) -> Any:
    """Another row that is committed."""
    return read_json(RESULTS / name)


def averaged() -> str:
    """Marked data of four keys, as loud as the codec's own marks."""
    head = ("marked images averaged", "left: bits right", "folders that match", "forged: bits right", "match alone")
    wanted = (("paired", 10), ("blind", 10), ("blind", 100))
    rows = {(row["estimate"], row["n"]): row for row in read_row(AVERAGING)["rows"] if row["strength"] == "scaled"}
    return ruled((*head, "folders that match", "PSNR, dB"), [_averaged(rows[each]) for each in wanted])


def _averaged(row: Mapping[str, Any]) -> tuple[str, ...]:
    left, forged = row["removed"], row["forged"]
    known = {"paired": "with their originals", "blind": "nothing else known"}[row["estimate"]]
    folders = [f"{part['folders_matched']} of {len(part['log10_p'])}" for part in (left, forged)]
    alone = f"{sum(forged['singles'])} of {forged['images']}"
    rates = [percent(part["bit_accuracy"]) for part in (left, forged)]
    return (f"{row['n']}, {known}", rates[0], folders[0], rates[1], alone, folders[1], f"{left['psnr']:.1f}")


def forgotten() -> str:
    """A generator that goes on with the originals of its marked data."""
    head = ("images shown, of 40,000 before", "bits right", "match alone", "log10 p of the set")
    looks = read_row(FORGETTING)["looks"]
    wanted = [look for look in looks if look["images_shown"] in (0, 1008, 2000, 4000, 8000, 22_000)]
    return ruled(head, [_look(look) for look in wanted])


def _look(look: Mapping[str, Any]) -> tuple[str, ...]:
    alone = f"{look['matching_images']} of {look['images']}"
    return (count(look["images_shown"]), percent(accuracy(look)), alone, decimal(look["log10_p"]))


def unhidden() -> str:
    """Who tells marked photographs from clean ones."""
    head = ("marks of", "attacker", "examples of each kind, or suspects", "AUC", "95 % interval")
    return ruled(head, [(*told, count(read["given"]), *_area(read)) for told, read in _unhidden()])


def _unhidden() -> Iterator[tuple[tuple[str, str], Mapping[str, Any]]]:
    for study, row, marks, attacker in (
        ("shipped", "averaging.10", "`artfp-64`", "averaging"),
        ("shipped", "cooccurrence.100", "`artfp-64`", "co-occurrences"),
        ("shipped", "network.100", "`artfp-64`", "a network"),
        ("shipped", "other-codec.10", "`artfp-64`", "`artfp-128`'s decoder"),
        ("keys-per-image", "averaging.10", "`artfp-64`, a key for each image", "averaging"),
        ("publishers-own", "ats.300", "`artfp-64`", "no labels, `artfp-64`"),
        ("private-marks", "averaging.10", "a private codec", "averaging"),
        ("private-marks", "other-codec.1000", "a private codec", "`artfp-64`'s decoder"),
        ("private-marks", "ats.1000", "a private codec", "no labels, `artfp-64`"),
    ):
        yield (marks, attacker), read_row(f"secrecy/{study}/rows/{row}.json")


def _area(row: Mapping[str, Any]) -> tuple[str, str]:
    auc = row["detection"]["auc"]
    return area(auc["value"]), f"{area(auc['low'])} to {area(auc['high'])}"


def issued() -> str:
    """Copies of a keyed generator."""
    return ruled(
        ("recipients of copies, and what is counted", "of", "1,000 keys tried", "1,000,000 keys tried"), _issued()
    )


def _issued() -> Iterator[tuple[str, ...]]:
    attacks, leak, tuned = (read_row(f"{KEYED}-{study}.json") for study in ("collusion", "leak", "finetune"))
    for attack in attacks["attacks"]:
        if attack["strategy"] == "mean" and attack["images"] == [16]:
            yield _named(f"{attack['colluders']} average their copies: groups in which one at least is named", attack)
    for found in leak["forged"]:
        if found["copies"] in (8, 32, 64):
            yield _named(f"{found['copies']} forge another's key: the other is named", found["victim"])
    zeros = next(swap for swap in leak["swaps"] if swap["swap"] == "zeros")
    yield _named("one sets the tensor of the key to zero: copies named", zeros)
    yield _named("one fine-tunes on clean images, 5 % of the training: copies named", tuned["tuned"][1])
    half = next(pruned for pruned in tuned["pruned"] if pruned["share"] == 0.5)
    yield _named("one prunes half of the weights: copies named", half)


def _named(words: str, found: Mapping[str, Any]) -> tuple[str, ...]:
    return (words, str(found["folders"]), *(str(among["any"]) for among in found["among"]))


def oracle_rows() -> list[Mapping[str, Any]]:
    """What queries buy, at each number of them."""
    rows: list[Mapping[str, Any]] = read_row(ORACLE)["rows"]
    return rows


def asked() -> str:
    """The same, a line for each attack."""
    rows = oracle_rows()
    counts = sorted({row["queries"] for row in rows if row["start"] != rows[-1]["start"]})
    attacks: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        attacks.setdefault((row["aim"], row["start"], row["answer"]), []).append(row)
    head = ("wants", "begins with", "is told", *(f"{count(number)} queries: PSNR, dB" for number in counts))
    head = (*head, "log10 p of the set", "on the next image")
    return ruled(head, [_asked(*each, counts) for each in attacks.items()])


def _asked(named: tuple[str, ...], rows: Sequence[Mapping[str, Any]], counts: Sequence[int]) -> tuple[str, ...]:
    by_count, last = {row["queries"]: row["found"] for row in rows}, rows[-1]
    cells = [psnr_of(by_count[number]) if number in by_count else "" for number in counts]
    if not any(cells):
        cells[0] = f"{rows[0]['queries']} queries: {psnr_of(last['found'])}"
    following, together = last["next"]["succeeded"], decimal(last["found"]["log10_p_of_the_set"])
    return (*named, *cells, together, f"{following['count']} of {following['total']}")


def psnr_of(found: Mapping[str, Any]) -> str:
    """The mean over the images that succeeded, and how many these are where it is not all."""
    done = found["succeeded"]
    how_many = "" if done["count"] == done["total"] else f", {done['count']} of {done['total']}"
    return interval(found["psnr"], lambda value: f"{value:.1f}") + how_many
