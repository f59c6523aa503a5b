"""Who asks a verifier: within his budget, in files of 8 bits, nearer with every query, and the more he is told."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from artfp.attacks.attempts import drawn_key
from artfp.attacks.oracle import (
    ANSWERS,
    SINGLE,
    TWICE,
    VERDICT,
    Answer,
    Siege,
    Verifier,
    besieged,
    direction,
    guessed,
    noisy,
    rms,
    single_q,
    twice_p,
)
from artfp.codec.dct import DctCodec
from artfp.images import round_to_8_bits, to_tensor
from artfp.keys.fingerprint import pack
from artfp.robustness import FORGERY, REMOVAL
from artfp.statistics.decision import MATCH_AT
from artfp.statistics.evidence import Evidence, p_values

SIDE, N = 16, 3
EDGE = 0.05  # rms at which the half-space of these tests begins

Pixels = np.ndarray


@pytest.fixture
def key(dct: DctCodec) -> np.ndarray:
    return drawn_key(dct.n_bits, "oracle-test")


@pytest.fixture
def marked(dct: DctCodec, key: np.ndarray, clean_pixels: Pixels) -> Tensor:
    return dct.embed(to_tensor(clean_pixels[:N]), torch.from_numpy(key))


def half_space(told: str) -> tuple[Tensor, Callable[[Tensor], Answer]]:
    """Grey images, and who wants them beyond a plane at a distance of EDGE along a smooth direction."""
    ramp = torch.linspace(-1, 1, SIDE).expand(1, 3, SIDE, SIDE)
    along, grey = ramp / rms(ramp), torch.full((N, 3, SIDE, SIDE), 0.5)

    def ask(images: Tensor) -> Answer:
        way = ((images - 0.5) * along).mean(dim=(1, 2, 3)).double()
        wanted = way > EDGE
        return Answer(wanted, wanted.double() if told == VERDICT else way)

    return grey, ask


def distances(told: str, counts: tuple[int, ...]) -> list[float]:
    grey, ask = half_space(told)
    random = torch.rand((N, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(1))
    far = grey + 0.4 * random * (torch.linspace(-1, 1, SIDE) > 0)
    found = besieged(Siege(grey, ask, counts, seed=3), lambda _: far)
    return [float(rms(found[count] - grey).mean()) for count in counts]


@pytest.mark.parametrize(("told", "within"), [(VERDICT, 2.0), (SINGLE, 1.5)])
def test_a_plane_is_approached_with_every_query(told: str, within: float) -> None:
    """No image beyond it is nearer than EDGE; rounding to 8 bits costs a thousandth."""
    first, later, last = distances(told, (20, 300, 1500))
    assert first > later > last > EDGE - 0.001
    assert last < within * EDGE


def test_numbers_buy_more_than_verdicts() -> None:
    assert distances(SINGLE, (300,)) < distances(VERDICT, (300,))


def test_the_direction_is_the_gradient_of_the_answers() -> None:
    """192 smooth numbers: 200 probes leave a cosine of about .7."""
    grey, ask = half_space(SINGLE)
    found = direction(Siege(grey, ask, (10_000,), seed=1), grey, turn=4)
    ramp = torch.linspace(-1, 1, SIDE).expand(1, 3, SIDE, SIDE)
    assert (((found * ramp / rms(ramp)).mean(dim=(1, 2, 3))) > 0.5).all()
    torch.testing.assert_close(rms(found), torch.ones(N))


@pytest.mark.parametrize("answers", ANSWERS)
@pytest.mark.parametrize("aim", [REMOVAL, FORGERY])
def test_a_siege_keeps_to_its_budget_and_the_seed_decides_it(
    dct: DctCodec, key: np.ndarray, marked: Tensor, clean_pixels: Pixels, answers: str, aim: str
) -> None:
    verifier, seen = Verifier(dct, key, answers, aim), []
    shown = marked if aim == REMOVAL else to_tensor(clean_pixels[:N])

    def ask(images: Tensor) -> Answer:
        seen.append(images)
        return verifier(images)

    def found(who: Callable[[Tensor], Answer]) -> dict[int, Tensor]:
        before = shown.clone()
        start = noisy if aim == REMOVAL else (lambda _: marked.roll(1, 0))
        kept = besieged(Siege(shown, who, (30, 140), seed=2), start)
        assert torch.equal(shown, before)
        return kept

    images = found(ask)
    assert list(images) == [30, 140]
    assert len(seen) == 140
    assert all(torch.equal(round_to_8_bits(batch.clamp(0, 1)), batch) for batch in seen)
    assert verifier(images[140]).wanted.all()
    assert (rms(images[140] - shown) <= rms(images[30] - shown)).all()
    assert torch.equal(found(verifier)[140], images[140])


def test_what_was_never_wanted_stays_as_it_is(clean_pixels: Pixels) -> None:
    shown = to_tensor(clean_pixels[:N])

    def never(images: Tensor) -> Answer:
        return Answer(torch.zeros(len(images), dtype=torch.bool), torch.zeros(len(images)))

    assert torch.equal(besieged(Siege(shown, never, (150,), seed=0), lambda siege: siege.shown)[150], shown)


def test_the_answers_are_those_of_the_test(dct: DctCodec, key: np.ndarray, marked: Tensor) -> None:
    soft = dct.soft_bits(marked).double().numpy()
    for row, q, p in zip(soft, single_q(soft, key), twice_p(soft, key), strict=True):
        one, two = Evidence(dct.n_bits), Evidence(dct.n_bits)
        one.add(row[None])
        two.add(np.stack([row, row]))
        assert q == pytest.approx(p_values(one, pack(key)[None]).combined[0] / 0.999)
        assert p == p_values(two, pack(key)[None]).mean[0]
        assert q <= MATCH_AT


def test_finer_answers_tell_apart_what_coarser_ones_do_not(
    dct: DctCodec, key: np.ndarray, clean_pixels: Pixels
) -> None:
    clean = to_tensor(clean_pixels)
    told = [Verifier(dct, key, answers, FORGERY)(clean).worth.unique().numel() for answers in ANSWERS]
    assert told[0] == 1 < told[1] < told[2]


@pytest.mark.parametrize("told", [SINGLE, TWICE])
def test_who_has_the_encoder_finds_the_key_bit_by_bit(
    dct: DctCodec, key: np.ndarray, clean_pixels: Pixels, told: str
) -> None:
    """Some bits of this codec are too weak in some images to be seen."""
    clean, asked = to_tensor(clean_pixels[:N]), []
    verifier = Verifier(dct, key, told, FORGERY)

    def ask(images: Tensor) -> Answer:
        asked.append(images)
        return verifier(images)

    first = torch.from_numpy(drawn_key(N * dct.n_bits, "guess")).view(N, -1)
    bits = guessed(lambda guess: dct.embed(clean, guess), ask, first)
    assert len(asked) == dct.n_bits + 1
    assert float((bits == torch.from_numpy(key)).float().mean()) > 0.85
    assert verifier(dct.embed(clean, bits)).wanted.sum() >= N - 1
