"""How the program leaves: every way has its documented code."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import rich_click as click
from click.testing import CliRunner

from artfp.cli.console import command_errors
from artfp.cli.main import artfp
from artfp.errors import BadInputError, Exit, UsageError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("x"), Exit.USAGE),
        (BadInputError("x"), Exit.BAD_INPUT),
        (KeyboardInterrupt(), Exit.INTERRUPTED),
        (OSError(28, "No space left on device", "out.png"), Exit.FAILURE),
        (ValueError("what nobody thought of [/markup]"), Exit.FAILURE),
    ],
)
def test_every_failure_is_one_line_and_its_code(error: BaseException, code: int) -> None:
    @click.command()
    @command_errors
    def failing() -> None:
        raise error

    done = CliRunner().invoke(failing)
    assert done.exit_code == code
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def run(*words: str, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "artfp", *words], stdout=stdout, stderr=subprocess.PIPE, check=False)


def test_a_wrong_option_is_usage() -> None:
    assert run("verify", "--nonesuch").returncode == Exit.USAGE


def test_a_reader_that_leaves_is_no_verdict_and_no_traceback() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = run("codec", "info", "dct", "--json", stdout=writing)
    os.close(writing)
    assert b"Traceback" not in done.stderr
    assert done.returncode == Exit.FAILURE


def test_a_limit_that_is_none_is_said_before_anything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARTFP_MAX_PIXELS", "many")
    done = CliRunner().invoke(artfp, ["serve", "--registry", "none.sqlite"])
    assert done.exit_code == Exit.USAGE
    assert "ARTFP_MAX_PIXELS='many': must be a whole number" in done.stderr
