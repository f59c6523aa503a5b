"""What goes to the worker, and what comes back. No torch: the process that talks to strangers has them, too.

What comes back crosses the pipe as JSON: whoever a hostile image has made master of the worker can send wrong answers,
and no objects that run code as they are unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from artfp.errors import ArtfpError
from artfp.results import Record
from artfp.serve.answers import Answers


@dataclass(frozen=True, eq=False)
class Upload:
    """A file as it came."""

    name: str  # as the client calls it, made printable
    content: bytes = field(repr=False)
    sha256: str


@dataclass(frozen=True, eq=False)
class Inquiry:
    """The images of one request, and how they are to be judged."""

    files: tuple[Upload, ...]
    together: bool = True  # as one set
    each: bool = False  # every image by itself, too


@dataclass(frozen=True)
class Ready(Record):
    """What the operator is told when all is loaded."""

    codecs: tuple[str, ...]
    trials: int
    unused: int  # keys that were never used with a codec
    pairs: str  # a hash of the keys that are tried, with their codecs


@dataclass(frozen=True)
class Unreadable(Record):
    """Images that cannot be judged: a sentence for each."""

    problems: tuple[str, ...]
    cost: int = 1  # as of `Answers`


@dataclass(frozen=True)
class Failed(Record):
    """Something that no image should have brought about; the words are for the operator."""

    words: str


Reply = Answers | Unreadable | Failed
Message = Ready | Reply
KINDS: dict[str, type[Message]] = {kind.__name__: kind for kind in (Ready, Answers, Unreadable, Failed)}


class WorkerLostError(ArtfpError):
    """The worker died or took too long; a new one is started for the next request."""


def packed(messages: Sequence[Message]) -> bytes:
    """As the worker sends them."""
    return json.dumps([[type(each).__name__, each.to_dict()] for each in messages]).encode()


def unpacked(sent: bytes) -> list[Message]:
    """The messages that were packed."""
    try:
        if messages := [KINDS[name].from_dict(values) for name, values in json.loads(sent)]:
            return messages
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise WorkerLostError("the worker sent what is no message") from error
    raise WorkerLostError("the worker sent nothing")
