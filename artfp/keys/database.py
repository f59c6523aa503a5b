"""The SQLite file under a registry: nobody else may read it, and every write is whole or absent."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from artfp.errors import ArtfpError, BadInputError, UsageError

PRIVATE_FILE, PRIVATE_FOLDER, OTHERS = 0o600, 0o700, 0o077
BUSY_SECONDS = 30.0
APPLICATION_ID = 0x61727466  # "artf": tells a registry from other SQLite files
SCHEMA_VERSION = 2
# A pair's `row` counts from 0 within its codec and never changes; its fingerprint lies at that place of the codec's
# pages (see `queries.PAGE`), and tables of pairs look their names up by it.
# `image_uses` are keys from which single images got bits of their own; the key's own bits are then in none of them.
IMAGE_USES = """CREATE TABLE image_uses (
    codec INTEGER NOT NULL REFERENCES codecs,
    key INTEGER NOT NULL REFERENCES keys,
    PRIMARY KEY (codec, key)
) WITHOUT ROWID"""
UPGRADES = {1: IMAGE_USES}  # from a version to the next
SCHEMA = f"""
CREATE TABLE keys (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    key_id TEXT NOT NULL UNIQUE,
    secret BLOB CHECK (length(secret) = 32),
    origin TEXT NOT NULL CHECK (origin IN ('generated', 'imported-secret', 'imported-bits')),
    created TEXT NOT NULL,
    beacon TEXT,
    salt BLOB CHECK (length(salt) = 32),
    committed TEXT,
    CHECK ((secret IS NULL) = (origin = 'imported-bits')),
    CHECK ((salt IS NULL) = (committed IS NULL))
);
CREATE TABLE codecs (
    id INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    n_bits INTEGER NOT NULL CHECK (n_bits > 0)
);
CREATE TABLE pairs (
    codec INTEGER NOT NULL REFERENCES codecs,
    row INTEGER NOT NULL,
    key INTEGER NOT NULL REFERENCES keys,
    counter INTEGER NOT NULL,
    PRIMARY KEY (codec, row),
    UNIQUE (codec, key)
) WITHOUT ROWID;
CREATE TABLE pages (
    codec INTEGER NOT NULL REFERENCES codecs,
    page INTEGER NOT NULL,
    bits BLOB NOT NULL,
    PRIMARY KEY (codec, page)
);
{IMAGE_USES};
"""


class Database:
    """A connection to a registry file that exists, is private and has the schema of this version."""

    def __init__(self, path: Path, *, create: bool) -> None:
        self.path = path
        if create:
            _create_private(path)
        elif not path.exists():
            raise UsageError(f"{path}: no key registry here; `artfp key new NAME` makes one")
        self.was_open_to_others = _make_private(path)
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
            if not self._is_empty() and self._checked_version() == SCHEMA_VERSION:
                return
        with self.write() as connection:
            if self._is_empty():  # another process may have been first
                for statement in SCHEMA.split(";\n"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            for version in range(self._checked_version(), SCHEMA_VERSION):
                connection.execute(UPGRADES[version])
                connection.execute(f"PRAGMA user_version = {version + 1}")

    def _is_empty(self) -> bool:
        return not self._number("SELECT count(*) FROM sqlite_master") and not self._number("PRAGMA user_version")

    def _checked_version(self) -> int:
        if self._number("PRAGMA application_id") != APPLICATION_ID:
            raise BadInputError(f"{self.path}: a SQLite file of something else, not a key registry")
        if (version := self._number("PRAGMA user_version")) not in (*UPGRADES, SCHEMA_VERSION):
            raise BadInputError(
                f"{self.path}: a registry of schema {version}; this artfp knows {SCHEMA_VERSION}, another one made it"
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
            raise _explanation(self.path, error) from error


def _explanation(path: Path, error: sqlite3.DatabaseError) -> ArtfpError:
    primary = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return ArtfpError(f"{path}: in use by another process for over {BUSY_SECONDS:g} s; try again later")
    if primary in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return BadInputError(f"{path}: not a key registry, or a damaged one ({error}); restore it from a backup")
    return ArtfpError(f"{path}: the key registry cannot be used ({error})")


def _create_private(path: Path) -> None:
    """An empty file that nobody else could read at any moment, in folders of the same kind where they are missing."""
    missing = [folder for folder in path.parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, PRIVATE_FILE))


def _make_private(path: Path) -> bool:
    """Take others' permissions away and say whether there were any; refuse where only the owner could."""
    if not path.is_file():
        raise BadInputError(f"{path}: not a file, so no key registry")
    status = path.stat()
    if not status.st_mode & OTHERS:
        return False
    if status.st_uid != os.geteuid():
        raise BadInputError(f"{path}: others can read these secrets; its owner must run `chmod 600` on it")
    path.chmod(PRIVATE_FILE)
    return True
