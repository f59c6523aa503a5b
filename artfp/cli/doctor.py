"""`artfp doctor`: whether this installation is well."""

from __future__ import annotations

from pathlib import Path

import rich_click as click
from rich.text import Text

from artfp.cli.console import command_errors, fail, json_option, out, print_json, printable, registry_option
from artfp.errors import Exit


@click.command()
@registry_option
@json_option
@command_errors
def doctor(registry: Path, as_json: bool) -> None:
    """Check this installation: versions, device, codecs, weights, registry, and a self-test from mark to verdict.

    Exit codes: 0 healthy, 5 something needs repair; stderr says what to do.
    """
    from artfp.doctor import check_up

    found = check_up(registry)
    if as_json:
        print_json(found.to_dict())
    else:
        width = max(len(finding.name) for finding in found.findings)
        for finding in found.findings:
            sign = Text("ok  ", "green") if finding.well else Text("BAD ", "bold red")
            out.print(sign + Text(f"{finding.name:{width}}   {printable(finding.value)}"))
    problems = [f"{finding.name}: {finding.advice}" for finding in found.findings if not finding.well]
    if problems:
        fail("\n".join([f"{len(problems)} problem(s)", *problems]), Exit.FAILURE)
