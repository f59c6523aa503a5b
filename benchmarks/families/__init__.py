"""All families of generators on marked data, each beside its clean twin: one JSON row for each (recipe, seed).

    python -m benchmarks.families DATA_FOLDER [--only ROW ...] [--list] [--table] [--brief]

grid.py    every row, as data           row.py      a row from data to JSON
tables.py  rows in, Markdown out        measuring/  beside this package: what other benchmarks need too

DATA_FOLDER holds the zips that measuring/data.py names. Rows lie in benchmarks/results/families and are committed as
they come; a row that is there is not made again, and one that was interrupted goes on. Keys are drawn from the
operating system, one for each data, into runs/families/keys.sqlite. Two processes may work at once on different rows.
"""
