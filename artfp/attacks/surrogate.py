"""The surrogate detector: a classifier of the attacker's own, and the gradient that fools it.

N images of the key, N clean --train--> detector: log-odds of a mark --sign of the gradient--> images it takes for clean

What fools his detector fools the true decoder only as far as both look at the same things.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from artfp.attacks.adversary import Adversary, Attempt, Pixels, Scene
from artfp.attacks.attempts import BATCH, attempted, by_batch, clean_images, keep_trained, whole
from artfp.attacks.gradients import descended
from artfp.errors import CannotError
from artfp.generators.dataset import Order
from artfp.images import to_tensor
from artfp.robustness import REMOVAL
from artfp.seeds import derive_seed

KIND = "surrogate"
EPSILON = 8  # steps of 255: the most that is asked of such attacks, about 30 dB
STEEP = 8.0  # how much the detector's input is scaled: marks are faint


@dataclass(frozen=True)
class Training:
    """What the attacker spends."""

    steps: int = 600
    batch: int = 32  # half of each kind
    width: int = 16
    rate: float = 1e-3


class Detector(nn.Module):
    """Log-odds that an image is marked.

    image less its local mean -> 3 x 3 -> [norm, SiLU, 3 x 3 at stride 2] three times -> norm, SiLU, mean -> a number
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        widths = (width, 2 * width, 4 * width, 4 * width)
        layers: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1)]
        for narrow, wide in pairwise(widths):
            layers += [nn.GroupNorm(8, narrow), nn.SiLU(), nn.Conv2d(narrow, wide, 3, stride=2, padding=1)]
        self.features = nn.Sequential(*layers, nn.GroupNorm(8, widths[-1]), nn.SiLU())
        self.last = nn.Linear(widths[-1], 1)

    def forward(self, images: Tensor) -> Tensor:
        """One number for each image."""
        detail = images - F.avg_pool2d(images, 5, stride=1, padding=2, count_include_pad=False)
        found: Tensor = self.last(self.features(STEEP * detail).mean(dim=(2, 3)))
        return found.flatten()


def learn(detector: nn.Module, adam: torch.optim.Adam, marked: Pixels, clean: Pixels) -> float:
    """One step on as many of both kinds; its loss."""
    images = to_tensor(np.concatenate([marked, clean])).to(next(detector.parameters()).device)
    truth = torch.cat([torch.ones(len(marked)), torch.zeros(len(clean))]).to(images.device)
    loss = F.binary_cross_entropy_with_logits(detector(images), truth)
    adam.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    adam.step()
    return loss.item()


@torch.no_grad()
def share_marked(detector: Detector, pixels: Pixels) -> float:
    """The share of the images that the detector takes for marked."""
    device = next(detector.parameters()).device
    batches = (pixels[start : start + BATCH] for start in range(0, len(pixels), BATCH))
    return sum(int((detector(to_tensor(batch).to(device)) > 0).sum()) for batch in batches) / len(pixels)


class Surrogate(Adversary):
    """Trains a detector and follows its gradient to where it sees no mark."""

    name = KIND
    aim = REMOVAL
    unit = "images of each kind"
    strengths = (100, 1000)
    knows = "Images that carry the key and clean ones of their kind; neither codec nor key."

    def __init__(self, training: Training | None = None) -> None:
        self.training = training or Training()
        shown = self.training.steps * self.training.batch
        self.costs = f"As many images of both kinds, and training on {shown:,} shown: a minute or two on a core."

    def __call__(self, scene: Scene, strength: float) -> Attempt:
        """Train, or load what was trained; then every value may move by EPSILON of 255."""
        count = whole(self, strength)
        clean, others = clean_images(scene, count)
        marked = scene.more(count)
        if not len(marked):
            raise CannotError(f"{self.name}: there are no other images of the key to learn from")
        detector = self._trained(scene, marked, others[:count])
        work = by_batch(lambda images: descended(images, detector, EPSILON, scene.seed), scene.device)
        attempt = attempted(scene, work, clean)
        notes = {
            "marked_seen": len(marked),
            "clean_seen": len(others[:count]),
            "detected_before": share_marked(detector, scene.images),
            "detected_after": share_marked(detector, attempt.images),
            "detected_of_clean": share_marked(detector, clean),
        }
        return replace(attempt, notes=notes)

    def _trained(self, scene: Scene, marked: Pixels, clean: Pixels) -> Detector:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(scene.seed, "surrogate-start"))
            detector = Detector(self.training.width).to(scene.device)
        data, facts = np.concatenate([marked, clean]), {"marked": len(marked), **asdict(self.training)}
        keep_trained(detector, KIND, scene, facts, data, lambda: self._train(detector, scene, marked, clean))
        return detector.requires_grad_(False).eval()

    def _train(self, detector: Detector, scene: Scene, marked: Pixels, clean: Pixels) -> None:
        spent, half = self.training, self.training.batch // 2
        adam = torch.optim.Adam(detector.parameters(), lr=spent.rate)
        first = Order(len(marked), half, scene.seed, "surrogate-marked")
        second = Order(len(clean), half, scene.seed, "surrogate-clean")
        for step in range(spent.steps):
            adam.param_groups[0]["lr"] = spent.rate * (1 - step / spent.steps)
            loss = learn(detector, adam, marked[first[step]], clean[second[step]])
            scene.tell(step + 1, spent.steps, f"training a detector, loss {loss:.4f}")
