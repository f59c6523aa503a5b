"""The key registry: one private SQLite file of secrets, and of the codecs that each was used with."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Self

from artfp.errors import BadInputError, UsageError
from artfp.keys import queries
from artfp.keys.columns import Column
from artfp.keys.commitment import Commitment, new_salt
from artfp.keys.database import Database
from artfp.keys.documents import (
    SECRET_BYTES,
    BitsDocument,
    SecretDocument,
    read_key,
    write_bits,
    write_opening,
    write_secret,
)
from artfp.keys.fingerprint import Bits, CodecFacts, derive_image_bits, fingerprints
from artfp.keys.queries import KeyRow
from artfp.keys.records import Key as Key
from artfp.keys.records import Origin as Origin
from artfp.keys.records import Pair as Pair
from artfp.keys.records import PairTable as PairTable
from artfp.keys.schema import REGISTRY


class Registry:
    """Named keys and their recorded pairs. A context manager; safe for several processes at once."""

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self.path = path.expanduser()
        self._database = Database(self.path, REGISTRY, create=create)
        self.was_open_to_others = self._database.was_open_to_others  # and is not any more

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Registry({str(self.path)!r})"

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def new(self, name: str) -> Key:
        """A new key of 256 bits from the operating system."""
        return self.new_many([name])[0]

    def new_many(self, names: Sequence[str]) -> list[Key]:
        """New keys, all of them or none."""
        return self._store(_new_rows(names))

    def ensure(self, names: Sequence[str]) -> None:
        """New keys for those of these names that have none; of several processes at once one makes them."""
        with self._database.write() as connection:
            known = {row.name for row in queries.known_rows(connection, names)}
            queries.insert_keys(connection, _new_rows([name for name in names if name not in known]))

    def get(self, name: str) -> Key:
        """The key of this name."""
        with self._database.read() as connection:
            return queries.key_row(connection, name).public()

    def known(self, names: Sequence[str]) -> dict[str, Key]:
        """Those of these names that are keys here."""
        with self._database.read() as connection:
            return {row.name: row.public() for row in queries.known_rows(connection, names)}

    def names(self) -> list[str]:
        """The names of all keys, in the order they were registered."""
        with self._database.read() as connection:
            return [name for (name,) in connection.execute("SELECT name FROM keys ORDER BY id")]

    def keys(self) -> list[Key]:
        """All keys, in the order they were registered."""
        with self._database.read() as connection:
            return [row.public() for row in queries.all_keys(connection)]

    def export(self, name: str) -> dict[str, Any]:
        """The key as a JSON document: its secret, or for imported bits those bits."""
        with self._database.read() as connection:
            row, uses = queries.key_row(connection, name), queries.codecs_of(connection, name)
        if row.secret is not None:
            return write_secret(row.public(), row.secret, row.salt, uses)
        codec_name, sha256 = uses[0]
        bits = self.pairs(sha256, [name]).bits(0)
        return write_bits(name, codec_name, sha256, bits, row.created)

    def export_bits(self, name: str, facts: CodecFacts) -> dict[str, Any]:
        """The fingerprint for one codec as a JSON document: enough to verify, not to derive any other."""
        return write_bits(name, facts.name, facts.sha256, self.pair(name, facts).bits, self.get(name).created)

    def import_key(self, document: Any) -> Key:
        """Store what `export`, `export_bits` or `opening` made."""
        parsed = read_key(document)
        return self._store_secret(parsed) if isinstance(parsed, SecretDocument) else self._store_bits(parsed)

    def import_bits(self, name: str, facts: CodecFacts, bits: Bits) -> Key:
        """Store bits that their owner chose for one codec; every verdict on them says so."""
        if bits.shape != (facts.n_bits,):
            raise BadInputError(f"codec {facts.name} carries {facts.n_bits} bits, not {bits.size}")
        return self._store_bits(BitsDocument(name, facts.name, facts.sha256, bits, _now()))

    def commit(self, name: str) -> Commitment:
        """The commitment to publish; made once and the same ever after."""
        return self.commit_many([name])[0]

    def commit_many(self, names: Sequence[str]) -> list[Commitment]:
        """The commitments of several keys, all made or none."""
        now = _now()
        with self._database.write() as connection:
            for row in queries.key_rows(connection, names):
                _secret_of(row, "there is nothing to commit to")
            query = "UPDATE keys SET salt = ?, committed = ? WHERE name = ? AND salt IS NULL"
            connection.executemany(query, ((new_salt(), now, name) for name in names))
            return [_commitment_of(row) for row in queries.key_rows(connection, names)]

    def opening(self, name: str) -> dict[str, Any]:
        """The JSON document that opens the key's commitment. It reveals the key."""
        with self._database.read() as connection:
            row, uses = queries.key_row(connection, name), queries.codecs_of(connection, name)
        _commitment_of(row)
        return write_opening(row.public(), _secret_of(row, "there is nothing to open"), row.salt or b"", uses)

    def set_beacon(self, name: str, text: str) -> Key:
        """Mix a public value into all fingerprints of a key: after its commitment, before its first use."""
        with self._database.write() as connection:
            row = queries.key_row(connection, name)
            if row.beacon == text:
                return row.public()
            used = queries.codecs_of(connection, name) or queries.image_codecs_of(connection, name)
            _check_beacon(row, text, used=bool(used))
            connection.execute("UPDATE keys SET beacon = ? WHERE name = ?", [text, name])
            return row._replace(beacon=text).public()

    def pair(self, name: str, facts: CodecFacts) -> Pair:
        """The key's fingerprint for a codec; the first call records that the two were used together."""
        return self.pair_many([name], facts)[0]

    def pair_many(self, names: Sequence[str], facts: CodecFacts) -> list[Pair]:
        """The fingerprints of several keys for a codec, recorded all or none."""
        with self._database.read() as connection:
            pairs = queries.find_pairs(connection, names, facts)
        if not pairs.keys() >= set(names):
            with self._database.write() as connection:
                pairs = queries.find_pairs(connection, names, facts)
                rows = queries.key_rows(connection, [name for name in dict.fromkeys(names) if name not in pairs])
                new = _derive(rows, facts)
                codec = queries.ensure_codec(connection, facts.name, facts.sha256, facts.n_bits)
                queries.insert_pairs(connection, codec, rows, new)
            pairs |= {pair.key: pair for pair in new}
        return [pairs[name] for name in names]

    def image_bits(self, name: str, facts: CodecFacts, seeds: Sequence[str]) -> Bits:
        """The own bits (N, n) of the images with these seeds; the first call records that there are such images.

        That is no pair: no image carries the key's own bits, so `verify` has nothing to try.
        """
        with self._database.write() as connection:
            row = queries.key_row(connection, name)
            secret = _secret_of(row, "no image can get bits of its own from them")
            codec = queries.ensure_codec(connection, facts.name, facts.sha256, facts.n_bits)
            queries.record_image_use(connection, codec, row)
        return derive_image_bits(secret, facts.sha256, facts.n_bits, row.beacon, seeds)

    def uses(self, name: str) -> list[tuple[str, str]]:
        """Name and sha256 of every codec that the key is recorded with."""
        with self._database.read() as connection:
            queries.key_row(connection, name)
            return queries.codecs_of(connection, name)

    def image_uses(self, name: str) -> list[tuple[str, str]]:
        """Name and sha256 of every codec for which single images got bits of their own from the key."""
        with self._database.read() as connection:
            queries.key_row(connection, name)
            return queries.image_codecs_of(connection, name)

    def unused(self) -> int:
        """How many keys were never used with any codec."""
        with self._database.read() as connection:
            return queries.count_unused(connection)

    def codecs(self, names: Sequence[str] | None = None) -> list[str]:
        """The sha256 of every codec with a recorded pair, or with one of these keys."""
        with self._database.read() as connection:
            for name in names or ():
                queries.key_row(connection, name)
            return queries.used_codecs(connection, names)

    def pairs(self, codec_sha256: str, names: Sequence[str] | None = None) -> PairTable:
        """All recorded fingerprints of a codec, or those of these keys, in the order they were recorded."""
        with self._database.read() as connection:
            for name in names or ():
                queries.key_row(connection, name)
            find = None if names is None else partial(queries.rows_of, names=names)
            return self._table(connection, codec_sha256, find)

    def pairs_of_ids(self, codec_sha256: str, key_ids: Sequence[str]) -> PairTable:
        """The recorded fingerprints of the keys with these ids; ids of no key here are left out."""
        with self._database.read() as connection:
            return self._table(connection, codec_sha256, partial(queries.rows_of_ids, key_ids=key_ids))

    def _table(
        self,
        connection: sqlite3.Connection,
        codec_sha256: str,
        find: Callable[[sqlite3.Connection, int], list[int]] | None,
    ) -> PairTable:
        """The pairs of a codec, all of them or those in the rows that are found."""
        codec = queries.codec_row(connection, codec_sha256)
        if codec is None:
            return PairTable.of([], 0)
        packed = queries.packed_bits(connection, *codec)
        rows = range(len(packed)) if find is None else find(connection, codec[0])
        columns = [Column(self._database, codec[0], rows, number) for number in (0, 1)]
        return PairTable(packed if find is None else packed[rows], codec[1], *columns)

    def _store(self, rows: list[KeyRow]) -> list[Key]:
        with self._database.write() as connection:
            queries.insert_keys(connection, rows)
        return [row.public() for row in rows]

    def _store_secret(self, parsed: SecretDocument) -> Key:
        row = queries.new_row(parsed.name, parsed.secret, Origin.IMPORTED_SECRET, parsed.created)
        return self._store([row._replace(beacon=parsed.beacon, salt=parsed.salt, committed=parsed.committed)])[0]

    def _store_bits(self, parsed: BitsDocument) -> Key:
        row = queries.new_row(parsed.name, None, Origin.IMPORTED_BITS, parsed.created)
        pair = Pair(parsed.name, parsed.codec_sha256, parsed.bits, 0, Origin.IMPORTED_BITS)
        with self._database.write() as connection:
            codec = queries.ensure_codec(connection, parsed.codec_name, parsed.codec_sha256, len(parsed.bits))
            same = queries.key_of_bits(connection, codec, parsed.bits)
            if same is not None:
                raise UsageError(f"these bits are registered already, as {same!r}")
            queries.insert_keys(connection, [row])
            stored = queries.key_row(connection, parsed.name)
            queries.insert_pairs(connection, codec, [stored], [pair])
        return stored.public()


def _derive(rows: Sequence[KeyRow], facts: CodecFacts) -> list[Pair]:
    known = [(_secret_of(row, f"they are not for codec {facts.name}"), row.beacon) for row in rows]
    bits, counters = fingerprints(known, facts)
    return [
        Pair(row.name, facts.sha256, own, int(counter), Origin(row.origin))
        for row, own, counter in zip(rows, bits, counters, strict=True)
    ]


def _new_rows(names: Sequence[str]) -> list[KeyRow]:
    now = _now()
    return [queries.new_row(name, secrets.token_bytes(SECRET_BYTES), Origin.GENERATED, now) for name in names]


def _secret_of(row: KeyRow, consequence: str) -> bytes:
    if row.secret is None:
        raise UsageError(f"key {row.name!r} is imported bits without a secret: {consequence}")
    return row.secret


def _commitment_of(row: KeyRow) -> Commitment:
    commitment = row.public().commitment
    if commitment is None:
        raise UsageError(f"key {row.name!r} has no commitment; make and publish one with `artfp key commit {row.name}`")
    return commitment


def _check_beacon(row: KeyRow, text: str, *, used: bool) -> None:
    _secret_of(row, "a beacon cannot change them")
    if row.origin == Origin.IMPORTED_SECRET:
        raise UsageError(f"key {row.name!r} was made elsewhere, where it may be in use: set its beacon there")
    if not text.strip() or not text.isprintable():
        raise UsageError(
            "the beacon is empty or unprintable; give a public value that nobody knew when the commitment was made"
        )
    if row.beacon is not None:
        raise UsageError(f"key {row.name!r} has a beacon already; a second choice would be a choice of fingerprint")
    _commitment_of(row)
    if used:
        raise UsageError(f"key {row.name!r} has been used with a codec; its fingerprints cannot change any more")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
