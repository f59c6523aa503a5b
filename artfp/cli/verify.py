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
from artfp.cli.drafts import c2pa_option, check_draft_options, source_type_option, write_drafts
from artfp.cli.inputs import codecs_option, ready_codecs, skip_bad_option, tell_left_out, telling_bad_files, with_stdin
from artfp.cli.key_files import open_registry
from artfp.cli.signing import sign_option, signed_by, signer_of
from artfp.errors import Exit, UsageError
from artfp.files import write_text
from artfp.seals import sealed
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
@codecs_option
@click.option(
    "--each",
    is_flag=True,
    help="Judge every PATH by itself, not all as one set. Each q stands alone: it is not corrected for the paths.",
)
@click.option(
    "--fast",
    is_flag=True,
    help="For many images: read each once, in fast arithmetic. Those that were cut or turned may be missed.",
)
@skip_bad_option
@json_option
@sign_option
@click.option(
    "--csv",
    "csv_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write one line for every image to this file.",
)
@c2pa_option
@source_type_option
@registry_option
@device_option
@command_errors
def verify(
    paths: tuple[str, ...],
    key: str | None,
    codec_specs: tuple[str, ...],
    each: bool,
    fast: bool,
    skip_bad: bool,
    as_json: bool,
    signing_key: Path | None,
    csv_path: Path | None,
    drafts_folder: Path | None,
    source_type: str | None,
    registry: Path,
    device: str,
) -> None:
    """Test whether images carry a registered key.

    PATHS are image files, folders, zips, tars, Parquet files, lists of paths (.txt, .lst), quoted patterns, or - for a
    list on stdin, or hf://OWNER/NAME:SPLIT (docs/datasets.md). All of them together are one set.

    Exit codes: 0 match, 1 no match, 3 inconclusive, 4 unreadable files. With --each the worst verdict counts:
    1 if any path has no match, else 3 if any is inconclusive, else 0.

    What a verdict proves, and what not: docs/threats.md. What --c2pa says, and what not: docs/standards.md.
    """
    from artfp.verify import recorded_codecs

    given = list(with_stdin(paths))
    if csv_path and not csv_path.absolute().parent.is_dir():
        raise UsageError(f"--csv {csv_path}: no such folder {csv_path.parent}")
    if signing_key and not as_json:
        raise UsageError("--sign goes with --json: what is signed is the verdict as JSON")
    check_draft_options(drafts_folder, source_type)
    signer = signer_of(signing_key) if signing_key else None
    with open_registry(registry, create=False) as keys:
        unused = keys.unused() if key is None else 0
        codecs = ready_codecs(lambda: recorded_codecs(keys, key, codec_specs), codec_specs, device)
        sets = [[path] for path in given] if each else [given]
        with telling_bad_files(as_json):
            verdicts = _verdicts(sets, keys, codecs, key, skip_bad, fast)
        if drafts_folder:
            write_drafts(drafts_folder, verdicts, keys, source_type)
    names = given if each else [""]
    if csv_path:
        write_text(csv_path, _csv(names, verdicts))
    _tell_what_is_missing(verdicts, unused)
    if as_json:
        document = sealed(_as_json(names, verdicts) if each else verdicts[0].to_dict())
        print_json(signed_by(signer, document) if signer else document)
    elif each:
        out.print(Text(_summary(names, verdicts)))
    else:
        _print_verdict(verdicts[0])
    worst = min((verdict.outcome for verdict in verdicts), key=WORST_FIRST.index)
    sys.exit(int(EXIT_OF[worst]))


def _verdicts(
    sets: Sequence[Sequence[str]],
    registry: Registry,
    codecs: Sequence[Codec],
    key: str | None,
    skip_bad: bool,
    fast: bool,
) -> list[Verdict]:
    """One verdict for each set of paths; bad files of all sets are told together."""
    from artfp.data.readers import collect
    from artfp.reading import BadFilesError
    from artfp.verify import verify

    verdicts, failures = [], []
    with progress("reading images") as advance:

        def on_progress(done: int, total: int, note: str) -> None:
            advance(done, total, note)

        for paths in sets:
            try:
                verdicts.append(verify(collect(paths), registry, codecs, key, skip_bad, on_progress, fast))
            except BadFilesError as error:
                failures.append(error)
    if failures:
        raise BadFilesError([file for error in failures for file in error.files], sum(e.total for e in failures))
    return verdicts


def _tell_what_is_missing(verdicts: Sequence[Verdict], unused: int) -> None:
    """What the verdict had to do without, on stderr."""
    tell_left_out([file for verdict in verdicts for file in verdict.bad_files], verdicts[0].not_tried)
    if any(verdict.fast and verdict.outcome != "match" for verdict in verdicts):
        warn(
            "each image was read once (--fast): what was cut or turned may be missed; without it, artfp looks for that"
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
    out.print(Text(columns(list(_number_rows(verdict)))))
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
    return columns([("bits", "p", "q", "best key", "image"), *rows])


def _summary(names: Sequence[str], verdicts: Sequence[Verdict]) -> str:
    rows = [
        (v.outcome, f"{v.n_images:,}", f"{v.matching_bits}/{v.n_bits}", f"{v.q:.2g}", v.key, name)
        for name, v in zip(names, verdicts, strict=True)
    ]
    return columns([("verdict", "images", "bits", "q", "best key", "path"), *rows])
