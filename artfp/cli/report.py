"""`artfp report`: a run folder, or the folder of a robustness sweep or a comparison, as one page."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from artfp.artefacts import is_signed
from artfp.cli.console import PATH, command_errors, json_option, out, print_json, warn


@click.command()
@click.argument("run", type=PATH)
@json_option
@command_errors
def report(run: Path, as_json: bool) -> None:
    """Render the run folder RUN as one HTML page, RUN/report.html.

    RUN may also be the folder of a robustness sweep (`artfp robustness`) or of a comparison (`artfp passive compare`).

    The page is a single file that opens from disk, loads nothing from anywhere and runs no script.
    """
    was_signed = is_signed(run)
    page = _page_of(run)
    if was_signed and not is_signed(run):
        warn(f"{run}: its list of files was signed, and names another page now: sign it again (`artfp sign document`)")
    if as_json:
        print_json({"report": str(page), "bytes": page.stat().st_size})
    else:
        out.print(str(page), markup=False)


def _page_of(run: Path) -> Path:
    from artfp.report.contest_folder import is_contest
    from artfp.report.contest_page import write_contest_report
    from artfp.report.page import write_report
    from artfp.report.robustness_page import write_robustness_report
    from artfp.report.sweep_folder import is_sweep

    if is_contest(run):
        return write_contest_report(run)
    return write_robustness_report(run) if is_sweep(run) else write_report(run)
