"""The learned codec: two networks, one safetensors file, one card beside it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import kornia
import torch
from torch import Tensor

from artfp.checkpoints import load_into, load_tensors, prefixed, save_tensors, under
from artfp.codec.base import Codec
from artfp.codec.mask import perceptual_mask
from artfp.codec.networks import Decoder, Encoder
from artfp.errors import BadInputError
from artfp.files import read_json, sha256_file
from artfp.keys.fingerprint import CodecFacts

KIND = "codec"
SILENCE = 0.02  # root mean square of the bounded raw residual under which it is no longer amplified


@dataclass(frozen=True)
class Architecture:
    """All that shapes the networks."""

    bits: int = 64
    size: int = 64
    width: int = 96
    depth: int = 2


def bounded_residual(raw: Tensor, images: Tensor, psnr: float) -> Tensor:
    """The RGB residual of raw luma and chroma planes, masked and scaled so that every image is marked at this PSNR.

    The scale is part of the network: the residual cannot grow, so training needs no fidelity weight.
    """
    luma, chroma = torch.tanh(raw).split((1, 2), dim=1)
    # kornia centres chroma at .5, and its inverse is affine: without the offset it is the linear map of a difference
    masked = kornia.color.ycbcr_to_rgb(torch.cat([luma, chroma + 0.5], dim=1)) * perceptual_mask(images)
    level = masked.square().mean(dim=(1, 2, 3), keepdim=True).add(1e-12).sqrt()
    return masked * (10 ** (-psnr / 20) / level.clamp(min=SILENCE))


class LearnedCodec(Codec):
    """Encoder and decoder trained jointly; `strength` 1 marks at the PSNR of its training."""

    def __init__(self, name: str, architecture: Architecture, psnr: float) -> None:
        self.name = name
        self.architecture = architecture
        self.psnr = psnr
        self.n_bits, self.size = architecture.bits, architecture.size
        self.flip_invariant = True
        self.sha256 = ""
        self.card: dict[str, Any] = {}
        shape = (architecture.bits, architecture.size, architecture.width, architecture.depth)
        self.encoder, self.decoder = Encoder(*shape).eval(), Decoder(*shape).eval()
        self.clean: dict[str, Tensor] = {}

    def residual(self, images: Tensor, bits: Tensor) -> Tensor:
        """The encoder's residual at the codec's own PSNR."""
        return bounded_residual(self.encoder(images, bits), images, self.psnr)

    def logits(self, images: Tensor) -> Tensor:
        """The decoder's log-odds."""
        logits: Tensor = self.decoder(images)
        return logits

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

    def save(self, path: Path) -> None:
        """Write weights, configuration and clean statistics; sets the hash."""
        tensors = {
            **prefixed("encoder", self.encoder.state_dict()),
            **prefixed("decoder", self.decoder.state_dict()),
            **prefixed("clean", self.clean),
        }
        config = {"kind": KIND, "name": self.name, "psnr": self.psnr, "architecture": asdict(self.architecture)}
        save_tensors(path, tensors, config)
        self.sha256 = sha256_file(path)

    @classmethod
    def load(cls, path: Path) -> LearnedCodec:
        """Read a codec file; the card beside it, where there is one, must name the file's hash."""
        tensors, config = load_tensors(path, KIND)
        try:
            architecture = Architecture(**config["architecture"])
            codec = cls(str(config["name"]), architecture, float(config["psnr"]))
        except (KeyError, TypeError, ValueError) as error:
            raise BadInputError(f"{path}: not a codec of this version ({error})") from error
        load_into(codec.encoder, under("encoder", tensors), path)
        load_into(codec.decoder, under("decoder", tensors), path)
        codec.clean = under("clean", tensors)
        codec.sha256 = sha256_file(path)
        codec.card = _card(path, codec.sha256)
        return codec


def card_path(path: Path) -> Path:
    """The card that belongs to a checkpoint."""
    return path.with_suffix(".json")


def _card(path: Path, sha256: str) -> dict[str, Any]:
    if not card_path(path).is_file():
        return {}
    card: dict[str, Any] = read_json(card_path(path))
    if card.get("sha256") != sha256:
        raise BadInputError(f"{path}: its hash differs from the one on its card {card_path(path).name}")
    return card
