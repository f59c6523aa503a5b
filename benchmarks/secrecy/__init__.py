"""Who tells marked photographs from clean ones: `artfp secrecy` for each pair of publisher and attacker that matters.

    python -m benchmarks.secrecy DATA_FOLDER [--only shipped ...] [--private MINE] [--another ANOTHER] [--threads N]
    python -m benchmarks.secrecy --table

questions.py   who marks, who attacks with what      studying.py   a study from DATA_FOLDER/flowers64.zip to its rows
tables.py      what the rows say

Flowers at 64 px, split and marked as for the benchmark of families, at 38 dB. MINE and ANOTHER are private codecs made
from artfp-64 (`artfp codec train --from artfp-64 --private`); studies of one that is not given are left out. What
`artfp secrecy` writes of a study is copied to benchmarks/results/secrecy/STUDY; one that is there is not made again.
"""
