"""`artfp ledger`: to whom generators were issued."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from rich.text import Text

from artfp.cli.console import columns, command_errors, json_option, out, print_json, registry_option, warn
from artfp.cli.key_files import write_private

if TYPE_CHECKING:
    from artfp.keys.ledger import Ledger

FILE = "ledger.sqlite"
KIND, VERSION = "artfp-ledger", 1  # of an exported document
SHOWN = 12  # digits of a hash
ledger_option = click.option(
    "--ledger",
    "ledger_path",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="ARTFP_LEDGER",
    help="The ledger (or set ARTFP_LEDGER) [default: ledger.sqlite beside the key registry].",
)


@contextmanager
def open_ledger(path: Path | None, registry: Path, *, create: bool = False) -> Iterator[Ledger]:
    """An open ledger, that beside the registry where none is named; tells if others could read it until now."""
    from artfp.keys.ledger import Ledger

    with Ledger(path or registry.with_name(FILE), create=create) as ledger:
        if ledger.was_open_to_others:
            warn(f"{ledger.path}: other users could read the names in this ledger (its mode is 600 now)")
        yield ledger


@click.group()
def ledger() -> None:
    """The ledger: which recipient got which generator, with which key, and when.

    Entries are added and never changed: each holds a hash of itself and of the one before, so that a change shows. It
    is a private file of names; it holds no secret and none of the keys' bits.
    """


@ledger.command("list")
@ledger_option
@registry_option
@json_option
@command_errors
def list_entries(ledger_path: Path | None, registry: Path, as_json: bool) -> None:
    """List the entries, the oldest first."""
    with open_ledger(ledger_path, registry) as opened:
        entries = opened.entries()
    if as_json:
        print_json([entry.to_dict() for entry in entries])
        return
    rows = [
        (str(e.number), e.issued[:10], e.key_id, e.source_sha256[:SHOWN], e.issued_sha256[:SHOWN], e.recipient)
        for e in entries
    ]
    out.print(Text(columns([("entry", "issued", "key id", "generator", "issued file", "recipient"), *rows])))


@ledger.command()
@click.option("--since", metavar="DIGEST", help="Also check that no entry is missing since this was the last digest.")
@ledger_option
@registry_option
@json_option
@command_errors
def check(since: str | None, ledger_path: Path | None, registry: Path, as_json: bool) -> None:
    """Check every entry against its hash and the one before, and print the last digest.

    That digest fixes all entries up to there: published or written down elsewhere and given as --since later, it shows
    that none was removed. Exit codes: 0 sound, 2 --since is no digest, 4 altered or damaged.
    """
    with open_ledger(ledger_path, registry) as opened:
        head = opened.check(since)
    if as_json:
        print_json(head.to_dict())
    else:
        out.print(f"{head.entries:,} entries, sound; the last digest is {head.digest}")


@ledger.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@ledger_option
@registry_option
@command_errors
def export(file: Path, ledger_path: Path | None, registry: Path) -> None:
    """Check the ledger and write it as JSON to a private FILE (- for stdout)."""
    with open_ledger(ledger_path, registry) as opened:
        head, entries = opened.check(), opened.entries()
    document = {"kind": KIND, "version": VERSION, **head.to_dict()}
    write_private(file, document | {"entries": [entry.to_dict() for entry in entries]})
