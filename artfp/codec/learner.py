"""All that a codec training changes and saves: the two networks, their averages, the optimizer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from artfp.checkpoints import adam_state, load_into, prefixed, restore_adam, under
from artfp.codec.learned import Architecture, LearnedCodec
from artfp.codec.networks import Decoder, Encoder
from artfp.codec.settings import CodecRecipe
from artfp.seeds import derive_seed

AVERAGING = 0.998  # of the weights that are kept
WARM_UP = 100  # steps after every start


@dataclass
class Learner:
    """Two networks, the codec that their averages make, their optimizer."""

    encoder: Encoder
    decoder: Decoder
    averaged: LearnedCodec
    optimizer: torch.optim.Adam

    @classmethod
    def new(cls, recipe: CodecRecipe, attempt: int, start: LearnedCodec | None, device: str) -> Learner:
        """The networks of `start` at the first attempt, if there is one, and random ones after."""
        torch.manual_seed(derive_seed(recipe.seed, "codec-start", attempt))
        shape = (recipe.bits, recipe.size, recipe.width, recipe.depth)
        encoder, decoder = Encoder(*shape).to(device), Decoder(*shape).to(device)
        if start and attempt == 0:
            own = ("message.", "read.") if new_words(recipe, start) else ()
            _take_over(encoder, start.encoder, own)
            _take_over(decoder, start.decoder, own)
        averaged = LearnedCodec(recipe.name, Architecture(*shape), recipe.psnr, recipe.side).to(device)
        averaged.encoder.load_state_dict(encoder.state_dict())
        averaged.decoder.load_state_dict(decoder.state_dict())
        parameters = [*encoder.parameters(), *decoder.parameters()]
        optimizer = torch.optim.Adam(parameters, recipe.learning_rate, betas=(0.9, 0.99), foreach=True)
        return cls(encoder, decoder, averaged, optimizer)

    def parameters(self) -> list[nn.Parameter]:
        """Of both networks."""
        return [*self.encoder.parameters(), *self.decoder.parameters()]

    def is_finite(self) -> bool:
        """Whether no weight is infinite or no number."""
        return all(bool(weight.isfinite().all()) for weight in self.parameters())

    def step(self, loss: Tensor, age: int) -> None:
        """Go down the loss; the averages follow, short-sighted at first, so that they leave the start behind."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.parameters(), 1.0)
        self.optimizer.step()
        with torch.no_grad():
            keep = min(AVERAGING, (age + 1) / (age + 10))
            kept: list[Tensor] = [*self.averaged.encoder.parameters(), *self.averaged.decoder.parameters()]
            torch._foreach_lerp_(kept, list[Tensor](self.parameters()), 1 - keep)

    def set_rate(self, recipe: CodecRecipe, step: int, age: int) -> None:
        """Warm up after every start; cosine decay over the last 40 % of the training."""
        warm = min(1.0, (age + 1) / WARM_UP)
        late = max(0.0, (step / recipe.steps - 0.6) / 0.4)
        factor = warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * late)))
        self.optimizer.param_groups[0]["lr"] = recipe.learning_rate * factor

    def state(self) -> dict[str, Tensor]:
        """Everything that `restore` needs to go on exactly here."""
        return {
            **prefixed("encoder", self.encoder.state_dict()),
            **prefixed("decoder", self.decoder.state_dict()),
            **prefixed("averaged-encoder", self.averaged.encoder.state_dict()),
            **prefixed("averaged-decoder", self.averaged.decoder.state_dict()),
            **prefixed("adam", adam_state(self.optimizer)),
        }

    def restore(self, state: Mapping[str, Tensor], path: Path) -> None:
        """Go on where `state` was taken."""
        load_into(self.encoder, under("encoder", state), path)
        load_into(self.decoder, under("decoder", state), path)
        load_into(self.averaged.encoder, under("averaged-encoder", state), path)
        load_into(self.averaged.decoder, under("averaged-decoder", state), path)
        restore_adam(self.optimizer, under("adam", state))


def new_words(recipe: CodecRecipe, start: LearnedCodec) -> bool:
    """Whether only the eyes of `start` are taken over, and neither how it says nor how it reads a message."""
    return recipe.private or recipe.bits != start.n_bits


def _take_over(network: nn.Module, start: nn.Module, own: tuple[str, ...]) -> None:
    """Copy all weights but those whose names begin with one of `own`."""
    taken = {name: weight for name, weight in start.state_dict().items() if not name.startswith(own)}
    network.load_state_dict(network.state_dict() | taken)
