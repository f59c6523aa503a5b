"""JSON documents with a digest, lists of files: what names the bytes of other files, or its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from artfp.artefacts import LIST
from artfp.audit.findings import BROKEN, HOLDS, MISSING, SILENT, Finding, Look, gathered
from artfp.audit.ground import Ground
from artfp.errors import BadInputError, UsageError
from artfp.files import is_file, sha256_file
from artfp.keys.signing import check_signature
from artfp.seals import SIGNATURE, broken_seal, is_sealed, parsed, rewritten

EARLIER = "made by an earlier version"
LEADS_OUT = "leads out of its folder"


def leads_out(name: str) -> bool:
    """Whether the path of a file in a list is none below the list's own folder."""
    return PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts


def text_at(document: object, *names: str) -> str | None:
    """The text that a document holds under these names, one inside the other."""
    for name in names:
        document = document.get(name) if isinstance(document, Mapping) else None
    return document if isinstance(document, str) else None


def read(path: Path) -> dict[str, Any]:
    """The document in a file as far as it can be read; {} where it cannot, which its own findings tell."""
    return document_in(path.read_bytes()) if path.is_file() else {}


def document_in(data: bytes) -> dict[str, Any]:
    """The same of bytes."""
    try:
        return parsed(data, "")
    except BadInputError:
        return {}


def of_document(what: str, file: str, data: bytes, ground: Ground) -> Iterator[Finding]:
    """A document against its digest, and its signature where it has one or should."""
    try:
        document = parsed(data, file)
        why = broken_seal(document) or rewritten(data, document)
        sealed = is_sealed(document)
    except BadInputError as error:
        yield Finding(what, BROKEN, file, str(error).removeprefix(f"{file}: "))
        return
    if not sealed:
        yield Finding(what, SILENT, file, f"has no digest: {EARLIER}")
    elif why:
        yield Finding(what, BROKEN, file, why)
    else:
        yield Finding(what, HOLDS, file, "as its digest says")
    if SIGNATURE in document:
        yield _of_signature(what, file, document, ground)


def _of_signature(what: str, file: str, document: Mapping[str, Any], ground: Ground) -> Finding:
    what = f"{what}: signature"
    try:
        found = check_signature(document)
    except BadInputError as error:
        return Finding(what, BROKEN, file, str(error))
    except UsageError as error:  # the library is not installed
        return Finding(what, MISSING, file, str(error))
    if found is None:
        return Finding(what, SILENT, file)
    told = f"by the key {found.fingerprint}, which claims {found.claimed_time}"
    if ground.signer is None:
        return Finding(what, HOLDS, file, f"{told}; whose it is, --public-key tells")
    return Finding(what, HOLDS if found.fingerprint == ground.signer else BROKEN, file, told)


def of_list(folder: Path, ground: Ground) -> Iterator[Finding]:
    """A folder's list of files, and every file on it."""
    what, path = "list of files", folder / LIST
    file = ground.shown(path)
    if not path.is_file():
        yield Finding(what, SILENT, file, f"there is none: not finished, or {EARLIER}")
        return
    yield from of_document(what, file, path.read_bytes(), ground)
    files = read(path).get("files")
    if not isinstance(files, dict):
        yield Finding(what, BROKEN, file, "names no files")
        return
    ground.cover(path)
    yield from gathered("files", file, (_look(folder, name, said, ground) for name, said in files.items()))


def _look(folder: Path, name: str, said: object, ground: Ground) -> Look:
    path, shown = folder / name, ground.shown(folder / name)
    if leads_out(name):
        return Look(shown, BROKEN, LEADS_OUT)
    if not is_file(path):
        return Look(shown, MISSING)
    ground.cover(path)
    return Look(shown, HOLDS) if sha256_file(path) == said else Look(shown, BROKEN, "is not the file that was listed")
