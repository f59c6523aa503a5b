"""The learned codec: two networks, one safetensors file, one card beside it."""

from __future__ import annotations

import math
from dataclasses import asdict, astuple, dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from artfp.checkpoints import check_planned, load_into, load_tensors, prefixed, save_tensors, under
from artfp.codec.alignment import aligned_logits, certainty
from artfp.codec.base import MIN_SIDE, Codec, Look
from artfp.codec.mask import bounded_residual
from artfp.codec.networks import Decoder, Encoder
from artfp.codec.touchup import touched_up
from artfp.devices import fast_arithmetic
from artfp.errors import ArtfpError, BadInputError, UsageError
from artfp.files import read_json, sha256_file
from artfp.keys.fingerprint import CodecFacts
from artfp.recipe import MOST_BITS, parse, setting
from artfp.statistics.exact import SOFT_SCALE

KIND = "codec"
Network = TypeVar("Network", bound=nn.Module)
FORMAT = 2  # of the mask, the bands and the search, which weights are worth nothing without (held by a golden test)
SIDES = range(MIN_SIDE, 1025)  # pixels of the images that a codec can be made for
OTHER_FORMAT = "of another version of artfp; train it again, or install the one that made it"


@dataclass(frozen=True)
class Architecture:
    """All that shapes the networks."""

    bits: int = setting(64, low=8, high=MOST_BITS)
    size: int = setting(64, choices=(32, 64, 128))
    width: int = setting(96, low=8, high=512)
    depth: int = setting(2, low=1, high=8)


@dataclass(frozen=True)
class Config:
    """What a file says of its codec beside the tensors."""

    kind: str = setting()
    format: int = setting()
    name: str = setting()
    psnr: float = setting(low=0, high=100)
    sure: float = setting(low=0, high=1e6)
    architecture: Architecture = setting()
    side: int | None = setting(None)  # files from before they held it (artfp-128) have it in the recipe on their card


class LearnedCodec(Codec):
    """Encoder and decoder trained jointly; `strength` 1 marks an image of ordinary detail at `psnr`."""

    def __init__(self, name: str, architecture: Architecture, psnr: float, side: int | None = None) -> None:
        self.name = name
        self.architecture = architecture
        self.psnr = psnr
        self.n_bits, self.size = architecture.bits, architecture.size
        self.side = side or architecture.size
        self.flip_invariant = True
        self.sha256 = ""
        self.card: dict[str, Any] = {}
        shape = (architecture.bits, architecture.size, architecture.width, architecture.depth)
        self.encoder, self.decoder = _laid_out(Encoder(*shape)), _laid_out(Decoder(*shape))
        self.clean: dict[str, Tensor] = {}
        self.sure = math.inf  # certainty of an image that is read without another look; `calibrate` measures it

    def residual(self, images: Tensor, bits: Tensor) -> Tensor:
        """The encoder's residual at the codec's own strength.

        In fast arithmetic: rounded to 8 bits the marks are as loud and read as well (LAB, measured). What reads them,
        and every verdict, computes in full.
        """
        with fast_arithmetic(str(images.device)):
            raw = self.encoder(images, bits, self.decoder(images))
            raw = touched_up(self.decoder, raw.float(), images, bits, self.psnr)
        return bounded_residual(raw, images, self.psnr)

    def logits(self, images: Tensor) -> Tensor:
        """The decoder's log-odds."""
        logits: Tensor = self.decoder(images)
        return logits

    def look(self, inner: Tensor) -> Look:
        """An image that the decoder is sure of need not be looked at again."""
        logits = self.logits(inner)
        return Look(torch.tanh(logits / 2), certainty(logits) < self.sure, logits)

    def searched(self, inner: Tensor, aspects: Tensor, logits: Tensor) -> Tensor:
        """An image is set right first where it looks cut or turned."""
        return torch.tanh(aligned_logits(self.decoder, inner, aspects, logits) / 2)

    def glanced_logits(self, images: Tensor) -> Tensor:
        """The decoder's log-odds in fast arithmetic."""
        with fast_arithmetic(str(images.device)):
            return self.logits(images).float()

    def facts(self) -> CodecFacts:
        """Identity, and what the decoder reads from clean images, as stored with the weights."""
        consensus, calibration = self.clean["consensus"].numpy(), self.clean["calibration"].numpy()
        return CodecFacts(self.name, self.sha256, self.n_bits, consensus, calibration)

    def to(self, device: torch.device | str) -> LearnedCodec:
        """Move both networks."""
        self.encoder.to(device)
        self.decoder.to(device)
        return self

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(self.decoder.parameters()).device

    @torch.no_grad()
    def round_weights(self) -> None:
        """Round the weights to the half precision that files hold, before anything is measured with them."""
        for weight in (*self.encoder.parameters(), *self.decoder.parameters()):
            weight.copy_(weight.half())

    def save(self, path: Path) -> None:
        """Write rounded weights, configuration and clean statistics; sets the hash."""
        weights = {
            **prefixed("encoder", self.encoder.state_dict()),
            **prefixed("decoder", self.decoder.state_dict()),
        }
        halves = {name: weight.half() for name, weight in weights.items()}
        if any(bool((halves[name] != weight).any()) for name, weight in weights.items()):
            raise ArtfpError(f"codec {self.name}: its weights are not rounded, so the file would hold another codec")
        tensors = halves | prefixed("clean", self.clean)
        config = Config(KIND, FORMAT, self.name, self.psnr, self.sure, self.architecture, self.side)
        save_tensors(path, tensors, asdict(config))
        self.sha256 = sha256_file(path)

    @classmethod
    def load(cls, path: Path) -> LearnedCodec:
        """Read a codec file; the card beside it, where there is one, must name the file's hash."""
        tensors, config = load_tensors(path, KIND)
        if config.get("format") != FORMAT:
            raise BadInputError(f"{path}: a codec {OTHER_FORMAT} (format {config.get('format', 1)})")
        try:
            known = parse(config, Config, str(path))
        except UsageError as error:
            raise BadInputError(f"{error}\n  so it is not a codec of this version, or damaged") from error
        shape = astuple(known.architecture)
        for name, network in (("encoder", Encoder), ("decoder", Decoder)):
            check_planned(partial(network, *shape), under(name, tensors), path)
        codec = cls(known.name, known.architecture, known.psnr)
        codec.sure = known.sure
        load_into(codec.encoder, under("encoder", tensors), path)
        load_into(codec.decoder, under("decoder", tensors), path)
        codec.clean = _checked_clean(under("clean", tensors), codec.n_bits, path)
        codec.encoder.requires_grad_(False)
        codec.decoder.requires_grad_(False)
        codec.sha256 = sha256_file(path)
        codec.card = _card(path, codec.sha256)
        codec.side = known.side or codec.card.get("recipe", {}).get("at") or codec.size
        if type(codec.side) is not int or codec.side not in SIDES:
            raise BadInputError(f"{path}: made for images of {codec.side!r} pixels, which cannot be")
        return codec


def _laid_out(network: Network) -> Network:
    """With channels last: bf16 takes two thirds of the time so (LAB)."""
    network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def card_path(path: Path) -> Path:
    """The card that belongs to a checkpoint."""
    return path.with_suffix(".json")


def _checked_clean(clean: dict[str, Tensor], n_bits: int, path: Path) -> dict[str, Tensor]:
    """The clean-image statistics, of the right types, shapes and ranges: verdicts rest on them."""
    consensus, calibration = clean.get("consensus"), clean.get("calibration")
    soft = (torch.int64, -SOFT_SCALE, SOFT_SCALE)
    if consensus is None or consensus.shape != (n_bits,) or not _all_within(consensus, *soft):
        raise BadInputError(f"{path}: its clean-image consensus is missing or out of range")
    if calibration is None or calibration.shape[1:] != (n_bits,) or not _all_within(calibration, torch.uint8, 0, 1):
        raise BadInputError(f"{path}: its calibration bits are missing or out of range")
    return clean


def _all_within(numbers: Tensor, kind: torch.dtype, low: int, high: int) -> bool:
    """Whether there are any, of this type, and all are within these bounds."""
    return numbers.dtype == kind and numbers.numel() > 0 and low <= int(numbers.min()) <= int(numbers.max()) <= high


def _card(path: Path, sha256: str) -> dict[str, Any]:
    """What the card beside the file says; nothing where there is none."""
    if not card_path(path).is_file():
        return {}
    card = read_json(card_path(path))
    if not isinstance(card, dict) or not isinstance(card.get("recipe", {}), dict):
        raise BadInputError(f"{card_path(path)}: not the card of a codec")
    if card.get("sha256") != sha256:
        raise BadInputError(f"{path}: its hash differs from the one on its card {card_path(path).name}")
    return card
