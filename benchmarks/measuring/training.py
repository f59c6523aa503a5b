"""What a training's folder tells afterwards, and the machine that it ran on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch

from artfp import __version__, timing
from artfp.files import read_json
from artfp.generators.folder import CARD, DONE, STATS, TIMING
from artfp.generators.sampling import load_generator, sample
from artfp.statslog import StatsLog
from benchmarks.measuring.images import Pixels

SERIES = ("images_shown", "matching_bits", "total_bits")


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
    """Note the seconds of a training beside its folder, unless it is finished."""
    with nullcontext() if (out / DONE).is_file() else timing.timed(_journal(out)):
        yield


def processor_seconds(out: Path) -> int:
    """What `timed` noted of a training, over all the processes it took."""
    return round(timing.spent(_journal(out))["processor_seconds"])


def _journal(out: Path) -> Path:
    return out.with_name(f"{out.name}.seconds.jsonl")


def made_with(device: str) -> dict[str, Any]:
    """The program and the machine."""
    return {"artfp": __version__, "torch": torch.__version__, "device": device, "threads": torch.get_num_threads()}
