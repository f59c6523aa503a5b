"""What tests of `artfp serve` share: images, a registry, and judging in the process of the test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.testclient import TestClient

from artfp.codec.dct import DctCodec
from artfp.keys.registry import Registry
from artfp.serve.inquiries import Inquiry, Reply
from artfp.serve.judging import Judge
from artfp.serve.settings import Bench

Pixels = NDArray[np.uint8]
Serve = Callable[..., TestClient]
VERDICTS = "/api/v1/verdicts"
PATIENCE = 100  # seconds, for what takes a few on a free machine


@dataclass(frozen=True, eq=False)
class World:
    """A registry with the keys mine and other, and images as files."""

    registry: Path
    marked: list[bytes]
    clean: list[bytes]
    audit: Path


@dataclass(eq=False)
class HereAsk:
    """Judges in the queue's own thread, which alone may use the registry."""

    bench: Bench
    asked: list[int] = field(default_factory=list)  # how many inquiries came together
    judge: Judge | None = None

    def __call__(self, inquiries: Sequence[Inquiry], seconds: float) -> list[Reply]:
        if self.judge is None:
            self.judge = Judge(self.bench, Registry(self.bench.registry), [DctCodec()])
        self.asked.append(len(inquiries))
        return self.judge.replies(inquiries)


def ask(client: TestClient, *files: bytes, judge: str | None = None, **more: Any) -> Any:
    """The answer to these files, which are called 0.png, 1.png and so on."""
    form = [("images", (f"{index}.png", file, "image/png")) for index, file in enumerate(files)]
    return client.post(VERDICTS, files=form, data={"judge": judge} if judge else {}, **more)
