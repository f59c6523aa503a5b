"""Fuzzing of one target in a process of its own: atheris feeds it, and whatever it says that it should not is kept.

An exception does not end the process: its input is kept under the name of the place that raised it, the first time.
What does end it (a time limit, memory, a crash in somebody's C) leaves the input that libFuzzer had.
"""

from __future__ import annotations

import os
import random
import resource
import sys
import tempfile
import traceback
from collections.abc import Sequence
from multiprocessing import RawValue
from pathlib import Path
from typing import Any

import atheris

FED = RawValue("Q", 0)  # inputs so far, by this process and its forks
INSTRUMENTED = ["artfp", "PIL", "zipfile", "tomllib", "safetensors"]
HEADROOM = 1 << 31  # bytes of address space that an input may take

with atheris.instrument_imports(include=INSTRUMENTED, enable_loader_override=False):
    from PIL import Image

    from .mutations import mutated
    from .targets import TARGETS, NamelessError, Target

    Image.init()  # its formats are else imported when they are needed, which is too late


class Fuzzed:
    """A target, its folder, and what was found."""

    def __init__(self, target: Target, folder: Path, found: Path) -> None:
        self.target, self.folder, self.found = target, folder, found

    def __call__(self, data: bytes) -> None:
        """Try one input."""
        FED.value += 1
        try:
            self.target.feed(self.folder, data)
        except Exception as error:
            self._keep(error, data)

    def _keep(self, error: Exception, data: bytes) -> None:
        path = self.found / f"{_place_of(error)}.bin"
        if not path.exists():
            path.write_bytes(data)
            path.with_suffix(".txt").write_text("".join(traceback.format_exception(error)))


def _place_of(error: BaseException) -> str:
    """The kind of an error and the line of artfp that it came through last."""
    error = error.__cause__ if isinstance(error, NamelessError) and error.__cause__ else error
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "artfp" in Path(frame.filename).parts] or frames
    return f"{type(error).__name__}-{Path(own[-1].filename).stem}-{own[-1].name.strip('<>')}-{own[-1].lineno}"


def mutate(data: bytes, size: int, seed: int) -> bytes:
    """Two of three times a change to JSON, where it is some; else one of libFuzzer's to bytes."""
    draw = random.Random(seed)
    made = mutated(data, draw) if draw.random() < 0.67 else None
    return made if made is not None and len(made) <= size else atheris.Mutate(data, size)


def fuzz(name: str, found: Path, corpus: Path, options: Sequence[str]) -> int:
    """Fuzz a target in a fork of this process, until it ends; how it ended."""
    child = os.fork()
    if not child:
        _fuzz(TARGETS[name], found, corpus, options)
    return os.waitpid(child, 0)[1]


def _fuzz(target: Target, found: Path, corpus: Path, options: Sequence[str]) -> None:
    """Never returns: libFuzzer ends the process."""
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(target.begin(Path(folder))):
            (corpus / f"seed-{number}").write_bytes(seed)
        fuzzed: Any = Fuzzed(target, Path(folder), found)
        _limit_memory()
        atheris.Setup([sys.argv[0], *options, str(corpus)], fuzzed, custom_mutator=mutate)
        atheris.Fuzz()


def _limit_memory() -> None:
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + HEADROOM, taken + HEADROOM))
