"""Parts as Markdown: a table for each study, each row and what it found on lines of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from artfp.report.tables import count, percent
from benchmarks.keyed.grid import DATA, GUIDED, Collusion, Keys
from benchmarks.measuring.tables import NONE, Column, Row, accuracy, interval, markdown, number, verdict

LEARNT = {GUIDED: "data and codec", DATA: "data"}
WHICH: tuple[Column, ...] = (
    ("data", lambda part: str(part["settings"]["data"])),
    ("side", lambda part: str(part["side"])),
    ("learnt from", lambda part: LEARNT[part["settings"]["mode"]]),
    ("seed", lambda part: str(part["settings"]["seed"])),
)

WORDS = {"each tensor": "each tensor from any (one unaltered copy: one tensor differs)"}  # of a dcgan, as all rows are

Found = Mapping[str, Any]


def tables(parts: Sequence[Row]) -> str:
    """A section for each study that has parts."""
    return "\n".join(
        table(title, columns, lines_of, [part for part in parts if part["study"] == study])
        for study, title, lines_of, columns in SECTIONS
        if any(part["study"] == study for part in parts)
    )


def table(
    title: str, columns: Sequence[Column], lines_of: Callable[[Row], Sequence[Found]], parts: Sequence[Row]
) -> str:
    """Each part on as many lines as it has things found."""
    return markdown(title, [name for name, _ in (*WHICH, *columns)], _lines(columns, lines_of, parts))


def _lines(
    columns: Sequence[Column], lines_of: Callable[[Row], Sequence[Found]], parts: Sequence[Row]
) -> Iterator[list[str]]:
    for part in parts:
        for found in lines_of(part):
            yield [*(cell(part) for _, cell in WHICH), *(cell(found) for _, cell in columns)]


def among(found: Found, most: bool) -> Found:
    """Who was named where all keys were tried, or only the recipients'."""
    tried: Found = found["among"][-1 if most else 0]
    return tried


def of(part: int, whole: int) -> str:
    """A count of a total."""
    return f"{count(part)} of {count(whole)}"


def share(found: Row) -> str:
    """A count of a total as a share with its interval."""
    ends = f"{percent(found['low'])} to {percent(found['high'])}"
    return f"{percent(found['count'] / found['total'])} ({ends})"


def _named(kind: str, most: bool) -> Callable[[Found], str]:
    return lambda found: of(among(found, most)[kind], found["folders"])


def _keys(most: bool) -> str:
    return "all keys" if most else "recipients"


def naming(guilty: str, innocent: str) -> tuple[Column, ...]:
    """How many folders name whom, among recipients and among all keys."""
    kinds = {"any": guilty, "all": "all of them", "innocent": innocent}
    return tuple(
        (f"{words}, among {_keys(most)}", _named(kind, most)) for most in (False, True) for kind, words in kinds.items()
    )


def one(part: Row) -> Sequence[Found]:
    """The part as its only line."""
    return [part]


def _distance(part: Row, name: str, kind: str) -> str:
    if part["distances"] is None:
        return NONE
    found = next(found for found in part["distances"] if name in found["pair"])
    return interval(found[kind][name])


def _difference(part: Row, pair: list[str], kind: str) -> str:
    found = next((found for found in part["distances"] or () if found["pair"] == pair), None)
    return NONE if found is None else interval(found[kind]["difference"])


def minutes(training: Found) -> str:
    """Of a training, by the clock and by the processor."""
    return f"{training['seconds'] / 60:.0f}, {training['processor_seconds'] / 60:.0f}"


def psnr(found: Found) -> str:
    """Of pairs of images; equal ones have none."""
    return NONE if found["psnr"] is None else f"{found['psnr']:.1f}"


def frechet(found: Found) -> str:
    """The distance of altered copies' images, where it was measured."""
    return NONE if found["frechet"] is None else number(found["frechet"])


KEYS: tuple[Column, ...] = (
    ("images shown", lambda part: count(part["generator"]["images_shown"])),
    ("bits right", lambda part: interval(part["bits"], percent)),
    ("least of any recipient", lambda part: percent(part["least"])),
    (
        "recipients traced among all keys",
        lambda part: of(among(part["folders"], True)["any"], part["folders"]["folders"]),
    ),
    ("innocents named", lambda part: count(among(part["folders"], True)["innocents"])),
    ("bits that one image needs", lambda part: str(part["single"]["needed"])),
    ("single images traced", lambda part: share(part["single"]["traced"])),
    ("innocents named", lambda part: count(part["single"]["innocents"])),
    ("copies' images differ by, levels", lambda part: str(part["folded"]["largest_difference"])),
    ("minutes, processor's", lambda part: minutes(part["training"])),
)
ISSUING: tuple[Column, ...] = (
    ("fold and write, s", lambda part: number(part["fold_and_write"]["seconds"])),
    ("issue a further copy, s", lambda part: number(part["issue"]["further"]["seconds"])),
    ("bytes, plain generator's", lambda part: f"{count(part['issued']['bytes'])}, {count(part['plain']['bytes'])}"),
    ("same layout", lambda part: "yes" if part["same_layout"] else "no"),
    (
        "parameters, plain generator's, keyed one's",
        lambda part: ", ".join(count(part[name]["parameters"]) for name in ("issued", "plain", "keyed")),
    ),
    ("time to sample over the plain one's", lambda part: f"{part['sampling']['ratio']['processor_seconds']:.3f}"),
)
CONTENT: tuple[Column, ...] = (
    ("LPIPS, same noise, two keys", lambda part: interval(part["between_keys"]["lpips"])),
    ("other noise, one key", lambda part: interval(part["between_noises"]["lpips"])),
    ("PSNR, dB, two keys", lambda part: psnr(part["between_keys"])),
    ("other noise", lambda part: psnr(part["between_noises"])),
)
COLLUSION: tuple[Column, ...] = (
    ("put together", lambda found: WORDS.get(found["strategy"], found["strategy"])),
    ("colluders", lambda found: str(found["colluders"])),
    ("images", lambda found: ", ".join(map(str, found["images"]))),
    *naming("one named", "an innocent"),
    ("bits all have, right", lambda found: percent(accuracy(found["agreed"]))),
)
SPANS: tuple[Column, ...] = (
    ("copies", lambda found: str(found["copies"])),
    ("dimensions", lambda found: str(found["dimensions"])),
    ("of another copy outside", lambda found: f"{found['outside']:.2g}"),
)
DRAWN: tuple[Column, ...] = (
    ("copies", lambda found: str(found["copies"])),
    ("owners' bits right", lambda found: percent(accuracy(found))),
    *naming("an owner named", "an innocent"),
)
FORGED: tuple[Column, ...] = (
    ("copies", lambda found: str(found["copies"])),
    ("victim's bits right", lambda found: percent(accuracy(found["victim"]))),
    *(
        (f"victim named, among {_keys(most)}", lambda found, most=most: _named("any", most)(found["victim"]))
        for most in (False, True)
    ),
    *(
        (f"an owner named, among {_keys(most)}", lambda found, most=most: _named("any", most)(found["owners"]))
        for most in (False, True)
    ),
)
ALTERED: tuple[Column, ...] = (
    ("bits right", lambda found: percent(accuracy(found))),
    ("images of a copy", lambda found: ", ".join(map(str, found["images"]))),
    *naming("named", "an innocent"),
    ("Fréchet distance (SqueezeNet)", frechet),
)
QUALITY: tuple[Column, ...] = (
    *(
        (f"{words} (SqueezeNet): {name}", lambda part, name=name, kind=kind: _distance(part, name, kind))
        for kind, words in (("frechet", "Fréchet distance"), ("kernel", "kernel distance"))
        for name in ("keyed", "copy", "plain", "twin")
    ),
    *(
        (f"{pair[0]} less {pair[1]}, {kind}", lambda part, pair=pair, kind=kind: _difference(part, pair, kind))
        for kind in ("frechet", "kernel")
        for pair in (["keyed", "plain"], ["keyed", "twin"])
    ),
    ("plain: bits", lambda part: percent(accuracy(part["plain"]))),
    ("verdict, q", lambda part: verdict(part["plain"])),
    ("twin, all recipients' keys: verdict, q", lambda part: verdict(part["twin"])),
    *(
        (f"minutes, processor's: {name}", lambda part, name=name: minutes(part["training"][name]))
        for name in ("keyed", "plain", "twin")
    ),
)


SECTIONS: tuple[tuple[str, str, Callable[[Row], Sequence[Found]], tuple[Column, ...]], ...] = (
    ("keys", f"Freshly issued keys, traced at a family-wise error of {Keys.alpha:g}", one, KEYS),
    ("issuing", "Making a copy", one, ISSUING),
    ("content", "The same noise under two keys", one, CONTENT),
    (
        "collusion",
        f"Copies put together by their recipients: folders that name, at a family-wise error of {Collusion.alpha:g}",
        lambda part: part["attacks"],
        COLLUSION,
    ),
    ("leak", "What several copies span", lambda part: part["spans"], SPANS),
    ("leak", "Copies drawn at random from the span of several", lambda part: part["drawn"], DRAWN),
    ("leak", "Copies forged for somebody else's key from several", lambda part: part["forged"], FORGED),
    (
        "leak",
        "Copies whose key's place is overwritten",
        lambda part: part["swaps"],
        (("by", lambda found: found["swap"]), *ALTERED),
    ),
    (
        "finetune",
        "A copy fine-tuned on clean images",
        lambda part: part["tuned"],
        (
            ("share of the training's images", lambda found: percent(found["share"])),
            ("images", lambda found: count(found["shown"])),
            *ALTERED,
        ),
    ),
    (
        "finetune",
        "Copies pruned",
        lambda part: part["pruned"],
        (("share of the weights", lambda found: percent(found["share"])), *ALTERED),
    ),
    ("quality", "Distances to held-out images, 95 %", one, QUALITY),
)
