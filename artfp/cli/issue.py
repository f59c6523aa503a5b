"""`artfp issue`: a copy of a keyed generator for each recipient, with a key of its own in the weights."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import rich_click as click
from rich.text import Text

from artfp.cli.console import (
    PATH,
    command_errors,
    device_option,
    err,
    json_option,
    out,
    print_json,
    progress,
    registry_option,
    threads_option,
    warn,
)
from artfp.cli.key_files import open_registry
from artfp.cli.ledger import ledger_option, open_ledger
from artfp.errors import UsageError

if TYPE_CHECKING:
    from artfp.generators.issue import Issued

PARENT = Path("issued")


@click.command()
@click.argument("generator", type=PATH)
@click.option("--to", "recipients", metavar="NAME", multiple=True, help="A recipient. May be repeated.")
@click.option(
    "--to-file",
    "listed",
    type=click.File(encoding="utf-8", errors="replace"),
    help="A file of recipients, a name on each line (- for stdin).",
)
@click.option(
    "--out",
    "folder",
    type=PATH,
    help="A new folder for the copy of a single --to; else the folder of the copies' folders [default: issued/NAME].",
)
@click.option("--name", help="What the model is called on its card [default: the name of GENERATOR's folder].")
@click.option(
    "--check",
    "samples",
    type=click.IntRange(0),
    default=256,
    show_default=True,
    help="How many samples to read for the key before a copy is issued; 0: none.",
)
@click.option("--program", is_flag=True, help="Also write model.pt2, a torch program, which takes much longer.")
@click.option("--codec", "codec_spec", metavar="CODEC", help="The generator's codec, where it is not a shipped one.")
@ledger_option
@registry_option
@threads_option
@device_option
@json_option
@command_errors
def issue(
    generator: Path,
    recipients: tuple[str, ...],
    listed: TextIO | None,
    folder: Path | None,
    name: str | None,
    samples: int,
    program: bool,
    codec_spec: str | None,
    ledger_path: Path | None,
    registry: Path,
    threads: int | None,
    device: str,
    as_json: bool,
) -> None:
    """Make a copy of GENERATOR for each recipient, with the recipient's own key in its weights.

    GENERATOR is the folder of a finished keyed training (`train-gan` with keyed = true), or its generator.safetensors.
    The key called NAME is made where there is none. The copy is a plain generator, whose images all carry that key; it
    comes with a model card, which names none of the key's bits. The ledger beside the key registry keeps whose it is,
    and `artfp trace` finds the recipient of an image by it.

    Samples of each copy are read first: one that they do not match is not issued, and one that a single image would
    seldom give away is warned of. Run the same command again to go on after an interruption: copies that are there are
    left alone, and one whose folder is gone is written again, with its old entry in the ledger.

    Exit codes: 0 everyone has a copy, 1 some got none, as their samples do not match, 2 usage, 4 unreadable input.
    """
    from artfp.devices import prepare_device
    from artfp.generators.issue import Request, folders_for
    from artfp.generators.issue import issue as issue_copies

    names = [*recipients, *(line.strip() for line in listed or () if line.strip())]
    if not names:
        raise UsageError("to whom? Name recipients with --to or --to-file")
    single = listed is None and len(names) == 1
    folders = {names[0]: folder} if folder and single else folders_for(names, folder or PARENT)
    request = Request(generator, folders, codec_spec, name, samples, program)
    device = prepare_device(device, threads)
    with (
        open_registry(registry, create=True) as keys,
        open_ledger(ledger_path, registry, create=True) as ledger,
        progress("issue") as advance,
    ):
        _tell_all(issue_copies(request, keys, ledger, device, advance), as_json, read=samples > 0)


def _tell_all(copies: Iterable[Issued], as_json: bool, *, read: bool) -> None:
    """Each copy as it comes; as JSON those that came before whatever stopped the others. `read`: they were checked."""
    told = []
    try:
        for copy in copies:
            told.append(copy)
            if not as_json:
                _print(copy)
            _warn(copy)
    finally:
        if as_json and told:
            print_json({"issued": [copy.to_dict() for copy in told]})
        if told and not read:
            err.print("the copies were not read (--check 0): verify samples of them before you give them away")


def _warn(copy: Issued) -> None:
    if copy.check is not None and copy.is_hard_to_trace:
        warn(
            f"{copy.entry.recipient}: only {copy.check.matching_images} of {copy.check.images} samples would name the "
            "recipient by themselves: a leaked image or two may not be traced. Train the generator longer, or guided"
        )


def _print(copy: Issued) -> None:
    entry, found = copy.entry, copy.check
    rows = [
        ("copy", f"{copy.folder}  ({copy.state})"),
        ("recipient", f"{entry.recipient}, entry {entry.number} of the ledger, {entry.issued}"),
        ("key", f"id {entry.key_id}, {'made now' if copy.key_is_new else 'there before'}"),
    ]
    if found is not None:
        single = f"{found.matching_images} of {found.images} name the recipient by themselves, at {found.single_at:g}"
        rows.append(("samples", f"{100 * found.bit_accuracy:.1f} % of the bits, p {found.p:.1e}; {single}"))
    for label, value in rows:
        out.print(Text(f"{label:<12}", style="dim").append(value, style="not dim"))
