"""How well a fingerprint in training data transfers through a GAN: one measured point at a time, one JSON row each.

    python -m benchmarks.curves FLOWERS.zip CIFAR.zip [--only psnr ...] [--list] [--table] [--figures]

grid.py     every point, as data            images.py  the data of a point, and how they are stored
point.py    a point from data to row        tables.py  figures.py   rows in, Markdown and SVG out
measuring/  beside this package: marking at a PSNR, reading images, what other benchmarks need too

Rows lie in benchmarks/results/curves and are committed as they come; a point that has one is not run again, and one
that was interrupted goes on. Keys are drawn from the operating system, one a point, into runs/curves/keys.sqlite.
"""
