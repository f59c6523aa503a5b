"""Codec training: one narrative loop, self-paced, exactly resumable."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from artfp import recipe as recipes
from artfp.checkpoints import adam_state, load_into, load_tensors, prefixed, restore_adam, save_tensors, under
from artfp.codec.calibration import calibrate, usual_certainty
from artfp.codec.learned import FORMAT, OTHER_FORMAT, Architecture, LearnedCodec
from artfp.codec.mask import bounded_residual
from artfp.codec.networks import Decoder, Encoder
from artfp.codec.noise import PARTS, SHARED, as_generated, attack, worst_of
from artfp.codec.pacing import Pace
from artfp.codec.sheets import write_sheet
from artfp.codec.store import load_codec
from artfp.devices import fast_arithmetic
from artfp.errors import BadInputError, DivergedError, UsageError
from artfp.files import working_alone, write_json
from artfp.images import round_to_8_bits, to_tensor
from artfp.ownership import check_owner
from artfp.perturb.base import Perturbation
from artfp.perturb.image import PERTURBATIONS
from artfp.recipe import setting
from artfp.seeds import derive_seed, numpy_generator
from artfp.statslog import StatsLog

CALIBRATION_IMAGES = 2048
AVERAGING = 0.998  # of the weights that are kept
RECIPE, STATE, DONE = "recipe.json", "state.safetensors", "done.json"

OnProgress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class CodecRecipe:
    """Everything that determines a trained codec."""

    name: str = setting()
    seed: int = setting(0, low=0)
    bits: int = setting(64, low=8, high=512)
    size: int = setting(64, choices=(32, 64, 128))
    width: int = setting(96, low=8, high=512)
    depth: int = setting(2, low=1, high=8)
    psnr: float = setting(36.5, low=20, high=60)
    start_psnr: float = setting(24.0, low=6, high=60)
    steps: int = setting(4000, low=1)
    batch: int = setting(48, low=PARTS * SHARED, high=4096, multiple=PARTS * SHARED)
    learning_rate: float = setting(1e-3, low=1e-7, high=1)
    noise: tuple[str, ...] = setting(("jpeg", "jpeg", "resize", "blur", "noise", "color", "realigned"), choices=None)
    worst_of: int = setting(2, low=1, high=8)
    patience: int = setting(400, low=1)
    images: int = setting(10_000, low=16)
    data: Path | None = setting(None)
    start: str | None = setting(None)  # the codec to go on from, at its own PSNR; None begins with random weights
    checkpoint_every: int = setting(250, low=1)
    log_every: int = setting(25, low=1)


@dataclass
class _Networks:
    """What a training state holds besides its pace."""

    encoder: Encoder
    decoder: Decoder
    averaged: LearnedCodec
    optimizer: torch.optim.Adam

    def parameters(self) -> list[nn.Parameter]:
        return [*self.encoder.parameters(), *self.decoder.parameters()]


def train(
    recipe: CodecRecipe, pool: Callable[[], NDArray[np.uint8]], out: Path, on_progress: OnProgress, device: str = "cpu"
) -> LearnedCodec:
    """Train, or go on with, the codec of `recipe` in the folder `out`; gives the finished codec.

    `pool` yields the training images N x size x size x 3 and is called only if there is work left.
    """
    noise = noise_layers(recipe.noise)
    start = None if (out / STATE).is_file() else load_start(recipe)
    _sign(recipe, start, out)
    with working_alone(out):
        final = out / f"{recipe.name}.safetensors"
        if (out / DONE).is_file():
            return LearnedCodec.load(final)
        networks, pace = _run(recipe, start, noise, pool, out, on_progress, device)
        return _finish(recipe, networks, pace, final)


def _run(
    recipe: CodecRecipe,
    start: LearnedCodec | None,
    noise: Sequence[Perturbation],
    pool: Callable[[], NDArray[np.uint8]],
    out: Path,
    on_progress: OnProgress,
    device: str,
) -> tuple[_Networks, Pace]:
    # Start from the last checkpoint, or from scratch.
    networks, pace, first = _resume(recipe, start, out, device)
    log = StatsLog(out / "stats.jsonl", position="step")
    log.rewind(first)
    images = pool()
    for step in range(first, recipe.steps):
        random = numpy_generator(recipe.seed, "codec", step)
        torch.manual_seed(derive_seed(recipe.seed, "codec-torch", step))

        # Mark a batch at the present PSNR.
        batch = to_tensor(images[random.integers(len(images), size=recipe.batch)]).to(device)
        keys = random.integers(0, 2, (recipe.batch // SHARED, recipe.bits)).repeat(SHARED, axis=0)
        bits = torch.from_numpy(keys.astype(np.float32)).to(device)
        _set_rate(networks.optimizer, recipe, step, pace)
        with torch.no_grad():
            clean = _logits(networks.decoder, batch, device)
        with fast_arithmetic(device):
            raw = networks.encoder(batch, bits, clean)
        residual = as_generated(bounded_residual(raw.float(), batch, pace.psnr), pace.noise, random)
        marked = round_to_8_bits((batch + residual).clamp(0, 1))

        # Attack it, and read the bits from what is left.
        loss_of = _bit_loss(networks.decoder, bits, device)
        candidates = [attack(marked, noise, pace.noise, random) for _ in range(recipe.worst_of)]
        loss, accuracy = _read(networks.decoder, worst_of(candidates, loss_of), bits, device)
        if not math.isfinite(loss.item()):
            raise _diverged(out, step)

        # Learn.
        networks.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(networks.parameters(), 1.0)
        networks.optimizer.step()
        _average(networks, step - pace.learning_since)

        # Set the pace of the next step.
        pace = pace.after(accuracy, recipe.psnr)
        done = step + 1
        if pace.is_stuck(done, recipe.patience):
            pace = pace.restarted(done, recipe.start_psnr)
            networks = _fresh(recipe, pace.restarts, start, device)

        # Tell, and save.
        note = f"bits {pace.accuracy:.3f}  {pace.psnr:.1f} dB  noise {pace.noise:.2f}"
        on_progress(done, recipe.steps, note)
        if done % recipe.log_every == 0:
            log.append({"step": done, "loss": loss.item(), **pace.to_dict()})
        if done % recipe.checkpoint_every == 0 or done == recipe.steps:
            if not all(bool(weight.isfinite().all()) for weight in networks.parameters()):
                raise _diverged(out, done)
            networks.averaged.psnr = pace.psnr
            write_sheet(out / "samples" / f"{done:06d}.png", networks.averaged, images[:8], recipe.seed)
            log.flush()
            _save(out, networks, pace, done)
    return networks, pace


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
    if not isinstance(codec, LearnedCodec) or codec.architecture != wanted:
        raise UsageError(f"start = {recipe.start!r}: not a learned codec of {wanted}")
    return codec


def _sign(recipe: CodecRecipe, start: LearnedCodec | None, out: Path) -> None:
    """Make the run folder, or check that the one there belongs to the same recipe."""
    settings = recipes.to_dict(recipe)
    check_owner(out, RECIPE, settings, "a codec training", apart=("start_sha256",))
    out.mkdir(parents=True, exist_ok=True)
    if not (out / STATE).is_file():  # until then the start may be another file of the same name
        write_json(out / RECIPE, settings | {"start_sha256": start.sha256 if start else None})


def noise_layers(names: Sequence[str]) -> list[Perturbation]:
    """The perturbations called so, or an error naming the unknown ones."""
    unknown = [name for name in names if name not in PERTURBATIONS]
    if unknown:
        raise UsageError(f"unknown noise layers {', '.join(unknown)}; known: {', '.join(PERTURBATIONS)}")
    return [PERTURBATIONS[name] for name in names]


def _fresh(recipe: CodecRecipe, attempt: int, start: LearnedCodec | None, device: str) -> _Networks:
    """New networks: at first those of `start`, if there is one, then random ones."""
    torch.manual_seed(derive_seed(recipe.seed, "codec-start", attempt))
    shape = (recipe.bits, recipe.size, recipe.width, recipe.depth)
    encoder, decoder = Encoder(*shape).to(device), Decoder(*shape).to(device)
    if start and attempt == 0:
        encoder.load_state_dict(start.encoder.state_dict())
        decoder.load_state_dict(start.decoder.state_dict())
    averaged = LearnedCodec(recipe.name, Architecture(*shape), recipe.psnr).to(device)
    averaged.encoder.load_state_dict(encoder.state_dict())
    averaged.decoder.load_state_dict(decoder.state_dict())
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.Adam(parameters, recipe.learning_rate, betas=(0.9, 0.99), foreach=True)
    return _Networks(encoder, decoder, averaged, optimizer)


def _set_rate(optimizer: torch.optim.Adam, recipe: CodecRecipe, step: int, pace: Pace) -> None:
    """Warm up for 100 steps after every start; cosine decay over the last 40 % of the training."""
    warm = min(1.0, (step - pace.learning_since + 1) / 100)
    late = max(0.0, (step / recipe.steps - 0.6) / 0.4)
    optimizer.param_groups[0]["lr"] = recipe.learning_rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * late)))


def _bit_loss(decoder: Decoder, bits: Tensor, device: str) -> Callable[[Tensor], Tensor]:
    """The cross-entropy of each image, as a function of the batch."""

    def losses(images: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(_logits(decoder, images, device), bits, reduction="none").mean(1)

    return losses


def _logits(decoder: Decoder, images: Tensor, device: str) -> Tensor:
    with fast_arithmetic(device):
        logits: Tensor = decoder(images)
    return logits.float()


def _read(decoder: Decoder, images: Tensor, bits: Tensor, device: str) -> tuple[Tensor, float]:
    logits = _logits(decoder, images, device)
    matching = int(((logits > 0) == (bits > 0.5)).sum())
    return F.binary_cross_entropy_with_logits(logits, bits), matching / bits.numel()


@torch.no_grad()
def _average(networks: _Networks, age: int) -> None:
    """Exponential averages of the weights; short-sighted at first, so that they leave the start behind."""
    keep = min(AVERAGING, (age + 1) / (age + 10))
    kept: list[Tensor] = [*networks.averaged.encoder.parameters(), *networks.averaged.decoder.parameters()]
    torch._foreach_lerp_(kept, list[Tensor](networks.parameters()), 1 - keep)


def _save(out: Path, networks: _Networks, pace: Pace, step: int) -> None:
    tensors = {
        **prefixed("encoder", networks.encoder.state_dict()),
        **prefixed("decoder", networks.decoder.state_dict()),
        **prefixed("averaged-encoder", networks.averaged.encoder.state_dict()),
        **prefixed("averaged-decoder", networks.averaged.decoder.state_dict()),
        **prefixed("adam", adam_state(networks.optimizer)),
    }
    config = {"kind": "codec-state", "format": FORMAT, "step": step, "pace": pace.to_dict()}
    save_tensors(out / STATE, tensors, config)


def _resume(recipe: CodecRecipe, start: LearnedCodec | None, out: Path, device: str) -> tuple[_Networks, Pace, int]:
    path = out / STATE
    if not path.is_file():
        psnr = min(start.psnr, recipe.psnr) if start else recipe.start_psnr
        return _fresh(recipe, 0, start, device), Pace(psnr), 0
    tensors, config = load_tensors(path, "codec-state")
    if config.get("format") != FORMAT:
        raise BadInputError(f"{path}: a training {OTHER_FORMAT}")
    pace = Pace.from_dict(config["pace"])
    networks = _fresh(recipe, pace.restarts, start, device)
    load_into(networks.encoder, under("encoder", tensors), path)
    load_into(networks.decoder, under("decoder", tensors), path)
    load_into(networks.averaged.encoder, under("averaged-encoder", tensors), path)
    load_into(networks.averaged.decoder, under("averaged-decoder", tensors), path)
    restore_adam(networks.optimizer, under("adam", tensors))
    return networks, pace, int(config["step"])


def _finish(recipe: CodecRecipe, networks: _Networks, pace: Pace, final: Path) -> LearnedCodec:
    """Calibrate on clean images, write the codec, and the completion marker last."""
    codec = networks.averaged
    codec.psnr = pace.psnr
    codec.round_weights()
    codec.sure = usual_certainty(codec)
    consensus, calibration = calibrate(codec, CALIBRATION_IMAGES)
    codec.clean = {"consensus": torch.from_numpy(consensus), "calibration": torch.from_numpy(calibration)}
    codec.save(final)
    write_json(final.parent / DONE, {"sha256": codec.sha256, "steps": recipe.steps, **pace.to_dict()})
    return codec
