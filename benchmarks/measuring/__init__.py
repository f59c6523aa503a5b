"""What benchmarks of trained generators share: data, marking at a PSNR, reading images, distances, rows and tables.

data.py      the zips, as data                   preparing.py data split, sketched, marked: once for all rows of them
images.py    images of a side, packed zips       marking.py   the strength that hits a PSNR, and the embedding
reading.py   images in, counts and verdicts out  distances.py Fréchet and kernel distances with intervals
training.py  what a training's folder tells      bench.py     what every row of a benchmark needs
rows.py      the rows on the disk                tables.py    Markdown
progress.py  signs of progress                   codecs.py    a codec by its name
machine.py   what must be set before torch       sketches.py  lines for the family that translates
"""
