"""Every adversary, by name: the rows of the suite `full` beyond those of `standard`."""

from __future__ import annotations

from artfp.attacks.adversary import Adversary

KNOWN: tuple[Adversary, ...] = ()

ADVERSARIES: dict[str, Adversary] = {adversary.name: adversary for adversary in KNOWN}
