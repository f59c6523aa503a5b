"""Carrying a comparison out: what it would do, and doing it, in one process or several at once.

RUN/contest.json   what the folder is of, written first      RUN/locks/   what is being worked at
RUN/artefacts.json the hashes of all that is done
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from artfp import __version__
from artfp import recipe as recipes
from artfp.artefacts import Provenance, relist, unlisted, write_list
from artfp.attribution import CONTEST
from artfp.codec.store import load_codec
from artfp.contest.entries import pieces_of
from artfp.contest.rows import Row, all_rows
from artfp.contest.settings import COLLECTIONS, PARTS, WORDS, Contest, checked, described
from artfp.contest.sources import Studio, recipe_of
from artfp.contest.work import Piece, Watch, carry_out, in_turn, needed
from artfp.data.readers import open_source
from artfp.errors import BadInputError, UsageError
from artfp.files import write_json
from artfp.generators.families import check_used
from artfp.generators.folder import DONE
from artfp.ownership import check_owner
from artfp.passive.immunity import KINDS, Immunisation
from artfp.passive.registry import SYSTEMS
from artfp.records import read_table
from artfp.results import Record


@dataclass(frozen=True)
class ContestPlan(Record):
    """What a run would do."""

    out: str
    rows: dict[str, bool]  # whether each is there
    pieces: dict[str, bool]  # of work that these need: whether each is done


def contest_of(path: Path, main: Path | None = None, other: Path | None = None) -> Contest:
    """The comparison of a recipe, with other photographs where they are given."""
    values = recipes.read_toml(path)
    for name, images in zip(COLLECTIONS, (main, other), strict=True):
        if images is not None:
            values[name] = {**values.get(name, {}), "path": str(images)}
    contest = checked(recipes.parse(values, Contest, str(path)), SYSTEMS, KINDS)
    for spec in contest.models:
        check_used(recipe_of(spec, contest))
    load_codec(contest.codec)
    return contest


def plan(contest: Contest, folder: Path, only: Collection[str] = ()) -> ContestPlan:
    """Check what can be checked without working, and say what a run would do; changes nothing."""
    studio = Studio(contest, folder)
    _check(contest, folder)
    wanted, all_of_them = _pieces(studio, only)
    found = {row.name: row.entry.exists() for row in wanted}
    return ContestPlan(str(folder), found, {piece.name: piece.done for piece in all_of_them})


def run(contest: Contest, folder: Path, watch: Watch, device: str = "cpu", only: Collection[str] = ()) -> ContestPlan:
    """Make all rows that are not there, or some of them, with all that they need; several processes may."""
    studio = Studio(contest, folder, device)
    _check(contest, folder)
    folder.mkdir(parents=True, exist_ok=True)
    with in_turn(folder):
        write_json(folder / CONTEST, _check(contest, folder))
        relist(folder, CONTEST)
    _, all_of_them = _pieces(studio, only)
    made: list[Piece] = []
    try:
        carry_out(all_of_them, folder / "locks", watch, made.append)
    finally:
        with in_turn(folder):
            _list_files(studio, made)
    return plan(contest, folder, only)


def _check(contest: Contest, folder: Path) -> dict[str, Any]:
    """What the folder is of from now on; of models and courses it may get more, but those it has stay as they are."""
    now = _identity(contest)
    known = read_table(folder / CONTEST) if (folder / CONTEST).is_file() else {}
    earlier = {part: known.get(part, now[part]) for part in PARTS}
    if strange := [part for part in PARTS if not _is_table_of_tables(earlier[part])]:
        raise BadInputError(f"{folder / CONTEST}: not a comparison ({', '.join(strange)} cannot be)")
    common = {part: {name: now[part].get(name, each) for name, each in earlier[part].items()} for part in PARTS}
    check_owner(
        folder,
        CONTEST,
        now | common,
        "a comparison",
        apart=("artfp", *_words(earlier["courses"]), *_words(now["courses"])),
    )
    return now | {part: earlier[part] | now[part] for part in PARTS}


def _is_table_of_tables(values: Any) -> bool:
    return isinstance(values, Mapping) and all(isinstance(each, Mapping) for each in values.values())


def _words(courses: Mapping[str, Any]) -> Iterator[str]:
    """Where the words of courses stand, as names of settings that may change."""
    for name, course in courses.items():
        yield from (f"courses.{name}.{word}" for word in WORDS)
        yield from (f"courses.{name}.blind.{examination}" for examination in course.get("blind") or ())


def _identity(contest: Contest) -> dict[str, Any]:
    """Photographs by their hashes, so that they may be moved."""
    found: dict[str, Any] = {"artfp": __version__, **described(contest), "ingredients": _ingredients(contest)}
    for spec in contest.models:
        found["models"][spec.name]["training"] = recipes.to_dict(recipe_of(spec, contest))
    for collection in COLLECTIONS:
        if (path := contest.images(collection).path) is not None:
            with open_source(path) as source:
                found[f"{collection}_sha256"] = source.sha256
    return found


def _ingredients(contest: Contest) -> dict[str, Any]:
    """What the names in a recipe stand for."""
    presets = {name: recipes.to_dict(system.presets[contest.preset]) for name, system in SYSTEMS.items()}
    return {
        "codec": load_codec(contest.codec).sha256,
        "systems": presets,
        "immunisation": recipes.to_dict(Immunisation()),
    }


def _pieces(studio: Studio, only: Collection[str]) -> tuple[list[Row], list[Piece]]:
    """The rows that are asked for, and all work that they need."""
    rows = all_rows(studio)
    wanted = [row for row in rows if not only or any(fnmatchcase(row.name, each) for each in only)]
    if not wanted:
        raise UsageError(f"no row is called so; there are {', '.join(row.name for row in rows)}")
    made = _everything(studio, rows)
    marks = {row.entry for row in wanted}
    return wanted, needed(made, [piece for piece in made if piece.mark in marks])


def _everything(studio: Studio, rows: Sequence[Row]) -> list[Piece]:
    return [*studio.pieces(), *(piece for row in rows for piece in pieces_of(row))]


def _list_files(studio: Studio, made: Sequence[Piece]) -> None:
    """List all that is done, by whomever, and anew what was made here; what somebody is still at is left to them."""
    folder, known = studio.folder, read_table(studio.folder / CONTEST)
    names = _names(folder, (piece for piece in _everything(studio, all_rows(studio)) if piece.done))
    made_from = {collection: known.get(f"{collection}_sha256") for collection in COLLECTIONS}
    provenance = Provenance("comparison", made_from | {"codec": known["ingredients"]["codec"]})
    write_list(folder, provenance, [CONTEST, *names], remade={CONTEST, *_names(folder, made)})


def _names(folder: Path, done: Iterable[Piece]) -> list[str]:
    """The files that pieces of work have left, or the lists that name them."""
    products = dict.fromkeys(piece.mark.parent if piece.mark.name == DONE else piece.mark for piece in done)
    return [name for path in products for name in unlisted(folder, path.relative_to(folder).as_posix())]
