"""A row at work: its data, its trainings, and what was found for it already; run again, all go on where they stopped.

runs/keyed/keys.sqlite    flowers-64px-38db/   flowers-64px-38db-own-keys/   data (measuring/preparing.py)
runs/keyed/ROW/           model/   recipients.sqlite   parts/   finetune/
runs/keyed/UNKEYED/       plain/   twin/       both of the rows of both modes
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from artfp.codec.base import Codec
from artfp.embed.request import KeyPer
from artfp.errors import UsageError
from artfp.files import read_json, write_json
from artfp.generators import training
from artfp.generators.base import Generator
from artfp.generators.folder import DONE
from artfp.generators.keying import keying_for
from artfp.generators.sampling import load_generator
from artfp.generators.settings import GanRecipe
from artfp.generators.transfer import Monitor, Watch
from artfp.results import Record
from benchmarks.keyed.grid import DATA, STUDIES, Row
from benchmarks.measuring import bench as measuring
from benchmarks.measuring.codecs import codec_file
from benchmarks.measuring.images import Pixels
from benchmarks.measuring.marking import Marks
from benchmarks.measuring.preparing import Prepared, first_images, in_turn, prepare
from benchmarks.measuring.progress import Tell
from benchmarks.measuring.reading import Gauge, Soft, soft_bits
from benchmarks.measuring.training import timed


@dataclass(frozen=True, eq=False)
class Bench(measuring.Bench):
    """What every row needs, with who looks at pairs of images and how much each study looks at."""

    gauge: Gauge | None = None
    studies: Mapping[str, Record] = field(default_factory=lambda: STUDIES)


@dataclass(frozen=True, eq=False)
class Job:
    """A row at work."""

    row: Row
    bench: Bench
    codec: Codec
    recipe: GanRecipe  # of the keyed generator
    side: int
    known: dict[KeyPer, Prepared] = field(default_factory=dict)  # data that were looked for already

    @property
    def folder(self) -> Path:
        """Of the row."""
        return self.bench.scratch / self.row.name

    def tell(self, stage: str) -> Tell:
        """Progress of a stage."""
        return self.bench.tell(f"{self.row.name}, {stage}")

    def prepared(self, key_per: KeyPer) -> Prepared:
        """The data, each image marked with bits of its own or all with those of one key."""
        if key_per not in self.known:
            self.known[key_per] = self._prepared(key_per)
        return self.known[key_per]

    def _prepared(self, key_per: KeyPer) -> Prepared:
        row, bench = self.row, self.bench
        marks = Marks(row.marked(self.side, key_per), self.side, row.psnr, key_per=key_per)
        collection, tell = bench.collections[row.data], bench.tell(f"{marks.key}, data")
        source = bench.data / collection.file
        return prepare(source, row.data, collection, marks, bench.scratch, self.codec, bench.registry, tell)

    def held_out(self, count: int) -> Pixels:
        """So many images at most that no generator sees."""
        return first_images(self.prepared("image").held_out, self.side, count, self.tell("held-out images"))

    def keyed(self) -> Path:
        """The folder of the keyed generator, trained."""
        data = self.prepared("image").marked
        keying = keying_for(data, self.bench.registry, codec_file(self.row.codec))
        keying.codec.to(self.bench.device)
        return self.trained(self.recipe, data, self.folder / "model", keying)

    def plain(self) -> Path:
        """That of a plain generator, trained alike on the same images, all marked with one key."""
        data, key = self.prepared("dataset").marked, self.row.marked(self.side, "dataset")
        pair, key_id = self.bench.registry.pair(key, self.codec.facts()), self.bench.registry.get(key).key_id
        return self.trained(self.unkeyed, data, self._beside("plain"), Monitor(self.codec, pair.bits, key_id))

    def twin(self) -> Path:
        """That of a clean twin, trained alike on the same images unmarked."""
        return self.trained(self.unkeyed, self.prepared("dataset").clean, self._beside("twin"), None)

    def _beside(self, name: str) -> Path:
        return self.bench.scratch / self.row.unkeyed / name

    @property
    def unkeyed(self) -> GanRecipe:
        """The same recipe for generators without keys."""
        return dataclasses.replace(self.recipe, keyed=None, guided=None)

    def trained(self, recipe: GanRecipe, data: Path, out: Path, monitor: Watch | None) -> Path:
        """Train in this folder, or go on, or find it done; waits for another process that is at it."""
        tell, device = self.tell(f"train {out.name}"), self.bench.device
        out.parent.mkdir(parents=True, exist_ok=True)
        with in_turn(out.parent, tell), timed(out):
            training.train(recipe, data, out, monitor, tell, device, twin=monitor is None)
        return out

    def generator(self) -> Generator:
        """The keyed generator."""
        return load_generator(self.keyed()).to(self.bench.device)

    def identity(self) -> dict[str, Any]:
        """Of the keyed generator, once it is trained."""
        found: dict[str, Any] = read_json(self.folder / "model" / DONE)
        return found

    def soft(self, batches: Iterable[Pixels], *, as_they_are: bool = True) -> Soft:
        """What the codec reads from every image; those made here are neither cut nor turned."""
        return np.concatenate(
            [soft for pixels in batches for soft in soft_bits(self.codec, pixels, as_they_are=as_they_are)]
        )

    def kept(self, name: str, settings: Any, work: Callable[[], Any]) -> Any:
        """What `work` finds, or has found for this generator and these settings before."""
        path = self.folder / "parts" / f"{name}.json"
        asked = {"settings": settings, "generator": self.identity()["sha256"], "codec": self.codec.sha256}
        if path.exists() and (known := read_json(path))["asked"] == asked:
            return known["found"]
        self.tell(name)(0, 1, "")
        found = work()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"asked": asked, "found": found})
        return found


def job_of(row: Row, codec: Codec, bench: Bench) -> Job:
    """The row with its recipe, or why that is none for it."""
    recipe = bench.recipe(row.recipe)
    if not (recipe.size and recipe.keyed and recipe.guided):
        raise UsageError(f"recipe {row.recipe}: must name its size, to which images are brought, keyed and guided")
    guided = 0.0 if row.mode == DATA else recipe.guided
    return Job(row, bench, codec, dataclasses.replace(recipe, guided=guided, seed=row.seed), recipe.size)
