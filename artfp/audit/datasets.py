"""Collections of images: a marked dataset against its manifest and its source, generated images against their list."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from artfp.artefacts import LIST, files_below, folder_sha256
from artfp.audit.documents import EARLIER, LEADS_OUT, document_in, leads_out, of_document, of_list, read, text_at
from artfp.audit.findings import BROKEN, HOLDS, MISSING, SILENT, Finding, Look, gathered
from artfp.audit.ground import Ground, Hash, identity
from artfp.data.manifest import MANIFEST, MANIFEST_ROWS, manifest_sha256, read_table
from artfp.data.readers import Source, open_source
from artfp.errors import BadInputError
from artfp.files import sha256_bytes, sha256_file
from artfp.images import EXTENSIONS
from artfp.seals import parsed

# of what lists name otherwise than by the hash of a file
HASHES: Mapping[str, Hash] = {
    **dict.fromkeys(("source", "data", "images", "clean", "marked"), identity),
    "manifest": manifest_sha256,
    "pipeline": folder_sha256,
}


def of_dataset(path: Path, ground: Ground, source: Path | None = None) -> Iterator[Finding]:
    """A marked dataset: manifest, tables, images, and the links to its codec and its source."""
    where = path / MANIFEST
    try:
        data = read_table(path, MANIFEST)
    except BadInputError as error:
        yield Finding("manifest", BROKEN, ground.shown(where), str(error))
        return
    ground.cover(where)
    yield from of_document("manifest", ground.shown(where), data, ground)
    document = document_in(data)
    yield from _guarded("tables", where, ground, _tables(path, document, ground))
    if (path / LIST).is_file():
        yield from of_list(path, ground)
    yield from _guarded("images", path, ground, _images(path, ground))
    yield ground.link("codec", where, text_at(document, "codec_sha256"))
    said = text_at(document, "settings", "source")
    source = source or ground.images_known_as(said)
    yield ground.link("source", where, said, source, identity)
    if source is not None and source.exists():
        yield from _guarded("source images", source, ground, _sources(source, path, ground))


def _guarded(what: str, path: Path, ground: Ground, looks: Iterable[Look]) -> Iterator[Finding]:
    """Whatever makes a collection unreadable is a finding."""
    try:
        yield from gathered(what, ground.shown(path), looks)
    except BadInputError as error:
        yield Finding(what, BROKEN, ground.shown(path), str(error))


def _tables(path: Path, document: Mapping[str, Any], ground: Ground) -> Iterator[Look]:
    tables = document.get("tables")
    if not isinstance(tables, dict):
        raise BadInputError("names no tables")
    for name, said in tables.items():
        if leads_out(name):
            yield Look(ground.shown(path / name), BROKEN, LEADS_OUT)
            continue
        ground.cover(path / name)
        is_same = sha256_bytes(read_table(path, name)) == said
        yield Look(
            ground.shown(path / name), HOLDS if is_same else BROKEN, "" if is_same else "is not what was written"
        )


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    for line in io.BytesIO(read_table(path, MANIFEST_ROWS)):
        row = parsed(line, MANIFEST_ROWS)
        if not isinstance(row.get("file_name"), str):
            raise BadInputError(f"{MANIFEST_ROWS}: a row without a file")
        yield row


def _images(path: Path, ground: Ground) -> Iterator[Look]:
    """Every image that the manifest names, then those that it does not."""
    with open_source(path) as images:
        left = {name: index for index, name in enumerate(images.names)}
        for row in _rows(path):
            name = row["file_name"]
            ground.cover(path / name)
            yield _compared(images, left.pop(name, None), ground.shown(path / name), row.get("sha256"))
        for name in left:
            yield Look(ground.shown(path / name), BROKEN, "is not in the manifest")


def _sources(source: Path, dataset: Path, ground: Ground) -> Iterator[Look]:
    """Every image that one of the dataset was made from."""
    with open_source(source) as images:
        place = {name: index for index, name in enumerate(images.names)}
        for row in _rows(dataset):
            name = str(row.get("source_file"))
            ground.cover(source / name)
            yield _compared(images, place.get(name), ground.shown(source / name), row.get("source_sha256"))


def _compared(images: Source, index: int | None, shown: str, said: object) -> Look:
    if index is None:
        return Look(shown, MISSING)
    if said is None:
        return Look(shown, SILENT, f"its hash is not told: {EARLIER}")
    try:
        is_same = sha256_bytes(images.read_at(index)) == said
    except BadInputError as error:
        return Look(shown, BROKEN, str(error))
    return Look(shown, HOLDS) if is_same else Look(shown, BROKEN, "is not the image that was read or written")


def of_generated(folder: Path, ground: Ground, generator: Path | None = None) -> Iterator[Finding]:
    """Generated images: their list, images that are not on it, and the link to what made them."""
    yield from of_list(folder, ground)
    if not (folder / LIST).is_file():
        return
    images = (folder / name for name in files_below(folder) if Path(name).suffix.lower() in EXTENSIONS)
    for path in images:
        if not ground.covers(path):
            yield Finding("images", BROKEN, ground.shown(path), "is not on the list")
    yield from of_origin(folder, ground, {} if generator is None else {"generator": generator})


def of_origin(folder: Path, ground: Ground, places: Mapping[str, Path]) -> Iterator[Finding]:
    """What a folder's list says that its files were made from; `places` tells where some of that should lie."""
    where = folder / LIST
    made_from = read(where).get("made_from")
    if not isinstance(made_from, dict):
        yield Finding("origin", SILENT, ground.shown(where))
        return
    for what in made_from:
        yield ground.link(what, where, text_at(made_from, what), places.get(what), HASHES.get(what, sha256_file))
