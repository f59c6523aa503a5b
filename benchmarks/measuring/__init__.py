"""What benchmarks of trained generators share: marking at a PSNR, reading images, distances, rows and tables.

images.py   images of a side, packed zips       marking.py  the strength that hits a PSNR, and the embedding
reading.py  images in, counts and verdicts out  training.py what a training's folder tells afterwards
rows.py     the rows on the disk                tables.py   Markdown
progress.py signs of progress                   codecs.py   a codec by its name
machine.py  what must be set before torch
"""
