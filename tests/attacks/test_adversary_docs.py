"""The guide tells of the adversaries that there are, in their own words."""

from __future__ import annotations

from pathlib import Path

import pytest

from artfp.attacks.adversary import Adversary
from artfp.attacks.registry import ADVERSARIES

PAGE = (Path(__file__).parents[2] / "docs" / "adversaries.md").read_text()


def rows() -> dict[str, list[str]]:
    """By name, the cells of the table's rows."""
    lines = [line.strip("|").split("|") for line in PAGE.splitlines() if line.startswith("| `")]
    return {cells[0].strip(" `"): [cell.strip() for cell in cells[1:]] for cells in lines}


def test_the_table_has_all_adversaries_in_their_order() -> None:
    assert list(rows()) == list(ADVERSARIES)


@pytest.mark.parametrize("adversary", ADVERSARIES.values(), ids=lambda adversary: adversary.name)
def test_a_row_says_what_the_code_says(adversary: Adversary) -> None:
    aim, what, unit, strengths, knows, costs = rows()[adversary.name]
    assert aim == adversary.aim
    assert what
    assert unit == adversary.unit
    assert strengths == ", ".join(f"{strength:,.10g}" for strength in adversary.strengths)
    assert (knows, costs) == (adversary.knows, adversary.costs)
