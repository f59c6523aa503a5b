"""Keyed generators: what they are told, how they are guided and watched, the whole training, and folding."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import binom
from torch import Tensor

from artfp.codec.dct import DctCodec
from artfp.codec.learned import LearnedCodec
from artfp.codec.store import load_codec
from artfp.data.manifest import MANIFEST, MANIFEST_ROWS, read_seeds
from artfp.data.procedural import generate
from artfp.data.readers import open_source
from artfp.embed import EmbedSettings, embed_dataset
from artfp.errors import ArtfpError, BadInputError, UsageError
from artfp.generators.base import Batch, Generator, Shape, signs_of
from artfp.generators.colours import to_opponent, to_rgb
from artfp.generators.dcgan import DcganGenerator
from artfp.generators.export import export
from artfp.generators.families import FAMILIES, new_learner
from artfp.generators.keying import Keying, Reader, key_for, keying_for
from artfp.generators.layers import KeyedProjection
from artfp.generators.sampling import conditions, fresh_keys, load_generator, sample, save_generator
from artfp.generators.settings import GanRecipe
from artfp.generators.training import plan, train
from artfp.generators.transfer import Monitor, monitor_for
from artfp.images import to_tensor
from artfp.keys.fingerprint import derive_image_bits
from artfp.keys.registry import Registry

KEYED = [name for name, family in FAMILIES.items() if family.keyed]


class StopError(Exception):
    """Stands for whatever ends a process."""


@pytest.fixture
def marked(photos: Path, registry: Registry, dct: DctCodec, tmp_path: Path) -> Path:
    """Ten images of 16 px, of which eight are marked, each with bits of its own."""
    registry.new("house")
    settings = EmbedSettings(photos, tmp_path / "marked", "house", fraction=0.8, key_per="image")
    embed_dataset(settings, dct, registry)
    return tmp_path / "marked"


@pytest.fixture
def keying(marked: Path, registry: Registry) -> Keying:
    """Of these images."""
    return keying_for(marked, registry, None)


@pytest.fixture
def recipe(tiny: GanRecipe) -> GanRecipe:
    """A keyed training of eight steps, a checkpoint after every second."""
    return replace(tiny, keyed=True, guided=0.3, images=32, checkpoint_every=8)


def key(seed: int, n_bits: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2, n_bits, np.uint8)


class Obedient(Generator):
    """Marks a few images with the key that it is told, as far as it listens."""

    def __init__(self, codec: DctCodec, listens: bool) -> None:
        super().__init__()
        self.codec, self.listens, self.noise_shape = codec, listens, (1,)
        self.size = self.conditions = self.key_bits = 64
        self.own = torch.nn.Parameter(to_tensor(np.stack(list(generate("photo-like", 8, 64, seed=5)))))

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        assert condition is not None
        bits = (condition if self.listens else condition.roll(1, dims=0)) > 0
        return to_opponent(self.codec.embed(self.own.detach().repeat(len(noise) // 8, 1, 1, 1), bits))

    @property
    def shape(self) -> dict[str, Any]:
        return {}


# What they are told


def test_images_are_told_the_bits_they_were_marked_with(
    keying: Keying, marked: Path, registry: Registry, dct: DctCodec
) -> None:
    with open_source(marked) as source:
        told = keying.told(source)
    seeds = list(read_seeds(marked).values())
    secret = bytes.fromhex(registry.export("house")["secret"])
    bits = derive_image_bits(secret, dct.sha256, 64, None, [str(seed) for seed in seeds])
    has_one = np.array([seed is not None for seed in seeds])
    assert (told.dtype, has_one.sum()) == (np.float32, 8)
    np.testing.assert_array_equal(told[has_one], 2.0 * bits[has_one] - 1)
    assert not told[~has_one].any()
    assert repr(keying) == f"Keying(codec='dct', key_id={registry.get('house').key_id!r})"


def test_an_image_that_the_manifest_does_not_know_is_refused(keying: Keying, marked: Path) -> None:
    image = next(marked.rglob("*.png"))
    (marked / "more.png").write_bytes(image.read_bytes())
    with open_source(marked) as source, pytest.raises(BadInputError, match=r"names no key for more\.png"):
        keying.told(source)


def test_a_sample_is_told_a_class_and_a_key(dct: DctCodec) -> None:
    generator = DcganGenerator(16, 8, 4, 8, conditions=3 + 64, key_bits=64)
    drawn = conditions(generator, 7, range(2, 5))
    assert drawn is not None
    assert drawn.shape == (3, 67)
    assert (drawn[:, :3].sum(dim=1) == 1).all()
    np.testing.assert_array_equal(drawn[:, 3:], 2.0 * fresh_keys(64, 7, range(2, 5)) - 1)
    assert len({row.tobytes() for row in fresh_keys(64, 7, range(100))}) == 100
    keys = np.stack([key(0), key(1)])
    given = conditions(generator, 7, range(2, 5), chosen=1, keys=keys)
    assert given is not None
    assert (given[:, 1] == 1).all()
    np.testing.assert_array_equal(given[:, 3:], 2.0 * keys[[0, 1, 0]] - 1)
    torch.testing.assert_close(conditions(generator, 7, range(3), keys=keys[:1])[:, 3:], signs_of(keys[[0, 0, 0]]))  # type: ignore[index]


def test_a_discriminator_projects_on_class_and_key() -> None:
    """<W c, h> / sqrt(5) + <V h, key> / sqrt(3), spelt out."""
    torch.manual_seed(0)
    both, hidden, signs = KeyedProjection(5, 5, 3), torch.randn(4, 5), torch.randn(4, 3).sign()
    told = torch.eye(2)[[0, 1, 1, 0]]
    scores = both(hidden, torch.cat([told, signs], dim=1))
    embed, read = both.told.embed.weight, both.read.weight  # type: ignore[union-attr]
    for i in range(4):
        expected = (embed @ told[i]) @ hidden[i] / 5**0.5 + (read @ hidden[i]) @ signs[i] / 3**0.5
        torch.testing.assert_close(scores[i], expected)
    alone = KeyedProjection(3, 5, 3)
    torch.testing.assert_close(alone(hidden, signs), (hidden @ alone.read.weight.T * signs).sum(1) / 3**0.5)


# The guide


def test_a_guide_is_the_cross_entropy_of_what_the_codec_reads(dct: DctCodec) -> None:
    images = to_tensor(np.stack(list(generate("photo-like", 3, 64, seed=8))))
    bits = np.stack([key(0), key(1), key(2)])
    told = torch.cat([torch.eye(3), signs_of(bits)], dim=1)
    told[2, 3:] = 0  # an unmarked image
    found = Reader(dct, 0.3)(to_opponent(images), told)
    read = dct.logits(images)
    truth = torch.nn.functional.binary_cross_entropy_with_logits(read, torch.tensor(bits).float(), reduction="none")
    torch.testing.assert_close(found[:2], truth.mean(dim=1)[:2], atol=1e-3, rtol=1e-3)
    assert found[2] == pytest.approx(np.log(2))


def test_its_gradient_leads_to_the_key_also_from_beyond_white(dct: DctCodec) -> None:
    white = to_opponent(torch.full((1, 3, 64, 64), 1.2)).requires_grad_()
    adam, told = torch.optim.Adam([white], 0.02), signs_of(key(3))[None]
    guide = Reader(dct, 1.0)
    for _ in range(60):
        adam.zero_grad()
        guide(white, told).sum().backward()
        adam.step()
    read = dct.soft_bits(to_rgb(white.detach())) > 0
    assert (read.numpy()[0] == key(3)).mean() > 0.9


def test_a_learned_codec_guides_and_stands_still() -> None:
    codec = load_codec("artfp-64")
    images = torch.zeros(2, 3, 32, 32, requires_grad=True)
    told = torch.stack([signs_of(key(0)), torch.zeros(64)])
    Reader(codec, 0.3)(images, told).sum().backward()
    assert images.grad is not None
    assert images.grad[0].abs().max() > 0
    assert not images.grad[1].any()  # an unmarked image teaches nothing
    assert isinstance(codec, LearnedCodec)
    assert all(weight.grad is None and not weight.requires_grad for weight in codec.decoder.parameters())


@pytest.mark.parametrize("family", KEYED)
@pytest.mark.parametrize("parts", [1, 2])
def test_a_guide_moves_the_generator(family: str, parts: int, dct: DctCodec) -> None:
    recipe = GanRecipe(family=family, batch=8, parts=parts, latent=8, generator_most=8, discriminator_most=8)
    batch = Batch(torch.rand(8, 3, 16, 16) * 2 - 1, torch.randn(8, 64).sign())
    moved = {}
    for weight in (None, 0.3):
        learner = new_learner(recipe, Shape(16, 64, 64), "cpu")
        learner.guide = None if weight is None else Reader(dct, weight)
        losses = [learner.learn(batch, step, step) for step in range(2)]
        assert ("key_loss" in losses[-1]) == (weight is not None)
        assert np.isfinite(list(losses[-1].values())).all()
        moved[weight] = torch.cat([weight.flatten() for weight in learner.networks()["generator"].parameters()])
    assert not torch.equal(moved[None], moved[0.3])


# The watch


def test_samples_are_read_for_fresh_keys_each_for_its_own(dct: DctCodec, keying: Keying) -> None:
    found = keying.watch(Obedient(dct, listens=True), 32, seed=6)
    assert (found.images, found.total_bits, found.single_at) == (32, 32 * 64, 1e-6)
    assert found.bit_accuracy > 0.95
    assert found.matching_images >= 30
    assert found.p < 1e-100
    assert found.log10_p == pytest.approx(np.log10(found.p))


def test_a_generator_that_does_not_listen_is_seen(dct: DctCodec, keying: Keying) -> None:
    """Fixed keys: each image carries its neighbour's, so half of the bits are right; no luck from run to run."""
    found = keying.watch(Obedient(dct, listens=False), 32, seed=6)
    assert abs(found.bit_accuracy - 0.5) < 0.05
    assert found.matching_images == 0
    assert found.p == pytest.approx(binom.sf(found.matching_bits - 1, 32 * 64, 0.5))
    assert found.p > 1e-3


# The whole training


def contents(out: Path) -> dict[str, bytes]:
    files = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    del files["timing.jsonl"]
    return files


def test_a_keyed_training_resumes_samples_and_folds(
    recipe: GanRecipe, marked: Path, keying: Keying, registry: Registry, dct: DctCodec, tmp_path: Path
) -> None:
    def stop(done: int, total: int, note: str) -> None:
        if done == 20 and "images/s" in note:
            raise StopError

    assert plan(recipe, marked, tmp_path / "straight", keying, twin=False).images == 10
    train(recipe, marked, tmp_path / "straight", keying)
    with pytest.raises(StopError):
        train(recipe, marked, tmp_path / "stopped", keying, stop)
    result = train(recipe, marked, tmp_path / "stopped", keying)
    assert contents(tmp_path / "stopped") == contents(tmp_path / "straight")
    assert result.transfer is not None
    assert (result.transfer.single_at, result.transfer.total_bits) == (1e-6, 8 * 64)
    rows = [json.loads(row) for row in (tmp_path / "stopped" / "stats.jsonl").read_text().splitlines()]
    assert all(0 < row["key_loss"] < 10 for row in rows if "g_loss" in row)

    generator = load_generator(tmp_path / "stopped")
    assert (generator.classes, generator.key_bits, generator.codec_sha256) == (0, 64, dct.sha256)
    registry.new("acme")
    bits = key_for(generator, registry, "acme", None)
    np.testing.assert_array_equal(bits, registry.pairs(dct.sha256, ["acme"]).bits(0))
    images = np.concatenate(list(sample(generator, 5, 1, keys=bits[None])))
    others = np.concatenate(list(sample(generator, 5, 1, keys=1 - bits[None])))
    assert not np.array_equal(images, others)

    save_generator(tmp_path / "issued.safetensors", generator.folded(bits), "dcgan", {})
    issued = load_generator(tmp_path / "issued.safetensors")
    assert (issued.conditions, issued.key_bits, issued.codec_sha256) == (0, 0, None)
    difference = np.concatenate(list(sample(issued, 5, 1))).astype(int) - images
    assert np.abs(difference).max() <= 1  # a pixel may lie where rounding turns


def test_classes_go_before_keys(recipe: GanRecipe, photos: Path, registry: Registry, dct: DctCodec) -> None:
    for index, path in enumerate(sorted(photos.glob("*.png"))):
        (photos / "ab"[index % 2]).mkdir(exist_ok=True)
        path.rename(photos / "ab"[index % 2] / path.name)
    registry.new("house")
    target = photos.parent / "classes"
    embed_dataset(EmbedSettings(photos, target, "house", key_per="image"), dct, registry)
    keying = keying_for(target, registry, None)
    train(replace(recipe, classes=True, images=8), target, photos.parent / "out", keying)
    generator = load_generator(photos.parent / "out")
    assert (generator.classes, generator.key_bits) == (2, 64)
    assert len(next(sample(generator, 3, 0, chosen=1))) == 3


def test_a_finished_keyed_training_is_not_exported(
    recipe: GanRecipe, marked: Path, keying: Keying, tmp_path: Path
) -> None:
    train(replace(recipe, images=8), marked, tmp_path / "out", keying)
    with pytest.raises(UsageError, match="folds one key into a copy"):
        export(tmp_path / "out", tmp_path / "new", "name")
    assert not (tmp_path / "new").exists()


def test_no_file_of_a_training_holds_a_key(
    recipe: GanRecipe, marked: Path, keying: Keying, registry: Registry, tmp_path: Path
) -> None:
    train(replace(recipe, images=8), marked, tmp_path / "out", keying)
    secret, text = registry.export("house")["secret"], b"".join(contents(tmp_path / "out").values())
    assert secret.encode() not in text
    assert bytes.fromhex(secret) not in text


# Folding


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("family", KEYED)
def test_a_folded_generator_is_a_plain_one_that_makes_one_keys_images(family: str, classes: int) -> None:
    recipe = GanRecipe(family=family, batch=4, latent=8, generator_width=4, generator_most=8, discriminator_most=8)
    keyed = new_learner(recipe, Shape(16, classes + 20, 20), "cpu").averaged
    plain = new_learner(recipe, Shape(16, classes), "cpu").averaged
    random = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for weight in keyed.parameters():  # beyond the zeros that networks begin with
            weight.add_(0.1 * torch.randn(weight.shape, generator=random))
        noise = torch.randn(4, *keyed.noise_shape, generator=random)
        told = torch.eye(classes)[[0, 1, 2, 0]] if classes else torch.zeros(4, 0)
        bits = key(9, 20)
        folded = keyed.folded(bits)
        whole = [keyed(noise, torch.cat([told, signs_of(row).expand(4, -1)], dim=1)) for row in (bits, key(10, 20))]
        made = folded(noise, told if classes else None)
    assert folded.shape == plain.shape
    layout = {name: tensor.shape for name, tensor in plain.state_dict().items()}
    assert {name: tensor.shape for name, tensor in folded.state_dict().items()} == layout
    scale = float(whole[0].abs().max())
    torch.testing.assert_close(made, whole[0], atol=1e-4 * scale, rtol=1e-4)
    assert float((whole[1] - whole[0]).abs().max()) > 1e-2 * scale


def test_those_that_can_be_told_a_key_are_those_that_can_fold_it() -> None:
    """So none of them is left out of the tests above."""
    assert [name for name, family in FAMILIES.items() if family.generator.fold is not Generator.fold] == KEYED


def test_only_a_key_of_its_length_is_folded() -> None:
    with pytest.raises(ArtfpError, match="a generator of 64 key bits; nothing to fold 20 bits into"):
        DcganGenerator(16, 8, 4, 8, conditions=64, key_bits=64).folded(key(0, 20))
    with pytest.raises(ArtfpError, match="a generator of 0 key bits"):
        DcganGenerator(16, 8, 4, 8, conditions=64).folded(key(0))


# What does not go together


def test_what_is_missing_is_said(
    recipe: GanRecipe, photos: Path, marked: Path, keying: Keying, registry: Registry, dct: DctCodec, tmp_path: Path
) -> None:
    def refused(words: str, work: Callable[[], object]) -> None:
        with pytest.raises(UsageError, match=words):
            work()

    out = tmp_path / "out"
    refused("--key-per image", lambda: keying_for(photos, registry, None))
    refused("no key registry", lambda: keying_for(marked, None, None))
    refused("marked with the codec dct; artfp-64 writes other bits", lambda: keying_for(marked, registry, "artfp-64"))
    refused("--key-per image", lambda: train(recipe, marked, out))
    refused("--key-per image", lambda: train(recipe, marked, out, Monitor(dct, key(0), "0" * 16)))
    refused("keyed: r3gan cannot be told a key", lambda: train(replace(recipe, family="r3gan"), marked, out, keying))
    refused("goes with keyed = true", lambda: train(replace(recipe, keyed=None), marked, out))
    refused("every image has bits of its own", lambda: monitor_for(marked, registry, None, None))
    with Registry(tmp_path / "another.sqlite") as another:
        refused("is not in the registry", lambda: keying_for(marked, another, None))
    plain = DcganGenerator(16, 8, 4, 8)
    refused("this generator is not keyed", lambda: key_for(plain, registry, "house", None))
    keyed = DcganGenerator(16, 8, 4, 8, conditions=64, key_bits=64)
    keyed.codec_sha256 = "f" * 64
    refused("codec 'ffffffffffff' is not here", lambda: key_for(keyed, registry, "house", None))
    refused("follows keys of the codec ffffffffffff, not of dct", lambda: key_for(keyed, registry, "house", "dct"))
    (marked / MANIFEST_ROWS).unlink()
    with pytest.raises(BadInputError, match="holds no seeds"):
        keying_for(marked, registry, None)
    assert (marked / MANIFEST).exists()
    assert not (out / "recipe.json").exists()
