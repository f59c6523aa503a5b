"""Seconds to judge a folder against one key and against a million: read the pairs, decide, judge each image.

    python benchmarks/keys.py [--keys 1000000] [--images 256 1000]

Fills a registry in a temporary folder through the registry's own bulk methods (a minute or two for a
million), takes random soft bits for the images, and prints one JSON object on stdout.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from artfp.keys.fingerprint import CodecFacts
from artfp.keys.registry import Registry
from artfp.seeds import numpy_generator
from artfp.statistics.decision import decide, judge_images
from artfp.statistics.evidence import Evidence

N_BITS = 64
CHUNK = 50_000
REPEATS = 3


def main() -> None:
    """Fill two registries, time both, print the difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--images", type=int, nargs="+", default=[256, 1000])
    arguments = parser.parse_args()
    facts = _facts()
    with tempfile.TemporaryDirectory() as folder:
        one, many = Path(folder) / "one.sqlite", Path(folder) / "many.sqlite"
        filling = fill(one, facts, 1) + fill(many, facts, arguments.keys)
        rows = [_measure(one, many, facts, n_images) for n_images in arguments.images]
    result = {"keys": arguments.keys, "bits": N_BITS, "load": os.getloadavg()[0], "seconds_to_fill": round(filling, 1)}
    print(json.dumps(result | {"folders": rows}, indent=2))


def difference(keys: int, n_images: int) -> dict[str, float]:
    """How much longer a folder of so many images takes against so many keys than against one."""
    facts = _facts()
    with tempfile.TemporaryDirectory() as folder:
        one, many = Path(folder) / "one.sqlite", Path(folder) / "many.sqlite"
        fill(one, facts, 1)
        fill(many, facts, keys)
        return _measure(one, many, facts, n_images)


def _facts() -> CodecFacts:
    random = numpy_generator("benchmark", "codec")
    consensus = random.integers(-256, 257, N_BITS)
    return CodecFacts("benchmark", "00" * 32, N_BITS, consensus, random.integers(0, 2, (256, N_BITS), np.uint8))


def fill(path: Path, facts: CodecFacts, n_keys: int) -> float:
    """Register key0, key1 ... for a codec; the seconds that took."""
    started = time.perf_counter()
    with Registry(path) as registry:
        for first in range(0, n_keys, CHUNK):
            names = [f"key{index}" for index in range(first, min(first + CHUNK, n_keys))]
            registry.new_many(names)
            registry.pair_many(names, facts)
            print(f"\r{first + len(names):,} keys", end="", file=sys.stderr)
    print(file=sys.stderr)
    return time.perf_counter() - started


def _measure(one: Path, many: Path, facts: CodecFacts, n_images: int) -> dict[str, float]:
    """The best of a few runs of each, because other work on the machine only ever adds."""
    soft = numpy_generator("benchmark", "images", n_images).uniform(-1, 1, (n_images, N_BITS))
    few, lot = (np.min([_judge(path, facts, soft) for _ in range(REPEATS)], axis=0) for path in (one, many))
    return {
        "images": n_images,
        "seconds_one_key": round(few[0], 4),
        "seconds_all_keys": round(lot[0], 4),
        "difference": round(lot[0] - few[0], 4),
        "difference_in_cpu_seconds": round(lot[1] - few[1], 4),
    }


def _judge(path: Path, facts: CodecFacts, soft: np.ndarray) -> tuple[float, float]:
    """Wall and processor seconds."""
    started = time.perf_counter(), time.process_time()
    with Registry(path) as registry:
        table = registry.pairs(facts.sha256)
        evidence = Evidence(facts.n_bits)
        evidence.add(soft)
        decide([(evidence, table, facts)])
        images = judge_images(evidence, table)
        [table.names[row] for row in set(images.row.tolist())]
    return time.perf_counter() - started[0], time.process_time() - started[1]


if __name__ == "__main__":
    main()
