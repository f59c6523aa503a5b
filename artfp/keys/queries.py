"""What a registry asks of its file: functions over one open transaction."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from artfp.errors import BadInputError, UsageError
from artfp.keys.commitment import Commitment, commitment_digest
from artfp.keys.documents import public_id
from artfp.keys.fingerprint import Bits, CodecFacts, pack, unpack
from artfp.keys.records import Key, Origin, Pair, check_name

PAGE = 1024  # fingerprints in one blob: a million are read in milliseconds, and an appended one rewrites 8 kB
DAMAGED = "the key registry has lost or gained fingerprints: restore it from a backup"
# `IN (SELECT value FROM json_each(?))` takes any number of values in one parameter.


class KeyRow(NamedTuple):
    """A key as the file holds it. Never printed: its repr would show the secret."""

    id: int | None
    name: str
    key_id: str
    secret: bytes | None
    origin: str
    created: str
    beacon: str | None = None
    salt: bytes | None = None
    committed: str | None = None

    def __repr__(self) -> str:
        return f"KeyRow({self.name!r})"

    def public(self) -> Key:
        """The key without its secret."""
        promise = None
        if self.secret is not None and self.salt is not None:
            promise = Commitment(commitment_digest(self.salt, self.secret, self.name), str(self.committed))
        return Key(self.name, self.key_id, self.created, Origin(self.origin), self.beacon, promise)


def new_row(name: str, secret: bytes | None, origin: Origin, created: str) -> KeyRow:
    """A row to insert; the id of bare bits is random, because a hash of so few bits could be searched through."""
    key_id = f"bits-{secrets.token_hex(8)}" if secret is None else public_id(secret)
    return KeyRow(None, check_name(name), key_id, secret, origin, created)


def all_keys(connection: sqlite3.Connection) -> list[KeyRow]:
    """Every key, in the order they were registered."""
    return [KeyRow(*row) for row in connection.execute("SELECT * FROM keys ORDER BY id")]


def key_row(connection: sqlite3.Connection, name: str) -> KeyRow:
    """The key of this name, or an error that says which there are."""
    row = connection.execute("SELECT * FROM keys WHERE name = ?", [name]).fetchone()
    if row is None:
        known = [other for (other,) in connection.execute("SELECT name FROM keys ORDER BY id DESC LIMIT 5")]
        hint = f"the latest are {', '.join(known)}" if known else "the registry is empty"
        raise UsageError(f"no key {name!r}: {hint}; see `artfp key list`, or make it with `artfp key new`")
    return KeyRow(*row)


def key_rows(connection: sqlite3.Connection, names: Sequence[str]) -> list[KeyRow]:
    """The keys of these names, in their order."""
    found = {row.name: row for row in known_rows(connection, names)}
    return [found[name] if name in found else key_row(connection, name) for name in names]


def known_rows(connection: sqlite3.Connection, names: Sequence[str]) -> list[KeyRow]:
    """Those of these names that are keys."""
    query = "SELECT * FROM keys WHERE name IN (SELECT value FROM json_each(?))"
    return [KeyRow(*row) for row in connection.execute(query, [json.dumps(names)])]


def insert_keys(connection: sqlite3.Connection, rows: Sequence[KeyRow]) -> None:
    """Add keys whose names and secrets are new."""
    names = [row.name for row in rows]
    query = "SELECT name FROM keys WHERE name IN (SELECT value FROM json_each(?))"
    taken = [name for (name,) in connection.execute(query, [json.dumps(names)])]
    if taken or len(set(names)) < len(names):
        twice = taken[0] if taken else Counter(names).most_common(1)[0][0]
        raise UsageError(f"key {twice!r} exists already; names are unique, choose another")
    query = "SELECT name FROM keys WHERE key_id IN (SELECT value FROM json_each(?))"
    same = connection.execute(query, [json.dumps([row.key_id for row in rows])]).fetchone()
    if same:
        raise UsageError(f"this secret is registered already, as {same[0]!r}")
    connection.executemany("INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


def codec_row(connection: sqlite3.Connection, sha256: str) -> tuple[int, int] | None:
    """Row id and number of bits of a codec that was used."""
    found: tuple[int, int] | None = connection.execute(
        "SELECT id, n_bits FROM codecs WHERE sha256 = ?", [sha256]
    ).fetchone()
    return found


def ensure_codec(connection: sqlite3.Connection, name: str, sha256: str, n_bits: int) -> int:
    """The row id of a codec, added if it is new."""
    connection.execute("INSERT OR IGNORE INTO codecs (sha256, name, n_bits) VALUES (?, ?, ?)", [sha256, name, n_bits])
    row = codec_row(connection, sha256)
    if row is None or row[1] != n_bits:
        raise BadInputError(f"codec {name} is registered with another number of bits than {n_bits}")
    return row[0]


def codecs_of(connection: sqlite3.Connection, name: str) -> list[tuple[str, str]]:
    """Name and sha256 of the codecs that a key is recorded with."""
    return connection.execute(
        """SELECT codecs.name, codecs.sha256 FROM codecs JOIN pairs ON pairs.codec = codecs.id
           JOIN keys ON keys.id = pairs.key WHERE keys.name = ? ORDER BY codecs.id""",
        [name],
    ).fetchall()


def record_image_use(connection: sqlite3.Connection, codec: int, key: KeyRow) -> None:
    """Note that single images got bits of their own from a key."""
    connection.execute("INSERT OR IGNORE INTO image_uses (codec, key) VALUES (?, ?)", [codec, key.id])


def image_codecs_of(connection: sqlite3.Connection, name: str) -> list[tuple[str, str]]:
    """Name and sha256 of the codecs for which single images got bits of their own from a key."""
    return connection.execute(
        """SELECT codecs.name, codecs.sha256 FROM codecs JOIN image_uses ON image_uses.codec = codecs.id
           JOIN keys ON keys.id = image_uses.key WHERE keys.name = ? ORDER BY codecs.id""",
        [name],
    ).fetchall()


def count_unused(connection: sqlite3.Connection) -> int:
    """The number of keys without any pair or image."""
    query = """SELECT count(*) FROM keys WHERE NOT EXISTS (SELECT 1 FROM pairs WHERE key = keys.id)
               AND NOT EXISTS (SELECT 1 FROM image_uses WHERE key = keys.id)"""
    (count,) = connection.execute(query).fetchone()
    return int(count)


def used_codecs(connection: sqlite3.Connection, names: Iterable[str] | None) -> list[str]:
    """The sha256 of every codec with a pair, or with a pair of these keys."""
    query = "SELECT sha256 FROM codecs WHERE EXISTS (SELECT 1 FROM pairs WHERE codec = codecs.id{}) ORDER BY id"
    if names is None:
        found = connection.execute(query.format(""))
    else:
        chosen = " AND key IN (SELECT id FROM keys WHERE name IN (SELECT value FROM json_each(?)))"
        found = connection.execute(query.format(chosen), [json.dumps(list(names))])
    return [sha256 for (sha256,) in found]


def insert_pairs(connection: sqlite3.Connection, codec: int, keys: Sequence[KeyRow], pairs: Sequence[Pair]) -> None:
    """Append the pairs of these keys to a codec; rows count on from the last."""
    if not pairs:  # another process has recorded them since they were found missing
        return
    first = _count(connection, codec)
    connection.executemany(
        "INSERT INTO pairs (codec, row, key, counter) VALUES (?, ?, ?, ?)",
        ((codec, row, key.id, pair.counter) for row, (key, pair) in enumerate(zip(keys, pairs, strict=True), first)),
    )
    packed = pack(np.stack([pair.bits for pair in pairs]))
    page, filled = divmod(first, PAGE)
    begun = connection.execute("SELECT bits FROM pages WHERE codec = ? AND page = ?", [codec, page]).fetchone()
    data, size = (begun[0] if begun else b"") + packed.tobytes(), PAGE * packed.shape[1]
    if len(data) != (filled + len(pairs)) * packed.shape[1]:
        raise BadInputError(DAMAGED)
    connection.executemany(
        "INSERT OR REPLACE INTO pages (codec, page, bits) VALUES (?, ?, ?)",
        ((codec, page + start // size, data[start : start + size]) for start in range(0, len(data), size)),
    )


def packed_bits(connection: sqlite3.Connection, codec: int, n_bits: int) -> NDArray[np.uint8]:
    """(K, bytes) fingerprints of all pairs of a codec, by row."""
    pages = connection.execute("SELECT bits FROM pages WHERE codec = ? ORDER BY page", [codec])
    data, shape = b"".join([page for (page,) in pages]), (_count(connection, codec), -(-n_bits // 8))
    if len(data) != shape[0] * shape[1]:
        raise BadInputError(DAMAGED)
    return np.frombuffer(data, np.uint8).reshape(shape)


def rows_of(connection: sqlite3.Connection, codec: int, names: Iterable[str]) -> list[int]:
    """The rows of these keys among the pairs of a codec."""
    found = connection.execute(
        """SELECT row FROM pairs JOIN keys ON keys.id = pairs.key
           WHERE codec = ? AND name IN (SELECT value FROM json_each(?)) ORDER BY row""",
        [codec, json.dumps(list(names))],
    )
    return [row for (row,) in found]


def rows_of_ids(connection: sqlite3.Connection, codec: int, key_ids: Iterable[str]) -> list[int]:
    """The same of the keys with these ids; for most of a codec's, of which to look up each takes twice as long."""
    query = "SELECT row, key_id FROM pairs JOIN keys ON keys.id = pairs.key WHERE codec = ? ORDER BY row"
    wanted = set(key_ids)
    return [row for row, key_id in connection.execute(query, [codec]) if key_id in wanted]


def find_pairs(connection: sqlite3.Connection, names: Sequence[str], facts: CodecFacts) -> dict[str, Pair]:
    """The recorded pairs of these keys with one codec."""
    codec = codec_row(connection, facts.sha256)
    if codec is None:
        return {}
    packed = packed_bits(connection, *codec)
    found = connection.execute(
        """SELECT name, origin, row, counter FROM pairs JOIN keys ON keys.id = pairs.key
           WHERE codec = ? AND name IN (SELECT value FROM json_each(?))""",
        [codec[0], json.dumps(names)],
    )
    return {
        name: Pair(name, facts.sha256, unpack(packed[row], codec[1]), counter, Origin(origin))
        for name, origin, row, counter in found
    }


def of_row(connection: sqlite3.Connection, codec: int, row: int) -> tuple[str, str]:
    """Name and origin of the key in one row of a codec's pairs."""
    found: tuple[str, str] | None = connection.execute(
        "SELECT name, origin FROM keys JOIN pairs ON pairs.key = keys.id WHERE codec = ? AND row = ?", [codec, row]
    ).fetchone()
    if found is None:
        raise BadInputError(DAMAGED)
    return found


def key_of_bits(connection: sqlite3.Connection, codec: int, bits: Bits) -> str | None:
    """The key that has exactly these bits with a codec."""
    rows = np.flatnonzero((packed_bits(connection, codec, len(bits)) == pack(bits)).all(axis=1))
    return of_row(connection, codec, int(rows[0]))[0] if rows.size else None


def _count(connection: sqlite3.Connection, codec: int) -> int:
    """How many pairs a codec has: rows are counted from 0 and never removed."""
    (last,) = connection.execute("SELECT max(row) FROM pairs WHERE codec = ?", [codec]).fetchone()
    return 0 if last is None else int(last) + 1
