"""Regeneration: images painted anew by an auto-encoder that the attacker trained on clean ones.

clean images --train--> auto-encoder;   images of a key --encode, decode--> images of what a small code can hold
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch

from artfp.attacks.adversary import Adversary, Attempt, Pixels, Scene
from artfp.attacks.attempts import attempted, clean_images, keep_trained, whole
from artfp.attacks.autoencoder import BETAS, AutoEncoder, learn
from artfp.errors import CannotError
from artfp.generators.dataset import Order
from artfp.robustness import REMOVAL
from artfp.seeds import derive_seed

KIND = "regeneration"
CHANNELS = {2: 3, 4: 3, 8: 4}  # of latents, by the factor that shortens sides: latent diffusion's


@dataclass(frozen=True)
class Training:
    """What the attacker spends."""

    images: int = 4000  # different ones, at most
    steps: int = 1000
    batch: int = 16
    width: int = 16  # of the network at full size
    rate: float = 1e-3
    ends: float = 0.25  # of the steps, in which the rate falls to zero


class Regeneration(Adversary):
    """Paints the images anew."""

    name = KIND
    aim = REMOVAL
    knows = "Clean images of the same kind; neither codec nor key, nor which images are marked."
    unit = "times fewer latents on a side"
    strengths = tuple(map(float, CHANNELS))

    def __init__(self, training: Training | None = None) -> None:
        self.training = training or Training()
        shown = self.training.steps * self.training.batch
        self.costs = f"Up to {self.training.images:,} clean images, and training on {shown:,} shown: minutes on a core."

    def __call__(self, scene: Scene, strength: float) -> Attempt:
        """Train, or load what was trained, and let all images through."""
        factor = whole(self, strength)
        if factor not in CHANNELS:
            raise CannotError(f"{self.name}: {self.unit} must be one of {', '.join(map(str, CHANNELS))}, not {factor}")
        clean, data = clean_images(scene, self.training.images)
        network = self._trained(factor, scene, fitted(data, factor))
        return attempted(scene, lambda pixels: round_trip(network, pixels, factor), clean, trained_on=len(data))

    def _trained(self, factor: int, scene: Scene, data: Pixels) -> AutoEncoder:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(scene.seed, "regeneration-start", factor))
            network = AutoEncoder(factor, CHANNELS[factor], self.training.width).to(scene.device)
        facts = {"factor": factor, **asdict(self.training)}
        keep_trained(network, KIND, scene, facts, data, lambda: self._train(network, scene, data))
        return network.requires_grad_(False).eval()

    def _train(self, network: AutoEncoder, scene: Scene, data: Pixels) -> None:
        spent = self.training
        adam = torch.optim.Adam(network.parameters(), betas=BETAS)
        order = Order(len(data), spent.batch, scene.seed, "regeneration-order")
        for step in range(spent.steps):
            adam.param_groups[0]["lr"] = spent.rate * min(1.0, (spent.steps - step) / (spent.ends * spent.steps))
            loss = learn(network, adam, data[order[step]], derive_seed(scene.seed, "regeneration-noise", step))
            scene.tell(step + 1, spent.steps, f"training an auto-encoder, loss {loss:.4f}")


def round_trip(network: AutoEncoder, pixels: Pixels, factor: int) -> Pixels:
    """The images through their latents, whatever their sides."""
    height, width = pixels.shape[1:3]
    return network.round_trip(fitted(pixels, factor))[:, :height, :width]


def fitted(pixels: Pixels, factor: int) -> Pixels:
    """The images with their last rows and columns repeated, until the factor divides the sides."""
    below, right = (-side % factor for side in pixels.shape[1:3])
    return np.pad(pixels, ((0, 0), (0, below), (0, right), (0, 0)), mode="edge") if below or right else pixels
