"""Put a trained codec among the shipped ones, with a card of what it measures; tell what the cards say.

    python -m benchmarks.card runs/codec-artfp-64 ../shared/data/photos256.zip ../shared/data/kodak --limit 160
    python -m benchmarks.card runs/codec-artfp-128 photos256.zip:cropped kodak:cropped,full
    python -m benchmarks.card --bias artfp-64 ../shared/data/flowers64.zip
    python -m benchmarks.card --table artfp-64

Each DATA is measured once for every view by `artfp codec evaluate`: as centre squares, resized or cropped at full
resolution (the two where none is named), or as whole images. `--bias` adds what `artfp codec bias` counts to the card
that there is, `--table` prints the card as the README's table. Checkpoint and card are written once all is measured.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from artfp import __version__
from artfp.codec.learned import LearnedCodec, card_path
from artfp.errors import ArtfpError, UsageError
from artfp.files import atomic_open, read_json, write_json
from artfp.perceptual import what_is_missing
from artfp.seals import sealed
from benchmarks.card_table import TARGETS, table

SHIPPED = Path(__file__).parents[1] / "checkpoints"
VIEWS: dict[str, list[str]] = {"resized": [], "cropped": ["--crop"], "full": ["--full"]}


def measured(verb: str, codec: Path, data: Path, flags: list[str]) -> dict[str, Any]:
    """One run of `artfp codec evaluate` or `bias`: its command and its result."""
    command = " ".join(["artfp", "codec", verb, codec.stem, data.name, *flags, "--json"])
    run = [sys.executable, "-m", "artfp", "codec", verb, str(codec), str(data), *flags, "--json"]
    done = subprocess.run(run, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise ArtfpError(f"{command}: ended with exit code {done.returncode}")
    return {"command": command, "result": json.loads(done.stdout)}


def make(options: argparse.Namespace) -> Path:
    """Measure the codec of a run, then copy it to the shipped ones and write its card."""
    recipe = read_json(options.run / "recipe.json")
    check(recipe)
    source, target = (folder / f"{recipe['name']}.safetensors" for folder in (options.run, SHIPPED))
    codec = LearnedCodec.load(source)
    if missing := what_is_missing(options.size or codec.side):
        raise UsageError(f"a card tells LPIPS, which is not measured without {missing}")
    facts, views = described(codec, recipe, options), wanted(options)
    found = [measured("evaluate", source, data, flags) for data, flags in views]
    with atomic_open(target) as stream:
        stream.write(source.read_bytes())
    write_json(card_path(target), sealed(facts | {"measured": found}))
    return card_path(target)


def check(recipe: dict[str, Any]) -> None:
    """Refuse what must not be published: from its recipe's seed anyone could train a private codec again."""
    if recipe.get("private"):
        raise UsageError(f"{recipe['name']} is a private codec: its recipe, and the seed in it, are nobody's business")


def wanted(options: argparse.Namespace) -> list[tuple[Path, list[str]]]:
    """Every data with the flags of each of its views."""
    limit = ["--limit", str(options.limit)] if options.limit else []
    side = ["--size", str(options.size)] if options.size else []
    split = [spec.partition(":")[::2] for spec in options.data]
    views = [(Path(data), view) for data, names in split for view in (names or "resized,cropped").split(",")]
    if unknown := {view for _, view in views} - VIEWS.keys():
        raise UsageError(f"no view {', '.join(sorted(unknown))}; known: {', '.join(VIEWS)}")
    return [(data, [*VIEWS[view], *limit, *(side if view != "full" else [])]) for data, view in views]


def described(codec: LearnedCodec, recipe: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """What the card says beside measurements."""
    return {
        "name": codec.name,
        "sha256": codec.sha256,
        "bits": codec.n_bits,
        "size": codec.size,
        "psnr": codec.psnr,
        "flip_invariant": codec.flip_invariant,
        "trained_on": recipe["data"] or "procedural images, artfp.data.procedural 'photo-like'; no photograph",
        "recipe": recipe,
        "done": read_json(options.run / "done.json"),
        "made_with": {"artfp": __version__, "torch": torch.__version__, "commit": _commit(options.commit)},
    }


def _commit(name: str) -> str:
    return subprocess.run(["git", "rev-parse", name], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def add_bias(name: str, data: Path) -> Path:
    """Add what `artfp codec bias` counts to the card of a shipped codec, in the place of an earlier count."""
    codec = SHIPPED / f"{name}.safetensors"
    card = LearnedCodec.load(codec).card
    found = measured("bias", codec, data, [])
    others = [entry for entry in card["measured"] if entry["command"] != found["command"]]
    write_json(card_path(codec), sealed(card | {"measured": [*others, found]}))
    return card_path(codec)


def main() -> None:
    """Make a card, add to it, or print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="?", help="folder of a finished training")
    parser.add_argument("data", nargs="*", metavar="DATA[:VIEW,...]", help=f"views: {', '.join(VIEWS)}")
    parser.add_argument("--limit", type=int, help="images of each DATA at most, chosen by the seed")
    parser.add_argument("--size", type=int, help="side of the squares [default: the codec's own]")
    parser.add_argument("--commit", default="HEAD", help="the commit that trained it")
    parser.add_argument("--bias", nargs=2, metavar=("NAME", "DATA"), help="add a count to the card of a shipped codec")
    parser.add_argument("--table", choices=TARGETS, help="print the README's table of a shipped codec")
    options = parser.parse_args()
    try:
        if options.table:
            print(table(read_json(SHIPPED / f"{options.table}.json")))
        elif options.bias:
            print(add_bias(options.bias[0], Path(options.bias[1])))
        elif options.run:
            print(make(options))
        else:
            parser.error("give RUN and DATA, --bias or --table")
    except ArtfpError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
