"""What goes to the worker, and what comes back. No torch: the process that talks to strangers has them, too."""

from __future__ import annotations

from dataclasses import dataclass, field

from artfp.errors import ArtfpError
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
class Unreadable:
    """Images that cannot be judged: a sentence for each."""

    problems: tuple[str, ...]


@dataclass(frozen=True)
class Failed:
    """Something that no image should have brought about; the words are for the operator."""

    words: str


Reply = Answers | Unreadable | Failed


class WorkerLostError(ArtfpError):
    """The worker died or took too long; a new one is started for the next request."""
