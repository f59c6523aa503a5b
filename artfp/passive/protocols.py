"""Attribution of architectures: some models teach their architecture, others of the same architecture test it.

    models --those that teach--> sources of the classes, class = architecture
          '--those that differ from their teachers as a protocol says, and not otherwise--> sources that test

Yang, Huang, Cao, Li, Li, AAAI 2022 (arXiv 2202.13843), table 2. Training and choosing see the teachers' images alone: a
system is trained once, and then asked about the models of every protocol.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from artfp.errors import UsageError
from artfp.passive.classes import ClassSource


@dataclass(frozen=True)
class Model:
    """A generator as protocols know it, and where its images are."""

    architecture: str
    images: Path
    seed: int = 0
    loss: str = ""
    tuned: str = ""  # on what, after it had been trained; nothing: it was not
    data: str = ""


FACTORS = ("seed", "loss", "tuned", "data")


@dataclass(frozen=True)
class Protocol:
    """In what the models that test differ from those that teach."""

    name: str
    factor: str  # whose value none of their teachers has
    free: tuple[str, ...] = ("seed",)  # factors that may differ beside: other weights have another seed anyway

    def tests(self, model: Model, teachers: Iterable[Model]) -> bool:
        """Whether a model tests what these teach: it shares with one of its architecture all that must not differ."""
        own = [each for each in teachers if each.architecture == model.architecture]
        fixed = [each for each in FACTORS if each != self.factor and each not in self.free]
        new = all(getattr(model, self.factor) != getattr(each, self.factor) for each in own)
        return new and any(all(getattr(model, f) == getattr(each, f) for f in fixed) for each in own)


PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol("cross-seed", "seed"),
        Protocol("cross-loss", "loss"),
        Protocol("cross-finetune", "tuned"),
        Protocol("cross-dataset", "data"),
    )
}


@dataclass(frozen=True)
class Trial:
    """A protocol with its models."""

    protocol: str
    teachers: tuple[Model, ...]
    tests: tuple[Model, ...]


def trials(teachers: Sequence[Model], others: Sequence[Model]) -> dict[str, Trial]:
    """For each protocol that some of the other models can serve, which of them do."""
    twice = [
        path for path, count in Counter(each.images.resolve() for each in (*teachers, *others)).items() if count > 1
    ]
    if twice:
        raise UsageError(f"{twice[0]}: the images of two models; what teaches cannot test")
    if len({each.architecture for each in teachers}) < 2:
        raise UsageError("models of one architecture teach nothing to tell apart: give those of two or more")
    fitting = {name: tuple(m for m in others if protocol.tests(m, teachers)) for name, protocol in PROTOCOLS.items()}
    return {name: Trial(name, tuple(teachers), tests) for name, tests in fitting.items() if tests}


def sources(models: Iterable[Model]) -> list[ClassSource]:
    """Their images, as classes by architecture."""
    return [ClassSource(each.architecture, each.images) for each in models]
