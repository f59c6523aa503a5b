"""`python -m tests.hostile` runs every case and writes the table into `docs/hostile.md`."""

import os

from .table import PAGE, rewritten, table

os.environ["ARTFP_REGISTRY"] = "keys.sqlite"
PAGE.write_text(rewritten(PAGE.read_text(), list(table())))
