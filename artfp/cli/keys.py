"""`artfp key`: make, look at, move and commit to keys."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from rich.markup import escape
from rich.table import Table

from artfp.cli.console import command_errors, json_option, out, print_json, registry_option, warn
from artfp.errors import BadInputError, Exit, UsageError
from artfp.files import read_json, write_json

if TYPE_CHECKING:  # NumPy and SciPy would slow every `--help`
    from artfp.keys.fingerprint import CodecFacts
    from artfp.keys.registry import Key, Registry

STDOUT = "-"
INPUT_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def key() -> None:
    """Keys: 256-bit secrets from the operating system, kept in one private file.

    A key becomes a fingerprint for each codec it is used with. Whoever has the secret can mark images
    in its owner's name, so keep it; publish a commitment to it if you may have to prove later that it was yours.
    """


@key.command()
@click.argument("name")
@registry_option
@json_option
@command_errors
def new(name: str, registry: Path, as_json: bool) -> None:
    """Make a key called NAME and store it in the registry, which is created on first use."""
    with _open(registry, create=True) as keys:
        _print_key(keys.new(name), "made", as_json)


@key.command("list")
@registry_option
@json_option
@command_errors
def list_keys(registry: Path, as_json: bool) -> None:
    """List the keys in the order they were registered. Shows no secrets."""
    with _open(registry) as keys:
        found = keys.keys()
    if as_json:
        print_json([_public(key) for key in found])
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("name", "id", "origin", "created", "committed"):
        table.add_column(column, overflow="fold")  # a cut name or id would be of no use
    for each in found:
        promise = "" if each.commitment is None else each.commitment.created[:10]
        table.add_row(each.name, each.key_id, each.origin, each.created[:10], promise)
    out.print(table)


@key.command()
@click.argument("name")
@registry_option
@json_option
@command_errors
def show(name: str, registry: Path, as_json: bool) -> None:
    """Show what is public about the key NAME and the codecs it was used with. Shows no secret."""
    with _open(registry) as keys:
        found, uses = keys.get(name), keys.uses(name)
    public = _public(found) | {"codecs": [{"name": codec, "sha256": sha256} for codec, sha256 in uses]}
    if as_json:
        print_json(public)
        return
    lines = {
        "name": found.name,
        "id": found.key_id,
        "origin": f"{found.origin}: {found.origin.meaning}",
        "created": found.created,
        "commitment": f"{found.commitment.digest} of {found.commitment.created}" if found.commitment else "none",
        "beacon": found.beacon or "none",
        "used with": ", ".join(f"{codec} ({sha256[:12]})" for codec, sha256 in uses) or "no codec yet",
    }
    for label, text in lines.items():
        out.print(f"[bold]{label:<11}[/] {escape(text)}")


@key.command("import")
@click.argument("file", type=INPUT_FILE, required=False)
@click.option("--bits", type=INPUT_FILE, help="Import bare bits instead: JSON, a string or list of 0 and 1.")
@click.option(
    "--codec", "spec", help="The codec of --bits; with a secret, a codec to record it for, so that verify tries it."
)
@click.option("--name", help="The name for --bits, where the file gives none.")
@registry_option
@json_option
@command_errors
def import_key(
    file: Path | None, bits: Path | None, spec: str | None, name: str | None, registry: Path, as_json: bool
) -> None:
    """Import a key from the JSON FILE that `artfp key export` wrote, or bits of your own choice.

    Verdicts on imported bits say that their owner chose them: such a p-value holds only if the bits
    were drawn at random and before the images were seen.
    """
    if (file is None) == (bits is None):
        raise UsageError("give either FILE or --bits FILE")
    if bits is not None:
        imported = _import_bits(bits, spec, name, registry)
    else:
        imported = _import_document(Path(str(file)), spec, name, registry)
    _print_key(imported, "imported", as_json)


@key.command()
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option(
    "--codec", "spec", help="Export only the bits for this codec: enough to verify, not to derive any others."
)
@registry_option
@command_errors
def export(name: str, file: Path, spec: str | None, registry: Path) -> None:
    """Write the key NAME, its secret included, as JSON to a private FILE (- for stdout)."""
    facts = _facts(spec) if spec else None
    with _open(registry) as keys:
        document = keys.export_bits(name, facts) if facts else keys.export(name)
    _write_private(file, document)
    warn("whoever reads this document can mark images in this key's name")


@key.command()
@click.argument("name")
@registry_option
@json_option
@command_errors
def commit(name: str, registry: Path, as_json: bool) -> None:
    """Print a commitment to the key NAME: publish it today, open it in a dispute.

    It is a salted SHA-256 of the secret and the name, and says nothing about either. The first call
    stores salt and date; every later call prints the same commitment.
    """
    with _open(registry) as keys:
        promise = keys.commit(name)
    if as_json:
        print_json({"name": name, "commitment": promise.digest, "created": promise.created})
    else:
        out.print(promise.digest)


@key.command("open")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@registry_option
@command_errors
def open_commitment(name: str, file: Path, registry: Path) -> None:
    """Write the opening of NAME's commitment as JSON to a private FILE (- for stdout). It reveals the key."""
    with _open(registry) as keys:
        document = keys.opening(name)
    _write_private(file, document)
    warn(f"this opening reveals the secret of {name!r}; after showing it, mark nothing new with that key")


@key.command()
@click.argument("opening", type=INPUT_FILE)
@click.option("--commitment", required=True, metavar="HEX", help="The commitment that was published.")
@json_option
@command_errors
def check(opening: Path, commitment: str, as_json: bool) -> None:
    """Check that the OPENING file is what a published commitment stood for; exit code 0 if so, 1 if not."""
    from artfp.keys.documents import public_id, read_opening

    with _naming(opening):
        parsed = read_opening(read_json(opening))
    opens = parsed.opens(commitment)
    if as_json:
        print_json({"opens": opens, "name": parsed.name, "key_id": public_id(parsed.secret), "beacon": parsed.beacon})
    else:
        verb = "opens" if opens else "does not open"
        out.print(f"this file {verb} the commitment ({parsed.name}, id {public_id(parsed.secret)})")
    sys.exit(int(Exit.OK if opens else Exit.NO_MATCH))


@key.command()
@click.argument("name")
@click.argument("text")
@registry_option
@json_option
@command_errors
def beacon(name: str, text: str, registry: Path, as_json: bool) -> None:
    """Mix the public value TEXT into the fingerprints of the key NAME.

    Someone who may choose secrets until a fingerprint suits them can make an innocent folder match.
    A value that nobody could know when the commitment was published (a later lottery draw, block hash or
    randomness-beacon pulse) takes that freedom away: the secret is fixed before, the fingerprint only after.
    So it needs a commitment first, and cannot be set once the key has been used with a codec. Say in
    public, with the commitment, which value you will take.
    """
    with _open(registry) as keys:
        _print_key(keys.set_beacon(name, text), "set the beacon of", as_json)


@contextmanager
def _open(path: Path, *, create: bool = False) -> Iterator[Registry]:
    from artfp.keys.registry import Registry

    with Registry(path, create=create) as registry:
        if registry.was_open_to_others:
            warn(f"{registry.path}: other users could read this registry (its mode is 600 now); its keys may be known")
        yield registry


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    """Put the file's name before what is wrong with the document in it."""
    try:
        yield
    except BadInputError as error:
        text = str(error)
        raise BadInputError(text if text.startswith(str(file)) else f"{file}: {text}") from error


def _facts(spec: str) -> CodecFacts:
    from artfp.codec.store import load_codec

    return load_codec(spec).facts()


def _import_document(file: Path, spec: str | None, name: str | None, registry: Path) -> Key:
    from artfp.keys.documents import BitsDocument, codecs_of, read_key

    if name is not None:
        raise UsageError("--name goes with --bits; a key document has its own name")
    with _naming(file):
        document = read_json(file)
        parsed = read_key(document)
        used = codecs_of(document)
    if spec and isinstance(parsed, BitsDocument):
        raise UsageError("--codec goes with --bits or a secret; this document names its own codec")
    found = [_facts(spec)] if spec else _known_facts(used)
    with _open(registry, create=True) as keys:
        imported = keys.import_key(document)
        for facts in found:
            keys.pair(imported.name, facts)
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


def _import_bits(file: Path, spec: str | None, name: str | None, registry: Path) -> Key:
    from artfp.keys.documents import parse_bits

    if spec is None:
        raise UsageError("--bits needs --codec: a fingerprint belongs to one codec")
    with _naming(file):
        value = read_json(file)
        bits = parse_bits(value)
    own = value.get("name") if isinstance(value, dict) else None
    if not isinstance(name or own, str):
        raise UsageError(f"{file} gives these bits no name: add --name NAME")
    facts = _facts(spec)
    with _open(registry, create=True) as keys:
        return keys.import_bits(str(name or own), facts, bits)


def _write_private(file: Path, document: dict[str, Any]) -> None:
    """A new file that nobody else can read, or stdout where it was asked for by name."""
    if str(file) == STDOUT:
        print_json(document)
        return
    if file.exists():
        raise UsageError(f"{file} exists; it may be the only copy of a key, so it is not overwritten")
    if not file.parent.is_dir():
        raise UsageError(f"{file.parent}: no such folder")
    write_json(file, document, mode=0o600)


def _public(key: Key) -> dict[str, Any]:
    promise = key.commitment
    return {
        "name": key.name,
        "key_id": key.key_id,
        "origin": key.origin,
        "origin_meaning": key.origin.meaning,
        "created": key.created,
        "beacon": key.beacon,
        "commitment": None if promise is None else {"digest": promise.digest, "created": promise.created},
    }


def _print_key(key: Key, done: str, as_json: bool) -> None:
    if as_json:
        print_json(_public(key))
    else:
        out.print(f"{done} key [bold]{escape(key.name)}[/] (id {key.key_id}, {key.origin.meaning})")
