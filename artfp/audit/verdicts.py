"""Verdicts: their own digest and signature, the codec that read the images, the images themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from artfp.audit.documents import EARLIER, of_document, read, text_at
from artfp.audit.findings import BROKEN, HOLDS, MISSING, SILENT, Finding, Look, gathered
from artfp.audit.ground import Ground
from artfp.data.readers import Source, open_source
from artfp.errors import ArtfpError, BadInputError
from artfp.files import is_file, sha256_bytes

Read = Callable[[], bytes]


def is_verdict(document: dict[str, Any]) -> bool:
    """Whether a document is one verdict, or several of `artfp verify --each`."""
    return "outcome" in document or "verdicts" in document


def of_verdict(path: Path, ground: Ground, run: Path | None = None) -> Iterator[Finding]:
    """A verdict; the images of one in a run are looked for in that run alone, wherever it was moved to."""
    yield from of_document("verdict", ground.shown(path), path.read_bytes(), ground)
    ground.cover(path)
    document = read(path)
    places = Places(run)
    several = document.get("verdicts")
    for verdict in several if isinstance(several, list) else [document]:
        yield ground.link("codec", path, text_at(verdict, "codec_sha256"))
        yield from gathered("images", ground.shown(path), _images(verdict, places))


def _images(verdict: object, places: Places) -> Iterator[Look]:
    images = verdict.get("images") if isinstance(verdict, dict) else None
    for image in images if isinstance(images, list) else ():
        yield _look(text_at(image, "name") or "", text_at(image, "sha256"), places)


def _look(name: str, said: str | None, places: Places) -> Look:
    if said is None:
        return Look(name, SILENT, f"its hash is not told: {EARLIER}")
    found = places.find(name)
    if found is None:
        return Look(name, MISSING)
    try:
        is_same = sha256_bytes(found()) == said
    except BadInputError as error:
        return Look(name, BROKEN, str(error))
    return Look(name, HOLDS) if is_same else Look(name, BROKEN, "is not the image that was judged")


class Places:
    """Where the images of verdicts are, by the names that these have for them."""

    def __init__(self, run: Path | None) -> None:
        self.run = run
        self._open: dict[Path, tuple[Source, dict[str, int]]] = {}

    def find(self, name: str) -> Read | None:
        """How to read an image; None where it is not."""
        return next((read for path in self._candidates(name) if (read := self._reader(path))), None)

    def _candidates(self, name: str) -> Iterator[Path]:
        """The path itself; in a run its longest end that leads to something."""
        if self.run is None:
            yield Path(name)
            return
        parts = PurePosixPath(name).parts
        yield from (self.run.joinpath(*parts[first:]) for first in range(len(parts)) if parts[first] != "/")

    def _reader(self, path: Path) -> Read | None:
        if is_file(path):
            return path.read_bytes
        archive = next((parent for parent in path.parents if is_file(parent)), None)
        return None if archive is None else self._in_archive(archive, path.relative_to(archive).as_posix())

    def _in_archive(self, archive: Path, name: str) -> Read | None:
        if archive not in self._open:
            try:
                source = open_source(archive)
            except ArtfpError:
                return None
            self._open[archive] = source, {each: index for index, each in enumerate(source.names)}
        source, index = self._open[archive]
        return (lambda: source.read_at(index[name])) if name in index else None
