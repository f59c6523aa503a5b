"""A hostile input, the command that meets it, and what became of both."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from artfp.cli.main import artfp

LONGEST = 180  # characters of a message in the table

Build = Callable[[Path], None]


@dataclass(frozen=True)
class Case:
    """One line of the table; `build` adds the input to a world, in which the command then runs."""

    entrance: str
    what: str
    command: str
    build: Build
    limits: Mapping[str, str] | None = None
    theirs: bool = False  # what is in brackets is a library's text, which may be another tomorrow


@dataclass(frozen=True)
class Met:
    """What artfp did."""

    exit: int
    says: str
    new: tuple[str, ...]  # files and folders of the world, the uppermost of each
    changed: tuple[str, ...]
    outside: bool  # whether anything beside the world is not as it was
    trace: str


def meet(case: Case, world: Path, folder: Path) -> Met:
    """Copy the world into an empty folder, add the input, and run the command there."""
    place = folder / "world"
    shutil.copytree(world, place, symlinks=True)
    (folder / "outside").mkdir()
    (folder / "outside" / "secret.png").write_bytes((world / "photos" / "0.png").read_bytes())
    case.build(place)
    before, beside = _state(place), _state(folder / "outside")
    here = Path.cwd()
    os.chdir(place)
    try:
        done = CliRunner().invoke(artfp, case.command.split(), env=dict(case.limits or {}))
    finally:
        os.chdir(here)
    after = _state(place)
    return Met(
        done.exit_code,
        _message(done.stderr, done.stdout, case.theirs),
        _uppermost(after.keys() - before.keys()),
        tuple(sorted(name for name in before if after.get(name) != before[name])),
        _state(folder / "outside") != beside,
        done.stderr,
    )


def _state(folder: Path) -> dict[str, str]:
    """The content of every file, and where links lead; the registry's own files have their own tests."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = str(path.readlink())
        elif path.is_file() and "keys.sqlite" not in name:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest() if path.stat().st_size < 1 << 26 else "large"
        elif path.is_dir():
            found[name] = "folder"
    return found


def _uppermost(names: set[str]) -> tuple[str, ...]:
    """Without what lies in folders that are named themselves."""
    return tuple(sorted(name for name in names if not any(str(parent) in names for parent in Path(name).parents)))


def _message(errors: str, found: str, theirs: bool) -> str:
    """What is said against the input: lines that name files, of an audit what is broken; warnings where it is taken."""
    lines = [line.strip() for line in errors.strip().splitlines()]
    start = next((number for number, line in enumerate(lines) if line.startswith("error:")), None)
    if start is not None:
        said = lines[start + 1 :] or [lines[start].removeprefix("error: ")]
    else:
        said = [line for line in lines if line.startswith("warning:")]
        said += [" ".join(line.split()) for line in found.splitlines() if line.startswith("broken")]
    text = " / ".join(said) or "—"
    text = re.sub(r" \(.*\)$", " (…)", text) if theirs else text
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
