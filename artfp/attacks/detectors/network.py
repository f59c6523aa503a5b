"""The steganalyst: a small residual network behind fixed high-pass filters, learned from examples.

    image --six filters in each colour, cut off--> 18 maps --3 x 3--> residual block
          --[residual block, mean of 2 x 2] x 3, wider each time--> mean over the image --> log-odds of a mark

After SRNet (Boroumand, Chen, Fridrich, IEEE TIFS 14, 2019, pages 1181-1193): no pooling at first, then residual blocks
that halve. Differs: filters of rich models in front, cut off as in Ye-Net (Ye, Ni, Yi, IEEE TIFS 12, 2017), in place of
seven learned layers; groups in place of batches for its norm; a sixteenth of its channels, so that a core learns it
in a minute.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from artfp.attacks.adversary import OnProgress, Pixels
from artfp.attacks.attempts import BATCH
from artfp.attacks.detectors.detector import Detector, Scorer, Seen
from artfp.attacks.surrogate import learn
from artfp.generators.dataset import Order
from artfp.images import to_tensor
from artfp.seeds import derive_seed
from artfp.statistics.exact import Floats

CUT = 3.0  # in units of UNIT: what is beyond is content
UNIT = 4 / 255  # about a mark's
GROUPS = 4

KERNELS = (  # each with its divisor; 5 x 5, the smaller ones in the middle
    ([[-1, 1]], 1),
    ([[-1], [1]], 1),
    ([[1, -2, 1]], 2),
    ([[1], [-2], [1]], 2),
    ([[-1, 2, -1], [2, -4, 2], [-1, 2, -1]], 4),
    ([[-1, 2, -2, 2, -1], [2, -6, 8, -6, 2], [-2, 8, -12, 8, -2], [2, -6, 8, -6, 2], [-1, 2, -2, 2, -1]], 12),
)


@dataclass(frozen=True)
class Training:
    """What the attacker spends."""

    steps: int = 300
    batch: int = 32  # half of each kind
    width: int = 8
    rate: float = 2e-3
    decay: float = 1e-2


class Block(nn.Module):
    """A residual block; at stride 2 it halves the sides."""

    def __init__(self, narrow: int, wide: int, stride: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(*_convolved(narrow, wide), *_convolved(wide, wide))
        self.past = nn.Identity() if stride == 1 else nn.Conv2d(narrow, wide, 1)
        self.stride = stride

    def forward(self, hidden: Tensor) -> Tensor:
        """Features."""
        found: Tensor = self.inner(hidden) + self.past(hidden)
        return found if self.stride == 1 else F.avg_pool2d(found, 2)


def _convolved(narrow: int, wide: int) -> list[nn.Module]:
    return [nn.GroupNorm(GROUPS, narrow), nn.SiLU(), nn.Conv2d(narrow, wide, 3, padding=1)]


class Steganalyst(nn.Module):
    """Log-odds that an image is marked."""

    kernels: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("kernels", filters())
        self.first = nn.Conv2d(3 * len(KERNELS), width, 3, padding=1)
        shapes = ((1, 1, 1), (1, 2, 2), (2, 4, 2), (4, 4, 2))  # width before and after, stride
        self.blocks = nn.Sequential(*(Block(a * width, b * width, stride) for a, b, stride in shapes))
        self.last = nn.Linear(4 * width, 1)

    def forward(self, images: Tensor) -> Tensor:
        """One number for each image."""
        found: Tensor = self.last(self.blocks(self.first(self.residuals(images))).mean(dim=(2, 3)))
        return found.flatten()

    def residuals(self, images: Tensor) -> Tensor:
        """18 maps of the images' size, in units of a mark."""
        padded = F.pad(images, (2, 2, 2, 2), mode="reflect")
        return (F.conv2d(padded, self.kernels, groups=3) / UNIT).clamp(-CUT, CUT)


def filters() -> Tensor:
    """18 x 1 x 5 x 5: all of KERNELS for each colour."""
    found = torch.zeros(len(KERNELS), 1, 5, 5)
    for each, (rows, divisor) in zip(found, KERNELS, strict=True):
        kernel = torch.tensor(rows, dtype=torch.float32) / divisor
        top, left = ((5 - side) // 2 for side in kernel.shape)
        each[0, top : top + kernel.shape[0], left : left + kernel.shape[1]] = kernel
    return found.repeat(3, 1, 1, 1)


class Network(Detector):
    """Trains a steganalyst from nothing."""

    name = "network"

    def __init__(self, device: str, training: Training | None = None) -> None:
        self.device, self.training = device, training or Training()
        shown = self.training.steps * self.training.batch
        self.knows = f"Labelled images of both kinds, {shown:,} shown to a network; neither codec nor key."

    def learned(self, marked: Seen, clean: Seen, seed: int, tell: OnProgress) -> Scorer:
        """The network's log-odds, after the same number of steps whatever the number of examples."""
        spent, half = self.training, self.training.batch // 2
        network = self._start(seed)
        adam = torch.optim.AdamW(network.parameters(), lr=spent.rate, weight_decay=spent.decay)
        first, second = Order(len(marked), half, seed, "network-marked"), Order(len(clean), half, seed, "network-clean")
        for step in range(spent.steps):
            adam.param_groups[0]["lr"] = spent.rate * (1 - step / spent.steps)
            loss = learn(network, adam, marked[first[step]], clean[second[step]])
            tell(step + 1, spent.steps, f"{len(marked)} examples, loss {loss:.3f}")
        network.requires_grad_(False).eval()
        return lambda pixels: log_odds(network, pixels)

    def _start(self, seed: int) -> Steganalyst:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(seed, "network-start"))
            return Steganalyst(self.training.width).to(self.device)


@torch.no_grad()
def log_odds(network: Steganalyst, pixels: Pixels) -> Floats:
    """One number for each image."""
    device, starts = network.kernels.device, range(0, len(pixels), BATCH)
    found = [network(to_tensor(pixels[start : start + BATCH]).to(device)) for start in starts]
    return torch.cat(found).double().cpu().numpy()
