"""A keyed generator from its training to what its recipients can do to their copies: one JSON for each (row, study).

    python -m benchmarks.keyed DATA_FOLDER [--only ROW ...] [--study STUDY ...] [--list] [--table] [--brief]

keys       1,000 freshly issued keys: bits read, who is traced from a folder and from one image, who is named falsely
issuing    seconds of a copy, folded and issued; its size, its parameters and its speed beside a plain generator's
content    the same noise under two keys, beside different noise under one key
collusion  copies or images of several recipients put together: whom the score of each key still names
leak       what copies tell of where keys lie: other points there, forged keys, a key's place overwritten
finetune   a copy trained on with clean images, or pruned
quality    distances to held-out images, beside a plain generator of one key and a clean twin, trained alike

grid.py     rows, and what each study looks at, as data  job.py         a row at work: its data, its trainings
row.py      a study of a row as JSON                     registered.py  the keys that images are traced among
tracing.py  whom images name                             looking.py     altered copies: whom they name, how good
copies.py   copies, and what is put together of them     spans.py       points in the span of several copies
tables.py   a table for each study                       briefs.py      means over seeds, for the README
keys.py, issuing.py ... quality.py: the studies          measuring/     beside this package, shared with others

DATA_FOLDER holds the zips that measuring/data.py names. Trainings lie in runs/keyed, what is measured in
benchmarks/results/keyed; what is there is not made again, and what was interrupted goes on. Several processes may work
at once: on different rows, and on different studies of a row. Keys are drawn from the operating system: of the marked
data into runs/keyed/keys.sqlite, of recipients into each row's own registry.
"""
