"""A private SQLite file: nobody else may read it, and every write is whole or absent."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from artfp.errors import ArtfpError, BadInputError, UsageError

PRIVATE_FILE, PRIVATE_FOLDER, OTHERS = 0o600, 0o700, 0o077
BUSY_SECONDS = 30.0


@dataclass(frozen=True)
class Schema:
    """What a file is, and its tables."""

    what: str  # as error messages call it
    made_by: str  # the command that makes one
    application_id: int  # tells it from other SQLite files
    version: int
    statements: tuple[str, ...]  # make the tables of this version
    upgrades: Mapping[int, str] = field(default_factory=dict)  # from a version to the next


class Database:
    """A connection to a file that exists, is private and has its schema's version."""

    def __init__(self, path: Path, schema: Schema, *, create: bool) -> None:
        self.path, self.schema = path, schema
        if create:
            _create_private(path)
        elif not path.exists():
            raise UsageError(f"{path}: no {schema.what} here; `{schema.made_by}` makes one")
        self.was_open_to_others = _make_private(path, schema.what)
        with self._explained():
            # mode=rw: SQLite itself never creates the file, which would be readable by others.
            uri = f"{path.resolve().as_uri()}?mode=rw"
            self.connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            self._prepare()
        except BaseException:
            self.connection.close()
            raise

    def close(self) -> None:
        """Close the file; everything committed is on disk."""
        self.connection.close()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """One consistent view over several queries."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """All changes or none; other writers wait."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._explained():
            self.connection.execute(begin)
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # the first error is the one to tell
                    self.connection.execute("ROLLBACK")
                raise

    def _prepare(self) -> None:
        """Refuse files of other makers and versions; give an empty one its tables."""
        with self._explained():
            self.connection.execute("PRAGMA foreign_keys = ON")
        with self.read():
            if not self._is_empty() and self._checked_version() == self.schema.version:
                return
        with self.write() as connection:
            if self._is_empty():  # another process may have been first
                for statement in self.schema.statements:
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {self.schema.application_id}")
                connection.execute(f"PRAGMA user_version = {self.schema.version}")
            for version in range(self._checked_version(), self.schema.version):
                connection.execute(self.schema.upgrades[version])
                connection.execute(f"PRAGMA user_version = {version + 1}")

    def _is_empty(self) -> bool:
        return not self._number("SELECT count(*) FROM sqlite_master") and not self._number("PRAGMA user_version")

    def _checked_version(self) -> int:
        what, known = self.schema.what, self.schema.version
        if self._number("PRAGMA application_id") != self.schema.application_id:
            raise BadInputError(f"{self.path}: a SQLite file of something else, not a {what}")
        if (version := self._number("PRAGMA user_version")) not in (*self.schema.upgrades, known):
            raise BadInputError(
                f"{self.path}: a {what} of schema {version}; this artfp knows {known}, another one made it"
            )
        return version

    def _number(self, query: str) -> int:
        with closing(self.connection.execute(query)) as cursor:
            return int(cursor.fetchone()[0])

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """SQLite's errors as this package's, with the file's name; the caller's own mistakes stay as they are."""
        try:
            yield
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
            raise
        except sqlite3.DatabaseError as error:
            raise _explanation(self.path, self.schema.what, error) from error


def _explanation(path: Path, what: str, error: sqlite3.DatabaseError) -> ArtfpError:
    primary = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return ArtfpError(f"{path}: in use by another process for over {BUSY_SECONDS:g} s; try again later")
    if primary in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return BadInputError(f"{path}: not a {what}, or a damaged one ({error}); restore it from a backup")
    return ArtfpError(f"{path}: the {what} cannot be used ({error})")


def _create_private(path: Path) -> None:
    """An empty file that nobody else could read at any moment, in folders of the same kind where they are missing."""
    missing = [folder for folder in path.parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, PRIVATE_FILE))


def _make_private(path: Path, what: str) -> bool:
    """Take others' permissions away and say whether there were any; refuse where only the owner could."""
    if not path.is_file():
        raise BadInputError(f"{path}: not a file, so no {what}")
    status = path.stat()
    if not status.st_mode & OTHERS:
        return False
    if status.st_uid != os.geteuid():
        raise BadInputError(f"{path}: others can read this {what}; its owner must run `chmod 600` on it")
    path.chmod(PRIVATE_FILE)
    return True
