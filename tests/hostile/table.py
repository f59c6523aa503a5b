"""The table of `docs/hostile.md`: what artfp did with every case. `python -m tests.hostile` writes it anew."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from kinds import Sample

from artfp.codec.dct import DctCodec
from artfp.embed import EmbedSettings, embed_dataset
from artfp.keys.registry import Registry
from artfp.seeds import numpy_generator

from .case import Case, Met, meet
from .cases import CASES
from .images import encoded, picture

PAGE = Path(__file__).parents[2] / "docs" / "hostile.md"
HEAD = ("| entrance | input | command | exit | writes | artfp says |", "| --- | --- | --- | --- | --- | --- |")


def make_world(folder: Path) -> Path:
    """What every case begins with: two photographs, a key, and the photographs marked with it."""
    samples = [Sample(f"{number}.png", encoded(picture(64 + number, 64)), 0, "") for number in range(2)]
    (folder / "photos").mkdir(parents=True)
    for sample in samples:
        (folder / "photos" / sample.name).write_bytes(sample.data)
    with Registry(folder / "keys.sqlite") as registry:
        with patch("artfp.keys.registry.secrets.token_bytes", numpy_generator("hostile key").bytes):
            registry.new("owner")
        registry.commit("owner")
        embed_dataset(EmbedSettings(folder / "photos", folder / "marked", "owner"), DctCodec(), registry)
    return folder


def line(case: Case, met: Met) -> str:
    """One row."""
    limits = "".join(f"{name}={value} " for name, value in (case.limits or {}).items())
    cells = (case.entrance, case.what, f"`{limits}artfp {case.command}`", met.exit, ", ".join(met.new) or "nothing")
    return "| " + " | ".join([*map(str, cells), met.says.replace("|", "\\|").replace("<", "&lt;")]) + " |"


def table() -> Iterator[str]:
    """All rows; makes every case anew."""
    yield from HEAD
    with tempfile.TemporaryDirectory() as scratch:
        world = make_world(Path(scratch) / "world")
        for number, case in enumerate(CASES):
            folder = Path(scratch) / str(number)
            folder.mkdir()
            yield line(case, meet(case, world, folder))


def rewritten(page: str, lines: list[str]) -> str:
    """The page with these lines in the place of its table of cases."""
    start = page.index(HEAD[0])
    end = page.index("\n\n", start)
    return page[:start] + "\n".join(lines) + page[end:]
