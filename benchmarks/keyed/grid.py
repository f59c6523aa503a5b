"""Every row of the tables, and what each study looks at, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from artfp.results import Record
from benchmarks.measuring.data import CODEC, name_of

GUIDED, DATA = "guided", "data"  # what a generator learns keys from: the codec's reading too, or marked data alone


@dataclass(frozen=True)
class Row(Record):
    """All that determines a keyed generator, but the keys; side, budget and the guide's weight are the recipe's."""

    recipe: str
    data: str
    mode: str = GUIDED
    seed: int = 0  # of the trainings and of the samples
    psnr: float = 38.0  # of the marked images, dB
    codec: str = CODEC

    @property
    def name(self) -> str:
        """Of its JSON files and its folder."""
        return self._named(self.mode)

    @property
    def unkeyed(self) -> str:
        """Of the folder of the plain generator and the clean twin: those of both modes."""
        return self._named("unkeyed")

    def _named(self, word: str) -> str:
        return name_of([self.recipe, self.data, f"{self.psnr:g}db", word, f"seed{self.seed}"], self.codec)

    def marked(self, side: int, key_per: str) -> str:
        """Of its data's folder and key, one for all rows that train on the same files."""
        own = ["own-keys"] if key_per == "image" else []
        return name_of([self.data, f"{side}px", f"{self.psnr:g}db", *own], self.codec)


@dataclass(frozen=True)
class Registered(Record):
    """How many keys there are to be told apart."""

    issued: int = 1000  # to recipients, of each of whom there is a copy
    registered: int = 1_000_000  # with them


@dataclass(frozen=True)
class Keys(Registered):
    """Of each recipient's images."""

    images: int = 16  # of each
    alpha: float = 1e-6  # chance that any innocent of all those registered is named
    folded: int = 20  # recipients whose copies are compared with what the keyed generator makes


@dataclass(frozen=True)
class Issuing(Record):
    """Of making copies."""

    copies: int = 20
    rounds: int = 9  # in which both speeds are measured, one after the other
    images: int = 256  # in each


@dataclass(frozen=True)
class Content(Registered):
    """Of the same noise under different keys."""

    pairs: int = 500


@dataclass(frozen=True)
class Attack(Record):
    """What some recipients do together, and how many of their images are read."""

    strategy: str  # one of `copies.STRATEGIES`, or IMAGES
    colluders: int = 2
    groups: int = 200
    images: tuple[int, ...] = (16,)


IMAGES = "mean of images"
BOTH = ("mean", IMAGES)


@dataclass(frozen=True)
class Collusion(Registered):
    """Of recipients who put their copies together."""

    alpha: float = 1e-3
    attacks: tuple[Attack, ...] = (
        *(Attack(strategy, images=(16, 256)) for strategy in BOTH),
        *(Attack("mean", colluders, 50, (16, 256)) for colluders in (3, 4, 6, 8)),
        *(Attack(IMAGES, colluders, 50) for colluders in (3, 4, 6, 8)),
        *(Attack(strategy) for strategy in ("each tensor", "each number", "least", "greatest", "quarter")),
    )


@dataclass(frozen=True)
class Leak(Registered):
    """Of what several copies tell."""

    alpha: float = 1e-3
    ranks: tuple[int, ...] = (2, 4, 8, 16, 32, 48, 64, 65, 66)  # copies whose span is measured
    others: int = 100  # recipients who might lie in it
    copies: tuple[int, ...] = (2, 8, 32, 64, 65, 128)  # that an attacker draws or forges from
    attackers: int = 50
    images: int = 16
    means: tuple[int, ...] = (8, 64)  # copies whose mean replaces a key's place
    swappers: int = 20
    swapped_images: int = 64  # of each


@dataclass(frozen=True)
class FineTune(Registered):
    """Of copies that go on without their key."""

    alpha: float = 1e-3
    shares: tuple[float, ...] = (0.05, 0.1, 0.2)  # of the images that the keyed training showed
    images: int = 1024  # of the one copy that is fine-tuned
    pruned: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)  # of the weights
    pruners: int = 16
    pruned_images: int = 64  # of each


@dataclass(frozen=True)
class Quality(Registered):
    """Of generated images as pictures."""

    images: int = 1024


STUDIES: Mapping[str, Record] = {
    "keys": Keys(),
    "issuing": Issuing(),
    "content": Content(),
    "collusion": Collusion(),
    "leak": Leak(),
    "finetune": FineTune(),
    "quality": Quality(),
}
REPEATED = ("keys", "quality")  # studies of every seed; of the first, all


def studies_of(row: Row) -> tuple[str, ...]:
    """The studies that a row is for."""
    return tuple(STUDIES) if row.seed == 0 else REPEATED


def settings_of(row: Row, study: str, numbers: Record) -> dict[str, Any]:
    """All that determines a part, but the keys."""
    return row.to_dict() | {"study": study} | numbers.to_dict()


ROWS: tuple[Row, ...] = tuple(
    Row(recipe, data, mode, seed)
    for recipe, data in (("dcgan-keyed-cpu", "flowers"), ("dcgan-keyed-32", "cifar"))
    for mode in (GUIDED, DATA)
    for seed in (0, 1, 2)
)
