"""Key documents as files, in and out, and the registry they go to; shared by the commands that open one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artfp.cli.console import print_json, warn
from artfp.errors import BadInputError, UsageError
from artfp.files import check_new_file, read_json, write_json

if TYPE_CHECKING:  # NumPy and SciPy would slow every `--help`
    from artfp.keys.fingerprint import CodecFacts
    from artfp.keys.registry import Key, Registry

STDOUT = "-"


@contextmanager
def open_registry(path: Path, *, create: bool = False) -> Iterator[Registry]:
    """An open registry; tells if others could read it until now."""
    from artfp.keys.registry import Registry

    with Registry(path, create=create) as registry:
        if registry.was_open_to_others:
            warn(f"{registry.path}: other users could read this registry (its mode is 600 now); its keys may be known")
        yield registry


@contextmanager
def naming(file: Path) -> Iterator[None]:
    """Put the file's name before what is wrong with the document in it."""
    try:
        yield
    except BadInputError as error:
        text = str(error)
        raise BadInputError(text if text.startswith(str(file)) else f"{file}: {text}") from error


def facts_of(spec: str) -> CodecFacts:
    """What keys need to know of the codec called so."""
    from artfp.codec.store import load_codec

    return load_codec(spec).facts()


def import_document(file: Path, spec: str | None, name: str | None, registry: Path) -> Key:
    """Store a key that was exported, and pair it where it was used."""
    from artfp.keys.documents import BitsDocument, codecs_of, read_key

    if name is not None:
        raise UsageError("--name goes with --bits; a key document has its own name")
    with naming(file):
        document = read_json(file)
        parsed = read_key(document)
        used = codecs_of(document)
    if spec and isinstance(parsed, BitsDocument):
        raise UsageError("--codec goes with --bits or a secret; this document names its own codec")
    found = [facts_of(spec)] if spec else _known_facts(used)
    with open_registry(registry, create=True) as keys:
        imported = keys.import_key(document)
        for facts in found:
            keys.pair(imported.name, facts)
    if not found and not isinstance(parsed, BitsDocument):
        warn("not recorded with any codec yet, so `artfp verify` does not try this key; --codec records it")
    return imported


def _known_facts(hashes: list[str]) -> list[CodecFacts]:
    """The codecs with these hashes, so that an imported key is tried where it was used; the missing are told."""
    if not hashes:
        return []
    from artfp.codec.store import find_codec

    found = {sha256: find_codec(sha256) for sha256 in hashes}
    for sha256 in (sha256 for sha256, codec in found.items() if codec is None):
        warn(f"the key was used with the codec {sha256[:12]}, which is not here: import with --codec FILE to verify")
    return [codec.facts() for codec in found.values() if codec is not None]


def import_bits(file: Path, spec: str | None, name: str | None, registry: Path) -> Key:
    """Store bits that someone chose, for one codec."""
    from artfp.keys.documents import name_in, parse_bits

    if spec is None:
        raise UsageError("--bits needs --codec: a fingerprint belongs to one codec")
    with naming(file):
        value = read_json(file)
        bits = parse_bits(value)
        own = name or (name_in(value) if isinstance(value, dict) and "name" in value else None)
    if own is None:
        raise UsageError(f"{file} gives these bits no name: add --name NAME")
    facts = facts_of(spec)
    with open_registry(registry, create=True) as keys, naming(file):
        return keys.import_bits(own, facts, bits)


def write_private(file: Path, document: dict[str, Any]) -> None:
    """A new file that nobody else can read, or stdout where it was asked for by name."""
    if str(file) == STDOUT:
        print_json(document)
        return
    check_new_file(file)
    write_json(file, document, mode=0o600)
