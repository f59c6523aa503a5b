"""`artfp`: the group that every command hangs on. Loads no torch."""

from __future__ import annotations

import os
import sys

import rich_click as click

from artfp import __version__
from artfp.cli.audit import audit
from artfp.cli.codec import codec
from artfp.cli.compare import compare
from artfp.cli.console import command_errors
from artfp.cli.contest import compare_systems
from artfp.cli.doctor import doctor
from artfp.cli.embed import embed_dataset
from artfp.cli.gan import train_gan
from artfp.cli.issue import issue
from artfp.cli.keys import key
from artfp.cli.ledger import ledger
from artfp.cli.passive import passive
from artfp.cli.quality import quality
from artfp.cli.report import report
from artfp.cli.robustness import robustness
from artfp.cli.run import run_recipe
from artfp.cli.sample import export, sample
from artfp.cli.secrecy import secrecy
from artfp.cli.serve import serve
from artfp.cli.signing import sign
from artfp.cli.trace import trace
from artfp.cli.verify import verify
from artfp.errors import Exit
from artfp.limits import check_limits

click.rich_click.MAX_WIDTH = 100


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="artfp")
@command_errors
def artfp() -> None:
    """Fingerprints in training data that generators trained on it reproduce.

    [bold]key new[/] → [bold]embed-dataset[/] → train any generator → [bold]verify[/] its images.

    Exit codes: 0 success or match, 1 no match, 2 usage, 3 inconclusive, 4 unreadable input,
    5 other failure, 130 interrupted.
    """
    check_limits()


artfp.add_command(key)
artfp.add_command(embed_dataset)
artfp.add_command(verify)
artfp.add_command(serve)
artfp.add_command(report)
artfp.add_command(compare)
artfp.add_command(doctor)
artfp.add_command(codec)
artfp.add_command(run_recipe)
artfp.add_command(train_gan)
artfp.add_command(sample)
artfp.add_command(export)
artfp.add_command(issue)
artfp.add_command(trace)
artfp.add_command(ledger)
artfp.add_command(robustness)
artfp.add_command(passive)
passive.add_command(compare_systems)
artfp.add_command(quality)
artfp.add_command(secrecy)
artfp.add_command(audit)
artfp.add_command(sign)


def main() -> None:
    """The console entry point."""
    # OpenMP's threads else spin while they wait; measured ten times slower where another process wants a core (LAB.md).
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # or cuBLAS is not repeatable
    try:
        artfp(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(int(Exit.INTERRUPTED))  # click's own 1 says "no match" here
