"""A generator for other people's programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from artfp.artefacts import read_list
from artfp.cli.main import artfp
from artfp.errors import UsageError
from artfp.files import sha256_file
from artfp.generators.base import Shape
from artfp.generators.export import _of_data, export, model_card, program_of
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
        "artefacts.json",
        "generator.safetensors",
        "model.pt2",
    ]
    listed = read_list(tmp_path / "out")
    assert listed is not None
    assert listed["made_from"] == {"generator": sha256_file(tmp_path / "run" / "generator.safetensors")}
    assert len(listed["files"]) == 3
    images = torch.export.load(tmp_path / "out" / "model.pt2").module()(torch.randn(3, 8))
    assert images.shape == (3, 3, 16, 16)
    again = CliRunner().invoke(artfp, ["export", str(tmp_path / "run"), str(tmp_path / "out")])
    assert (again.exit_code, "choose a new folder" in again.stderr) == (2, True)


def test_a_training_that_is_not_finished_is_refused(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no generator"):
        export(photos, tmp_path / "out", "x")


def test_the_card_says_that_there_is_a_fingerprint_and_none_of_its_bits() -> None:
    fingerprint = {
        "codec_sha256": "ef",
        "key_id": "k1",
        "transfer": {"bit_accuracy": 0.987, "images": 128, "p": 1e-19},
    }
    facts = {
        "name": "tulips",
        "family": "dcgan",
        "images_shown": 5000,
        "trained": {"recipe": {"data": "cd" * 32, "seed": 3}},
        "fingerprint": fingerprint,
        "generator": {"size": 64, "conditions": 0},
        "noise": [8],
        "reads_images": False,
        "parameters": 1234,
        "sha256": "ab" * 32,
        "program_sha256": "01",
        "artfp": "0.1",
    }
    card = model_card(facts)
    assert card.startswith("---\nlibrary_name: artfp\n")
    assert "trained on 5,000 shown images" in card
    assert "98.7 % of the bits were read in 128 images" in card
    assert "key: id `k1`; its bits are not published" in card
    assert "The images that this model makes carry it, too." in card
    assert "a model trained on them, and nothing about who marked them" in card
    assert "| seed | 3 |" in card
    fingerprint["transfer"]["p"] = 0.7  # type: ignore[index]
    assert "It was not found in images of this model." in model_card(facts)
    unwatched = model_card({**facts, "fingerprint": {"transfer": None}})
    assert "Images of this model have not been read for it." in unwatched
    assert "key: id" not in unwatched
    assert "- fingerprinted-training-data\n" in card
    assert "- fingerprinted-training-data\n" in unwatched
    without = model_card({**facts, "fingerprint": None})
    assert "No fingerprint is known" in without
    assert "- fingerprinted-training-data" not in without
    assert "model.pt2" not in model_card({**facts, "program_sha256": None})
    for text, mark, detector in (
        (card, "yes, found in images of this model", "has to make it available (`artfp serve`)"),
        (unwatched, "not looked for in images of this model", "`artfp serve`"),
        (without, "none that is known", "| none |"),
    ):
        marking = text.partition("## Marking of what it generates\n")[2].partition("\n## ")[0]
        assert "Article 50(2) of the EU AI Act" in marking
        assert f"| a mark in the pixels | {mark} |" in marking
        assert detector in marking
        assert "No layer is compliance by itself" in marking
    assert "follows no interoperable standard" not in without


def test_the_card_of_a_training_says_what_it_knows(tiny: GanRecipe, photos: Path, tmp_path: Path) -> None:
    train(tiny, photos, tmp_path / "run")
    facts = export(tmp_path / "run", tmp_path / "out", "tulips")
    card, trained = (tmp_path / "out" / "README.md").read_text(), facts["trained"]
    assert "No fingerprint is known" in card
    assert facts["parameters"] == trained["parameters"]["generator"]
    for words in (trained["sha256"], trained["recipe"]["data"], f"parameters | {facts['parameters']:,}"):
        assert words in card


@pytest.mark.parametrize(
    ("manifest", "twin", "p", "known"),
    [
        ("ab", False, None, True),  # marked, and nobody watched
        ("ab", False, 0.3, True),
        ("ab", True, 0.3, False),
        (None, False, None, False),
        (None, False, 0.3, False),
        (None, False, 1e-9, True),  # marked data whose manifest was lost on the way
    ],
)
def test_a_fingerprint_is_known_from_the_data_or_from_the_images(
    manifest: str | None, twin: bool, p: float | None, known: bool
) -> None:
    transfer = None if p is None else {"p": p}
    recipe = {"manifest": manifest, "twin": twin, "monitor": None if p is None else {"key_id": "k1"}}
    assert (_of_data({"recipe": recipe, "transfer": transfer}) is not None) == known
