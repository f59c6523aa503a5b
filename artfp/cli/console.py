"""stdout is the result, stderr is progress; library errors become exit codes here and nowhere else."""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec

import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from artfp.errors import ArtfpError, Exit
from artfp.files import LONE, json_text

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

SECONDS_BETWEEN_LINES = 20.0
PATH = click.Path(path_type=Path)
REGISTRY, REGISTRY_AT = Path("~/.artfp/keys.sqlite"), "ARTFP_REGISTRY"  # the usual one, and who names another

P = ParamSpec("P")


def command_errors(function: Callable[P, None]) -> Callable[P, None]:
    """Turn the library's errors into one line on stderr and the documented exit code."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except ArtfpError as error:
            fail(str(error), error.exit_code)
        except KeyboardInterrupt:
            fail("interrupted; run the same command again to continue", Exit.INTERRUPTED)
        except BrokenPipeError:  # whoever reads our output has left; 0 and 1 would be verdicts
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(int(Exit.FAILURE))
        except OSError as error:
            fail(f"{error.filename or 'system'}: {error.strerror or error}", Exit.FAILURE)
        except (click.ClickException, click.Abort, click.exceptions.Exit):  # type: ignore[attr-defined]
            raise
        # Python would leave with 1, which says "no match" here.
        except Exception as error:
            if "ARTFP_TRACEBACK" in os.environ:
                raise
            fail(f"{type(error).__name__}: {error} (set ARTFP_TRACEBACK=1 to see where)", Exit.FAILURE)

    return wrapped


def fail(message: str, code: int) -> None:
    """Say why on stderr and leave with the code."""
    err.print(f"[red]error:[/] {_escape(message)}")
    sys.exit(int(code))


def warn(message: str) -> None:
    """A line on stderr that does not stop anything."""
    err.print(f"[yellow]warning:[/] {_escape(message)}")


def print_json(value: Any) -> None:
    """The machine-readable result on stdout."""
    click.echo(json_text(value).encode("utf-8", LONE))


def printable(text: str) -> str:
    """Text that cannot steer a terminal, whatever a file was called; line breaks stay."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Aligned lines; the last column is never cut or padded, so paths survive a narrow terminal."""
    safe = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*safe, strict=True)][:-1]
    return "\n".join("   ".join([*map(str.ljust, row, widths), row[-1]]) for row in safe)


def print_plan(plan: Mapping[str, object], as_json: bool) -> None:
    """What a command would do, a line for each part of it."""
    if as_json:
        print_json(plan)
    else:
        out.print(Text(columns([(name, str(value)) for name, value in plan.items()])))


def _escape(text: str) -> str:
    return escape(printable(text))


Advance = Callable[[int, int, str], None]


@contextmanager
def progress(label: str) -> Iterator[Advance]:
    """A live bar on stderr, or a line now and then where stderr is no terminal; yields `advance(done, total, note)`."""
    if not err.is_terminal:
        yield _lines(label)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=err) as bar:
        task = bar.add_task(label, total=None, note="")
        yield lambda done, total, note: bar.update(task, completed=done, total=total, note=_escape(note))


def _lines(label: str) -> Advance:
    started = spoken = time.monotonic()

    def advance(done: int, total: int, note: str) -> None:
        nonlocal spoken
        now = time.monotonic()
        if done == total or now - spoken >= SECONDS_BETWEEN_LINES:
            spoken = now
            left = (now - started) / max(done, 1) * (total - done)
            err.print(f"{label}: {done:,} of {total:,}, {now - started:.0f} s, {left:.0f} s left  {_escape(note)}")

    return advance


json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Check everything, print the plan, change nothing.")
device_option = click.option(
    "--device", default="auto", show_default=True, help="cpu, cuda, cuda:1 ...; auto takes a GPU where there is one."
)
source_option = click.option(
    "--source", type=PATH, help="Folder or zip of images to translate, for a generator that does."
)
seed_option = click.option("--seed", type=int, default=None, help="Overrides the recipe's seed.")
registry_option = click.option(
    "--registry",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar=REGISTRY_AT,
    default=REGISTRY,
    show_default=True,
    help="The key registry (or set ARTFP_REGISTRY).",
)
threads_option = click.option(
    "--threads", type=click.IntRange(1), help="CPU threads; results are repeatable at equal threads."
)


def usual_registry() -> Path:
    """The registry that `registry_option` means where it is not given; for options with a default of their own."""
    return Path(os.environ.get(REGISTRY_AT) or REGISTRY)
