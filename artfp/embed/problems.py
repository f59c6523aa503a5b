"""All that is wrong with a request, said at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from artfp.errors import ArtfpError, UsageError

T = TypeVar("T")


class Problems:
    """Errors that wait for each other."""

    def __init__(self) -> None:
        self.found: list[ArtfpError] = []

    def attempt(self, work: Callable[[], T]) -> T | None:
        """The result of `work`, or None with its error kept."""
        try:
            return work()
        except ArtfpError as error:
            self.found.append(error)
            return None

    def error(self) -> ArtfpError:
        """The one error, or one that lists them all."""
        if len(self.found) == 1:
            return self.found[0]
        return UsageError(f"{len(self.found)} problems" + "".join(f"\n  {error}" for error in self.found))
