"""Put a trained codec among the shipped ones, with a card of what it measures.

    python benchmarks/card.py runs/codec-artfp-64 ../shared/data/photos256.zip ../shared/data/kodak
    python benchmarks/card.py runs/codec-artfp-128 photos256.zip:cropped kodak:cropped,full

Each DATA is measured once for every view by `artfp codec evaluate`: as centre squares, resized or cropped at full
resolution (the two where none is named), or as whole images.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from artfp import __version__
from artfp.codec.learned import LearnedCodec, card_path
from artfp.files import read_json, write_json

VIEWS: dict[str, list[str]] = {"resized": [], "cropped": ["--crop"], "full": ["--full"]}


def measured(codec: Path, data: Path, flags: list[str]) -> dict[str, Any]:
    """One run of `artfp codec evaluate`: its command and its result."""
    command = ["artfp", "codec", "evaluate", codec.stem, data.name, *flags, "--json"]
    run = [sys.executable, "-m", "artfp", "codec", "evaluate", str(codec), str(data), *flags, "--json"]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    return {"command": " ".join(command), "result": json.loads(done.stdout)}


def _views(specs: list[str]) -> list[tuple[Path, list[str]]]:
    """Every data with the flags of each of its views."""
    split = [spec.partition(":")[::2] for spec in specs]
    return [(Path(data), VIEWS[view]) for data, views in split for view in (views or "resized,cropped").split(",")]


def main() -> None:
    """Copy the codec to checkpoints/ and write its card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("data", nargs="*", metavar="DATA[:VIEW,...]", help=f"views: {', '.join(VIEWS)}")
    parser.add_argument("--limit", type=int, help="images of each DATA at most, chosen by the seed")
    parser.add_argument("--size", type=int, help="side of the squares [default: the codec's own]")
    parser.add_argument("--commit", default="HEAD", help="the commit that trained it")
    arguments = parser.parse_args()
    limit = ["--limit", str(arguments.limit)] if arguments.limit else []
    side = ["--size", str(arguments.size)] if arguments.size else []
    recipe = read_json(arguments.run / "recipe.json")
    target = Path("checkpoints") / f"{recipe['name']}.safetensors"
    card_path(target).unlink(missing_ok=True)
    shutil.copyfile(arguments.run / target.name, target)
    codec = LearnedCodec.load(target)
    commit = subprocess.run(["git", "rev-parse", arguments.commit], capture_output=True, text=True, check=True)
    card = {
        "name": codec.name,
        "sha256": codec.sha256,
        "bits": codec.n_bits,
        "size": codec.size,
        "psnr": codec.psnr,
        "flip_invariant": codec.flip_invariant,
        "trained_on": recipe["data"] or "procedural images, artfp.data.procedural 'photo-like'; no photograph",
        "recipe": recipe,
        "done": read_json(arguments.run / "done.json"),
        "made_with": {"artfp": __version__, "torch": torch.__version__, "commit": commit.stdout.strip()},
        "measured": [
            measured(target, data, [*flags, *limit, *([] if "--full" in flags else side)])
            for data, flags in _views(arguments.data)
        ],
    }
    write_json(card_path(target), card)
    print(card_path(target))


if __name__ == "__main__":
    main()
