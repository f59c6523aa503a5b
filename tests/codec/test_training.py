"""Codec training: pacing in closed form, then the loop on a tiny codec."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from artfp.cli.main import artfp
from artfp.codec import training
from artfp.codec.calibration import calibrate, usual_certainty
from artfp.codec.learned import LearnedCodec
from artfp.codec.learner import Learner
from artfp.codec.networks import Decoder
from artfp.codec.noise import as_generated, attack, worst_of
from artfp.codec.pacing import Pace
from artfp.codec.privacy import WEIGHT, Outsider, privacy_weight
from artfp.codec.settings import CodecRecipe
from artfp.codec.training import like, train
from artfp.data.procedural import generate
from artfp.errors import DivergedError, UsageError
from artfp.files import read_json, sha256_file
from artfp.perturb.image import PERTURBATIONS

TINY = CodecRecipe(
    name="tiny", bits=8, size=32, width=8, depth=1, steps=12, batch=16, images=32, checkpoint_every=4, log_every=2
)


def pool() -> np.ndarray:
    return np.stack(list(generate("photo-like", 32, 32, 1)))


def quiet(*_: object) -> None:
    pass


def interrupted_at(step: int) -> Callable[[int, int, str], None]:
    """Ctrl-C after so many steps."""

    def interrupt(done: int, total: int, note: str) -> None:
        if done == step:
            raise KeyboardInterrupt

    return interrupt


@pytest.fixture(autouse=True)
def few_calibration_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "CALIBRATION_IMAGES", 32)


def test_fidelity_rises_only_while_bits_are_read() -> None:
    assert Pace(30.0, accuracy=0.99).after(0.99, 36).psnr > 30
    assert Pace(30.0, accuracy=0.80).after(0.80, 36).psnr == 30
    assert Pace(36.0, accuracy=0.99).after(0.99, 36).psnr == 36


def test_noise_rises_above_its_threshold_and_recedes_below() -> None:
    assert Pace(36.0, 0.5, 0.99).after(0.99, 36).noise > 0.5
    assert Pace(36.0, 0.5, 0.885).after(0.885, 36).noise == 0.5
    assert Pace(36.0, 0.5, 0.80).after(0.80, 36).noise < 0.5
    assert Pace(36.0, 1.0, 0.99).after(0.99, 36).noise == 1.0


def test_once_the_psnr_is_reached_noise_takes_what_is_left() -> None:
    """.94 of the bits is too little for more noise while the PSNR rises, and enough for it afterwards."""
    assert Pace(30.0, 0.5, 0.94).after(0.94, 36).noise == 0.5
    assert Pace(36.0, 0.5, 0.94).after(0.94, 36).noise > 0.5


def test_a_plateau_is_seen_and_the_next_start_is_louder() -> None:
    stuck = Pace(24.0, accuracy=0.5)
    assert stuck.is_stuck(400, 400)
    assert not stuck.is_stuck(399, 400)
    assert not replace(stuck, accuracy=0.7).is_stuck(400, 400)
    again = stuck.restarted(400, 24.0)
    assert again.psnr < 24
    assert not again.is_stuck(799, 400)
    assert again.restarted(800, 24.0).psnr < again.psnr


def test_the_worst_candidate_of_each_image_is_chosen() -> None:
    low, high = torch.zeros(3, 3, 4, 4), torch.ones(3, 3, 4, 4)
    mixed = torch.stack([low[0], high[0], low[0]])
    chosen = worst_of([mixed, 1 - mixed], lambda images: images.mean(dim=(1, 2, 3)))
    assert torch.equal(chosen, high)


def test_a_generators_marks_are_the_mean_of_others_and_its_noise_is_colour() -> None:
    residuals = torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    out = as_generated(residuals, 1.0, np.random.default_rng(0))
    assert torch.equal(out[:12], residuals[:12])
    for index in range(12, 16):
        others = torch.cat([residuals[12:index], residuals[index + 1 :]]).mean(dim=0)
        assert torch.allclose(out[index].mean(dim=0), others.mean(dim=0), atol=1e-6)
        assert (out[index] - others).abs().max() > 1e-3
    assert torch.allclose(as_generated(residuals, 0.0, np.random.default_rng(0)), residuals)


def test_at_noise_zero_images_are_only_mirrored() -> None:
    images = torch.rand(8, 3, 32, 32)
    kinds = [PERTURBATIONS[name] for name in ("blur", "noise")]
    out = attack(images, kinds, 0.0, np.random.default_rng(0))
    for before, after in zip(images, out, strict=True):
        assert torch.equal(before, after) or torch.equal(before.flip(-1), after)


@pytest.mark.parametrize("stop_at", [1, 4, 11])
def test_an_interrupted_training_ends_as_an_uninterrupted_one(tmp_path: Path, stop_at: int) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    train(TINY, pool, whole, quiet)

    with pytest.raises(KeyboardInterrupt):
        train(TINY, pool, broken, interrupted_at(stop_at))
    train(TINY, pool, broken, quiet)
    files = sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(broken) for path in broken.rglob("*") if path.is_file())
    assert [sha256_file(whole / f) for f in files] == [sha256_file(broken / f) for f in files]


def test_a_killed_process_resumes_to_the_same_codec(tmp_path: Path) -> None:
    """SIGKILL, through the command line."""
    lines = [f"{k} = {json.dumps(v)}" for k, v in vars(TINY).items() if isinstance(v, int | float | str)]
    recipe = tmp_path / "tiny.toml"
    recipe.write_text("\n".join(lines).replace("steps = 12", "steps = 80"))
    command = [sys.executable, "-m", "artfp", "codec", "train", str(recipe), "--threads", "1", "--out"]
    killed = subprocess.Popen([*command, str(tmp_path / "killed")], stderr=subprocess.DEVNULL)
    state = tmp_path / "killed" / "state.safetensors"
    deadline = time.monotonic() + 60
    while not state.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert not (tmp_path / "killed" / "done.json").exists()
    for name in ("killed", "whole"):
        subprocess.run([*command, str(tmp_path / name)], check=True, capture_output=True)
    killed_hash, whole_hash = (sha256_file(tmp_path / name / "tiny.safetensors") for name in ("killed", "whole"))
    assert killed_hash == whole_hash


def test_what_is_stored_was_measured_with_the_weights_that_are_stored(tmp_path: Path) -> None:
    trained = train(TINY, pool, tmp_path / "run", quiet)
    loaded = LearnedCodec.load(tmp_path / "run" / "tiny.safetensors")
    consensus, calibration = calibrate(loaded, 32)
    assert np.array_equal(consensus, trained.facts().consensus)
    assert np.array_equal(calibration, trained.facts().calibration)
    assert loaded.sure == usual_certainty(loaded)


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    first = train(TINY, pool, tmp_path / "run", quiet)

    def never() -> np.ndarray:
        raise AssertionError("nothing is left to do")

    assert train(TINY, never, tmp_path / "run", quiet).sha256 == first.sha256


def test_a_plateau_restarts_the_networks(tmp_path: Path) -> None:
    """With patience 4 and a rate that learns nothing, steps 4, 8 and 12 find the reading at .5."""
    train(replace(TINY, patience=4, learning_rate=1e-7), pool, tmp_path / "run", quiet)
    rows = list(training.StatsLog(tmp_path / "run" / "stats.jsonl", "step").rows())
    assert rows[-1]["restarts"] >= 2
    assert rows[-1]["psnr"] < TINY.start_psnr


def test_divergence_is_reported_and_the_checkpoint_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = training._read

    def explode(*args: object) -> tuple[torch.Tensor, float]:
        loss, accuracy = honest(*args)  # type: ignore[arg-type]
        return (loss * torch.nan if calls.pop() == 0 else loss), accuracy

    calls = list(range(6))
    monkeypatch.setattr(training, "_read", explode)
    with pytest.raises(DivergedError, match="learning_rate"):
        train(TINY, pool, tmp_path / "run", quiet)
    assert (tmp_path / "run" / "state.safetensors").exists()


def test_foreign_folders_and_changed_recipes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("keep me")
    with pytest.raises(UsageError, match="exists and is not a codec training"):
        train(TINY, pool, tmp_path / "mine", quiet)
    train(TINY, pool, tmp_path / "run", quiet)
    with pytest.raises(UsageError, match="seed"):
        train(replace(TINY, seed=9), pool, tmp_path / "run", quiet)


def test_a_training_goes_on_from_a_codec_even_when_that_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "base" / "tiny.safetensors"
    base = train(replace(TINY, seed=3), pool, path.parent, quiet)
    on = replace(TINY, start=str(path), learning_rate=1e-7)
    first = train(on, pool, tmp_path / "on", quiet)
    for name in ("encoder", "decoder"):
        pairs = zip(getattr(first, name).parameters(), getattr(base, name).parameters(), strict=True)
        assert max((a - b).abs().max() for a, b in pairs) < 1e-4
    assert read_json(tmp_path / "on" / "recipe.json")["start_sha256"] == base.sha256
    with pytest.raises(KeyboardInterrupt):
        train(on, pool, tmp_path / "again", interrupted_at(6))
    path.rename(tmp_path / "moved.safetensors")
    assert train(on, pool, tmp_path / "again", quiet).sha256 == first.sha256
    assert train(on, pool, tmp_path / "on", quiet).sha256 == first.sha256


def test_the_command_of_a_finished_training_needs_its_start_no_more(tmp_path: Path) -> None:
    start = tmp_path / "base" / "tiny.safetensors"
    train(TINY, pool, start.parent, quiet)
    settings = vars(replace(TINY, start=str(start)))
    lines = [f"{k} = {json.dumps(v)}" for k, v in settings.items() if isinstance(v, int | float | str)]
    (tmp_path / "on.toml").write_text("\n".join(lines))
    command = ["codec", "train", str(tmp_path / "on.toml"), "--out", str(tmp_path / "on")]
    first = CliRunner().invoke(artfp, command)
    assert first.exit_code == 0, first.stderr
    start.unlink()
    assert CliRunner().invoke(artfp, command).stdout == first.stdout
    missing = CliRunner().invoke(artfp, [*command, "--dry-run"])
    assert (missing.exit_code, "no codec" in missing.stderr) == (2, True)


def test_a_private_codec_takes_over_the_eyes_and_not_the_words(tmp_path: Path) -> None:
    path = tmp_path / "base" / "tiny.safetensors"
    base = train(replace(TINY, seed=3), pool, path.parent, quiet)
    mine = Learner.new(replace(TINY, start=str(path), private=True), 0, base, "cpu")
    torch.testing.assert_close(mine.decoder.enter.weight, base.decoder.enter.weight)
    torch.testing.assert_close(mine.encoder.leave.weight, base.encoder.leave.weight)
    assert not torch.equal(mine.decoder.read.weight, base.decoder.read.weight)
    assert not torch.equal(mine.encoder.message.weight, base.encoder.message.weight)


def test_a_private_training_resumes_exactly_and_needs_its_start(tmp_path: Path) -> None:
    path = tmp_path / "base" / "tiny.safetensors"
    train(replace(TINY, seed=3), pool, path.parent, quiet)
    private = replace(TINY, start=str(path), private=True)
    first = train(private, pool, tmp_path / "straight", quiet)
    with pytest.raises(KeyboardInterrupt):
        train(private, pool, tmp_path / "broken", interrupted_at(6))
    assert train(private, pool, tmp_path / "broken", quiet).sha256 == first.sha256
    assert stat.S_IMODE((tmp_path / "straight").stat().st_mode) == 0o700
    for name in ("tiny.safetensors", "recipe.json"):
        assert stat.S_IMODE((tmp_path / "straight" / name).stat().st_mode) == 0o600
    with pytest.raises(KeyboardInterrupt):
        train(private, pool, tmp_path / "late", interrupted_at(6))
    train(replace(TINY, seed=4), pool, tmp_path / "other", quiet)
    path.write_bytes((tmp_path / "other" / path.name).read_bytes())
    with pytest.raises(UsageError, match="began with another codec"):
        train(private, pool, tmp_path / "late", quiet)
    path.unlink()
    assert train(private, pool, tmp_path / "straight", quiet).sha256 == first.sha256


def test_a_codec_trains_on_images_larger_than_it_works_at(tmp_path: Path) -> None:
    large = np.stack(list(generate("photo-like", 32, 64, 1)))
    codec = train(replace(TINY, at=64), lambda: large, tmp_path / "run", quiet)
    assert codec.size == TINY.size
    with pytest.raises(KeyboardInterrupt):
        train(replace(TINY, at=64), lambda: large, tmp_path / "broken", interrupted_at(6))
    assert train(replace(TINY, at=64), lambda: large, tmp_path / "broken", quiet).sha256 == codec.sha256
    saved = tmp_path / "run" / f"{TINY.name}.safetensors"
    assert (LearnedCodec.load(saved).side, like(str(saved))["at"]) == (64, 64)
    assert [like(name).get("at") for name in ("artfp-64", "artfp-128")] == [None, 128]
    assert codec.sha256 != train(TINY, pool, tmp_path / "other", quiet).sha256


def test_a_codec_of_more_bits_begins_with_the_eyes_of_another(tmp_path: Path) -> None:
    path = tmp_path / "base" / "tiny.safetensors"
    base = train(replace(TINY, seed=3), pool, path.parent, quiet)
    more = replace(TINY, bits=12, start=str(path))
    learner = Learner.new(more, 0, base, "cpu")
    torch.testing.assert_close(learner.decoder.enter.weight, base.decoder.enter.weight)
    assert learner.decoder.read.out_features == 12
    assert train(more, pool, tmp_path / "more", quiet).n_bits == 12


def test_an_outsider_sees_a_mark_and_not_its_absence() -> None:
    torch.manual_seed(0)
    outsider = Outsider(Decoder(TINY.bits, TINY.size, TINY.width, TINY.depth), "cpu")
    images = torch.rand(8, 3, TINY.size, TINY.size)
    marks = (0.05 * torch.randn_like(images)).requires_grad_()
    assert float(outsider.sees(images, images.clone(), np.random.default_rng(1))) == 0
    seen = outsider.sees(images, images + marks, np.random.default_rng(1))
    seen.backward()
    assert seen.item() > 0
    assert marks.grad is not None
    assert marks.grad.abs().sum() > 0
    assert all(weight.grad is None for weight in outsider.decoder.parameters())


def test_privacy_counts_once_messages_are_read() -> None:
    shares = [privacy_weight(share) / WEIGHT for share in (0.5, 0.75, 0.85, 0.95, 1.0)]
    assert shares == pytest.approx([0, 0, 0.5, 1, 1])


def test_the_command_of_a_private_codec_draws_its_seed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "base" / "tiny.safetensors"
    train(TINY, pool, path.parent, quiet)
    tiny = {name: value for name, value in vars(TINY).items() if value is not None and name != "seed"}
    monkeypatch.setattr(training, "like", lambda start: tiny | {"start": start})
    command = ["codec", "train", "--from", str(path), "--private", "--out"]
    runs = [CliRunner().invoke(artfp, [*command, str(tmp_path / name)]) for name in ("a", "a", "b")]
    assert [run.exit_code for run in runs] == [0, 0, 0], [run.output for run in runs]
    seeds = [read_json(tmp_path / name / "recipe.json")["seed"] for name in ("a", "b")]
    assert seeds[0] != seeds[1]
    assert runs[0].stdout == runs[1].stdout


def test_a_recipe_for_a_private_codec_names_no_seed_and_its_codec(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text('name = "mine"\nprivate = true\nstart = "artfp-64"\nseed = 3\n')
    told = CliRunner().invoke(artfp, ["codec", "train", str(recipe), "--out", str(tmp_path / "x")])
    assert (told.exit_code, "seed of a private codec is secret" in told.stderr) == (2, True)
    asked = ["codec", "train", "--from", "artfp-64", "--private", "--seed", "3", "--out", str(tmp_path / "x")]
    told = CliRunner().invoke(artfp, asked)
    assert (told.exit_code, "--seed: the seed of a private codec is secret" in told.stderr) == (2, True)
    recipe.write_text('name = "mine"\nprivate = true\nstart = "artfp-64"\n')
    plan = CliRunner().invoke(
        artfp, ["codec", "train", str(recipe), "--out", str(tmp_path / "x"), "--dry-run", "--json"]
    )
    assert (plan.exit_code, json.loads(plan.stdout)["seed"]) == (0, "secret")
    with pytest.raises(UsageError, match="from which codec"):
        train(replace(TINY, private=True), pool, tmp_path / "x", quiet)
    with pytest.raises(UsageError, match="names a file"):
        train(replace(TINY, name="../evil"), pool, tmp_path / "x", quiet)
    assert not (tmp_path / "x").exists()


def test_what_a_training_begins_with_must_be_said(tmp_path: Path) -> None:
    nothing = CliRunner().invoke(artfp, ["codec", "train"])
    assert (nothing.exit_code, "--from CODEC" in nothing.stderr) == (2, True)
    not_learned = CliRunner().invoke(artfp, ["codec", "train", "--from", "dct", "--private"])
    assert (not_learned.exit_code, "not a learned codec" in not_learned.stderr) == (2, True)
    from_where = CliRunner().invoke(artfp, ["codec", "train", "codec-seeds", "--private", "--out", str(tmp_path / "x")])
    assert (from_where.exit_code, "from which codec" in from_where.stderr) == (2, True)


def test_a_start_of_another_shape_is_refused(tmp_path: Path) -> None:
    for start in ("dct", "artfp-64"):
        with pytest.raises(UsageError, match="not a learned codec of Architecture"):
            train(replace(TINY, start=start), pool, tmp_path / "run", quiet)
    assert not (tmp_path / "run").exists()


def test_unknown_noise_layers_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"fog.*jpeg"):
        train(replace(TINY, noise=("jpeg", "fog")), pool, tmp_path / "run", quiet)
