"""`artfp trace`: to whom the generator was issued that made these images."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from rich.text import Text

from artfp.cli.console import (
    columns,
    command_errors,
    device_option,
    json_option,
    out,
    print_json,
    progress,
    registry_option,
    warn,
)
from artfp.cli.inputs import codecs_option, ready_codecs, skip_bad_option, tell_left_out, telling_bad_files, with_stdin
from artfp.cli.key_files import open_registry
from artfp.cli.ledger import ledger_option, open_ledger
from artfp.errors import Exit

if TYPE_CHECKING:
    from artfp.trace import Recipient, Trace

SHOWN = 20  # recipients and entries in the tables for people
EXIT_OF = {"named": Exit.OK, "nobody": Exit.NO_MATCH, "inconclusive": Exit.INCONCLUSIVE}
COLOURS = {"named": "bold green", "nobody": "bold", "inconclusive": "bold yellow"}


@click.command()
@click.argument("paths", nargs=-1, required=True)
@click.option(
    "--error",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=1e-6,
    show_default=True,
    help="The chance, at most, that any innocent recipient is named. Decide on it before you look, not after; "
    "it is of one look: a second one at the same images has an error of its own.",
)
@click.option(
    "--each-image",
    is_flag=True,
    help="Judge every image by itself, and count them for each recipient: for images of several sources.",
)
@codecs_option
@skip_bad_option
@json_option
@ledger_option
@registry_option
@device_option
@command_errors
def trace(
    paths: tuple[str, ...],
    error: float,
    each_image: bool,
    codec_specs: tuple[str, ...],
    skip_bad: bool,
    as_json: bool,
    ledger_path: Path | None,
    registry: Path,
    device: str,
) -> None:
    """Name the recipients in the ledger whose generators made these images.

    PATHS are image files, folders, zips, tars, Parquet files, lists of paths (.txt, .lst), quoted patterns, or - for a
    list on stdin. All of them together are one set.

    Every recipient is named whose key agrees too well with the images for chance: also two who averaged their copies
    or their images. Only keys that `artfp issue` recorded are tried, and each is a trial. That images carry a
    recipient's key says that they come from a copy that was issued with it, or put together of issued ones, or from
    data marked with it; it does not say who passed them on.

    Exit codes: 0 someone is named, 1 nobody, 3 inconclusive: with so many keys no agreement could reach --error,
    4 unreadable files or a damaged ledger.
    """
    from artfp.data.readers import collect
    from artfp.trace import issued_codecs
    from artfp.trace import trace as trace_images

    given = list(with_stdin(paths))
    with open_registry(registry) as keys, open_ledger(ledger_path, registry) as ledger:
        codecs = ready_codecs(lambda: issued_codecs(ledger, codec_specs), codec_specs, device)
        with telling_bad_files(as_json), progress("reading images") as advance:
            found = trace_images(collect(given), keys, ledger, codecs, error, each_image, skip_bad, advance)
    tell_left_out(found.bad_files, found.not_tried)
    if found.missing_keys:
        warn(f"not tried: {found.missing_keys:,} recipient(s) whose keys are not in {registry}")
    if as_json:
        print_json(found.to_dict())
    else:
        _print(found)
    sys.exit(int(EXIT_OF[found.outcome]))


def _print(found: Trace) -> None:
    out.print(Text(found.outcome.upper(), style=COLOURS[found.outcome]))
    out.print(Text(found.statement + "\n"))
    if found.recipients:
        out.print(Text(columns(list(_recipient_rows(found)))))
        if len(found.recipients) > SHOWN:
            out.print(f"... and {len(found.recipients) - SHOWN:,} more recipients; --json lists them all")
        out.print()
        out.print(Text(columns(list(_entry_rows(found.recipients[:SHOWN])))))
        out.print()
    if found.each_image:
        naming = len({image.name for image in found.images})
        out.print(f"{naming:,} of {found.n_images:,} images name someone by themselves")
    out.print(
        f"least q {found.least_q:.2g} (corrected for {found.trials:,} key(s) tried; the least possible is "
        f"{found.floor:.1g})"
    )


def _recipient_rows(found: Trace) -> Iterator[tuple[str, ...]]:
    yield "q", "bits", "images" if found.each_image else "images on their own", "key id", "recipient"
    for named in found.recipients[:SHOWN]:
        images = f"{named.images:,} of {found.n_images:,}"
        yield f"{named.q:.2g}", f"{named.matching_bits}/{named.n_bits}", images, named.key_id, named.recipient


def _entry_rows(recipients: tuple[Recipient, ...]) -> Iterator[tuple[str, ...]]:
    yield "entry", "issued", "issued file", "key's commitment", "recipient"
    for entry in (entry for named in recipients for entry in named.entries):
        yield str(entry.number), entry.issued, entry.issued_sha256[:12], entry.commitment, entry.recipient
