"""What a folder of results holds, and what that was made from: `artefacts.json`, written last.

    {"format", "artfp", "kind", "made_from": {what: sha256}, "facts": {...}, "files": {path: sha256}, "digest"}

What is listed stays as it was listed. A command that goes on in a folder adds files, and hashes anew only those that it
has just made itself: so running it again never takes a damaged file for the original.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from artfp import __version__
from artfp.errors import BadInputError
from artfp.files import sha256_bytes, sha256_file, write_json
from artfp.seals import SIGNATURE, broken_seal, parsed, sealed

LIST = "artefacts.json"
FORMAT = "artfp-artefacts/1"
ANEW = "remove it and run the command again, which lists the files as they are then"
WRITABLE = 0o666  # as far as the user's umask lets others


@dataclass(frozen=True)
class Provenance:
    """What the files of a folder are, and what they were made from."""

    kind: str
    made_from: Mapping[str, str | None]  # SHA-256 of each thing; None: not used, or not known
    facts: Mapping[str, Any] = field(default_factory=dict)  # what else decides their content, as a seed


def write_list(
    folder: Path, provenance: Provenance, names: Iterable[str], remade: Collection[str] = (), mode: int = WRITABLE
) -> None:
    """List these files of a folder, beside what is listed already; those in `remade` are hashed again."""
    earlier = read_list(folder)
    known = {} if earlier is None else dict(earlier["files"])
    new = {name: sha256_file(folder / name) for name in names if name not in known or name in remade}
    made_from = {what: sha256 for what, sha256 in provenance.made_from.items() if sha256 is not None}
    content = {
        "kind": provenance.kind,
        "made_from": made_from,
        "facts": dict(provenance.facts),
        "files": dict(sorted((known | new).items())),
    }
    if earlier is None or any(earlier.get(name) != value for name, value in content.items()):  # else it may be signed
        write_json(folder / LIST, sealed({"format": FORMAT, "artfp": __version__, **content}), mode=mode)


def relist(folder: Path, name: str) -> None:
    """Hash a file again that was just made anew, if the folder has a list; the list's signature is gone then."""
    earlier = read_list(folder)
    if earlier is None or earlier["files"].get(name) == (found := sha256_file(folder / name)):
        return
    write_json(folder / LIST, sealed(earlier | {"files": dict(sorted((earlier["files"] | {name: found}).items()))}))


def read_list(folder: Path) -> dict[str, Any] | None:
    """A folder's list, as it was written; None where there is none."""
    path = folder / LIST
    if not path.is_file():
        return None
    document = parsed(path.read_bytes(), path)
    if document.get("format") != FORMAT or not _is_listing(document.get("files")):
        raise BadInputError(f"{path}: not a list of artefacts; {ANEW}")
    if why := broken_seal(document):
        raise BadInputError(f"{path}: {why}; {ANEW}")
    return document


def _is_listing(files: object) -> bool:
    return isinstance(files, dict) and all(isinstance(sha256, str) for sha256 in files.values())


def is_signed(folder: Path) -> bool:
    """Whether a folder has a list with a signature, whatever that is worth."""
    return SIGNATURE in (read_list(folder) or {})


def files_below(folder: Path) -> list[str]:
    """All files of a folder, at any depth, but for hidden ones and its own list."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    shown = (path for path in found if not any(part.startswith(".") for part in path.parts))
    return sorted(path.as_posix() for path in shown if path != Path(LIST))


def unlisted(folder: Path, part: str) -> list[str]:
    """A file, or those of a part of a folder that its own list does not name, with that list; as the folder has them.

    So a list of lists names every file once, and every one is covered.
    """
    own = read_list(folder / part)
    if not (folder / part).is_dir():
        return [part]
    names = [name for name in files_below(folder / part) if own is None or name not in own["files"]]
    return [f"{part}/{name}" for name in (names if own is None else [LIST, *names])]


def listing_sha256(files: Iterable[tuple[str, str]]) -> str:
    """One hash for many files: of what `sha256sum` prints for their names and hashes, in this order."""
    return sha256_bytes("".join(f"{sha256}  {name}\n" for name, sha256 in files).encode())


def folder_sha256(folder: Path) -> str:
    """One hash for all files of a folder."""
    return listing_sha256((name, sha256_file(folder / name)) for name in files_below(folder))
