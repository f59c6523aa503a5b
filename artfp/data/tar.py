"""The headers of a tar, one after another, without the contents.

Written for strangers' files: with what a header says, Python's own tarfile can be made to go round for ever (negative
sizes) or to search for hours (a long run of digits), as in 3.11.7; on any others it takes three times as long.
POSIX ustar and pax, GNU and old ones; `tests/data/test_tar.py` holds it against tarfile.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

BLOCK = 512
END = bytes(BLOCK)
MAX_HEADER = 1 << 20  # bytes of one long name or extended header
MAX_PADDING = 1 << 20  # zeros after the end mark; tapes were written in pieces of this size at most
LONG_NAME, PAX = b"L", b"xX"
FILES = b"07\0"
PASSED_OVER = b"gKVMN"  # global headers, targets of links, labels of volumes: nothing that we need
WITHOUT_CONTENT = b"123456"
FOLDERS = b"5D"
PROBLEMS = dict.fromkeys(b"12", "a link; links in archives are not followed")
SPARSE = "a file with holes, which cannot be read in place"
NO_FILE = "no regular file"


class Member(NamedTuple):
    """A file of the archive: where its bytes lie, and why they must not be read."""

    name: str
    offset: int
    size: int
    problem: str


@dataclass
class _Header:
    """One block, and what extended headers before it said."""

    type: int
    name: str
    size: int
    is_sparse: bool = False

    @property
    def problem(self) -> str:
        if self.is_sparse:
            return SPARSE
        return PROBLEMS.get(self.type, "" if self.type in FILES else NO_FILE)

    @property
    def is_folder(self) -> bool:
        return self.type in FOLDERS or (self.type == 0 and self.name.endswith("/"))


def members(file: int, length: int) -> Iterator[Member]:
    """Every member but folders; a ValueError where the archive is damaged, or cut."""
    offset, told = 0, dict[str, str]()
    while (block := _read(file, offset, BLOCK, length)) != END:
        header = _parsed(block, offset)
        offset += BLOCK
        if header.type in LONG_NAME + PAX:
            told |= _told(header, _read(file, offset, _limited(header.size), length))
        elif header.type not in PASSED_OVER:
            _apply(told, header)
            offset += _extension(file, offset, block, header, length)
            if offset + header.size > length:
                raise ValueError(f"cut short: {header.name} goes on beyond its end")
            if not header.is_folder:
                yield Member(header.name, offset, header.size, header.problem)
            told = {}
        offset += -(-header.size // BLOCK) * BLOCK
    _check_end(file, offset, length)


def _read(file: int, offset: int, size: int, length: int) -> bytes:
    if offset + size > length:
        raise ValueError("cut short: it has no end mark")
    return os.pread(file, size, offset)


def _parsed(block: bytes, offset: int) -> _Header:
    if _number(block[148:156]) != sum(block) - sum(block[148:156]) + 8 * ord(" "):
        raise ValueError(f"damaged at byte {offset:,}: the checksum of a header is wrong")
    kind, name = block[156], _text(block[:100])
    if block[257:263] == b"ustar\0" and (folder := _text(block[345:500])):
        name = f"{folder}/{name}"
    return _Header(kind, name, 0 if kind in WITHOUT_CONTENT else _number(block[124:136]), kind in b"S")


def _number(field: bytes) -> int:
    """Octal digits, or for large files binary with the first bit set."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:])
    text = field.partition(b"\0")[0].strip()
    if text and not text.isdigit():
        raise ValueError(f"{text!r} is no number of a header")
    return int(text or b"0", 8)


def _text(field: bytes) -> str:
    return os.fsdecode(field.partition(b"\0")[0])


def _limited(size: int) -> int:
    if size > MAX_HEADER:
        raise ValueError(f"a header of {size:,} bytes, over the limit of {MAX_HEADER:,}")
    return size


def _told(header: _Header, content: bytes) -> dict[str, str]:
    """What an extended header says of the next member."""
    if header.type in LONG_NAME:
        return {"path": _text(content)}
    return dict(_records(content))


def _records(content: bytes) -> Iterator[tuple[str, str]]:
    """`LENGTH KEYWORD=VALUE` and a newline, where the length is that of all of this."""
    start = 0
    while content[start : start + 1].strip(b"\0"):
        digits = content[start : start + 20].partition(b" ")[0]
        end = start + (int(digits) if digits.isdigit() else 0)
        keyword, equals, value = content[start + len(digits) + 1 : end - 1].partition(b"=")
        if not equals or content[end - 1 : end] != b"\n":
            raise ValueError("damaged: an extended header is none")
        yield keyword.decode("utf-8", "backslashreplace"), os.fsdecode(value)
        start = end


def _apply(told: dict[str, str], header: _Header) -> None:
    header.name = told.get("GNU.sparse.name", told.get("path", header.name))
    header.is_sparse |= any(keyword.startswith("GNU.sparse.") for keyword in told)
    if "size" in told and header.type not in WITHOUT_CONTENT:
        header.size = _decimal(told["size"])


def _decimal(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise ValueError(f"{text[:20]!r} is no size")
    return int(text)


def _extension(file: int, offset: int, block: bytes, header: _Header, length: int) -> int:
    """The bytes of further maps of holes, which old GNU archives have between header and content."""
    size, goes_on = 0, header.type in b"S" and block[482]
    while goes_on:
        goes_on = _read(file, offset + size, BLOCK, length)[504]
        size += BLOCK
    return size


def _check_end(file: int, offset: int, length: int) -> None:
    """Refuse several archives in one file: readers stop at the first end mark, and nobody would miss the others."""
    rest = length - offset
    if rest > MAX_PADDING or os.pread(file, rest, offset).strip(b"\0"):
        raise ValueError("it goes on after its end mark; pack what it holds as one archive, or as several files")
