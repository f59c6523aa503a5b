"""Grids and documentation tell of the perturbations that are registered, and of nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from torch import nn

from artfp.perturb.base import Graded
from artfp.perturb.grids import IMAGES, SUITES, WEIGHTS
from artfp.perturb.image import PERTURBATIONS
from artfp.perturb.weights import WEIGHTS as WEIGHT_PERTURBATIONS
from artfp.perturb.weights import Soup

PAGE = (Path(__file__).parents[2] / "docs" / "perturbations.md").read_text()
KINDS: dict[str, Graded] = {**PERTURBATIONS, **WEIGHT_PERTURBATIONS, Soup.name: Soup(nn.Linear(1, 1))}
QUICK = SUITES["quick"]


def rows() -> dict[str, list[str]]:
    """By name, the cells of the tables' rows."""
    lines = [line.strip("|").split("|") for line in PAGE.splitlines() if line.startswith("| `")]
    return {cells[0].strip(" `"): [cell.strip() for cell in cells[1:]] for cells in lines}


def told(name: str, strength: float) -> str:
    chosen = strength in {**QUICK.images, **QUICK.weights}.get(name, ())
    text = f"{strength:.3g}"
    return f"**{text}**" if chosen else text


def test_the_tables_have_all_that_grids_have_in_their_order() -> None:
    assert list(rows()) == [*IMAGES, *WEIGHTS]
    assert set(KINDS) - set(rows()) == {"realigned"}
    assert "`realigned`" in PAGE
    assert re.search(rf"{len(IMAGES)} perturbations of images and seven of weights", PAGE)
    assert len(WEIGHTS) == 7


@pytest.mark.parametrize("name", [*IMAGES, *WEIGHTS])
def test_a_row_says_what_the_code_does(name: str) -> None:
    kind, (what, unit, identity, strengths, who) = KINDS[name], rows()[name]
    assert unit == kind.unit
    assert identity == (f"{kind.mildest:g}" if kind.exact_identity else "never")
    assert strengths == ", ".join(told(name, strength) for strength in {**IMAGES, **WEIGHTS}[name])
    assert what
    assert who


def test_quick_is_eight_of_images_and_four_of_weights_at_two_strengths_each() -> None:
    assert (len(QUICK.images), len(QUICK.weights)) == (8, 4)
    for some, grid in ((QUICK.images, IMAGES), (QUICK.weights, WEIGHTS)):
        for name, strengths in some.items():
            assert len(strengths) == 2
            assert [strength for strength in grid[name] if strength in strengths] == list(strengths)


def test_standard_is_every_grid() -> None:
    assert (SUITES["standard"].images, SUITES["standard"].weights) == (IMAGES, WEIGHTS)


def test_grids_load_no_torch() -> None:
    probe = "import sys; import artfp.perturb.grids; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0
