"""Why a request gets no verdict: the status, a word for programs, and a sentence for people."""

from __future__ import annotations

import math
from http import HTTPStatus

from artfp.errors import ArtfpError

BUSY_SECONDS = 5.0  # after which whoever found the server full may try again


class RefusalError(ArtfpError):
    """A request that is answered, and not with a verdict."""

    def __init__(self, status: int, code: str, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.status, self.code = HTTPStatus(status), code
        self.retry_after = None if wait is None else max(1, math.ceil(wait))  # seconds


def wrong(message: str) -> RefusalError:
    """The request is not what it has to be."""
    return RefusalError(400, "bad-request", message)


def too_large(message: str) -> RefusalError:
    """More bytes or images than a request may hold."""
    return RefusalError(413, "too-large", message)


def too_often(message: str, wait: float) -> RefusalError:
    """A client that has had its share."""
    return RefusalError(429, "too-many-requests", message, wait)


def full(message: str, wait: float = BUSY_SECONDS) -> RefusalError:
    """The server cannot now."""
    return RefusalError(503, "unavailable", message, wait)
