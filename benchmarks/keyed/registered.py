"""The keys that images are traced among: recipients', from a registry of the row's own, and others'."""

from __future__ import annotations

import numpy as np

from artfp.keys.fingerprint import pack
from artfp.keys.registry import Registry
from artfp.seeds import numpy_generator
from benchmarks.keyed.grid import Registered
from benchmarks.keyed.job import Job
from benchmarks.keyed.tracing import Candidates
from benchmarks.measuring.preparing import in_turn

FILE = "recipients.sqlite"


def candidates_of(job: Job, numbers: Registered) -> Candidates:
    """Recipients' keys, drawn now or by an earlier run after the training, and uniformly random ones that fill up."""
    names, n_bits = [recipient(row) for row in range(numbers.issued)], job.codec.n_bits
    with in_turn(job.folder, job.tell("recipients")), Registry(job.folder / FILE) as registry:
        known = set(registry.names())
        registry.new_many([name for name in names if name not in known])
        issued = np.stack([pair.bits for pair in registry.pair_many(names, job.codec.facts())])
    random = numpy_generator("keyed-registered", job.row.name)  # for measuring, so from a seed
    others = random.integers(0, 2, (numbers.registered - numbers.issued, n_bits), np.uint8)
    return Candidates(np.concatenate([pack(issued), pack(others)]), numbers.issued, n_bits)


def recipient(row: int) -> str:
    """The name of a recipient's key."""
    return f"recipient-{row:04}"
