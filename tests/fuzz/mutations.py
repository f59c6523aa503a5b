"""Changes to JSON that bytes would hardly hit upon: one value becomes another of a kind that nobody thought of."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**63,
    10**400,
    0.5,
    -1e308,
    5e-324,
    float("nan"),
    float("inf"),
    "",
    "x" * 300,
    "../../etc/passwd",
    "/dev/zero",
    "a\0b",
    "\ud800",
    "<script>",
    [],
    [[]],
    {},
    {"": None},
)
WHOLE = (b"", b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe", b"1" * 5000, b"null", b"[]", b"{}", b'"text"')


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where a JSON value has other values."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        yield from places(each, (*path, name))


def changed(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    """The value with another at this place."""
    if not path:
        return other
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(value[path[0]], path[1:], other)
    return copy


def without(value: Any, path: tuple[Any, ...]) -> Any:
    """The value without what is at this place."""
    copy = dict(value) if isinstance(value, dict) else list(value)
    if len(path) > 1:
        copy[path[0]] = without(value[path[0]], path[1:])
    else:
        del copy[path[0]]
    return copy


def mutated(data: bytes, draw: random.Random) -> bytes | None:
    """A JSON document, or a line of a file of lines, with one change; None of what is no JSON."""
    lines = data.split(b"\n") if data.count(b"\n{") else [data]
    line = draw.randrange(len(lines))
    try:
        value = json.loads(lines[line])
        lines[line] = json.dumps(_mutated(value, draw)).encode()
    except (ValueError, RecursionError):
        return None
    return b"\n".join(lines)


def _mutated(value: Any, draw: random.Random) -> Any:
    path = draw.choice(list(places(value)))
    if path and draw.random() < 0.2:
        return without(value, path)
    return changed(value, path, draw.choice(ODD))
