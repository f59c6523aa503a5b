"""A sweep, from a request to a folder of rows; the same command again goes on with the rows that are missing.

Beside the files of `artfp.robustness` its folder has settings.json, the hashes of all that is swept, by which it is
known again, and cache/, which follows from them and may be deleted.

Request --album of every subject--> --null: one threshold--> --workers: units--> rows --> table
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from artfp import __version__
from artfp.artefacts import Provenance, write_list
from artfp.attacks.adversary import Adversary
from artfp.attacks.registry import ADVERSARIES
from artfp.data.manifest import manifest_sha256
from artfp.data.readers import open_source
from artfp.errors import BadInputError
from artfp.evaluate.album import Pixels
from artfp.evaluate.null import pieces, thresholds_of
from artfp.evaluate.plan import Unit, chains, chosen, reduced, units
from artfp.evaluate.request import Request
from artfp.evaluate.rows import rows_of
from artfp.evaluate.table import as_csv
from artfp.evaluate.workbench import CLEAN, ORIGINALS, TWIN, Workbench
from artfp.evaluate.workers import Crew, Workers, hired
from artfp.files import atomic_open, read_json, sha256_file, working_alone, write_json, write_text
from artfp.generators.sampling import checkpoint_of, read_generator
from artfp.images import LoadedImage, encode_png, resize, to_pixels, to_tensor
from artfp.ownership import check_owner
from artfp.perceptual import what_is_missing
from artfp.records import read_record
from artfp.results import Record
from artfp.robustness import (
    ROWS,
    SCHEMA,
    SETTINGS,
    SWEEP,
    TABLE,
    THUMBS,
    Row,
    Sweep,
    Thresholds,
    file_name,
    row_path,
    thumb_path,
)

PARTS = (ROWS, THUMBS, "cache", "cache/null")  # folders in that of a sweep
SCRATCH = "cache/scratch/*"  # of adversaries
THUMB = 256  # pixels of the longer side, at most

R = TypeVar("R", bound=Record)
Watch = Callable[[str], AbstractContextManager[Callable[[int, int, str], None]]]


@dataclass(frozen=True)
class Outcome:
    """What a sweep made."""

    sweep: Sweep
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class UnitTask:
    """A unit, to be measured and written."""

    unit: Unit
    thresholds: Thresholds

    def do(self, bench: Workbench) -> tuple[str, ...]:
        """Write its rows, each with the first of its images before it; their addresses."""
        for made in rows_of(bench, self.thresholds, self.unit):
            if len(made.images):
                with atomic_open(thumb_path(bench.folder, made.row.address), durable=False) as stream:
                    stream.write(_thumb(made.images[0]))
            write_json(row_path(bench.folder, made.row.address), made.row.to_dict())
        return self.unit.addresses


def _thumb(pixels: Pixels) -> bytes:
    height, width = pixels.shape[:2]
    scale = min(1.0, THUMB / max(height, width))
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    return encode_png(LoadedImage(to_pixels(resize(to_tensor(pixels), size).clamp(0, 1))[0]))


def check(
    request: Request, folder: Path, only: Sequence[str], adversaries: Mapping[str, Adversary] = ADVERSARIES
) -> dict[str, Any]:
    """The plan of a sweep, after all that can be checked without working; changes nothing."""
    bench = Workbench(request, folder, "cpu")
    check_owner(folder, SETTINGS, _settings(bench), "a sweep", apart=("artfp_version",))
    planned = chosen(units(request.suite, adversaries, bench.subjects), only)
    addresses = [address for unit in planned for address in unit.addresses]
    return {
        "name": request.subjects.name,
        "out": str(folder),
        "key": request.key.name,
        "codec": bench.codec.name,
        "suite": request.suite_name,
        "subjects": ", ".join(bench.subjects),
        "images": bench.count,
        "networks": sum(network is not None for network in (bench.generator, bench.twin)),  # loaded, so they can be
        "controls": request.suite.controls * ((bench.clean is not None) + (bench.twin is not None)),
        "clean decodes": sum(piece.count for piece in pieces(bench)),
        "rows": len(addresses),
        "rows made": sum(row_path(folder, address).exists() for address in addresses),
    }


def run(
    crew: Crew, watch: Watch, only: Sequence[str] = (), adversaries: Mapping[str, Adversary] = ADVERSARIES
) -> Outcome:
    """Carry out a sweep, or go on with it."""
    folder, request = crew.folder, crew.request
    check(request, folder, only, adversaries)
    folder.mkdir(parents=True, exist_ok=True)
    with working_alone(folder, (*PARTS, SCRATCH)):
        for part in PARTS:
            (folder / part).mkdir(exist_ok=True)
        with hired(crew) as workers:
            bench = workers.bench
            if not (folder / SETTINGS).exists():
                write_json(folder / SETTINGS, _settings(bench))
            everything = units(request.suite, adversaries, bench.subjects)
            _fill_albums(bench, watch)
            thresholds = _thresholds(workers, watch)
            asked = chosen(everything, only)
            sweep = _sweep(bench, everything, asked, thresholds)
            write_json(folder / SWEEP, sweep.to_dict())
            made = _make(workers, asked, thresholds, watch)
        rows = tuple(_read_row(folder, address) for address in sweep.addresses)
        write_text(folder / TABLE, as_csv(rows))
        _list_files(folder, request, made)
    return Outcome(sweep, rows)


def _fill_albums(bench: Workbench, watch: Watch) -> None:
    """Everything that is decoded or generated once."""
    names = (*bench.subjects, ORIGINALS, CLEAN, TWIN)  # clean images take the side of the subjects'
    with watch("images") as advance:
        for done, name in enumerate(names):
            advance(done, len(names), name)
            bench.album(name)
        advance(len(names), len(names), "")


def _thresholds(workers: Workers, watch: Watch) -> Thresholds:
    """Of a sweep that goes on those that it began with."""
    path = workers.bench.folder / SWEEP
    if path.exists():
        return _record(path, Sweep, "a sweep").thresholds
    tasks, counted = pieces(workers.bench), []
    with watch("clean images") as advance:
        for done, each in enumerate(workers.each([[task] for task in tasks]), start=1):
            counted.append(each)
            advance(done, len(tasks), "")
    return thresholds_of(workers.bench, counted)


def _make(workers: Workers, asked: Sequence[Unit], thresholds: Thresholds, watch: Watch) -> list[str]:
    """The rows that are not there yet; their addresses."""
    missing = reduced(asked, lambda address: not row_path(workers.bench.folder, address).exists())
    made: list[str] = []
    total = sum(len(unit.subjects) for unit in missing)
    with watch("rows") as advance:
        advance(0, total, "")
        for addresses in workers.each([[UnitTask(unit, thresholds) for unit in chain] for chain in chains(missing)]):
            made += addresses
            advance(len(made), total, addresses[0])
    return made


def _list_files(folder: Path, request: Request, made: Sequence[str]) -> None:
    """List what the sweep holds, but for its cache; the rows that are there from before stay as they were listed."""
    settings, images = read_json(folder / SETTINGS), request.subjects.images
    made_from = {name: settings.get(name) for name in ("generator", "twin", "images", "clean", "source")}
    made_from |= {"codec": request.codec_sha256, "manifest": None if images is None else manifest_sha256(images)}
    tables = {path for address in made for path in (row_path(folder, address), thumb_path(folder, address))}
    found = [folder / SETTINGS, folder / SWEEP, folder / TABLE, *(folder / ROWS).glob("*.json")]
    found += (folder / THUMBS).glob("*.png")
    remade = {folder / SWEEP, folder / TABLE, *tables}
    names = {path.relative_to(folder).as_posix(): path in remade for path in found}
    write_list(folder, Provenance("sweep", made_from), names, [name for name, is_new in names.items() if is_new])


def _read_row(folder: Path, address: str) -> Row:
    return _record(row_path(folder, address), Row, "a row")


def _record(path: Path, kind: type[R], noun: str) -> R:
    """What this sweep wrote earlier; `noun` says what it should be."""
    try:
        return read_record(path, kind, noun)
    except BadInputError as error:
        raise BadInputError(f"{error}; remove it and run the same command again") from error


def _sweep(bench: Workbench, everything: Sequence[Unit], asked: Sequence[Unit], thresholds: Thresholds) -> Sweep:
    """With the rows that are asked for now, and those that were before."""
    request, subjects = bench.request, bench.request.subjects
    wanted = {address for unit in asked for address in unit.addresses}
    made = {path.stem for path in (bench.folder / ROWS).glob("*.json")}
    addresses = [address for unit in everything for address in unit.addresses]
    return Sweep(
        schema=SCHEMA,
        artfp_version=__version__,
        name=subjects.name,
        suite=request.suite_name,
        seed=request.seed,
        key=request.key.name,
        key_id=request.key.key_id,
        codec=bench.codec.name,
        codec_sha256=request.codec_sha256,
        n_bits=len(request.bits),
        images=bench.count,
        side=bench.side,
        subjects=bench.subjects,
        generator_sha256=_hash(subjects.generator),
        twin_sha256=_hash(subjects.twin),
        family=None if subjects.generator is None else read_generator(checkpoint_of(subjects.generator))[1]["family"],
        addresses=tuple(each for each in addresses if each in wanted or file_name(each) in made),
        thresholds=thresholds,
    )


def _settings(bench: Workbench) -> dict[str, Any]:
    """All that rows follow from, by hashes: what is swept may be moved."""
    request, subjects = bench.request, bench.request.subjects
    collections = {name: getattr(subjects, name) for name in ("images", "clean", "source")}
    return {
        "artfp_version": __version__,
        "schema": SCHEMA,
        "controls": request.suite.controls,  # not the suite itself: `full` goes on where `standard` ended
        "clean_decodes": request.suite.clean_decodes,
        "squeezenet": what_is_missing() is None,  # without it rows have no perceptual distances
        "seed": request.seed,
        "count": bench.count,
        "key_id": request.key.key_id,
        "codec_sha256": request.codec_sha256,
        "generator": _hash(subjects.generator),
        "twin": _hash(subjects.twin),
        **{name: None if path is None else _identity(path) for name, path in collections.items()},
    }


def _hash(network: Path | None) -> str | None:
    return None if network is None else sha256_file(checkpoint_of(network))


def _identity(path: Path) -> str:
    with open_source(path) as source:
        return source.sha256
