"""The codec interface: embed a fingerprint into images of any size, read soft bits back.

image --resize--> internal size --residual(bits)--> resize back --x strength--> + image --8 bit--> marked
image --resize--> internal size --logits--> tanh(logit / 2) = soft bits in [-1, 1]; > 0 reads as 1
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from artfp.errors import ArtfpError
from artfp.images import check_images, resize, round_to_8_bits
from artfp.keys.fingerprint import CodecFacts

MIN_SIDE = 16  # below this nothing of a fingerprint is left


class Look(NamedTuple):
    """What one look at N images gives, and which of them are worth a search for cuts and turns."""

    soft: Tensor  # N x n
    unsure: Tensor  # N
    logits: Tensor  # N x n, for the search to begin with; of codecs that make none, nothing

    @classmethod
    def without_search(cls, soft: Tensor) -> Look:
        """One that leaves no image to be searched."""
        return cls(soft, torch.zeros(len(soft), dtype=torch.bool, device=soft.device), soft[:, :0])


class Codec(ABC):
    """Encoder and decoder; a leaf gives the arithmetic at its internal size, this class the rest."""

    name: str
    sha256: str
    n_bits: int
    size: int  # at which it works inside
    side: int  # of the images it is made for, where they are square
    flip_invariant: bool
    card: dict[str, Any]

    @abstractmethod
    def residual(self, images: Tensor, bits: Tensor) -> Tensor:
        """The bounded residual at internal size for images N x 3 x size x size and bits N x n of 0/1."""

    @abstractmethod
    def logits(self, images: Tensor) -> Tensor:
        """N x n log-odds that each bit is 1, for images at internal size."""

    def look(self, inner: Tensor) -> Look:
        """One look at images at internal size; only codecs that search are ever unsure."""
        return Look.without_search(self._soft_bits(inner, self.logits))

    def glance(self, inner: Tensor) -> Look:
        """One look in fast arithmetic that leaves it at that, for whoever sifts through many images."""
        return Look.without_search(self._soft_bits(inner, self.glanced_logits))

    def searched(self, inner: Tensor, aspects: Tensor, logits: Tensor) -> Tensor:
        """The soft bits of images that a look left unsure, after the search for cuts and turns.

        `aspects` are width over height before, `logits` those of the look. A search may be led by the images, never
        by a key. Of a codec whose looks leave none unsure nobody asks for it, so that it need not have it.
        """
        raise NotImplementedError(f"{self.name} is never unsure")

    def glanced_logits(self, images: Tensor) -> Tensor:
        """The log-odds without a search, in whatever arithmetic is fast."""
        return self.logits(images)

    @abstractmethod
    def facts(self) -> CodecFacts:
        """Identity, clean-image consensus and calibration bits."""

    @abstractmethod
    def to(self, device: torch.device | str) -> Codec:
        """Move to a device and return self."""

    @property
    @abstractmethod
    def device(self) -> torch.device:
        """Where the codec computes."""

    @torch.no_grad()
    def embed(self, images: Tensor, bits: Tensor, strength: float = 1.0) -> Tensor:
        """Marked images, rounded to 8 bits, for one size of images and bits N x n or n.

        Files are marked strip by strip (`artfp.strips`): the same, but for what lies between two levels.
        """
        residual = resize(self.residuals(images, bits), images.shape[-2:])
        return round_to_8_bits((images.to(self.device) + strength * residual).clamp(0, 1))

    @torch.no_grad()
    def residuals(self, images: Tensor, bits: Tensor) -> Tensor:
        """What marks these images, at internal size."""
        if bits.shape[-1] != self.n_bits:
            raise ArtfpError(f"codec {self.name} carries {self.n_bits} bits, not {bits.shape[-1]}")
        bits = bits.to(self.device, torch.float32).expand(len(images), self.n_bits)
        return self.residual(self.prepared(images), bits)

    @torch.no_grad()
    def soft_bits(self, images: Tensor, aspects: Tensor | None = None) -> Tensor:
        """N x n soft bits in [-1, 1]; the mean over image and mirror where the codec is not flip-invariant.

        `aspects` are the widths over the heights of images that were resized before.
        """
        inner = self.prepared(images)
        if aspects is None:
            aspects = torch.full((len(images),), images.shape[-1] / images.shape[-2])
        look = self.look(inner)
        if len(unsure := look.unsure.nonzero().flatten()):
            look.soft[unsure] = self.searched(inner[unsure], aspects.to(self.device)[unsure], look.logits[unsure])
        return look.soft

    def prepared(self, images: Tensor) -> Tensor:
        """Images, checked, at internal size and where the codec computes."""
        return resize(self._checked(images), (self.size, self.size))

    @torch.no_grad()
    def soft_bits_as_they_are(self, images: Tensor) -> Tensor:
        """The soft bits of images that are known to be neither cut nor turned, without the search."""
        return self._soft_bits(self.prepared(images), self.logits)

    def logits_as_they_are(self, images: Tensor) -> Tensor:
        """The log-odds of such images, of any size and unchecked: gradients pass, for whoever learns to be read."""
        return self._both_ways(resize(images, (self.size, self.size)), self.logits)

    def _soft_bits(self, inner: Tensor, read: Callable[[Tensor], Tensor]) -> Tensor:
        return self._both_ways(inner, lambda seen: torch.tanh(read(seen) / 2))

    def _both_ways(self, inner: Tensor, read: Callable[[Tensor], Tensor]) -> Tensor:
        return read(inner) if self.flip_invariant else (read(inner) + read(inner.flip(-1))) / 2

    def _checked(self, images: Tensor) -> Tensor:
        images = check_images(images).to(self.device)
        if min(images.shape[-2:]) < MIN_SIDE:
            raise ArtfpError(f"images of {images.shape[-1]} x {images.shape[-2]} are under {MIN_SIDE} pixels")
        return images
