"""Ten seeds of a short codec training: is every one at .99 of the bits at 36 dB within eight minutes? A row a seed.

    python -m benchmarks.seeds [--threads 2]

Images that no training saw, marked at the codec's own strength and rounded to 8 bits, are read without a search. The
minutes are the whole training's, by the clock, on a machine that has nothing else to do; painting the images that all
seeds share is told apart. Rows lie in benchmarks/results/seeds and are committed as they come; a seed that has one is
not run again, one that was interrupted begins anew.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import torch

from artfp import recipe as recipes
from artfp.codec.base import Codec
from artfp.codec.pool import training_pool
from artfp.codec.settings import CodecRecipe
from artfp.codec.training import train
from artfp.data.procedural import generate
from artfp.devices import prepare_device
from artfp.files import read_json, write_json
from artfp.images import to_tensor
from artfp.seeds import numpy_generator
from artfp.shipped import find_recipe

SEEDS = range(10)
HELD_OUT_SEED, UNSEEN = 990_001, 256  # no training recipe uses it; images
BATCH = 64  # images that are marked together
ACCURACY, PSNR, SECONDS = 0.99, 36.0, 480  # to pass
RESULTS = Path(__file__).parent / "results" / "seeds"


def row(recipe: CodecRecipe, folder: Path, device: str) -> dict[str, float]:
    """Train one seed, and read unperturbed held-out images."""
    shutil.rmtree(folder, ignore_errors=True)
    pool = folder.parent / "pool.npy"  # all seeds share the images: the question is the networks' luck
    painting = time.monotonic()
    images = training_pool(dataclasses.replace(recipe, seed=0), pool, os.cpu_count() or 1)
    started = time.monotonic()

    def tell(done: int, total: int, note: str) -> None:
        if done % 150 == 0:
            print(f"seed {recipe.seed}: {done}/{total}  {note}", file=sys.stderr)

    codec = train(recipe, lambda: images, folder, tell, device)
    seconds = time.monotonic() - started
    accuracy, psnr = read_unseen(codec)
    return {
        "seed": recipe.seed,
        "accuracy": accuracy,
        "psnr": psnr,
        "restarts": read_json(folder / "done.json")["restarts"],
        "seconds": round(seconds),
        "seconds_painting": round(started - painting),
        "threads": torch.get_num_threads(),
    }


def read_unseen(codec: Codec) -> tuple[float, float]:
    """The share of the bits of marked images that are read right, and their PSNR."""
    clean = to_tensor(np.stack(list(generate("photo-like", UNSEEN, codec.size, HELD_OUT_SEED))))
    bits = torch.from_numpy(numpy_generator("seeds", "bits").integers(0, 2, (UNSEEN, codec.n_bits)))
    marked = torch.cat([codec.embed(*part) for part in zip(clean.split(BATCH), bits.split(BATCH), strict=True)])
    right = ((codec.soft_bits_as_they_are(marked) > 0) == (bits > 0)).double().mean()
    return float(right), float(-10 * torch.log10((marked - clean).square().mean()))


def passes(found: dict[str, float]) -> bool:
    """Whether a seed is good enough soon enough."""
    return found["accuracy"] >= ACCURACY and found["psnr"] >= PSNR and found["seconds"] <= SECONDS


def main() -> None:
    """Run what is missing, print the table, fail if a seed does not pass."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/seeds"))
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    out = options.out
    out.mkdir(parents=True, exist_ok=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    device = prepare_device("cpu", options.threads)
    base = recipes.load(find_recipe("codec-seeds"), CodecRecipe)
    rows = []
    for seed in SEEDS:
        path = RESULTS / f"seed-{seed}.json"
        if not path.exists():
            write_json(path, row(dataclasses.replace(base, seed=seed), out / f"seed-{seed}", device))
        rows.append(read_json(path))
    passed = sum(map(passes, rows))
    print(json.dumps({"rows": rows, "passed": passed, "of": len(rows)}, indent=2))
    sys.exit(passed < len(rows))


if __name__ == "__main__":
    main()
