"""A generator for other people's programs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from artfp.cli.main import artfp
from artfp.errors import UsageError
from artfp.generators.base import Shape
from artfp.generators.export import export, model_card, program_of
from artfp.generators.families import FAMILIES, new_learner
from artfp.generators.settings import GanRecipe
from artfp.generators.training import train


@pytest.mark.parametrize("family", FAMILIES)
def test_the_program_makes_the_images_of_the_generator_for_any_number_of_rows(family: str) -> None:
    """Float tolerance: the program's kernels may add in another order."""
    recipe = GanRecipe(family=family, source=Path("x"), batch=4, latent=8, generator_most=8, discriminator_most=8)
    generator = new_learner(recipe, Shape(16, 2), "cpu").averaged.eval()
    program = program_of(generator).module()
    for rows in (1, 5):
        noise = torch.randn(rows, *generator.noise_shape)
        told = (torch.eye(2)[[0] * rows],) if generator.conditions else ()
        with torch.no_grad():
            torch.testing.assert_close(program(noise, *told), generator.generate(noise, *told), rtol=1e-3, atol=1e-3)


def test_the_command_writes_what_another_program_needs(tiny: GanRecipe, photos: Path, tmp_path: Path) -> None:
    train(tiny, photos, tmp_path / "run")
    made = CliRunner().invoke(
        artfp, ["export", str(tmp_path / "run"), str(tmp_path / "out"), "--name", "tulips", "--json"]
    )
    assert made.exit_code == 0, made.stderr
    assert json.loads(made.stdout)["name"] == "tulips"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "README.md",
        "generator.safetensors",
        "model.pt2",
    ]
    images = torch.export.load(tmp_path / "out" / "model.pt2").module()(torch.randn(3, 8))
    assert images.shape == (3, 3, 16, 16)
    again = CliRunner().invoke(artfp, ["export", str(tmp_path / "run"), str(tmp_path / "out")])
    assert (again.exit_code, "choose a new folder" in again.stderr) == (2, True)


def test_a_training_that_is_not_finished_is_refused(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no generator"):
        export(photos, tmp_path / "out", "x")


def test_the_card_says_that_there_is_a_fingerprint_and_none_of_its_bits(tiny: GanRecipe) -> None:
    trained = {
        "sha256": "ab" * 32,
        "images_shown": 5000,
        "parameters": {"generator": 12},
        "recipe": {
            **vars(replace(tiny)),
            "data": "cd" * 32,
            "manifest": "12",
            "twin": False,
            "monitor": {"codec_sha256": "ef", "key_id": "k1"},
        },
        "transfer": {"bit_accuracy": 0.987, "images": 128, "p": 1e-19},
    }
    facts = {"name": "tulips", "trained": trained, "generator": {"size": 64, "conditions": 0}, "noise": [8]}
    card = model_card({**facts, "reads_images": False, "program_sha256": "01", "artfp": "0.1"})
    assert card.startswith("---\nlibrary_name: artfp\n")
    assert "98.7 % of the bits were read in 128 images" in card
    assert "key: id `k1`; its bits are not published" in card
    assert "The images that this model makes carry it, too." in card
    trained["transfer"]["p"] = 0.7
    unread = model_card({**facts, "reads_images": False, "program_sha256": "01", "artfp": "0.1"})
    assert "It was not found in images of this model." in unread
    trained["recipe"]["manifest"] = None
    assert "No fingerprint is known" in model_card(
        {**facts, "reads_images": False, "program_sha256": "01", "artfp": "0.1"}
    )
