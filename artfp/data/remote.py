"""A file of the Hugging Face hub, of which no more is fetched than is read; nothing of it is kept on the disk."""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Literal, NamedTuple, cast

from artfp.data.source import reason
from artfp.errors import ArtfpError, UnreachableError, UsageError


class Stat(NamedTuple):
    """What is asked of a file's `stat`."""

    st_size: int
    st_mtime_ns: int = 0  # what lies at a commit never changes


class HubFile:
    """A file by its place, datasets/OWNER/NAME@COMMIT/PATH; as much of a `Path` as reading Parquet files needs."""

    def __init__(self, place: str) -> None:
        self.place = place

    def __str__(self) -> str:
        return f"hf://{self.place}"

    def stat(self) -> Stat:
        """Its size."""
        with _asking(self):
            return Stat(_hub().size(self.place))

    def open(self, mode: Literal["rb"] = "rb") -> IO[bytes]:
        """Its bytes, each read a request for just these: with buffers every label would bring images along."""
        with _asking(self):
            file = _hub().open(self.place, mode, cache_type="none")
        return cast(IO[bytes], _Stream(self, file))  # which a raw stream is in all but its type


class _Stream(io.RawIOBase):
    """What the library opens, with its errors put in our words."""

    def __init__(self, owner: HubFile, file: Any) -> None:
        self._owner, self._file = owner, file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def readinto(self, buffer: Any) -> int:
        with _asking(self._owner):
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def import_for_hub(module: str) -> Any:
    """A module of the libraries that know the hub; they take seconds, and nothing else needs them."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UsageError(
            f"datasets of the Hugging Face hub need the extra `datasets` ({error}): pip install 'artfp[datasets]'"
        ) from error


def _hub() -> Any:
    return import_for_hub("huggingface_hub").HfFileSystem()


@contextmanager
def _asking(file: HubFile) -> Iterator[None]:
    """Whatever goes wrong between here and the hub: the file was there when the dataset was listed."""
    try:
        yield
    except (ArtfpError, MemoryError):
        raise
    except Exception as error:
        raise UnreachableError(
            f"{file}: the hub does not give it ({reason(error)}); run the same command again when it does"
        ) from error
