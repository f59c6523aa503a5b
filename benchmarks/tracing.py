"""Seconds to trace a folder to one of 1, 1,000 and 1,000,000 recipients: `artfp trace` but for the start of Python.

    python -m benchmarks.tracing [--recipients 1 1000 1000000] [--images 16]

Fills registries and ledgers in a temporary folder through their own bulk methods (some minutes for a million), marks
images with the key of the recipient in the middle, and prints one JSON object on stdout. Both files are opened anew for
each trace; the best of a few counts, because other work on the machine only ever adds.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from artfp.codec.dct import DctCodec
from artfp.data.procedural import generate
from artfp.images import LoadedImage, encode_png, to_pixels, to_tensor
from artfp.keys.ledger import Issue, Ledger
from artfp.keys.registry import Registry
from artfp.reading import Item
from artfp.trace import trace
from benchmarks.keys import CHUNK, fill

REPEATS = 3


def main() -> None:
    """Fill, trace and time, for each number of recipients."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipients", type=int, nargs="+", default=[1, 1000, 1_000_000])
    parser.add_argument("--images", type=int, default=16)
    arguments = parser.parse_args()
    codec = DctCodec()
    with tempfile.TemporaryDirectory() as folder:
        rows = [_row(Path(folder) / str(count), codec, count, arguments.images) for count in arguments.recipients]
    for row in rows:
        row["times_the_first"] = round(row["seconds"] / rows[0]["seconds"], 2)
    print(json.dumps({"bits": codec.n_bits, "load": os.getloadavg()[0], "rows": rows}, indent=2))


def _row(folder: Path, codec: DctCodec, count: int, n_images: int) -> dict[str, Any]:
    folder.mkdir()
    fill(folder / "keys.sqlite", codec.facts(), count)
    with Registry(folder / "keys.sqlite") as registry, Ledger(folder / "ledger.sqlite") as ledger:
        keys = registry.keys()
        leaking = keys[count // 2]
        (promise,) = registry.commit_many([leaking.name])
        commitments = {leaking.name: promise.digest}  # nobody asks for those of the others
        for first in range(0, count, CHUNK):
            some = keys[first : first + CHUNK]
            ledger.record_many(
                [
                    Issue(key.name, key.key_id, commitments.get(key.name, "0" * 64), "1" * 64, "2" * 64, codec.sha256)
                    for key in some
                ]
            )
        bits = registry.pairs_of_ids(codec.sha256, [leaking.key_id]).bits(0)
    items = _marked(codec, bits, n_images)
    times = np.min([_timed(folder, codec, items, leaking.name) for _ in range(REPEATS)], axis=0)
    return {"recipients": count, "images": n_images, "seconds": round(times[0], 3), "cpu_seconds": round(times[1], 3)}


def _marked(codec: DctCodec, bits: np.ndarray, count: int) -> list[Item]:
    images = to_tensor(np.stack(list(generate("photo-like", count, codec.side, seed=1))))
    pixels = to_pixels(codec.embed(images, torch.from_numpy(bits.copy())))
    return [(f"{index}.png", functools.partial(encode_png, LoadedImage(image))) for index, image in enumerate(pixels)]


def _timed(folder: Path, codec: DctCodec, items: list[Item], name: str) -> tuple[float, float]:
    """Wall and processor seconds of a trace that must name this recipient and nobody else."""
    started = time.perf_counter(), time.process_time()
    with Registry(folder / "keys.sqlite") as registry, Ledger(folder / "ledger.sqlite") as ledger:
        found = trace(items, registry, ledger, [codec])
    ended = time.perf_counter() - started[0], time.process_time() - started[1]
    if [recipient.recipient for recipient in found.recipients] != [name]:
        raise RuntimeError(f"{found.statement} It should be {name}.")
    return ended


if __name__ == "__main__":
    main()
