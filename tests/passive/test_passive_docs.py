"""docs/passive.md says what there is."""

from __future__ import annotations

from pathlib import Path

from passives import NAMES, SIZE
from torch import nn

from artfp.passive import base, dct_linear
from artfp.passive.base import Course
from artfp.passive.classes import Examples, Lessons
from artfp.passive.registry import SYSTEMS

GUIDE = (Path(__file__).parents[2] / "docs" / "passive.md").read_text()


def test_every_system_has_a_row_of_what_it_does_and_one_of_its_presets() -> None:
    rows = [line.split("|")[1].strip() for line in GUIDE.splitlines() if line.startswith("| `")]
    assert all(rows.count(f"`{name}`") == 2 for name in SYSTEMS)


def test_the_system_that_the_guide_writes_learns(lessons: Lessons, strangers: Examples) -> None:
    known = {**vars(dct_linear), **vars(base), "PlainSettings": dct_linear.DctSettings}
    exec(GUIDE.split("```python\n")[1].split("```")[0], known)

    class Whole(known["Plain"]):
        def build(self) -> nn.Module:
            return nn.Sequential(nn.Flatten(), nn.Linear(3 * SIZE**2, len(self.classes)))

    system = Whole(dct_linear.DctSettings(steps=150), NAMES, SIZE)
    system.fit(lessons, Course(0))
    assert (system.scores_of(strangers.pixels).argmax(axis=1) == strangers.labels).mean() > 0.6
