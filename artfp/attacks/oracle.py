"""Who may ask a verifier as often as he likes, and learns from its answers; codec and key stay where they are.

start, which has the answer he wants --bisect--> boundary on the way to what he wants to show
    --probes around it, each weighed by its answer--> direction --> step, bisect --> nearer, and so on

Chen, Jordan and Wainwright, "HopSkipJumpAttack", IEEE S&P 2020 (arXiv 1904.02144), for answers of one bit; where they
are numbers, these are the weights, as in Ilyas, Engstrom, Athalye and Lin, ICML 2018 (arXiv 1804.08598). Probes are
noise of half the resolution, which for natural images has been the better guess since (arXiv 2005.14137).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from artfp.codec.base import Codec
from artfp.images import check_images, resize, round_to_8_bits
from artfp.keys.fingerprint import Bits, pack
from artfp.robustness import FORGERY
from artfp.statistics.calibration import matching_bits
from artfp.statistics.decision import MATCH_AT, corrected
from artfp.statistics.evidence import Evidence, both_p_values
from artfp.statistics.exact import Floats, binomial_tails

VERDICT, SINGLE, TWICE = "verdict", "q", "p of the same image twice"
ANSWERS = (VERDICT, SINGLE, TWICE)  # from the coarsest to the finest

# chosen on painted images (LAB)
PROBES = 100  # of the first round; they grow as the root of the rounds
SIGMA = 4 / 255  # of a probe
TRIES = 5  # steps, each half of the one before
HALVINGS = 7  # of the way back to what he wants to show
LEAST_STEP = 8 / 255  # of the first try, where the way is shorter
NOISE = tuple(0.03 * 1.5**louder for louder in range(8))  # of who starts with noise


@dataclass(frozen=True, eq=False)
class Answer:
    """Of every image of a batch, as the attacker sees it."""

    wanted: Tensor  # booleans
    worth: Tensor  # numbers: the more, the nearer to what is wanted


Ask = Callable[[Tensor], Answer]


@dataclass(frozen=True, eq=False)
class Verifier:
    """Judges every image by itself, for one key: the verdict alone, q too, or p of the set of the same image twice.

    q of one image counts bits, and has n + 1 values; p of a set weighs soft bits, and has thousands. Images are read as
    they are: those of this attack are neither cut nor turned.
    """

    codec: Codec
    bits: Bits
    answers: str  # of ANSWERS
    aim: str  # robustness.REMOVAL or FORGERY

    def __call__(self, images: Tensor) -> Answer:
        """Every image is a query."""
        soft = self.codec.soft_bits_as_they_are(images).double().cpu().numpy()
        q = single_q(soft, self.bits)
        wanted = torch.from_numpy(self.has_it(q))
        if self.answers == VERDICT:
            return Answer(wanted, wanted.double())
        log10_p = np.log10(q if self.answers == SINGLE else twice_p(soft, self.bits))
        return Answer(wanted, torch.from_numpy(-log10_p if self.aim == FORGERY else log10_p))

    def has_it(self, q: Floats) -> np.ndarray:
        """Which images have the verdict that the attacker wants: a match, or none."""
        return np.asarray(q <= MATCH_AT if self.aim == FORGERY else q > MATCH_AT)


def single_q(soft: Floats, bits: Bits) -> Floats:
    """The q of each image by itself, for one key tried."""
    matches = matching_bits(np.packbits(soft > 0, axis=1), pack(bits), len(bits))
    return corrected(binomial_tails(len(bits))[matches], 1)


def twice_p(soft: Floats, bits: Bits) -> Floats:
    """The p of T for the set that holds an image twice, of each image."""
    found = []
    for row in soft:
        evidence = Evidence(len(bits))
        evidence.add(np.stack([row, row]))
        mean = both_p_values(evidence, pack(bits)[None]).mean
        found.append(1.0 if mean is None else float(mean[0]))
    return np.array(found)


class SpentError(Exception):
    """No query is left."""


@dataclass(eq=False)
class Siege:
    """The queries of an attack on each of N images, which go on side by side, and the best that came of them."""

    shown: Tensor  # N x 3 x H x W: what the images are to look like
    ask: Ask
    counts: Sequence[int]  # after so many queries for each image it is noted what there is; the last is the budget
    seed: int
    queries: int = 0
    nearest: Tensor = field(init=False)  # of the images that had the wanted answer; `shown` itself where none had
    found: dict[int, Tensor] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.nearest = check_images(self.shown).clone()
        self._far = torch.full((len(self.shown),), torch.inf)
        self._random = torch.Generator().manual_seed(self.seed)

    def asked(self, images: Tensor) -> Answer:
        """One query for each image, as a file of 8 bits holds it."""
        if self.queries == max(self.counts):
            raise SpentError
        images = round_to_8_bits(images.clamp(0, 1))
        answer = self.ask(images)
        far = rms(images - self.shown)
        better = answer.wanted & (far < self._far)
        self._far = torch.where(better, far, self._far)
        self.nearest = torch.where(each(better), images, self.nearest)
        self.queries += 1
        if self.queries in self.counts:
            self.found[self.queries] = self.nearest
        return answer

    def probe(self) -> Tensor:
        """Smooth noise for each image, of mean square 1."""
        n, channels, height, width = self.shown.shape
        noise = torch.randn(n, channels, height // 2, width // 2, generator=self._random)
        smooth = resize(noise, (height, width))
        return smooth / each(rms(smooth))


def rms(images: Tensor) -> Tensor:
    """The root of the mean square of each image."""
    return images.square().mean(dim=(1, 2, 3)).sqrt()


def each(values: Tensor) -> Tensor:
    """N values, to be multiplied with N images."""
    return values.view(-1, 1, 1, 1)


def besieged(siege: Siege, start: Callable[[Siege], Tensor]) -> dict[int, Tensor]:
    """The images that have the wanted answer and are nearest to what was to be shown, by the number of queries."""
    with suppress(SpentError):
        here = bisected(siege, start(siege))
        for turn in itertools.count(1):
            here = bisected(siege, stepped(siege, here, direction(siege, here, turn), turn))
    return siege.found


def noisy(siege: Siege) -> Tensor:
    """A start for who wants to be rid of a mark: noise, as loud as it takes."""
    images, done = siege.shown, torch.zeros(len(siege.shown), dtype=torch.bool)
    for level in NOISE:
        louder = siege.shown + level * siege.probe()
        images = torch.where(each(done), images, louder)
        done = done | siege.asked(louder).wanted
    return images


def bisected(siege: Siege, images: Tensor) -> Tensor:
    """On the way to what is to be shown, the last place that has the wanted answer; where none has, where he is."""
    near, far = torch.zeros(len(images)), torch.ones(len(images))
    for _ in range(HALVINGS):
        middle = (near + far) / 2
        wanted = siege.asked(torch.lerp(siege.shown, images, each(middle))).wanted
        near, far = torch.where(wanted, near, middle), torch.where(wanted, middle, far)
    return torch.lerp(siege.shown, images, each(far))


def direction(siege: Siege, images: Tensor, turn: int) -> Tensor:
    """Where answers get better: the mean of probes, each weighed by how much better than the others its answer is."""
    count = round(PROBES * turn**0.5)
    weighed, probes, worth = torch.zeros_like(images), torch.zeros_like(images), torch.zeros(len(images))
    for _ in range(count):
        probe = siege.probe()
        value = siege.asked(images + SIGMA * probe).worth.float()
        weighed, probes, worth = weighed + each(value) * probe, probes + probe, worth + value
    found = weighed - each(worth / count) * probes
    return found / each(rms(found)).clamp_min(1e-12)


def stepped(siege: Siege, images: Tensor, towards: Tensor, turn: int) -> Tensor:
    """The longest step that keeps the wanted answer, or that is worth most where it is not there yet; else none."""
    step = rms(images - siege.shown).clamp_min(LEAST_STEP) / turn**0.5
    tried = [images + each(step / 2**halved) * towards for halved in range(TRIES)] + [images]
    answers = [siege.asked(one) for one in tried]
    worth = torch.stack([torch.where(a.wanted, torch.inf, a.worth.double()) for a in answers])
    best = worth.argmax(dim=0)  # the first of equals
    return torch.stack(tried)[best, torch.arange(len(images))]


def guessed(mark: Callable[[Tensor], Tensor], ask: Ask, first: Tensor) -> Tensor:
    """The bits of the key, N x n, by who has the encoder and a guess: n + 1 queries for each of N images.

    He marks an image with his guess, and turns one bit round after another; what is worth more stays.
    """
    bits = first.clone()
    worth = ask(mark(bits)).worth
    for place in range(bits.shape[1]):
        other = bits.clone()
        other[:, place] = 1 - other[:, place]
        found = ask(mark(other)).worth
        bits = torch.where((found > worth)[:, None], other, bits)
        worth = torch.maximum(worth, found)
    return bits
