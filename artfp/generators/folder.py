"""The run folder of a training: whose it is, what is finished, what a killed run left behind.

    recipe.json            settings, and the identity of data and monitor: a folder belongs to one training
    state.safetensors      everything that a resumed run needs         stats.jsonl    losses and transfer
    samples/0000010000.png a sheet for each checkpoint                 strip.png      the first row of each
    timing.jsonl           seconds: not repeatable
    generator.safetensors  the averaged generator                      generator.json its card
    done.json              written when all is there                   artefacts.json hashes of all but timing.jsonl

Each appears whole or not at all, the last ones last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from artfp import recipe as recipes
from artfp.artefacts import LIST, Provenance, write_list
from artfp.data.manifest import manifest_sha256
from artfp.data.readers import Source, open_source
from artfp.errors import UsageError
from artfp.files import read_json, sha256_file, working_in, write_json
from artfp.generators.dataset import check_first, size_of_first
from artfp.generators.families import check_used
from artfp.generators.settings import GanRecipe
from artfp.ownership import check_owner

FILE = "generator.safetensors"
RECIPE, STATE, STATS, STRIP, TIMING, CARD, DONE = (
    "recipe.json",
    "state.safetensors",
    "stats.jsonl",
    "strip.png",
    "timing.jsonl",
    "generator.json",
    "done.json",
)


@dataclass(frozen=True)
class Identity:
    """What a training is of: it must be equal for a folder to be gone on with."""

    recipe: GanRecipe
    size: int
    source: Source
    monitor: Mapping[str, str] | None
    twin: bool
    others: Mapping[str, str]  # hashes of what it begins with and of what it translates

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; the data by their hash, so that they may be moved."""
        settings = recipes.to_dict(self.recipe) | {"size": self.size}
        settings |= {"data": self.source.sha256, **self.others}
        return settings | {"manifest": self.manifest_sha256, "monitor": self.monitor, "twin": self.twin}

    @property
    def manifest_sha256(self) -> str | None:
        """The hash of the dataset's manifest file; None for images that this project did not mark."""
        return manifest_sha256(self.source.path)


def identify(recipe: GanRecipe, source: Source, monitor: Mapping[str, str] | None, twin: bool, out: Path) -> Identity:
    """Settle what the recipe leaves open, and refuse what its family ignores, and a marked twin."""
    check_used(recipe)
    size = recipe.size or size_of_first(source)
    check_first(source, size, recipe.resize)
    identity = Identity(recipe, size, source, monitor, twin, _others(recipe, out))
    if twin and identity.manifest_sha256 is not None:
        raise UsageError(f"{source.path}: is marked; a clean twin trains on the unmarked originals of the same images")
    return identity


def _others(recipe: GanRecipe, out: Path) -> dict[str, str]:
    found = {}
    if recipe.source is not None:
        with open_source(recipe.source) as source:
            if not len(source):
                raise UsageError(f"{source.path}: holds no images to translate")
            found["source"] = source.sha256
    if recipe.start is not None:
        found["start"] = _start_sha256(recipe.start, out)
    return found


def _start_sha256(start: Path, out: Path) -> str:
    """Once a training has begun, what it began with may be gone: its hash is known."""
    if not start.exists() and (out / STATE).is_file() and (known := read_json(out / RECIPE).get("start")):
        return str(known)
    return sha256_file(start_file(start))


def start_file(start: Path) -> Path:
    """Of a training's folder, what holds all its networks; else the file itself, a generator."""
    path = start / STATE if start.is_dir() else start
    if not path.is_file():
        raise UsageError(f"{start}: to begin with, give the folder of a training (with its {STATE}) or a {FILE}")
    return path


@contextmanager
def claimed(out: Path, identity: Identity) -> Iterator[None]:
    """The folder, made or checked to be this training's, locked, and cleared of half-written files."""
    check_folder(out, identity)
    with working_in(out):
        yield


def sign(out: Path, identity: Identity) -> None:
    """Make the folder this training's own, once its data have proved fit; the next run finds it so."""
    if not (out / RECIPE).is_file():
        write_json(out / RECIPE, identity.to_dict())
    (out / "samples").mkdir(exist_ok=True)


def list_files(out: Path) -> None:
    """List the files of a finished training, unless they are listed already."""
    if (out / LIST).is_file():
        return
    settings = read_json(out / RECIPE)
    made_from = {name: settings.get(name) for name in ("data", "manifest", "source", "start")}
    made_from["codec"] = (settings.get("monitor") or {}).get("codec_sha256")
    files = [name for name in (RECIPE, STATE, STATS, STRIP, FILE, CARD, DONE) if (out / name).is_file()]
    sheets = (f"samples/{path.name}" for path in (out / "samples").glob("*.png"))
    write_list(out, Provenance("training", made_from), [*files, *sheets])


def check_folder(out: Path, identity: Identity) -> None:
    """Refuse a folder of another training, or of something else; changes nothing."""
    check_owner(out, RECIPE, identity.to_dict(), "a generator training")
