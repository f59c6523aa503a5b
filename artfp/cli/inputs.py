"""Images and codecs of the commands that judge images, and what these have to leave out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import rich_click as click

from artfp.cli.console import print_json, warn
from artfp.errors import UsageError

if TYPE_CHECKING:
    from artfp.codec.base import Codec
    from artfp.verdict import BadFile, NotTried

codecs_option = click.option(
    "--codec",
    "codec_specs",
    metavar="SPEC",
    multiple=True,
    help="A codec file that keys were used with, where it is not one of the shipped ones. May be repeated.",
)
skip_bad_option = click.option(
    "--skip-bad", is_flag=True, help="Leave unreadable files out of the verdict instead of stopping."
)


def with_stdin(paths: Sequence[str]) -> Iterator[str]:
    """The paths, with - replaced by the lines on stdin."""
    for path in paths:
        if path != "-":
            yield path
            continue
        lines = [line.rstrip("\r\n") for line in sys.stdin]
        if not any(lines):
            raise UsageError("-: stdin held no paths; give one path a line")
        yield from filter(None, lines)


def ready_codecs(find: Callable[[], list[Codec]], specs: Sequence[str], device: str) -> list[Codec]:
    """The codecs to try, on the device; every one that was named must exist and have been used with a key."""
    from artfp.codec.store import load_codec
    from artfp.devices import prepare_device

    device = prepare_device(device)
    named = {spec: load_codec(spec) for spec in specs}
    found = find()
    tried = {codec.sha256 for codec in found}
    for spec, codec in named.items():
        if codec.sha256 not in tried:
            warn(f"--codec {spec}: none of the keys was used with this codec; it is not tried")
    return [codec.to(device) for codec in found]


@contextmanager
def telling_bad_files(as_json: bool) -> Iterator[None]:
    """Where unreadable files end it, name them for machines, too."""
    from artfp.reading import BadFilesError

    try:
        yield
    except BadFilesError as error:
        if as_json:
            print_json({"bad_files": [file.to_dict() for file in error.files]})
        raise


def tell_left_out(bad_files: Sequence[BadFile], not_tried: Sequence[NotTried]) -> None:
    """What a verdict had to do without, on stderr."""
    for file in bad_files:
        warn(f"skipped {file.reason}")
    for missing in not_tried:
        warn(
            f"not tried: {missing.keys:,} recorded with codec {missing.codec_sha256[:12]}, whose file is not here; "
            "give it with --codec"
        )
