"""The README's table of sweeps: the paper beside what was measured, and a star where a target is missed."""

from __future__ import annotations

from pathlib import Path

import pytest
from sweeps import read, row, write_sweep

from artfp.perturb.grids import SUITES
from artfp.report.sweep_folder import read_sweep
from artfp.robustness import ADVERSARY, GENERATED, IMAGE, UNTOUCHED, WEIGHTS, Damage
from benchmarks.headline import LINES, adversaries, table

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results" / "robustness"
SHIPPED = (
    "dcgan-cpu-flowers-38db-seed0",
    "dcgan-cpu-flowers-34db-seed0",
    "dcgan-128-cpu-large-flowers-38db-seed0-artfp-128",
    "quickstart",
)


def test_every_line_is_a_row_of_the_standard_suite() -> None:
    suite = SUITES["standard"]
    for line in LINES:
        grid = suite.images if line.kind == IMAGE else suite.weights
        assert line.attack == UNTOUCHED or line.strength in grid[line.attack], line


def test_the_readme_has_the_table_of_the_sweeps_that_are_shipped() -> None:
    """Printed by `python -m benchmarks.headline` of them, in this order."""
    lines = table([read_sweep(RESULTS / name) for name in SHIPPED]).splitlines()
    readme = (RESULTS.parents[2] / "README.md").read_text().splitlines()
    assert [line for line in lines[1:] if line not in readme] == []
    assert sorted(SHIPPED) == sorted(path.name for path in RESULTS.iterdir())


def test_adversaries_are_a_line_for_each_strength(tmp_path: Path) -> None:
    tried = row(ADVERSARY, "averaging", 1000, GENERATED, read(0.5), damage=Damage(30.04, 0.1, 38_210.8))
    failed = row(ADVERSARY, "collusion", 0.5, GENERATED, None, failure="there is no generator")
    lines = adversaries(read_sweep(write_sweep(tmp_path, [tried, failed]))).splitlines()[2:]
    (line,) = lines
    assert line.startswith("| averaging | 1,000 ")
    assert line.endswith(" | 30.0 | 38,211 |")


def test_what_misses_its_target_has_a_star_and_what_was_not_measured_a_dash(tmp_path: Path) -> None:
    rows = [row(IMAGE, "jpeg", 80, "generated", read(0.9)), row(IMAGE, "jpeg", 50, "generated", read(0.89))]
    found = table([read_sweep(write_sweep(tmp_path, rows, name="mine"))]).splitlines()
    assert found[0] == "| after | paper | target | mine |"
    assert next(line for line in found if "JPEG 80" in line).startswith("| JPEG 80 | .856 | .95 | 90.6 %* (")
    assert next(line for line in found if "JPEG 50" in line).startswith("| JPEG 50 | .758 | .88 | 89.0 % (")
    assert next(line for line in found if "pruned" in line) == "| weights: half of them pruned |  | .9 | — |"


@pytest.mark.parametrize(("distance", "star"), [(0.59, "*"), (0.6, ""), (None, "*")])
def test_a_generator_that_is_of_no_use_any_more_misses_no_target(
    tmp_path: Path, distance: float | None, star: str
) -> None:
    unharmed = row(IMAGE, UNTOUCHED, 0, GENERATED, read(0.96), damage=Damage(None, 0.0, 0.3))
    pruned = row(WEIGHTS, "prune", 0.5, GENERATED, read(0.75), damage=Damage(20.0, 0.1, distance))
    found = table([read_sweep(write_sweep(tmp_path, [unharmed, pruned]))]).splitlines()
    assert f"| 75.0 %{star} (" in next(line for line in found if "pruned" in line)
