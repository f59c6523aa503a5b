"""The shape of a sweep's files as JSON Schema, read off the records that write them."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any, Union

from artfp.results import Record
from artfp.robustness import SCHEMA, Row, Sweep

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PLAIN = {int: "integer", float: "number", str: "string", bool: "boolean"}


def schemas() -> dict[str, Any]:
    """The schema of a row, and beside it that of `sweep.json`."""
    return {
        "$schema": DIALECT,
        "title": f"artfp robustness, version {SCHEMA}",
        "description": "A file of rows/ is a Row, sweep.json a Sweep; rows.csv has a row's numbers as a table.",
        "$ref": "#/$defs/Row",
        "$defs": _definitions(Row) | _definitions(Sweep),
    }


def _definitions(kind: type[Record]) -> dict[str, Any]:
    """A record and all records in it, by name."""
    hints = typing.get_type_hints(kind)
    found = {kind.__name__: _of_record(kind, hints)}
    for hint in hints.values():
        for inner in (hint, *typing.get_args(hint)):
            if isinstance(inner, type) and issubclass(inner, Record):
                found |= _definitions(inner)
    return found


def _of_record(kind: type[Record], hints: dict[str, Any]) -> dict[str, Any]:
    names = [field.name for field in dataclasses.fields(kind)]
    properties = {name: _of_hint(hints[name]) for name in names}
    if "schema" in names:
        properties["schema"] = {"const": SCHEMA}
    about = (kind.__doc__ or "").split("\n")[0]
    return {
        "description": about,
        "type": "object",
        "properties": properties,
        "required": names,
        "additionalProperties": False,
    }


def _of_hint(hint: Any) -> dict[str, Any]:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return {"anyOf": [_of_hint(arg) for arg in args]}
    if hint is type(None):
        return {"type": "null"}
    if origin is tuple:
        return {"type": "array", "items": _of_hint(args[0])}
    if origin is dict:
        return {"type": "object"}
    if isinstance(hint, type) and issubclass(hint, Record):
        return {"$ref": f"#/$defs/{hint.__name__}"}
    return {"type": PLAIN[hint]}
