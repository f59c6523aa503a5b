"""`artfp verify`: which registered key images carry, if any."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from rich.text import Text

from artfp.cli.console import (
    command_errors,
    device_option,
    json_option,
    out,
    print_json,
    printable,
    progress,
    registry_option,
    warn,
)
from artfp.cli.key_files import open_registry
from artfp.errors import Exit, UsageError
from artfp.files import write_text
from artfp.verdict import ALONE_AT, Verdict, share_or_bound

if TYPE_CHECKING:
    from artfp.codec.base import Codec
    from artfp.keys.registry import Registry

SHOWN = 20  # images in the table for people
EXIT_OF = {"match": Exit.OK, "no match": Exit.NO_MATCH, "inconclusive": Exit.INCONCLUSIVE}
WORST_FIRST = ("no match", "inconclusive", "match")
COLOURS = {"match": "bold green", "no match": "bold", "inconclusive": "bold yellow"}
COLUMNS = ("path", "image", "key", "matching_bits", "n_bits", "p", "q")


@click.command()
@click.argument("paths", nargs=-1, required=True)
@click.option(
    "--key",
    metavar="NAME",
    help="Try only this key and its class keys NAME/CLASS. Decide so before you look, not after.",
)
@click.option(
    "--codec",
    "codec_specs",
    metavar="SPEC",
    multiple=True,
    help="A codec file that keys were used with, where it is not one of the shipped ones. May be repeated.",
)
@click.option(
    "--each",
    is_flag=True,
    help="Judge every PATH by itself, not all as one set. Each q stands alone: it is not corrected for the paths.",
)
@click.option("--skip-bad", is_flag=True, help="Leave unreadable files out of the verdict instead of stopping.")
@json_option
@click.option(
    "--csv",
    "csv_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write one line for every image to this file.",
)
@registry_option
@device_option
@command_errors
def verify(
    paths: tuple[str, ...],
    key: str | None,
    codec_specs: tuple[str, ...],
    each: bool,
    skip_bad: bool,
    as_json: bool,
    csv_path: Path | None,
    registry: Path,
    device: str,
) -> None:
    """Test whether images carry a registered key.

    PATHS are image files, folders, zips, quoted patterns, or - for a list on stdin. All of them together are one set.

    Exit codes: 0 match, 1 no match, 3 inconclusive, 4 unreadable files. With --each the worst verdict counts:
    1 if any path has no match, else 3 if any is inconclusive, else 0.
    """
    from artfp.verify import BadFilesError

    given = list(_with_stdin(paths))
    if csv_path and not csv_path.absolute().parent.is_dir():
        raise UsageError(f"--csv {csv_path}: no such folder {csv_path.parent}")
    with open_registry(registry, create=False) as keys:
        unused = keys.unused() if key is None else 0
        codecs = _codecs(keys, key, codec_specs, device)
        sets = [[path] for path in given] if each else [given]
        try:
            verdicts = _verdicts(sets, keys, codecs, key, skip_bad)
        except BadFilesError as error:
            if as_json:
                print_json({"bad_files": [file.to_dict() for file in error.files]})
            raise
    names = given if each else [""]
    if csv_path:
        write_text(csv_path, _csv(names, verdicts))
    _tell_what_is_missing(verdicts, unused)
    if as_json:
        print_json(_as_json(names, verdicts) if each else verdicts[0].to_dict())
    elif each:
        out.print(Text(_summary(names, verdicts)))
    else:
        _print_verdict(verdicts[0])
    worst = min((verdict.outcome for verdict in verdicts), key=WORST_FIRST.index)
    sys.exit(int(EXIT_OF[worst]))


def _with_stdin(paths: Sequence[str]) -> Iterator[str]:
    """The paths, with - replaced by the lines on stdin."""
    for path in paths:
        if path != "-":
            yield path
            continue
        lines = [line.rstrip("\r\n") for line in sys.stdin]
        if not any(lines):
            raise UsageError("-: stdin held no paths; give one path a line")
        yield from filter(None, lines)


def _codecs(registry: Registry, key: str | None, specs: Sequence[str], device: str) -> list[Codec]:
    """The codecs to try; every one that was named must exist and have been used with a key."""
    from artfp.codec.store import load_codec
    from artfp.devices import prepare_device
    from artfp.verify import recorded_codecs

    device = prepare_device(device)
    named = {spec: load_codec(spec) for spec in specs}
    found = recorded_codecs(registry, key, specs)
    tried = {codec.sha256 for codec in found}
    for spec, codec in named.items():
        if codec.sha256 not in tried:
            warn(f"--codec {spec}: none of the keys was used with this codec; it is not tried")
    return [codec.to(device) for codec in found]


def _verdicts(
    sets: Sequence[Sequence[str]], registry: Registry, codecs: Sequence[Codec], key: str | None, skip_bad: bool
) -> list[Verdict]:
    """One verdict for each set of paths; bad files of all sets are told together."""
    from artfp.data.readers import collect
    from artfp.verify import BadFilesError, verify

    verdicts, failures = [], []
    with progress("reading images") as advance:

        def on_progress(done: int, total: int, note: str) -> None:
            advance(done, total, note)

        for paths in sets:
            try:
                verdicts.append(verify(collect(paths), registry, codecs, key, skip_bad, on_progress))
            except BadFilesError as error:
                failures.append(error)
    if failures:
        raise BadFilesError([file for error in failures for file in error.files], sum(e.total for e in failures))
    return verdicts


def _tell_what_is_missing(verdicts: Sequence[Verdict], unused: int) -> None:
    """What the verdict had to do without, on stderr."""
    for file in (file for verdict in verdicts for file in verdict.bad_files):
        warn(f"skipped {file.reason}")
    for missing in verdicts[0].not_tried:
        warn(
            f"not tried: {missing.keys:,} recorded with codec {missing.codec_sha256[:12]}, whose file is not here; "
            "give it with --codec"
        )
    if unused:
        warn(f"not tried: {unused:,} key(s) that were never used with a codec")


def _as_json(names: Sequence[str], verdicts: Sequence[Verdict]) -> dict[str, Any]:
    return {"verdicts": [{"path": n, **verdict.to_dict()} for n, verdict in zip(names, verdicts, strict=True)]}


def _csv(names: Sequence[str], verdicts: Sequence[Verdict]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for path, verdict in zip(names, verdicts, strict=True):
        table.writerows((path, i.name, i.key, i.matching_bits, i.n_bits, i.p, i.q) for i in verdict.images)
    return text.getvalue()


def _print_verdict(verdict: Verdict) -> None:
    out.print(Text(verdict.outcome.upper(), style=COLOURS[verdict.outcome]))
    out.print(Text(verdict.statement + "\n"))
    out.print(Text(_columns(list(_number_rows(verdict)))))
    out.print()
    out.print(Text(_images(verdict)))
    if len(verdict.images) > SHOWN:
        out.print(f"... and {len(verdict.images) - SHOWN:,} more images; --csv or --json lists them all")


def _number_rows(verdict: Verdict) -> Iterator[tuple[str, str]]:
    v = verdict
    yield "q", f"{v.q:.2g}  (corrected for {v.trials:,} key(s) tried; the least possible is {v.floor:.1g})"
    if v.p_mean is not None:
        yield "p of the set", f"{v.p_mean:.2g}"
    yield "p of the best single image", f"{v.p_single:.2g}"
    yield "key", f"{v.key}  ({v.key_origin_words})"
    if v.runner_up_key is not None and v.runner_up_q is not None and v.margin is not None:
        yield "runner-up", f"{v.runner_up_key}, q {v.runner_up_q:.2g}  (margin {v.margin:.0%} of the bits)"
    yield "agreeing bits of the set", f"{v.matching_bits} of {v.n_bits}"
    yield "agreeing bits of single images", f"{100 * v.bit_accuracy:.1f} %"
    yield (
        f"images that match on their own (p <= {ALONE_AT:g})",
        f"{100 * v.share:.1f} %  (95 % interval {100 * v.share_low:.1f} to {100 * v.share_high:.1f} %; "
        f"clean calibration images {share_or_bound(v.calibration_share, v.calibration_images)})",
    )
    yield "codec", f"{v.codec}  {v.codec_sha256[:12]}"


def _images(verdict: Verdict) -> str:
    rows = [
        (f"{i.matching_bits}/{i.n_bits}", f"{i.p:.2g}", f"{i.q:.2g}", i.key, i.name) for i in verdict.images[:SHOWN]
    ]
    return _columns([("bits", "p", "q", "best key", "image"), *rows])


def _summary(names: Sequence[str], verdicts: Sequence[Verdict]) -> str:
    rows = [
        (v.outcome, f"{v.n_images:,}", f"{v.matching_bits}/{v.n_bits}", f"{v.q:.2g}", v.key, name)
        for name, v in zip(names, verdicts, strict=True)
    ]
    return _columns([("verdict", "images", "bits", "q", "best key", "path"), *rows])


def _columns(rows: Sequence[Sequence[str]]) -> str:
    """Aligned lines; the last column is never cut or padded, so paths survive a narrow terminal."""
    safe = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*safe, strict=True)][:-1]
    return "\n".join("   ".join([*map(str.ljust, row, widths), row[-1]]) for row in safe)
