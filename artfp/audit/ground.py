"""What all parts of an audit share: where it is, what else is at hand, which files something has named so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from artfp.artefacts import files_below, listing_sha256
from artfp.audit.findings import BROKEN, HOLDS, MISSING, SILENT, Finding
from artfp.codec.dct import DctCodec
from artfp.codec.store import shipped
from artfp.data.manifest import manifest_sha256
from artfp.data.readers import open_source
from artfp.errors import ArtfpError
from artfp.files import sha256_bytes, sha256_file
from artfp.generators.folder import FILE, STATE
from artfp.reading import Progress, silent

SHOWN = 12  # digits of a hash in words

Hash = Callable[[Path], str | None]


class Ground:
    """One audit's; the files of `others` are where links may lead, too."""

    def __init__(
        self, root: Path, others: Sequence[Path] = (), signer: str | None = None, tell: Progress = silent
    ) -> None:
        self.root, self.others, self.signer, self._tell = root, others, signer, tell
        self._total = len(files_below(root)) if root.is_dir() else 1
        self._covered: set[Path] = set()

    def look_in(self, places: Sequence[Path]) -> None:
        """Take what lies there for links, too; before any is followed."""
        self.others = (*self.others, *places)

    def cover(self, path: Path) -> None:
        """Take note that something names this file's hash."""
        self._covered.add(path.absolute())
        self._tell(min(len(self._covered), self._total - 1), self._total, self.shown(path))

    def covers(self, path: Path) -> bool:
        """Whether anything has."""
        return path.absolute() in self._covered

    def shown(self, path: Path) -> str:
        """A path as findings tell it: from where the audit began."""
        return str(path.relative_to(self.root)) if path != self.root and path.is_relative_to(self.root) else str(path)

    def link(
        self, what: str, where: Path, said: str | None, there: Path | None = None, of: Hash = sha256_file
    ) -> Finding:
        """Whether what a file says that it was made from is what lies where it should, or somewhere else at hand."""
        file = self.shown(where)
        if said is None:
            return Finding(what, SILENT, file)
        if there is None or not there.exists():
            return self._elsewhere(what, file, said)
        if of(there) == said:
            return Finding(what, HOLDS, file, self.shown(there))
        return Finding(what, BROKEN, file, f"was made from {said[:SHOWN]}, which {self.shown(there)} is not")

    def _elsewhere(self, what: str, file: str, said: str) -> Finding:
        if said in self.known:
            return Finding(what, HOLDS, file, self.known[said])
        return Finding(what, MISSING, file, f"{said[:SHOWN]} is not here; --with PATH says where it is")

    @cached_property
    def known(self) -> dict[str, str]:
        """Everything at hand by its hash."""
        codecs = {sha256_file(path): f"codec {name}" for name, path in shipped().items()}
        found = dict(self._of_others())
        return found | codecs | {DctCodec().sha256: "codec dct"}

    def _of_others(self) -> Iterator[tuple[str, str]]:
        for path in self.others:
            for file in (path, path / FILE, path / STATE):
                if file.is_file():
                    yield sha256_file(file), str(file)
            for found in (identity(path), manifest_sha256(path)):
                if found is not None:
                    yield found, str(path)

    def images_known_as(self, sha256: str | None) -> Path | None:
        """The collection of images at hand that has this hash."""
        return next((path for path in self.others if sha256 and identity(path) == sha256), None)


def identity(images: Path) -> str | None:
    """The hash of names and sizes by which images are known; None where they cannot be read."""
    try:
        with open_source(images) as source:
            return source.sha256
    except ArtfpError:
        return None


def contents_sha256(images: Path) -> str | None:
    """The hash of the images' files; None where they cannot be read."""
    try:
        with open_source(images) as source:
            each = ((name, sha256_bytes(source.read_at(index))) for index, name in enumerate(source.names))
            return listing_sha256(each)
    except ArtfpError:
        return None
