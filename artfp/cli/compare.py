"""`artfp compare`: two robustness sweeps side by side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from rich.text import Text

from artfp.cli.console import PATH, columns, command_errors, err, json_option, out, print_json, printable
from artfp.files import check_new_file

if TYPE_CHECKING:
    from artfp.report.comparison import Comparison, Reading


@click.command()
@click.argument("a", type=PATH)
@click.argument("b", type=PATH)
@click.option("--out", "page", type=PATH, help="Also write an HTML page to this new file.")
@json_option
@command_errors
def compare(a: Path, b: Path, page: Path | None, as_json: bool) -> None:
    """Compare the robustness sweeps in the folders A and B, row by row: bits read right in B less those in A.

    Two codecs, two generators, or one before and after. Intervals are 95 %, image by image where both sweeps have the
    same seed and number of images. Exit code 0 means that they were compared, whatever the differences.
    """
    from artfp.report.compare_page import claim, write_comparison
    from artfp.report.comparison import compare as compare_sweeps

    if page:
        check_new_file(page)
    found = compare_sweeps(a, b)
    if page:
        write_comparison(page, found)
    if as_json:
        print_json({**found.to_dict(), "counts": found.counts()})
        return
    for letter, side in (("A", found.a), ("B", found.b)):
        err.print(
            printable(f"{letter}: {side.name}, {side.codec}, {side.n_bits} bits, {side.images} images"), markup=False
        )
    out.print(Text(columns([("B − A, points", "95 % interval", "", "A", "B", "row"), *_rows(found)])))
    out.print(Text(claim(found)))


def _rows(found: Comparison) -> Iterator[tuple[str, ...]]:
    from artfp.report.compare_page import how, points, span

    for pair in found.pairs:
        readings = (_accuracy(pair.a), _accuracy(pair.b), pair.address)
        if pair.difference is None:
            yield ("-", "not carried out in both", "", *readings)
        else:
            yield (points(pair.difference.value), span(pair.difference), how(pair), *readings)


def _accuracy(reading: Reading | None) -> str:
    from artfp.report.tables import percent

    return "-" if reading is None else percent(reading.accuracy.value)
