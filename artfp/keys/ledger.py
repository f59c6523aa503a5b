"""The ledger: to whom which generator was issued, with which key. Entries are added, and never changed or removed.

    entry = number, recipient, key id, commitment, hashes of both generators and of the codec, date, version
    digest = SHA-256(domain, digest of the entry before, the entry), every field behind its length

Triggers stop who changes an entry by mistake; the chain of digests shows who does so on purpose, and the last digest,
written down elsewhere, shows also who cuts entries off at the end. The ledger holds names, but no secret and no bits.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from artfp import __version__
from artfp.errors import BadInputError
from artfp.keys.commitment import check_digest
from artfp.keys.database import Database, Schema
from artfp.keys.fingerprint import framed
from artfp.keys.records import check_name
from artfp.results import Record

DOMAIN = b"artfp ledger 1"
START = "0" * 64  # the digest before the first entry
ENTRIES = """CREATE TABLE entries (
    number INTEGER PRIMARY KEY,
    recipient TEXT NOT NULL,
    key_id TEXT NOT NULL,
    commitment TEXT NOT NULL,
    source_sha256 TEXT NOT NULL,
    issued_sha256 TEXT NOT NULL,
    codec_sha256 TEXT NOT NULL,
    issued TEXT NOT NULL,
    artfp TEXT NOT NULL,
    digest TEXT NOT NULL
)"""
INSERT = "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
RESTORE = "restore it from a backup"
REFUSED = "SELECT RAISE(ABORT, 'entries of the ledger are added at its end, and never changed or removed')"
ELSEWHERE = "NEW.number != (SELECT coalesce(max(number), 0) + 1 FROM entries)"
SCHEMA = Schema(
    what="ledger",
    made_by="artfp issue GENERATOR --to NAME",
    application_id=0x6172746C,  # "artl"
    version=1,
    statements=(
        ENTRIES,
        "CREATE INDEX entries_by_key ON entries (codec_sha256, key_id)",
        f"CREATE TRIGGER no_change BEFORE UPDATE ON entries BEGIN {REFUSED}; END",
        f"CREATE TRIGGER no_removal BEFORE DELETE ON entries BEGIN {REFUSED}; END",
        # INSERT OR REPLACE removes without asking the trigger above.
        f"CREATE TRIGGER only_at_the_end BEFORE INSERT ON entries WHEN {ELSEWHERE} BEGIN {REFUSED}; END",
    ),
)


@dataclass(frozen=True)
class Issue(Record):
    """A generator that is given to someone."""

    recipient: str
    key_id: str
    commitment: str
    source_sha256: str  # of the keyed generator's file
    issued_sha256: str  # of the file that is given away
    codec_sha256: str


@dataclass(frozen=True)
class Entry(Record):
    """A row of the ledger."""

    number: int  # counts from 1
    recipient: str
    key_id: str
    commitment: str
    source_sha256: str
    issued_sha256: str
    codec_sha256: str
    issued: str  # when
    artfp: str
    digest: str

    @property
    def issue(self) -> Issue:
        """What it is about."""
        return Issue(
            self.recipient,
            self.key_id,
            self.commitment,
            self.source_sha256,
            self.issued_sha256,
            self.codec_sha256,
        )


@dataclass(frozen=True)
class Head(Record):
    """How far a ledger reaches; the digest fixes all entries up to there."""

    entries: int
    digest: str


class Ledger:
    """The file of entries. A context manager; safe for several processes at once."""

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self.path = path.expanduser()
        self._database = Database(self.path, SCHEMA, create=create)
        self.was_open_to_others = self._database.was_open_to_others  # and is not any more

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def record(self, issue: Issue) -> Entry:
        """The entry of an issue; the first call makes it."""
        return self.record_many([issue])[0]

    def record_many(self, issues: Sequence[Issue]) -> list[Entry]:
        """The entries of several issues, all recorded or none."""
        for issue in issues:
            check_name(issue.recipient)
        with self._database.write() as connection:
            return list(self._recorded(connection, issues))

    def _recorded(self, connection: sqlite3.Connection, issues: Sequence[Issue]) -> Iterator[Entry]:
        head, now = _head(connection), datetime.now(UTC).isoformat(timespec="seconds")
        for issue in issues:
            known = self._of_key(connection, issue.codec_sha256, issue.key_id)
            entry = next((entry for entry in known if entry.issue == issue), None)
            if entry is None:
                entry = _chained(issue, head, now)
                connection.execute(INSERT, tuple(vars(entry).values()))
                head = Head(entry.number, entry.digest)
            yield entry

    def entries(self) -> list[Entry]:
        """All entries, in their order."""
        with self._database.read() as connection:
            return [Entry(*row) for row in connection.execute("SELECT * FROM entries ORDER BY number")]

    def codecs(self) -> list[str]:
        """The sha256 of every codec for which something was issued."""
        with self._database.read() as connection:
            return [sha256 for (sha256,) in connection.execute("SELECT DISTINCT codec_sha256 FROM entries")]

    def key_ids(self, codec_sha256: str) -> list[str]:
        """The ids of all keys with which something was issued for a codec."""
        query = "SELECT DISTINCT key_id FROM entries WHERE codec_sha256 = ?"
        with self._database.read() as connection:
            return [key_id for (key_id,) in connection.execute(query, [codec_sha256])]

    def of_key(self, codec_sha256: str, key_id: str) -> list[Entry]:
        """The entries of one key for a codec, each checked against its digest and that of the next."""
        with self._database.read() as connection:
            return self._of_key(connection, codec_sha256, key_id)

    def _of_key(self, connection: sqlite3.Connection, codec_sha256: str, key_id: str) -> list[Entry]:
        query = "SELECT * FROM entries WHERE codec_sha256 = ? AND key_id = ? ORDER BY number"
        rows = connection.execute(query, [codec_sha256, key_id]).fetchall()
        for row in rows:
            self._check_row(row, _digest_at(connection, row[0] - 1))
            self._check_next(connection, row)
        return [Entry(*row) for row in rows]

    def _check_next(self, connection: sqlite3.Connection, row: tuple[Any, ...]) -> None:
        """Whoever gives an altered entry a digest of its own breaks the one after it."""
        following = connection.execute("SELECT * FROM entries WHERE number = ?", [row[0] + 1]).fetchone()
        if following is not None:
            self._check_row(following, row[-1])

    def head(self) -> Head:
        """How far it reaches, unchecked."""
        with self._database.read() as connection:
            return _head(connection)

    def check(self, since: str | None = None) -> Head:
        """Check every entry and the chain of all, which has to lead through the digest `since`; where it ends."""
        since = None if since is None else check_digest(since, "digest of an entry", "artfp ledger check")
        with self._database.read() as connection:
            if (found := connection.execute("PRAGMA integrity_check(1)").fetchone()[0]) != "ok":
                raise BadInputError(f"{self.path}: a damaged ledger ({found}); {RESTORE}")
            digests = [START, *self._chain(connection)]
        if since is not None and since not in digests:
            raise BadInputError(
                f"{self.path}: no entry has the digest {since}: entries are missing at its end; {RESTORE}"
            )
        return Head(len(digests) - 1, digests[-1])

    def _chain(self, connection: sqlite3.Connection) -> Iterator[str]:
        """The digests of all entries, each checked."""
        digest = START
        for number, row in enumerate(connection.execute("SELECT * FROM entries ORDER BY number"), start=1):
            if row[0] != number:
                raise BadInputError(f"{self.path}: entry {number} is missing; {RESTORE}")
            self._check_row(row, digest)
            digest = row[-1]
            yield digest

    def _check_row(self, row: tuple[Any, ...], before: str) -> None:
        if row[-1] != _digest(before, row[:-1]):
            raise BadInputError(
                f"{self.path}: entry {row[0]} does not have the digest of its content and the entry before: one of the "
                f"two was altered; {RESTORE}"
            )


def _head(connection: sqlite3.Connection) -> Head:
    """Where the next entry goes on."""
    (last,) = connection.execute("SELECT coalesce(max(number), 0) FROM entries").fetchone()
    return Head(last, _digest_at(connection, last))


def _chained(issue: Issue, head: Head, now: str) -> Entry:
    """The entry that goes on there."""
    entry = Entry(number=head.entries + 1, **vars(issue), issued=now, artfp=__version__, digest="")
    return replace(entry, digest=_digest(head.digest, tuple(vars(entry).values())[:-1]))


def _digest_at(connection: sqlite3.Connection, number: int) -> str:
    """The digest of an entry that may be missing or the one before the first."""
    found = connection.execute("SELECT digest FROM entries WHERE number = ?", [number]).fetchone()
    return START if found is None else str(found[0])


def _digest(before: str, content: Sequence[object]) -> str:
    """What fixes an entry and all those before it."""
    fields = (str(value).encode() for value in (before, *content))
    return hashlib.sha256(framed(DOMAIN, *fields)).hexdigest()
