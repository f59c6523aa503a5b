"""The tables of a key registry.

A pair's `row` counts from 0 within its codec and never changes; its fingerprint lies at that place of the codec's
pages (see `queries.PAGE`), and tables of pairs look their names up by it. `image_uses` are keys from which single
images got bits of their own; the key's own bits are then in none of them.
"""

from __future__ import annotations

from artfp.keys.database import Schema

KEYS = """CREATE TABLE keys (
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
)"""
CODECS = """CREATE TABLE codecs (
    id INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    n_bits INTEGER NOT NULL CHECK (n_bits > 0)
)"""
PAIRS = """CREATE TABLE pairs (
    codec INTEGER NOT NULL REFERENCES codecs,
    row INTEGER NOT NULL,
    key INTEGER NOT NULL REFERENCES keys,
    counter INTEGER NOT NULL,
    PRIMARY KEY (codec, row),
    UNIQUE (codec, key)
) WITHOUT ROWID"""
PAGES = """CREATE TABLE pages (
    codec INTEGER NOT NULL REFERENCES codecs,
    page INTEGER NOT NULL,
    bits BLOB NOT NULL,
    PRIMARY KEY (codec, page)
)"""
IMAGE_USES = """CREATE TABLE image_uses (
    codec INTEGER NOT NULL REFERENCES codecs,
    key INTEGER NOT NULL REFERENCES keys,
    PRIMARY KEY (codec, key)
) WITHOUT ROWID"""

REGISTRY = Schema(
    what="key registry",
    made_by="artfp key new NAME",
    application_id=0x61727466,  # "artf"
    version=2,
    statements=(KEYS, CODECS, PAIRS, PAGES, IMAGE_USES),
    upgrades={1: IMAGE_USES},
)
