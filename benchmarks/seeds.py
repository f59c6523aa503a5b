"""Ten seeds of a short codec training: is every one at .99 of the bits at 36 dB within eight minutes? A row a seed.

    python -m benchmarks.seeds [--threads 2]

Images that no training saw, marked at the codec's own strength and rounded to 8 bits, are read without a search. The
minutes are the whole training's, by the clock, on a machine that has nothing else to do; painting the images that all
seeds share is told apart. Rows lie in benchmarks/results/seeds and are committed as they come; a seed that has one is
not run again.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch

from artfp import recipe as recipes
from artfp.codec.evaluation import evaluate
from artfp.codec.pool import in_batches, training_pool
from artfp.codec.settings import CodecRecipe
from artfp.codec.training import train
from artfp.data.procedural import generate
from artfp.devices import prepare_device
from artfp.files import read_json, write_json
from artfp.shipped import find_recipe

SEEDS = range(10)
HELD_OUT_SEED = 990_001  # no training recipe uses it
ACCURACY, PSNR, SECONDS = 0.99, 36.0, 480  # to pass
RESULTS = Path(__file__).parent / "results" / "seeds"


def row(recipe: CodecRecipe, folder: Path, device: str) -> dict[str, float]:
    """Train one seed, or go on with it, and read unperturbed held-out images."""
    pool = folder.parent / "pool.npy"  # all seeds share the images: the question is the networks' luck
    painting = time.monotonic()
    images = training_pool(dataclasses.replace(recipe, seed=0), pool, os.cpu_count() or 1)
    started = time.monotonic()

    def tell(done: int, total: int, note: str) -> None:
        if done % 150 == 0:
            print(f"seed {recipe.seed}: {done}/{total}  {note}", file=sys.stderr)

    codec = train(recipe, lambda: images, folder, tell, device)
    seconds = time.monotonic() - started
    unseen = np.stack(list(generate("photo-like", 256, recipe.size, HELD_OUT_SEED)))
    result = evaluate(codec, in_batches(unseen, "resized"), 0, lambda *_: None)
    done = read_json(folder / "done.json")
    return {
        "seed": recipe.seed,
        "accuracy": result.rows[0].accuracy,
        "psnr": result.psnr,
        "restarts": done["restarts"],
        "seconds": round(seconds),
        "seconds_painting": round(started - painting),
        "threads": torch.get_num_threads(),
    }


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
