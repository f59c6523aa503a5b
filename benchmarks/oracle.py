"""What a verifier gives away that answers anybody: images that lose or get a key, by the number of questions asked.

    python -m benchmarks.oracle artfp-64 --data flowers64.zip

The attacker has neither codec nor key, but for the last row's, who has the public encoder. Every image is attacked by
itself, all side by side, with one key of the publisher's, drawn from the seed: this is a measurement, not evidence.
Removal: marked images are to look as they do and not to match. Forgery: clean images are to look as they do and to
match, beginning with another picture that is marked, or with nothing. Answers are `ANSWERS` of artfp/attacks/oracle.py.
What was found is then read as `artfp verify` reads, with its search for cuts and turns, one by one and as a set; and
every image's change is put on the next image, too, to see whether it has to be found anew. One JSON file for each codec
and data lies in benchmarks/results/oracle; what is there is shown, not measured again, unless with --again. Some ten
minutes of one core.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from artfp import __version__
from artfp.attacks.oracle import SINGLE, TWICE, VERDICT, Siege, Verifier, besieged, guessed, noisy, rms, single_q
from artfp.codec.base import Codec
from artfp.codec.pool import squares
from artfp.codec.store import load_codec
from artfp.errors import ArtfpError, UsageError
from artfp.files import read_json, write_json
from artfp.images import round_to_8_bits, to_tensor
from artfp.keys.fingerprint import Bits, pack
from artfp.robustness import FORGERY, REMOVAL
from artfp.seeds import numpy_generator
from artfp.statistics.bootstrap import bootstrapped
from artfp.statistics.calibration import Share
from artfp.statistics.evidence import Evidence, p_values
from benchmarks.measuring.machine import prepare
from benchmarks.measuring.tables import NONE, interval, ruled

RESULTS = Path(__file__).parent / "results" / "oracle"
COUNTS = (100, 300, 1000, 2000)  # queries for each image
NOISE, MARKED, NOTHING, ENCODER = "noise", "another picture that is marked", "nothing", "the public encoder"
ATTACKS = (
    (REMOVAL, NOISE, VERDICT),
    (REMOVAL, NOISE, SINGLE),
    (REMOVAL, NOISE, TWICE),
    (FORGERY, MARKED, VERDICT),
    (FORGERY, MARKED, TWICE),
    (FORGERY, NOTHING, SINGLE),
    (FORGERY, NOTHING, TWICE),
)
HEAD = (
    "aim",
    "begins with",
    "answer",
    "queries",
    "succeeded",
    "PSNR, dB",
    "bits right",
    "log10 p of the set",
    "on the next image",
)


@dataclass(frozen=True, eq=False)
class World:
    """The publisher's codec and key, and what lies about."""

    codec: Codec
    key: Tensor  # n bits
    clean: Tensor
    marked: Tensor  # the same images, marked
    other: Tensor  # other pictures, marked
    counts: tuple[int, ...]
    seed: int

    def verifier(self, answers: str, aim: str) -> Verifier:
        """Who answers."""
        return Verifier(self.codec, self.key.numpy().astype(np.uint8), answers, aim)


def world_of(codec: Codec, arguments: argparse.Namespace) -> World:
    """Images drawn by the seed, half of them to be attacked."""
    if min(arguments.images, *arguments.queries) < 2:
        raise UsageError("--images and --queries start at 2")
    pixels = squares(arguments.data, codec.side, 2 * arguments.images, arguments.seed)
    if len(pixels) < 2 * arguments.images:
        raise UsageError(f"{arguments.data}: {len(pixels)} images, of which --images needs {2 * arguments.images}")
    order = numpy_generator(arguments.seed, "oracle", "order").permutation(len(pixels))
    clean, other = to_tensor(pixels[order]).split(arguments.images)
    key = torch.from_numpy(numpy_generator(arguments.seed, "oracle", "key").integers(0, 2, codec.n_bits))
    counts = tuple(sorted(arguments.queries))
    return World(codec, key, clean, codec.embed(clean, key), codec.embed(other, key), counts, arguments.seed)


def rows(world: World) -> Iterator[dict[str, Any]]:
    """Every attack at every number of queries, and the one who has the encoder."""
    starts: dict[str, Callable[[Siege], Tensor]] = {
        NOISE: noisy,
        MARKED: lambda _: world.other,
        NOTHING: lambda siege: siege.shown,
    }
    for aim, start, answer in ATTACKS:
        shown = world.marked if aim == REMOVAL else world.clean
        verifier = world.verifier(answer, aim)
        found = besieged(Siege(shown, verifier, world.counts, world.seed), starts[start])
        for queries, images in found.items():
            named = {"aim": aim, "start": start, "answer": answer, "queries": queries}
            yield named | {
                "found": outcome(world, verifier, images, shown),
                "next": moved(world, verifier, images, shown),
            }
    yield with_the_encoder(world)


def outcome(world: World, verifier: Verifier, images: Tensor, shown: Tensor) -> dict[str, Any]:
    """How many have the wanted verdict as `verify` reads them, how far off they are, and what they prove together."""
    soft = world.codec.soft_bits(images).double().cpu().numpy()
    wanted = verifier.has_it(single_q(soft, verifier.bits))
    psnr = -20 * rms(images - shown)[torch.from_numpy(wanted)].double().log10().numpy()
    right = (soft > 0) == (verifier.bits > 0)
    return {
        "succeeded": Share.of(int(wanted.sum()), len(images)).to_dict(),
        "psnr": mean_psnr(psnr, world.seed),
        "matching_bits": int(right.sum()),
        "total_bits": right.size,
        "log10_p_of_the_set": set_p(soft, verifier.bits),
    }


def set_p(soft: np.ndarray, bits: Bits) -> float:
    """The log10 of p of all images as one set, for this key alone."""
    evidence = Evidence(len(bits))
    evidence.add(soft)
    return math.log10(min(1.0, float(p_values(evidence, pack(bits)[None]).combined[0])))


def mean_psnr(psnr: np.ndarray, seed: int) -> dict[str, float] | None:
    """Over the images that succeeded, with a 95 % interval and the ends; None where none did, or one is unchanged."""
    if not len(psnr) or not np.isfinite(psnr).all():
        return None
    groups, random = np.zeros(len(psnr), np.int64), numpy_generator(seed, "oracle", "bootstrap")
    (found,) = bootstrapped(lambda places: [float(psnr[places].mean())], groups, random)
    return found.to_dict() | {"least": float(psnr.min()), "most": float(psnr.max())}


def moved(world: World, verifier: Verifier, images: Tensor, shown: Tensor) -> dict[str, Any]:
    """The same for every image's change on the next image, of which nothing was asked."""
    following = shown.roll(-1, 0)
    changed = round_to_8_bits((following + (images - shown)).clamp(0, 1))
    return outcome(world, verifier, changed, following)


def with_the_encoder(world: World) -> dict[str, Any]:
    """Who marks clean images himself, and is told q, finds the key; with its bits he marks the next image."""
    verifier = world.verifier(SINGLE, FORGERY)
    shape = (len(world.clean), world.codec.n_bits)
    first = torch.from_numpy(numpy_generator(world.seed, "oracle", "guess").integers(0, 2, shape))
    bits = guessed(lambda guess: world.codec.embed(world.clean, guess), verifier, first)
    named = {"aim": FORGERY, "start": ENCODER, "answer": SINGLE, "queries": world.codec.n_bits + 1}
    own, following = world.codec.embed(world.clean, bits), world.clean.roll(-1, 0)
    return named | {
        "found": outcome(world, verifier, own, world.clean),
        "next": outcome(world, verifier, world.codec.embed(following, bits), following),
        "key_bits_found": int((bits == world.key).sum()),
        "key_bits": bits.numel(),
    }


def measured(codec: Codec, arguments: argparse.Namespace) -> dict[str, Any]:
    """The whole measurement, as its file holds it; told row by row."""
    world, found = world_of(codec, arguments), []
    verifier = world.verifier(VERDICT, FORGERY)
    for row in rows(world):
        print(" | ".join(cells(row)), file=sys.stderr, flush=True)
        found.append(row)
    flags = f"--images {arguments.images} --queries {' '.join(map(str, world.counts))} --seed {arguments.seed}"
    return {
        "codec": codec.name,
        "sha256": codec.sha256,
        "bits": codec.n_bits,
        "size": codec.side,
        "data": arguments.data.name,
        "seed": arguments.seed,
        "images": arguments.images,
        "command": f"python -m benchmarks.oracle {Path(arguments.codec).name} --data {arguments.data.name} {flags}",
        "unattacked": {
            "marked": outcome(world, verifier, world.marked, world.clean),
            "clean": outcome(world, verifier, world.clean, world.clean),
        },
        "rows": found,
        "made_with": {"artfp": __version__, "torch": torch.__version__},
    }


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """A line of the table."""
    found, following = row["found"], row["next"]
    return (
        row["aim"],
        row["start"],
        row["answer"],
        f"{row['queries']:,}",
        of(found["succeeded"]),
        NONE if found["psnr"] is None else interval(found["psnr"], lambda value: f"{value:.1f}"),
        f"{100 * found['matching_bits'] / found['total_bits']:.1f} %",
        f"{found['log10_p_of_the_set']:.1f}",
        of(following["succeeded"]),
    )


def of(share: dict[str, Any]) -> str:
    """So many of so many."""
    return f"{share['count']} of {share['total']}"


def main() -> None:
    """Measure, or read what was measured of this codec, and print the table."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.oracle", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("codec", help="a name or a .safetensors file")
    parser.add_argument("--data", type=Path, required=True, help="folder or zip of images")
    parser.add_argument("--images", type=int, default=16, help="attacked side by side")
    parser.add_argument(
        "--queries", type=int, nargs="+", default=list(COUNTS), help="for each image; the most is spent"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--again", action="store_true", help="measure although there is a file of this codec")
    arguments = parser.parse_args()
    prepare("cpu", 1)
    try:
        codec = load_codec(arguments.codec)
        path = arguments.out / f"{codec.name}-{arguments.data.stem}.json"
        if arguments.again or not path.exists() or read_json(path)["sha256"] != codec.sha256:
            arguments.out.mkdir(parents=True, exist_ok=True)
            write_json(path, measured(codec, arguments))
    except ArtfpError as error:
        parser.error(str(error))
    print(ruled(HEAD, map(cells, read_json(path)["rows"])))


if __name__ == "__main__":
    main()
