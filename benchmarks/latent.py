"""How much of a fingerprint the auto-encoder of a latent-diffusion model passes on.

    python -m benchmarks.latent ../shared/data/flowers64.zip [--only f4] [--lpips] [--table]

A latent generator never makes more than its decoder can paint: what is read from images that were encoded and decoded
is an upper bound for it. The auto-encoders f2, f4 and f8 shorten sides by 2, 4 and 8, to 3, 3 and 4 channels, and learn
as latent diffusion's do (Rombach et al., CVPR 2022, arXiv 2112.10752, section 3.1): L1, with --lpips also LPIPS on
SqueezeNet, and 1e-6 of the KL divergence; but they are small, without attention and patch discriminator. Each sees
unmarked images for --steps, then goes on for --tuning steps, while its learning rate falls to zero, three times: on the
same images, and on them marked at 38 and at 32 dB. Held-out images are read after a round trip through mean latents.

One JSON row for each (auto-encoder, last training) in benchmarks/results/latent; what has one is shown, not measured
again. Trainings lie in runs/latent; one that was interrupted goes on. The key is that folder's own.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from artfp.attacks.autoencoder import BETAS, AutoEncoder, Perceive, learn
from artfp.attacks.regeneration import CHANNELS
from artfp.checkpoints import adam_state, load_into, load_tensors, prefixed, restore_adam, save_tensors, under
from artfp.codec.base import Codec
from artfp.codec.fidelity import Fidelity
from artfp.codec.pool import squares
from artfp.codec.store import load_codec
from artfp.data.readers import open_source
from artfp.errors import ArtfpError, UsageError
from artfp.files import sha256_bytes, working_alone, write_json
from artfp.generators.dataset import Order, size_of_first
from artfp.keys.fingerprint import Bits
from artfp.keys.records import PairTable
from artfp.keys.registry import Registry
from artfp.perceptual import Perceptual
from artfp.report.tables import percent
from artfp.seeds import derive_seed, numpy_generator
from benchmarks.measuring.images import Pixels
from benchmarks.measuring.machine import prepare
from benchmarks.measuring.marking import TUNED_ON, marked_with, residuals, squared_error, strength_for
from benchmarks.measuring.progress import teller
from benchmarks.measuring.reading import judged, read
from benchmarks.measuring.rows import rows_at, status
from benchmarks.measuring.tables import Row, accuracy, alone, markdown, verdict
from benchmarks.measuring.training import made_with

RESULTS = Path(__file__).parent / "results" / "latent"
CODERS = {f"f{factor}": {"factor": factor, "channels": channels} for factor, channels in CHANNELS.items()}
CLEAN, LEVELS = "clean", {"38db": 38.0, "32db": 32.0}  # PSNR of marked images
VARIANTS = (CLEAN, *LEVELS)  # what an auto-encoder's last training was on
NUMBERS = {"width": 16, "steps": 1500, "tuning": 500, "batch": 16, "learning_rate": 1e-3, "held_out": 256, "seed": 0}
COLUMNS = ["latents", "last trained on", "clean images come back at, dB", "put in", "bits before → after"]
COLUMNS += ["of the mark is left", "single images at p ≤ 1e-6", "verdict, q"]
KIND, KEY = "latent-state", "latent"
SAVED_EVERY = 200  # steps
Settings = dict[str, Any]  # all that determines a row, but the key: NUMBERS, and hashes of data and codec ...


@dataclass(frozen=True, eq=False)
class Bench:
    """What all trainings share."""

    codec: Codec
    pairs: PairTable  # of the key alone
    key_id: str
    training: Mapping[str, Pixels]  # the same images, by VARIANTS
    held_out: Mapping[str, Pixels]
    perceive: Perceive | None
    scratch: Path


def auto_encoder(settings: Settings, bench: Bench) -> AutoEncoder:
    """Trained on unmarked images, then on those of the variant."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(settings["seed"], "latent-start"))
        network = AutoEncoder(settings["factor"], settings["channels"], settings["width"]).to(bench.codec.device)
    tag = sha256_bytes(json.dumps([settings | {"variant": None}, bench.key_id]).encode())[:12]
    base, own = (bench.scratch / f"{name}-{tag}.safetensors" for name in ("base", settings["variant"]))
    if not own.exists():
        train(network, settings | {"variant": CLEAN}, settings["steps"], (base,), bench)
    train(network, settings, settings["steps"] + settings["tuning"], (own, base), bench)
    return network


def train(network: AutoEncoder, settings: Settings, until: int, paths: Sequence[Path], bench: Bench) -> None:
    """Up to a step, from the first of the states at `paths` that is there; the state is kept at the first path."""
    adam = torch.optim.Adam(network.parameters(), betas=BETAS)
    pixels, tell = bench.training[settings["variant"]], teller(f"f{settings['factor']}-{paths[0].stem}")
    order, first = Order(len(pixels), settings["batch"], settings["seed"], "latent-order"), 0
    if path := next((path for path in paths if path.exists()), None):
        state, config = load_tensors(path, KIND)
        load_into(network, under("network", state), path)
        restore_adam(adam, under("adam", state))
        first = config["steps"]
    for step in range(first, until):
        # Learn from the next batch.
        left = (settings["steps"] + settings["tuning"] - step) / settings["tuning"]
        adam.param_groups[0]["lr"] = settings["learning_rate"] * min(1.0, left)
        noise = derive_seed(settings["seed"], "latent-noise", step)
        loss = learn(network, adam, pixels[order[step]], noise, bench.perceive)
        # Tell and save.
        tell(step + 1, until, f"loss {loss:.4f}")
        if (step + 1) % SAVED_EVERY == 0 or step + 1 == until:
            state = prefixed("network", network.state_dict()) | prefixed("adam", adam_state(adam))
            save_tensors(paths[0], state, {"kind": KIND, "steps": step + 1})


def image_sets(pixels: Pixels, codec: Codec, bits: Bits, held_out: int, seed: int) -> list[dict[str, Pixels]]:
    """Images to train on, and held-out ones, by VARIANTS; split at random: neighbours in a folder are alike."""
    order = numpy_generator(seed, "latent-split").permutation(len(pixels))
    parts = [pixels[order[held_out:]], pixels[order[:held_out]]]
    if not all(map(len, parts)):
        raise UsageError(f"{len(pixels)} images, of which --held-out {held_out} leaves none to train on or to read")
    found: list[dict[str, Pixels]] = [{CLEAN: part} for part in parts]
    for name, level in LEVELS.items():
        strength = strength_for(codec, parts[0][:TUNED_ON], bits, level)
        for part, by_name in zip(parts, found, strict=True):
            by_name[name] = marked_with(part, residuals(codec, part, bits), strength)
    return found


def measured(settings: Settings, bench: Bench) -> dict[str, Any]:
    """A row: train, or go on with it, and read the held-out images before and after."""
    network, clean = auto_encoder(settings, bench), bench.held_out[CLEAN]
    after = network.round_trip(clean)
    put_in = VARIANTS if settings["variant"] == CLEAN else (CLEAN, settings["variant"])
    return {
        "settings": settings,
        "codec": {"name": bench.codec.name, "sha256": bench.codec.sha256},
        "key_id": bench.key_id,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "psnr": Fidelity(squared_error=squared_error(clean, after), values=clean.size).psnr,
        "put_in": {name: passed(bench.held_out[name], clean, network, after, bench) for name in put_in},
        "made_with": made_with(str(bench.codec.device)),
    }


def passed(before: Pixels, clean: Pixels, network: AutoEncoder, clean_after: Pixels, bench: Bench) -> dict[str, Any]:
    """One kind of held-out images, before and after; `kept` is <change after, mark> / <mark, mark>."""
    after = network.round_trip(before)
    pixels = {"before": before, "after": after}
    found = {when: judged(read(bench.codec, seen), bench.pairs, bench.codec) for when, seen in pixels.items()}
    mark, left = before.astype(np.int64) - clean, after.astype(np.int64) - clean_after
    if not mark.any():
        return found
    psnr = Fidelity(squared_error=squared_error(clean, before), values=clean.size).psnr
    return found | {"psnr": psnr, "kept": float((mark * left).sum() / (mark**2).sum())}


def table(rows: Sequence[Row]) -> str:
    """Markdown: a line for each kind of image that went through."""
    lines = (cells(row, name, part) for row in rows for name, part in row["put_in"].items())
    return markdown("Through the auto-encoder of latent diffusion", COLUMNS, lines)


def cells(row: Row, name: str, part: Row) -> list[str]:
    """One line."""
    settings = row["settings"]
    side = settings["side"] // settings["factor"]
    return [
        f"f{settings['factor']}, {settings['channels']} x {side} x {side}",
        settings["variant"],
        f"{row['psnr']:.1f}",
        f"{part['psnr']:.1f} dB" if "psnr" in part else name,
        " → ".join(percent(accuracy(part[when])) for when in ("before", "after")),
        percent(part["kept"]) if "kept" in part else "—",
        alone(part["after"]),
        verdict(part["after"]),
    ]


def run(options: argparse.Namespace) -> None:
    """Make every row that is not there yet."""
    device = prepare(options.device, options.threads)
    codec = load_codec(options.codec).to(device)
    with open_source(options.data) as source:
        data, side = source.sha256, size_of_first(source)
    facts = {"codec_sha256": codec.sha256, "data_sha256": data, "side": side}
    facts |= {name: getattr(options, name) for name in ("lpips", *NUMBERS)}
    for folder in (options.out, options.scratch):
        folder.mkdir(parents=True, exist_ok=True)
    with working_alone(options.scratch), Registry(options.scratch / "keys.sqlite") as registry:
        key = registry.get(KEY) if KEY in registry.names() else registry.new(KEY)
        bits, pixels = registry.pair(KEY, codec.facts()).bits, squares(options.data, side, None, options.seed)
        sets = image_sets(pixels, codec, bits, options.held_out, options.seed)
        pairs, perceive = registry.pairs(codec.sha256, [KEY]), Perceptual(device)._lpips if options.lpips else None
        bench = Bench(codec, pairs, key.key_id, sets[0], sets[1], perceive, options.scratch)
        for own, path in wanted(options):
            if (there := status(path, facts | own)) == "-":
                write_json(path, measured(facts | own, bench))
            elif there != "row":
                raise UsageError(f"{path}: {there}")


def wanted(options: argparse.Namespace) -> list[tuple[Settings, Path]]:
    """What is a row's own, and its file."""
    files = {pair: f"{'-'.join(pair)}{'-lpips' * options.lpips}.json" for pair in product(options.only, VARIANTS)}
    return [(CODERS[name] | {"variant": last}, options.out / file) for (name, last), file in files.items()]


def main() -> None:
    """Make what rows are missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", help="folder or zip of unmarked squares")
    parser.add_argument("--only", nargs="+", choices=CODERS, default=list(CODERS), help="these auto-encoders")
    parser.add_argument("--table", action="store_true", help="print the rows there are; run nothing")
    parser.add_argument("--lpips", action="store_true", help="add LPIPS to the loss; needs SqueezeNet's weights")
    for name, value in NUMBERS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    parser.add_argument("--codec", default="artfp-64")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--scratch", type=Path, default=Path("runs/latent"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.data is None and not options.table:
        parser.error("give DATA, or --table")
    try:
        if not options.table:
            run(options)
        print(table(rows_at(path for _, path in wanted(options))))
    except ArtfpError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
