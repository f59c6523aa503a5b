"""A study of a row as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from artfp.codec.base import Codec
from artfp.files import working_alone
from benchmarks.keyed import collusion, content, finetune, issuing, keys, leak, quality
from benchmarks.keyed.grid import Row, settings_of
from benchmarks.keyed.job import Bench, Job, job_of
from benchmarks.measuring.training import made_with

MEASURED: Mapping[str, Callable[[Job, Any], dict[str, Any]]] = {
    "keys": keys.measured,
    "issuing": issuing.measured,
    "content": content.measured,
    "collusion": collusion.measured,
    "leak": leak.measured,
    "finetune": finetune.measured,
    "quality": quality.measured,
}


def part_of(row: Row, study: str, codec: Codec, bench: Bench) -> dict[str, Any]:
    """Carry out a study of a row, or go on with it; other processes may be at the row's other studies."""
    job, numbers = job_of(row, codec.to(bench.device), bench), bench.studies[study]
    folder = job.folder / "parts" / study  # no folder of a training, which has a lock of its own
    folder.mkdir(parents=True, exist_ok=True)
    with working_alone(folder):
        found = MEASURED[study](job, numbers)
    return {
        "row": row.name,
        "study": study,
        "settings": settings_of(row, study, numbers),
        "side": job.side,
        "codec": {"name": codec.name, "sha256": codec.sha256, "n_bits": codec.n_bits},
        "generator": job.identity(),
        "guided": job.recipe.guided,
        **found,
        "made_with": made_with(bench.device),
    }
