"""Recipients who put their copies together: whom what they publish still names.

Their copies differ only where the key lies, so an average of weights is the copy of an average key: bits on which all
agree are written as before, the others hardly or by the majority. Each key has a score of its own, in the manner of
Tardos codes; a coalition escapes when all of its scores do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from artfp.seeds import derive_seed, numpy_generator
from benchmarks.keyed.copies import Mint, combined, mean_image
from benchmarks.keyed.grid import IMAGES, Attack, Collusion
from benchmarks.keyed.job import Job
from benchmarks.keyed.registered import candidates_of
from benchmarks.keyed.tracing import Candidates, Traced, tally, traced
from benchmarks.measuring.images import Pixels
from benchmarks.measuring.reading import evidence_of


def measured(job: Job, numbers: Collusion) -> dict[str, Any]:
    """Every attack; each is kept when it is done."""
    mint, candidates = Mint(job.generator()), candidates_of(job, numbers)
    shared = numbers.to_dict() | {"attacks": None}

    def kept(attack: Attack) -> list[dict[str, Any]]:
        settings, name = shared | attack.to_dict(), f"collusion-{attack.strategy}-{attack.colluders}".replace(" ", "-")
        return job.kept(name, settings, lambda: attacked(job, mint, candidates, attack, numbers.alpha))

    return {"alpha": numbers.alpha, "attacks": [found for attack in numbers.attacks for found in kept(attack)]}


def attacked(job: Job, mint: Mint, candidates: Candidates, attack: Attack, alpha: float) -> list[dict[str, Any]]:
    """What all groups' images name, for each number of images read."""
    owners = groups_of(candidates.issued, attack, job.row.name)
    found: dict[int, list[Traced]] = {count: [] for count in attack.images}
    tell = job.tell(f"{attack.strategy} of {attack.colluders}")
    for number, pixels in enumerate(_published(job, mint, candidates, attack, owners)):
        soft = job.soft([pixels])
        for count, folders in found.items():
            folders.append(traced(evidence_of(candidates.n_bits, [soft[:count]]), candidates, alpha))
        tell(number + 1, attack.groups, "groups")
    return [
        {"strategy": attack.strategy, "colluders": attack.colluders}
        | tally(folders, owners, candidates)
        | {"agreed": agreed(folders, owners, candidates)}
        for folders in found.values()
    ]


def groups_of(issued: int, attack: Attack, name: str) -> list[list[int]]:
    """Who colludes with whom; nobody with himself."""
    random = numpy_generator("keyed-collusion", name, attack.colluders)
    return [random.choice(issued, attack.colluders, replace=False).tolist() for _ in range(attack.groups)]


def _published(
    job: Job, mint: Mint, candidates: Candidates, attack: Attack, owners: Sequence[Sequence[int]]
) -> Iterator[Pixels]:
    """The images of every group, of noise of its own."""
    most, keys = max(attack.images), candidates.bits
    for number, group in enumerate(owners):
        copies, place = [mint.copy(keys[row]) for row in group], (most, job.row.seed, number * most)
        if attack.strategy == IMAGES:
            yield mean_image([mint.images(copy, *place) for copy in copies])
        else:
            seed = derive_seed("keyed-collusion", job.row.name, attack.strategy, number)
            yield mint.images(combined(copies, attack.strategy, seed), *place)


def agreed(found: Sequence[Traced], owners: Sequence[Sequence[int]], candidates: Candidates) -> dict[str, int]:
    """How the folders' mean soft bits read those bits on which all colluders' keys agree."""
    right = total = 0
    for folder, group in zip(found, owners, strict=True):
        keys = candidates.bits[group]
        same = (keys == keys[0]).all(axis=0)
        right += int(((folder.evidence.soft_sum > 0) == keys[0])[same].sum())
        total += int(same.sum())
    return {"matching_bits": right, "total_bits": total}
