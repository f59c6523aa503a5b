"""What the tests of passive systems learn and are asked."""

from __future__ import annotations

import pytest
from passives import NAMES, patterned

from artfp.passive.classes import Examples, Lessons


@pytest.fixture(scope="session")
def lessons() -> Lessons:
    return Lessons(NAMES, patterned(64, seed=1), patterned(8, seed=2))


@pytest.fixture(scope="session")
def strangers() -> Examples:
    """Images of the classes that no lesson holds."""
    return patterned(12, seed=3)
