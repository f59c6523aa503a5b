"""`python -m tests.fuzz TARGET --seconds 600`: inputs that break it end up in a folder. Needs the extra `fuzz`.

With `--rows benchmarks/results/fuzz` each run is a row there, and a target that has one is not run again.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from .engine import FED, TARGETS, fuzz

SECONDS_EACH = 30  # that one input may take: by the clock, and the machine may be busy
MEGABYTES = 4096  # of the whole process; what an input may take is less (`engine.HEADROOM`)
LARGEST = 1 << 17  # bytes of an input


def main() -> None:
    """Fuzz targets, one after another, and say what was found; exits with 1 where something was."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="+", metavar="TARGET", choices=["all", *TARGETS], help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=600, help="for each target")
    parser.add_argument("--found", type=Path, default=Path("fuzz-findings"), help="a folder for inputs that broke it")
    parser.add_argument("--corpus", type=Path, help="a folder that keeps inputs of new coverage between runs")
    parser.add_argument("--rows", type=Path, help="a folder of runs: those noted there are not repeated")
    chosen = parser.parse_args()
    names = list(TARGETS) if "all" in chosen.targets else chosen.targets
    findings = 0
    for name in names:
        row = chosen.rows / f"{name}.json" if chosen.rows else None
        if row and row.exists():
            findings += len(json.loads(row.read_text(encoding="utf-8"))["findings"])
            continue
        before, found = FED.value, _findings(name, chosen.seconds, chosen.found / name, chosen.corpus)
        findings += len(found)
        if row and FED.value > before:
            row.parent.mkdir(parents=True, exist_ok=True)
            told = {"target": name, "seconds": chosen.seconds, "inputs": FED.value - before, "findings": found}
            row.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    sys.exit(bool(findings))


def _findings(name: str, seconds: int, found: Path, kept: Path | None) -> list[str]:
    """The names of all, those of earlier runs included."""
    found.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        corpus = kept / name if kept else Path(scratch)
        corpus.mkdir(parents=True, exist_ok=True)
        _fuzz(name, seconds, found, corpus)
    files = sorted(path.name for path in found.iterdir() if path.suffix != ".txt")
    print(f"{name}: {len(files)} finding(s)", *files, sep="\n  ", flush=True)
    return files


def _fuzz(name: str, seconds: int, found: Path, corpus: Path) -> None:
    """One process after another until the time is over: each ends with what an input must not do to it."""
    end = time.monotonic() + seconds
    while (left := round(end - time.monotonic())) > 0:
        limits = (f"-max_total_time={left}", f"-timeout={SECONDS_EACH}", f"-rss_limit_mb={MEGABYTES}")
        fuzz(
            name, found, corpus, [*limits, f"-max_len={LARGEST}", f"-artifact_prefix={found}/", "-print_final_stats=1"]
        )


if __name__ == "__main__":
    main()
