"""Members of zips, unpacked no further than they say: a directory may lie about what its members hold."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import IO, Any

from artfp.data.listing import OTHER_PACKING, PACKINGS, check_table, member_name
from artfp.errors import BadInputError


def is_zip(path: Path) -> bool:
    """Whether a file ends as a zip does, also as one that cannot be read: what is wrong shows when it is opened."""
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:  # one of several parts
        return True


def unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """The bytes of a member: no more than it says, and no more in memory on the way, whatever its packing holds."""
    with archive.open(member) as stream:
        return stream.read(member.file_size + 1)  # beyond the last byte, where its checksum is compared


def open_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> IO[bytes]:
    """A table in an archive as a file, if it is not too large."""
    if member.compress_type not in PACKINGS:
        raise BadInputError(f"{path}: {member_name(member)}: {OTHER_PACKING}")
    check_table(path, member_name(member), member.file_size)
    return io.BufferedReader(_Pieces(archive.open(member)))


class _Pieces(io.RawIOBase):
    """A member of a zip, unpacked piece by piece: zipfile would unpack up to 2 GiB for whoever asks for all of it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()
