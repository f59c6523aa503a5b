"""Coverage-guided fuzzing of everything that reads a stranger's file: `python -m tests.fuzz TARGET --seconds 600`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # the suite's own builders, which pytest finds by itself
