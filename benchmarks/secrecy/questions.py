"""Publishers and their attackers, as data."""

from __future__ import annotations

from dataclasses import dataclass

from artfp.embed.request import KeyPer

SIDE, PSNR, DATA = 64, 38.0, "flowers"
TEST, MOST = 400, 1000  # images of each kind: to judge by, and to be given
SMALL, LARGE = "artfp-64", "artfp-128"
MINE, ANOTHER = "private", "another"  # codecs that are given
UNLABELLED = ("ats", "ats-once")


@dataclass(frozen=True)
class Question:
    """A publisher and his attackers."""

    name: str
    marks: str  # the publisher's codec
    codec: str  # the attacker's
    attackers: tuple[str, ...] = ()  # none: all
    key_per: KeyPer = "dataset"

    @property
    def data(self) -> str:
        """The marked data, which several studies share; also the name of their key."""
        return f"{DATA}-{self.marks}-{self.key_per}"


QUESTIONS = (
    Question("shipped", SMALL, LARGE),
    Question("publishers-own", SMALL, SMALL, UNLABELLED),
    Question("keys-per-image", SMALL, LARGE, ("averaging", "cooccurrence", "other-codec"), "image"),
    Question("private-attacker", SMALL, MINE, (*UNLABELLED, "other-codec")),
    Question("private-marks", MINE, SMALL, (*UNLABELLED, "averaging", "cooccurrence", "other-codec")),
    Question("two-private", MINE, ANOTHER, (*UNLABELLED, "other-codec")),
)
