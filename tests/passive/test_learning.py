"""The loop that trainings of minutes share."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from artfp.errors import BadInputError, DivergedError
from artfp.passive.base import Course
from artfp.passive.learning import Descent, go_on


def descent(spoilt_at: int = -1) -> Descent:
    """Towards ones, with a normalisation that counts its batches; in one step the loss is no number."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))

    def loss(step: int) -> Tensor:
        inputs = torch.randn(8, 4, generator=torch.Generator().manual_seed(step))
        error = (network(inputs) - 1).square().mean()
        return error * torch.nan if step == spoilt_at else error

    adam = torch.optim.Adam(network.parameters(), lr=1e-2)
    return Descent(network, adam, loss, lambda step: 1e-2 / (step + 1))


def weights(learner: Descent) -> list[Tensor]:
    return list(learner.network.state_dict().values())


@pytest.mark.parametrize("stop", [1, 4, 9])
def test_gone_on_with_it_ends_as_if_never_stopped(stop: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("artfp.passive.learning.CHECKPOINT_EVERY", 3)

    def tell(done: int, total: int, note: str) -> None:
        if done == stop:
            raise KeyboardInterrupt

    whole, stopped, second = descent(), descent(), descent()
    go_on(whole, 10, Course(0), "training")
    with pytest.raises(KeyboardInterrupt):
        go_on(stopped, 10, Course(0, folder=tmp_path, tell=tell), "training")
    go_on(second, 10, Course(0, folder=tmp_path), "training")
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(second), strict=True))
    rows = [json.loads(line) for line in (tmp_path / "training.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == list(range(1, 11))


def test_a_finished_training_is_only_loaded(tmp_path: Path) -> None:
    first, second = descent(), descent()
    go_on(first, 5, Course(0, folder=tmp_path), "training")
    go_on(second, 5, Course(0, folder=tmp_path, tell=lambda *_: pytest.fail("took a step")), "training")
    assert all(torch.equal(a, b) for a, b in zip(weights(first), weights(second), strict=True))
    with pytest.raises(BadInputError, match="5 steps of 4"):
        go_on(descent(), 4, Course(0, folder=tmp_path), "training")


def test_trainings_of_other_names_have_nothing_to_do_with_each_other(tmp_path: Path) -> None:
    go_on(descent(), 2, Course(0, folder=tmp_path), "first")
    go_on(descent(), 3, Course(0, folder=tmp_path), "second")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("first.jsonl", "first.safetensors", "second.jsonl", "second.safetensors")
    ]


def test_a_loss_that_is_no_number_ends_it_and_the_last_checkpoint_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("artfp.passive.learning.CHECKPOINT_EVERY", 3)
    with pytest.raises(DivergedError, match="step 6"):
        go_on(descent(spoilt_at=5), 10, Course(0, folder=tmp_path), "training")
    assert (tmp_path / "training.safetensors").is_file()
    go_on(descent(), 10, Course(0, folder=tmp_path), "training")  # from step 3


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    go_on(descent(), 2, Course(0), "training")
    assert not list(tmp_path.iterdir())
