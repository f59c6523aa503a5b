"""Measure and print; see the package's own words."""

from __future__ import annotations

import argparse
import itertools
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import benchmarks.serving as package
from artfp.files import write_json
from benchmarks.measuring.machine import prepare
from benchmarks.measuring.progress import note
from benchmarks.memory import ARTFP, summed_pss
from benchmarks.serving import load
from benchmarks.speed.figures import Figure, table

CLEAN = {"200", "429", "503"}
AT_ONCE, EACH = 64, 8  # requests under way, those of one client: 16 clients fill the server
TIMES = 10
ROUNDS = 4  # of all loads
SET = 16  # images in the requests of the second figure


def main() -> int:
    """The exit code says whether all could be measured, not whether it is what it should be."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.serving",
        description=package.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--codec", default="artfp-64")
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=8, help="of each of the three loads in a round")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    prepare("cpu", options.threads)
    with tempfile.TemporaryDirectory() as name:
        found = figures(Path(name), options.codec, options.images, options.side, options.seconds)
    if options.json:
        write_json(options.json, {"codec": options.codec, "figures": [each.to_dict() for each in found]})
    print(table(found))
    return 0


@dataclass(frozen=True)
class Round:
    """What `verify` does and what each load was answered, one after the other."""

    bare: float  # images a second
    single: dict[str, Any]
    sets: dict[str, Any]
    over: dict[str, Any]
    megabytes: float  # of the server and its worker, afterwards

    def share(self, load: str) -> float:
        """The images that were judged of a load, of those that `verify` judges in the time."""
        return float(getattr(self, load)["images_a_second"] / self.bare)

    @property
    def held(self) -> float:
        """How much is still answered while ten times as much is asked."""
        return float(self.over["answered_a_second"] / max(self.single["answered_a_second"], 1e-9))

    @property
    def unclean(self) -> int:
        """Answers that nobody should get, under any load."""
        said = [load["said"].items() for load in (self.single, self.sets, self.over)]
        return sum(count for word, count in itertools.chain(*said) if word not in CLEAN)


def figures(folder: Path, codec: str, images: int, side: int, seconds: float) -> list[Figure]:
    """The medians of several rounds."""
    registry, files = material(folder, codec, images, side)
    with serving(registry, folder) as (url, pid):
        rounds = [_round(url, pid, registry, files, codec, seconds) for _ in range(ROUNDS)]
    details = {"rounds": [asdict(each) for each in rounds]}
    middle = [statistics.median(each.share(load) for each in rounds) for load in ("single", "sets")]
    held = statistics.median(each.held for each in rounds)
    megabytes = [each.megabytes for each in rounds]
    unclean = sum(each.unclean for each in rounds)
    grown = megabytes[-1] / max(megabytes[0], 1)
    return [
        Figure("single", "one image a request", "verify", middle[0], 0.7, details=details),
        Figure("sets", f"{SET} images a request", "verify", middle[1], 0.7),
        Figure("unclean", f"unclean answers, also at {TIMES} x", "none", unclean, 0, at_least=False),
        Figure("held", f"verdicts a second at {TIMES} x", "at 1 x", held, 0.5),
        Figure("memory", f"memory after {ROUNDS} rounds", "after one", grown, 1.05, False, details={"MB": megabytes}),
    ]


def _round(url: str, pid: int, registry: Path, files: Path, codec: str, seconds: float) -> Round:
    bare = bare_rate(registry, files, codec, seconds)
    single = loaded(url, files, seconds, "--at-a-time", AT_ONCE)
    sets = loaded(url, files, seconds, "--at-a-time", AT_ONCE // EACH, "--each", SET)
    over = loaded(url, files, seconds, "--a-second", TIMES * single["answered_a_second"])
    return Round(bare, single, sets, over, round(summed_pss(pid) / 1024, 1))


def material(folder: Path, spec: str, images: int, side: int) -> tuple[Path, Path]:
    """A registry, and a folder of images of which every other one is marked."""
    import numpy as np
    import torch

    from artfp.codec.store import load_codec
    from artfp.data.procedural import generate
    from artfp.images import LoadedImage, encode_png, to_pixels, to_tensor
    from artfp.keys.registry import Registry

    codec, registry, files = load_codec(spec), folder / "keys.sqlite", folder / "images"
    pixels = np.stack(list(generate("photo-like", images, side, seed=1)))
    with Registry(registry) as keys:
        keys.new("bench")
        bits = torch.from_numpy(keys.pair("bench", codec.facts()).bits.copy())
    pixels[::2] = to_pixels(codec.embed(to_tensor(pixels[::2]), bits))
    files.mkdir()
    for index, image in enumerate(pixels):
        (files / f"{index:05d}.png").write_bytes(encode_png(LoadedImage(image)))
    return registry, files


def bare_rate(registry: Path, files: Path, spec: str, seconds: float) -> float:
    """Images a second of `verify` itself, with the codec loaded and once warm."""
    from artfp.codec.store import load_codec
    from artfp.data.readers import collect
    from artfp.keys.registry import Registry
    from artfp.verify import verify

    codec, judged, began = load_codec(spec), -1, time.perf_counter()
    with Registry(registry) as keys:
        while judged <= 0 or time.perf_counter() - began < seconds:
            found = verify(collect([str(files)]), keys, [codec])
            if judged < 0:
                judged, began = 0, time.perf_counter()
            else:
                judged += found.n_images
    return judged / (time.perf_counter() - began)


@contextmanager
def serving(registry: Path, folder: Path) -> Iterator[tuple[str, int]]:
    """The command itself, with room for a load from one machine: its address and its process."""
    limits = ["--at-once", AT_ONCE, "--at-once-each", EACH, "--per-minute", 10**9, "--per-day", 10**9]
    command = [*ARTFP, "serve", "--port", "0", "--device", "cpu", "--registry", registry, *limits]
    where = ["--audit", folder / "audit.jsonl"]
    with subprocess.Popen([str(word) for word in [*command, *where]], stdout=subprocess.PIPE, text=True) as server:
        if server.stdout is None or not (url := server.stdout.readline().strip()):
            sys.exit("the server did not start")
        try:
            yield url, server.pid
        finally:
            server.send_signal(signal.SIGTERM)


def loaded(url: str, files: Path, seconds: float, *how: object) -> dict[str, Any]:
    """What the load's process found."""
    command: Sequence[object] = [sys.executable, load.__file__, url, files, "--seconds", seconds, *how]
    done = subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True)
    note(f"{' '.join(map(str, how))}: {done.stdout.strip()}")
    return dict(json.loads(done.stdout))


if __name__ == "__main__":
    sys.exit(main())
