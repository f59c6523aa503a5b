"""What a copy costs to make, and whether it is in anything but its numbers another network than a plain one."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from artfp.checkpoints import load_tensors
from artfp.generators.base import Generator, Shape
from artfp.generators.families import new_learner
from artfp.generators.folder import FILE
from artfp.generators.issue import Request, issue
from artfp.generators.sampling import BATCH, KIND, fresh_keys, load_generator, noise, save_generator
from artfp.keys.ledger import Ledger
from artfp.keys.registry import Registry
from benchmarks.keyed.grid import Issuing
from benchmarks.keyed.job import Job
from benchmarks.keyed.registered import recipient
from benchmarks.measuring.codecs import codec_file

Clock = Callable[[], float]
CLOCKS: Mapping[str, Clock] = {"seconds": time.perf_counter, "processor_seconds": time.process_time}


def measured(job: Job, numbers: Issuing) -> dict[str, Any]:
    """Copies for random keys, beside a plain generator of the recipe that was not trained."""
    generator, family = job.generator(), job.recipe.family
    with tempfile.TemporaryDirectory(dir=job.folder) as folder:
        issued, plain = Path(folder) / "issued.safetensors", Path(folder) / "plain.safetensors"
        keys = fresh_keys(generator.key_bits, job.row.seed, range(numbers.copies))
        took = [clocked(lambda bits=bits: save_generator(issued, generator.folded(bits), family, {})) for bits in keys]
        save_generator(plain, new_learner(job.unkeyed, Shape(job.side), "cpu").averaged, family, {})
        layouts = [_layout(path) for path in (issued, plain)]
        speeds = interleaved(*(load_generator(path).to(job.bench.device) for path in (issued, plain)), numbers)
        return {
            "fold_and_write": _typical(took),
            "issue": _as_commanded(job, numbers, Path(folder)),
            "same_layout": layouts[0] == layouts[1],
            "issued": {"bytes": issued.stat().st_size, "parameters": _parameters(load_generator(issued))},
            "plain": {"bytes": plain.stat().st_size, "parameters": _parameters(load_generator(plain))},
            "keyed": {"bytes": (job.keyed() / FILE).stat().st_size, "parameters": _parameters(generator)},
            "sampling": speeds,
        }


def _as_commanded(job: Job, numbers: Issuing, folder: Path) -> dict[str, Any]:
    """What `artfp issue --check 0` takes: the first copy, with all that is done once, and each further one."""
    folders = {recipient(row): folder / recipient(row) for row in range(numbers.copies)}
    request = Request(job.keyed(), folders, codec_file(job.row.codec), samples=0)
    with Registry(folder / "keys.sqlite") as registry, Ledger(folder / "ledger.sqlite") as ledger:
        copies = issue(request, registry, ledger, job.bench.device, lambda *_: None)
        first, *further = [clocked(lambda: next(copies)) for _ in folders]
    return {"first": first, "further": _typical(further)}


def _typical(took: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {clock: median(each[clock] for each in took) for clock in CLOCKS}


def clocked(work: Callable[[], object]) -> dict[str, float]:
    """What each clock says of the work."""
    started = {name: clock() for name, clock in CLOCKS.items()}
    work()
    return {name: clock() - started[name] for name, clock in CLOCKS.items()}


def interleaved(issued: Generator, plain: Generator, numbers: Issuing) -> dict[str, Any]:
    """Images of both in turn, and the median ratio of what one takes to what the other does right after it."""
    given = noise(plain, 0, range(BATCH)).to(next(plain.parameters()).device)
    took = [
        [clocked(lambda network=network: _paint(network, given, numbers)) for network in (issued, plain)]
        for _ in range(numbers.rounds)
    ]
    return {
        "rounds": numbers.rounds,
        "images": numbers.images,
        "issued": _typical([one for one, _ in took]),
        "plain": _typical([other for _, other in took]),
        "ratio": {clock: median(one[clock] / max(other[clock], 1e-9) for one, other in took) for clock in CLOCKS},
    }


@torch.no_grad()
def _paint(network: Generator, given: Tensor, numbers: Issuing) -> None:
    for _ in range(0, numbers.images, BATCH):
        network.generate(given)


def _layout(path: Path) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in load_tensors(path, KIND)[0].items()}


def _parameters(network: Generator) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
