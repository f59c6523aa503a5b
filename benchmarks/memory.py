"""How much memory `artfp embed-dataset` takes on a large dataset.

    python benchmarks/memory.py [--images 200000] [--size 64] [--codec dct] [--workers 1] [--format tar]

Makes the dataset from a few hundred images and hard links, runs the command, samples the proportional set size
summed over it and all its children, and prints JSON: peak_pss_mb, seconds, images and more.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from artfp.data.procedural import generate
from artfp.images import LoadedImage, encode_png

DISTINCT = 256
PER_FOLDER = 1000
SAMPLE_SECONDS = 0.1
ARTFP = [sys.executable, "-c", "from artfp.cli.main import main; main()"]


def make_dataset(root: Path, images: int, size: int) -> None:
    """`images` files in folders of a thousand, all of them links to a few."""
    (root / "originals").mkdir(parents=True)
    for index, pixels in enumerate(generate("photo-like", min(DISTINCT, images), size, seed=1)):
        (root / "originals" / f"{index}.png").write_bytes(encode_png(LoadedImage(pixels)))
    for index in range(images):
        folder = root / "source" / f"{index // PER_FOLDER:05d}"
        if index % PER_FOLDER == 0:
            folder.mkdir(parents=True)
        os.link(root / "originals" / f"{index % DISTINCT}.png", folder / f"{index:08d}.png")


def summed_pss(pid: int) -> int:
    """Kilobytes of a process and its descendants; each shared page counts once between its users."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        children = " ".join(task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/children")).split()
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return 0
    own = next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)
    return own + sum(summed_pss(int(child)) for child in children)


def measure(command: list[str]) -> tuple[int, float]:
    """Peak kilobytes and seconds of a command that must succeed."""
    started, peak = time.monotonic(), 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, summed_pss(process.pid))
            time.sleep(SAMPLE_SECONDS)
    if process.returncode:
        sys.exit(f"{' '.join(command)}: exit {process.returncode}")
    return peak, time.monotonic() - started


def main() -> None:
    """Make the dataset, mark it, print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=200_000)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--codec", default="dct")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--format", default="folder", help="what is written: folder, zip, tar or parquet")
    parser.add_argument("--folder", type=Path, help="where to work, for example a disk with enough space")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        found = peak_of(Path(name), options.images, options.size, options.codec, options.workers, options.format)
    print(json.dumps(found))


def peak_of(root: Path, images: int, size: int, codec: str, workers: int = 1, kind: str = "folder") -> dict[str, Any]:
    """Make a dataset in a folder, mark it there, and say what that took."""
    make_dataset(root, images, size)
    registry = ["--registry", str(root / "keys.sqlite")]
    measure([*ARTFP, "key", "new", "benchmark", *registry])
    target = root / ("marked.zip" if kind == "zip" else "marked")
    arguments = [str(root / "source"), str(target), "--key", "benchmark", "--codec", codec, "--format", kind, *registry]
    peak, seconds = measure([*ARTFP, "embed-dataset", *arguments, "--workers", str(workers)])
    return {
        "peak_pss_mb": round(peak / 1024, 1),
        "seconds": round(seconds, 1),
        "images": images,
        "size": size,
        "codec": codec,
        "workers": workers,
        "output": kind,
    }


if __name__ == "__main__":
    main()
