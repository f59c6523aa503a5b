"""How much `artfp serve` does beside bare `verify`, what it says when it is asked ten times as much, and its memory.

    python -m benchmarks.serving [--codec artfp-64] [--images 256] [--seconds 8] [--json runs/serving.json]

Three processes: this one, which judges the same files with `verify` and its codec loaded, as fast as it can; the server
with its worker; and the load (benchmarks/serving/load.py), a client of its own. They take turns, several rounds of
them, of which the median counts. Half of the images are marked; for the others the decoder searches for cuts and turns.
Every request is a connection of its own. Under overload requests come at their times, whatever became of those before,
ten times as many as were answered, from 16 addresses of this machine. Nothing but 200, 429 and 503 (with Retry-After)
is a clean answer. Memory is the proportional set size of the server and its worker: by the end of the first round they
have done all that they ever do, so it should be the same after the last. Three minutes on two cores.
"""
