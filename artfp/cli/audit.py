"""`artfp audit`: every file against whatever names its hash, every link against what it leads to."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from rich.text import Text

from artfp.cli.console import PATH, columns, command_errors, json_option, out, print_json, progress
from artfp.errors import Exit

if TYPE_CHECKING:
    from artfp.audit.findings import Audit

EXIT_OF = {"holds": Exit.OK, "inconclusive": Exit.INCONCLUSIVE, "broken": Exit.BAD_INPUT}
COLOURS = {"holds": "bold green", "inconclusive": "bold yellow", "broken": "bold red"}
WORST_FIRST = ("broken", "missing", "says nothing", "not covered", "holds")


@click.command()
@click.argument("path", type=PATH)
@click.option(
    "--with",
    "others",
    type=PATH,
    multiple=True,
    help="Where a link may lead that leaves PATH: a dataset, its originals, a codec, a generator. May be repeated.",
)
@click.option("--public-key", type=PATH, help="The PEM file of who should have signed what is signed.")
@json_option
@command_errors
def audit(path: Path, others: tuple[Path, ...], public_key: Path | None, as_json: bool) -> None:
    """Check what lies at PATH against every hash that is told of it, and follow what it was made from.

    PATH is the folder of a run, a training, a dataset (or its zip), generated images, a robustness sweep, a comparison,
    a secrecy study or a passive system, the file of a codec, of a generator or of a verdict, or the name of a shipped
    codec. Nothing is changed.

    Exit codes: 0 all holds, 4 something is broken, 3 nothing is, but something that is named is not here, or
    something does not say what it was made from.
    """
    from artfp.audit.kinds import audit as audit_path
    from artfp.keys.signing import load_public

    signer = load_public(public_key) if public_key else None
    with progress("audit") as advance:
        found = audit_path(path, others, signer, advance)
    if as_json:
        print_json(found.to_dict())
    else:
        _print(found)
    sys.exit(int(EXIT_OF[found.outcome]))


def _print(found: Audit) -> None:
    worst_last = sorted(found.findings, key=lambda each: WORST_FIRST.index(each.state), reverse=True)
    rows = [(each.state, each.what, each.file, each.note) for each in worst_last]
    out.print(Text(columns([("state", "what", "file", ""), *rows])))
    counts = Counter(each.state for each in found.findings)
    told = ", ".join(f"{counts[state]:,} {state}" for state in WORST_FIRST if counts[state])
    out.print()
    out.print(Text(found.outcome.upper(), style=COLOURS[found.outcome]), Text(f"{found.kind} {found.path}: {told}"))
