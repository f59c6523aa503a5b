"""What can go wrong, each with the exit code that the command line gives it."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of every artfp command (documented in the README)."""

    OK = 0
    NO_MATCH = 1
    USAGE = 2
    INCONCLUSIVE = 3
    BAD_INPUT = 4
    FAILURE = 5
    INTERRUPTED = 130


class ArtfpError(Exception):
    """An error whose message says what went wrong, where, and what to do."""

    exit_code = Exit.FAILURE


class UsageError(ArtfpError):
    """The request itself cannot be carried out: a wrong name, option or recipe."""

    exit_code = Exit.USAGE


class CannotError(UsageError):
    """What can never be done to these images or this network; the message names no path."""


class BadInputError(ArtfpError):
    """A file given as input is unreadable, corrupt, or not what it should be."""

    exit_code = Exit.BAD_INPUT


class UnreachableError(ArtfpError):
    """Another machine does not give what is asked of it: nothing is wrong with the data, so none are left out."""


class DivergedError(ArtfpError):
    """A training run is lost: NaN, infinity or numbers beyond all sense; the last good checkpoint is kept."""
