"""Hostile inputs for every entrance of artfp, and what it says to them: the table of `docs/hostile.md`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # the suite's own builders, which pytest finds by itself
