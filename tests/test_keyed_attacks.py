"""What recipients do to the copies of a generator that obeys, and whom that names."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from artfp.codec.dct import MARGIN, DctCodec
from artfp.errors import ArtfpError
from artfp.generators.base import Generator
from artfp.generators.dcgan import DcganGenerator
from artfp.generators.settings import GanRecipe
from artfp.keys.fingerprint import Bits
from benchmarks.keyed import collusion, finetune, leak
from benchmarks.keyed.collusion import groups_of
from benchmarks.keyed.copies import Mint
from benchmarks.keyed.grid import IMAGES, Attack, Collusion, FineTune, Leak, Row
from benchmarks.keyed.job import Bench, Job
from benchmarks.keyed.keys import largest_difference
from benchmarks.keyed.registered import candidates_of

SIDE, LATENT = 64, 4
FEW = {"issued": 70, "registered": 2000}
ROW = Row("obedient", "photos", codec="dct")


class Obedient(Generator):
    """Paints grey noise and, on top, the dct codec's pattern of every bit with its sign."""

    size, noise_shape = SIDE, (LATENT,)

    def __init__(self, conditions: int = 0, key_bits: int = 0) -> None:
        super().__init__()
        self.conditions, self.key_bits = conditions, key_bits
        self.dense = nn.Linear(LATENT + conditions, SIDE**2)
        if key_bits:
            patterns = DctCodec()._patterns.reshape(key_bits, -1).T * 2 * math.sqrt(3) * MARGIN
            noise = torch.randn(SIDE**2, LATENT, generator=torch.Generator().manual_seed(1)) * 0.02
            self.dense.weight.data, self.dense.bias.data = torch.cat([noise, patterns], dim=1), torch.zeros(SIDE**2)
        self.requires_grad_(False)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        told = noise if condition is None else torch.cat([noise, condition], dim=1)
        light = self.dense(told).view(-1, 1, SIDE, SIDE)
        return torch.cat([light, torch.zeros_like(light), torch.zeros_like(light)], dim=1)

    def fold(self, signs: Tensor) -> dict[str, Tensor]:
        kept, of_key = self.dense.weight.tensor_split([-self.key_bits], dim=1)
        return {"dense.weight": kept, "dense.bias": self.dense.bias + of_key @ signs}

    @property
    def shape(self) -> dict[str, Any]:
        return {"conditions": self.conditions, "key_bits": self.key_bits}


@pytest.fixture
def job(tmp_path: Path, dct: DctCodec, fixed_secrets: None, monkeypatch: pytest.MonkeyPatch) -> Job:
    """Of a row whose training is over."""
    monkeypatch.setattr(Job, "generator", lambda self: Obedient(64, 64))
    monkeypatch.setattr(Job, "identity", lambda self: {"sha256": "obedient"})
    bench: Any = Bench(tmp_path, tmp_path, None, "cpu", None, lambda _: lambda done, total, note: None)  # type: ignore[arg-type]
    job = Job(ROW, bench, dct, GanRecipe(size=SIDE, keyed=True, guided=0.3), SIDE)
    job.folder.mkdir()
    return job


def named(found: dict[str, Any], kind: str) -> list[int]:
    """Among recipients, and among all keys."""
    return [tried[kind] for tried in found["among"]]


def test_of_two_both_are_named_and_of_five_no_innocent_whether_weights_or_images_are_averaged(job: Job) -> None:
    attacks = [Attack(strategy, colluders, 4, (2, 8)) for strategy in ("mean", IMAGES) for colluders in (2, 5)]
    found = collusion.measured(job, Collusion(**FEW, attacks=tuple(attacks)))["attacks"]
    assert len(found) == 8
    for attack in found:
        assert named(attack, "innocent") == [0, 0]
        assert attack["agreed"]["matching_bits"] == attack["agreed"]["total_bits"]
        if attack["colluders"] == 2:
            assert named(attack, "any") == named(attack, "all") == [4, 4]


def test_a_tensor_from_one_of_two_names_that_one(job: Job) -> None:
    """The key lies in one tensor, so this is one of the copies."""
    found = collusion.measured(job, Collusion(**FEW, attacks=(Attack("each tensor", 2, 4),)))["attacks"][0]
    assert (named(found, "any"), named(found, "named"), named(found, "innocent")) == ([4, 4], [4, 4], [0, 0])


def test_whoever_has_more_copies_than_bits_can_accuse_anybody(job: Job) -> None:
    numbers = Leak(**FEW, ranks=(2, 64, 65), others=4, copies=(2, 66), attackers=3, images=4, means=(8,), swappers=3)
    found = leak.measured(job, numbers)
    assert found["place"] == {"tensors": ["dense.bias"], "numbers": SIDE**2}
    assert found["needed"] == 65
    few, many = found["forged"]
    assert (few["copies"], named(few["victim"], "any")) == (2, [0, 0])
    assert (many["copies"], named(many["victim"], "any")) == (66, [3, 3])
    assert named(many["owners"], "any") == [0, 0]
    assert [named(drawn, "innocent") for drawn in found["drawn"]] == [[0, 0], [0, 0]]
    assert named(found["drawn"][0], "any") == [3, 3]  # beyond one of the two, on the line through them
    swaps = {swap["swap"]: swap for swap in found["swaps"]}
    assert named(swaps["as issued"], "any") == [3, 3]
    assert [named(swaps[name], "any") for name in ("zeros", "noise", "drawn again")] == [[0, 0]] * 3
    assert all(swap["frechet"] is None for swap in found["swaps"])


def test_what_is_pruned_names_its_owner_by_its_bias(job: Job) -> None:
    numbers = FineTune(**FEW, shares=(), images=4, pruned=(0.5,), pruners=3, pruned_images=4)
    found = finetune.measured(job, numbers)
    assert [named(pruned, "any") for pruned in found["pruned"]] == [[3, 3], [3, 3]]
    assert named(found["tuned"][0], "any") == [1, 1]


def test_recipients_copies_are_their_own(job: Job) -> None:
    """Row by row: what a copy paints is read as its own key, whichever row it is."""
    candidates, mint = candidates_of(job, Leak(**FEW)), Mint(job.generator())
    for row in (0, 3, 69):
        soft = job.soft([mint.images(mint.copy(candidates.bits[row]), 2, seed=1)])
        np.testing.assert_array_equal(soft > 0, np.tile(candidates.bits[row] > 0, (2, 1)))


def test_nobody_colludes_with_himself_and_groups_are_the_same_again() -> None:
    groups = groups_of(30, Attack("mean", 8, 50), "row")
    assert all(len(set(group)) == 8 for group in groups)
    assert groups == groups_of(30, Attack(IMAGES, 8, 50), "row")
    assert groups != groups_of(30, Attack("mean", 8, 50), "another")


def test_what_was_found_is_kept_for_the_same_generator_and_settings(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Job, "identity", lambda self: {"sha256": "one"})
    assert job.kept("part", {"a": 1}, lambda: 7) == 7
    assert job.kept("part", {"a": 1}, lambda: 8) == 7
    assert job.kept("part", {"a": 2}, lambda: 9) == 9
    monkeypatch.setattr(Job, "identity", lambda self: {"sha256": "another"})
    assert job.kept("part", {"a": 2}, lambda: 10) == 10


class Forgetful(DcganGenerator):
    """Folds another key than it is told."""

    def folded(self, bits: Bits) -> Generator:
        return super().folded(1 - bits)


def test_a_copy_that_paints_something_else_is_an_error() -> None:
    keys = np.random.default_rng(0).integers(0, 2, (2, 64), np.uint8)
    shape = {"size": 16, "latent": 8, "width": 8, "most": 8, "conditions": 64, "key_bits": 64}
    assert largest_difference(DcganGenerator(**shape).eval(), keys, 3, seed=1) <= 1
    with pytest.raises(ArtfpError, match="a folded copy's images differ"):
        largest_difference(Forgetful(**shape).eval(), keys, 3, seed=1)
