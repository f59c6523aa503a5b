"""`artfp key`: make, look at, move and commit to keys."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from rich.markup import escape
from rich.table import Table

from artfp.cli.console import command_errors, json_option, out, print_json, printable, registry_option, warn
from artfp.cli.key_files import facts_of, import_bits, import_document, naming, open_registry, write_private
from artfp.errors import Exit, UsageError
from artfp.files import read_json

if TYPE_CHECKING:  # NumPy and SciPy would slow every `--help`
    from artfp.keys.registry import Key

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
    with open_registry(registry, create=True) as keys:
        _print_key(keys.new(name), "made", as_json)


@key.command("list")
@registry_option
@json_option
@command_errors
def list_keys(registry: Path, as_json: bool) -> None:
    """List the keys in the order they were registered. Shows no secrets."""
    with open_registry(registry) as keys:
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
    with open_registry(registry) as keys:
        found, uses, images = keys.get(name), keys.uses(name), keys.image_uses(name)
    public = _public(found) | {"codecs": _codecs(uses), "image_codecs": _codecs(images)}
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
        "used with": _listed(uses) or "no codec yet",
    } | ({"per image": _listed(images)} if images else {})
    for label, text in lines.items():
        out.print(f"[bold]{label:<11}[/] {escape(printable(text))}")


def _codecs(uses: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": codec, "sha256": sha256} for codec, sha256 in uses]


def _listed(uses: list[tuple[str, str]]) -> str:
    return ", ".join(f"{codec} ({sha256[:12]})" for codec, sha256 in uses)


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
    """Import a key from the JSON FILE that `artfp key export` or `artfp key open` wrote, or bits of your own choice.

    Verdicts on imported bits say that their owner chose them: such a p-value holds only if the bits
    were drawn at random and before the images were seen.
    """
    if (file is None) == (bits is None):
        raise UsageError("give either FILE or --bits FILE")
    if bits is not None:
        imported = import_bits(bits, spec, name, registry)
    else:
        imported = import_document(Path(str(file)), spec, name, registry)
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
    facts = facts_of(spec) if spec else None
    with open_registry(registry) as keys:
        document = keys.export_bits(name, facts) if facts else keys.export(name)
    write_private(file, document)
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
    with open_registry(registry) as keys:
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
    with open_registry(registry) as keys:
        document = keys.opening(name)
    write_private(file, document)
    warn(f"this opening reveals the secret of {name!r}; after showing it, mark nothing new with that key")


@key.command()
@click.argument("opening", type=INPUT_FILE)
@click.option("--commitment", required=True, metavar="HEX", help="The commitment that was published.")
@json_option
@command_errors
def check(opening: Path, commitment: str, as_json: bool) -> None:
    """Check that the OPENING file is what a published commitment stood for; exit code 0 if so, 1 if not."""
    from artfp.keys.documents import public_id, read_opening

    with naming(opening):
        parsed = read_opening(read_json(opening))
    opens = parsed.opens(commitment)
    if as_json:
        print_json({"opens": opens, "name": parsed.name, "key_id": public_id(parsed.secret), "beacon": parsed.beacon})
    else:
        verb = "opens" if opens else "does not open"
        out.print(f"this file {verb} the commitment ({parsed.name}, id {public_id(parsed.secret)})")
        if parsed.beacon is not None:
            out.print(f"its beacon, to be compared with the one announced: {escape(parsed.beacon)}")
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
    with open_registry(registry) as keys:
        _print_key(keys.set_beacon(name, text), "set the beacon of", as_json)


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
