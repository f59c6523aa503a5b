"""How fast artfp is, each figure a ratio against a reference that is measured in the same run.

    python -m benchmarks.speed [--only embed-64 ...] [--workers N] [--ray-images N] [--json FILE] [--list]

figures.py    what is measured, against what, and what is to be reached; the table
material.py   painted files to work on             bare.py   what Pillow alone takes for the same files
embedding.py  clusters.py  verifying.py  training.py  resuming.py  growing.py   the figures

Rates are those beyond the start: the seconds that so many more images take, so that neither the start of processes nor
what is done once for a dataset counts. Times are taken in turns and the median counts. Run it on a machine that has
nothing else to do; `make bench` does.
"""
