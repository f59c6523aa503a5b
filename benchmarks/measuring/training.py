"""What a training's folder tells afterwards, and the machine that it ran on."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from artfp import __version__
from artfp.files import read_json
from artfp.generators.folder import CARD, DONE, STATS, TIMING
from artfp.generators.sampling import load_generator, sample
from artfp.statslog import StatsLog
from benchmarks.measuring.images import Pixels

SERIES = ("images_shown", "matching_bits", "total_bits")
PROCESSOR = "processor.jsonl"  # beside the trainings' folders


def sampled(folder: Path, count: int, seed: int, device: str, sources: Pixels | None = None) -> Pixels:
    """The first images of a finished training's generator, of what it translates where it does."""
    generator = load_generator(folder).to(device)
    return np.concatenate(list(sample(generator, count, seed, sources=sources)))


def series_of(model: Path) -> list[dict[str, int]]:
    """What the transfer monitor counted on the way."""
    rows = StatsLog(model / STATS, position=SERIES[0]).rows()
    return [{name: row[name] for name in SERIES} for row in rows if "matching_bits" in row]


def training_of(out: Path) -> dict[str, Any]:
    """A finished training: what it was of, what its monitor saw, and what it cost."""
    card = read_json(out / CARD)
    return {
        **{name: card[name] for name in ("sha256", "images_shown", "parameters", "recipe")},
        "transfer": series_of(out),
        "seconds": seconds_of(out),
        "processor_seconds": processor_seconds(out),
    }


def seconds_of(folder: Path) -> int:
    """Of a training, over all the processes it took: each counts its images from zero."""
    rows = [json.loads(line) for line in (folder / TIMING).read_text().splitlines()]
    following = [*(row["images"] for row in rows[1:]), 0]
    return round(sum(row["seconds"] for row, after in zip(rows, following, strict=True) if after <= row["images"]))


@contextmanager
def timed(out: Path) -> Iterator[None]:
    """Note the processor's seconds, of all threads, beside `out`; a process that is killed outright leaves none."""
    if (out / DONE).is_file():
        yield
        return
    started = time.process_time()
    try:
        yield
    finally:
        spent = {"training": out.name, "seconds": round(time.process_time() - started, 2)}
        with (out.parent / PROCESSOR).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(spent) + "\n")


def processor_seconds(out: Path) -> int:
    """What `timed` noted of a training, over all the processes it took."""
    rows = [json.loads(line) for line in (out.parent / PROCESSOR).read_text().splitlines()]
    return round(sum(row["seconds"] for row in rows if row["training"] == out.name))


def made_with(device: str) -> dict[str, Any]:
    """The program and the machine."""
    return {"artfp": __version__, "torch": torch.__version__, "device": device, "threads": torch.get_num_threads()}
