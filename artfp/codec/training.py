"""Codec training: one narrative loop, self-paced, exactly resumable."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from artfp import recipe as recipes
from artfp.artefacts import LIST, Provenance, write_list
from artfp.checkpoints import load_tensors, save_tensors
from artfp.codec.calibration import calibrate, usual_certainty
from artfp.codec.learned import FORMAT, OTHER_FORMAT, Architecture, LearnedCodec
from artfp.codec.learner import Learner, new_words
from artfp.codec.mask import bounded_residual
from artfp.codec.networks import Decoder
from artfp.codec.noise import as_generated, attack, worst_of
from artfp.codec.pacing import Pace
from artfp.codec.privacy import Outsider, privacy_weight
from artfp.codec.settings import PARTS, SHARED, CodecRecipe
from artfp.codec.sheets import write_sheet
from artfp.codec.store import load_codec
from artfp.devices import fast_arithmetic
from artfp.errors import BadInputError, DivergedError, UsageError
from artfp.files import read_json, sha256_bytes, working_alone, write_json
from artfp.images import resize, round_to_8_bits, to_tensor
from artfp.ownership import check_owner
from artfp.perturb.base import Perturbation
from artfp.perturb.image import PERTURBATIONS
from artfp.seeds import derive_seed, numpy_generator
from artfp.statslog import StatsLog

CALIBRATION_IMAGES = 2048
MORE_STEPS = 1500  # of a training that begins with another codec
BEGIN_BELOW = 12.0  # dB under its PSNR, where its messages are new
RECIPE, STATE, STATS, DONE = "recipe.json", "state.safetensors", "stats.jsonl", "done.json"

PRIVATE_FOLDER, PRIVATE_FILE, PUBLIC_FILE = 0o700, 0o600, 0o666
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")  # of a codec, which names its file

OnProgress = Callable[[int, int, str], None]


def train(
    recipe: CodecRecipe, pool: Callable[[], NDArray[np.uint8]], out: Path, on_progress: OnProgress, device: str = "cpu"
) -> LearnedCodec:
    """Train, or go on with, the codec of `recipe` in the folder `out`; gives the finished codec.

    `pool` yields the training images N x size x size x 3 and is called only if there is work left.
    """
    check_settings(recipe)
    noise = noise_layers(recipe.noise)
    settings = recipes.to_dict(recipe)
    check_owner(out, RECIPE, settings, "a codec training", apart=("start_sha256",), untold=("seed",))
    start = _start(recipe, out)
    _sign(recipe, settings, start, out)
    with working_alone(out):
        final = out / f"{recipe.name}.safetensors"
        if not (out / DONE).is_file():
            images = functools.cache(pool)
            learner, pace = _run(recipe, start, noise, images, out, on_progress, device)
            _finish(recipe, learner, pace, sha256_bytes(np.ascontiguousarray(images()).data), final)
        _list_files(recipe, final)
        return LearnedCodec.load(final)


def _run(
    recipe: CodecRecipe,
    start: LearnedCodec | None,
    noise: Sequence[Perturbation],
    pool: Callable[[], NDArray[np.uint8]],
    out: Path,
    on_progress: OnProgress,
    device: str,
) -> tuple[Learner, Pace]:
    # Start from the last checkpoint, or from scratch.
    learner, pace, first = _resume(recipe, start, out, device)
    log = StatsLog(out / STATS, position="step")
    log.rewind(first)
    outsider = Outsider(start.decoder, device) if recipe.private and start else None
    images = pool()
    for step in range(first, recipe.steps):
        random = numpy_generator(recipe.seed, "codec", step)
        torch.manual_seed(derive_seed(recipe.seed, "codec-torch", step))

        # Mark a batch at the present PSNR.
        batch = to_tensor(images[random.integers(len(images), size=recipe.batch)]).to(device)
        keys = random.integers(0, 2, (recipe.batch // SHARED, recipe.bits)).repeat(SHARED, axis=0)
        bits = torch.from_numpy(keys.astype(np.float32)).to(device)
        learner.set_rate(recipe, step, step - pace.learning_since)
        inner = resize(batch, (recipe.size, recipe.size))
        with torch.no_grad():
            clean = _logits(learner.decoder, inner, device)
        with fast_arithmetic(device):
            raw = learner.encoder(inner, bits, clean)
        marks = resize(bounded_residual(raw.float(), inner, pace.psnr), (recipe.side, recipe.side))
        residual = as_generated(marks, pace.noise, random)
        marked = round_to_8_bits((batch + residual).clamp(0, 1))

        # Attack it, and read the bits from what is left.
        loss_of = _bit_loss(learner.decoder, bits, device)
        candidates = [attack(marked, noise, pace.noise, random) for _ in range(recipe.worst_of)]
        loss, accuracy = _read(learner.decoder, worst_of(candidates, loss_of), bits, device)
        if not math.isfinite(loss.item()):
            raise _diverged(out, step)

        # Learn.
        if outsider:
            own = slice(len(batch) - len(batch) // PARTS)  # the others carry noise beside their mark
            loss = loss + privacy_weight(pace.accuracy) * outsider.sees(batch[own], marked[own], random)
        learner.step(loss, step - pace.learning_since)

        # Set the pace of the next step.
        pace = pace.after(accuracy, recipe.psnr)
        done = step + 1
        if pace.is_stuck(done, recipe.patience):
            pace = pace.restarted(done, recipe.start_psnr)
            learner = Learner.new(recipe, pace.restarts, start, device)

        # Tell, and save.
        note = f"bits {pace.accuracy:.3f}  {pace.psnr:.1f} dB  noise {pace.noise:.2f}"
        on_progress(done, recipe.steps, note)
        if done % recipe.log_every == 0:
            log.append({"step": done, "loss": loss.item(), **pace.to_dict()})
        if done % recipe.checkpoint_every == 0 or done == recipe.steps:
            if not learner.is_finite():
                raise _diverged(out, done)
            learner.averaged.psnr = pace.psnr
            write_sheet(out / "samples" / f"{done:06d}.png", learner.averaged, images[:8], recipe.seed)
            log.flush()
            config = {"kind": "codec-state", "format": FORMAT, "step": done, "pace": pace.to_dict()}
            save_tensors(out / STATE, learner.state(), config)
    return learner, pace


def _diverged(out: Path, step: int) -> DivergedError:
    return DivergedError(
        f"{out}: NaN or infinity at step {step}; its last good checkpoint is kept. "
        "Train into another folder with a lower learning_rate"
    )


def load_start(recipe: CodecRecipe) -> LearnedCodec | None:
    """The codec that the recipe goes on from; of the recipe's own shape."""
    if recipe.start is None:
        return None
    codec = load_codec(recipe.start)
    wanted = Architecture(recipe.bits, recipe.size, recipe.width, recipe.depth)
    if not isinstance(codec, LearnedCodec) or replace(codec.architecture, bits=recipe.bits) != wanted:
        raise UsageError(f"start = {recipe.start!r}: not a learned codec of {wanted}, whatever its bits")
    return codec


def _start(recipe: CodecRecipe, out: Path) -> LearnedCodec | None:
    """What the training in `out` still needs of the codec that it goes on from: at first its weights, then its eyes."""
    begun = (out / STATE).is_file()
    if (out / DONE).is_file() or (begun and not recipe.private):
        return None
    start = load_start(recipe)
    if start and begun and read_json(out / RECIPE)["start_sha256"] != start.sha256:
        raise UsageError(f"{out}: began with another codec than {recipe.start} is now")
    return start


def like(start: str) -> dict[str, Any]:
    """The settings of a training that goes on from a codec, or makes a private one like it."""
    codec = load_codec(start)
    if not isinstance(codec, LearnedCodec):
        raise UsageError(f"{start}: not a learned codec, which training could go on from")
    climb = {"start_psnr": codec.psnr - BEGIN_BELOW, "psnr": codec.psnr, "steps": MORE_STEPS}
    own = {"name": f"{codec.name}-own", "start": start, **asdict(codec.architecture), **climb}
    return own | ({"at": codec.side} if codec.side != codec.size else {})


def seed_in(out: Path) -> int | None:
    """The seed of an earlier run in this folder."""
    return int(read_json(out / RECIPE)["seed"]) if (out / RECIPE).is_file() else None


def _sign(recipe: CodecRecipe, settings: dict[str, Any], start: LearnedCodec | None, out: Path) -> None:
    """Make the run folder this recipe's."""
    out.mkdir(parents=True, exist_ok=True)
    if recipe.private:
        out.chmod(PRIVATE_FOLDER)
    if not (out / STATE).is_file():  # until then the start may be another file of the same name
        mode = PRIVATE_FILE if recipe.private else PUBLIC_FILE  # its seed makes the codec again
        write_json(out / RECIPE, settings | {"start_sha256": start.sha256 if start else None}, mode=mode)


def check_settings(recipe: CodecRecipe) -> None:
    """Refuse what no training could begin with."""
    if not NAME.fullmatch(recipe.name):
        raise UsageError(f"name = {recipe.name!r}: letters, digits, dots, dashes and underscores, for it names a file")
    if recipe.private and recipe.start is None:
        raise UsageError("private: from which codec? `start` (--from CODEC) names the one that must not read its marks")


def noise_layers(names: Sequence[str]) -> list[Perturbation]:
    """The perturbations called so, or an error naming the unknown ones."""
    unknown = [name for name in names if name not in PERTURBATIONS]
    if unknown:
        raise UsageError(f"unknown noise layers {', '.join(unknown)}; known: {', '.join(PERTURBATIONS)}")
    return [PERTURBATIONS[name] for name in names]


def _bit_loss(decoder: Decoder, bits: Tensor, device: str) -> Callable[[Tensor], Tensor]:
    """The cross-entropy of each image, as a function of the batch."""

    def losses(images: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(_logits(decoder, images, device), bits, reduction="none").mean(1)

    return losses


def _logits(decoder: Decoder, images: Tensor, device: str) -> Tensor:
    inner = resize(images, (decoder.size, decoder.size))
    with fast_arithmetic(device):
        logits: Tensor = decoder(inner)
    return logits.float()


def _read(decoder: Decoder, images: Tensor, bits: Tensor, device: str) -> tuple[Tensor, float]:
    logits = _logits(decoder, images, device)
    matching = int(((logits > 0) == (bits > 0.5)).sum())
    return F.binary_cross_entropy_with_logits(logits, bits), matching / bits.numel()


def _resume(recipe: CodecRecipe, start: LearnedCodec | None, out: Path, device: str) -> tuple[Learner, Pace, int]:
    path = out / STATE
    if not path.is_file():
        psnr = min(start.psnr, recipe.psnr) if start and not new_words(recipe, start) else recipe.start_psnr
        return Learner.new(recipe, 0, start, device), Pace(psnr), 0
    tensors, config = load_tensors(path, "codec-state")
    if config.get("format") != FORMAT:
        raise BadInputError(f"{path}: a training {OTHER_FORMAT}")
    pace = Pace.from_dict(config["pace"])
    learner = Learner.new(recipe, pace.restarts, start, device)
    learner.restore(tensors, path)
    return learner, pace, int(config["step"])


def _finish(recipe: CodecRecipe, learner: Learner, pace: Pace, images_sha256: str, final: Path) -> None:
    """Calibrate on clean images, write the codec, and the completion marker last."""
    codec = learner.averaged
    codec.psnr = pace.psnr
    codec.round_weights()
    codec.sure = usual_certainty(codec)
    consensus, calibration = calibrate(codec, CALIBRATION_IMAGES)
    codec.clean = {"consensus": torch.from_numpy(consensus), "calibration": torch.from_numpy(calibration)}
    codec.save(final)
    if recipe.private:
        final.chmod(PRIVATE_FILE)
    done = {"sha256": codec.sha256, "steps": recipe.steps, **pace.to_dict(), "images_sha256": images_sha256}
    write_json(final.parent / DONE, done)


def _list_files(recipe: CodecRecipe, final: Path) -> None:
    """List the files of a finished training, unless they are listed already."""
    out = final.parent
    if not (out / LIST).is_file():
        settings, done = read_json(out / RECIPE), read_json(out / DONE)
        made_from = {"start": settings.get("start_sha256"), "images": done.get("images_sha256")}
        sheets = (f"samples/{path.name}" for path in (out / "samples").glob("*.png"))
        files = [name for name in (RECIPE, STATE, STATS, final.name, DONE) if (out / name).is_file()]
        mode = PRIVATE_FILE if recipe.private else PUBLIC_FILE
        write_list(out, Provenance("codec", made_from), [*files, *sheets], mode=mode)
