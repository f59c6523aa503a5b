"""Records as files: read, held to their types, and refused by name where they cannot be."""

from __future__ import annotations

import types
import typing
from pathlib import Path
from typing import Any, TypeVar, Union

from artfp.errors import BadInputError
from artfp.files import read_json
from artfp.recipe import MOST
from artfp.results import Record

R = TypeVar("R", bound=Record)
ROUNDING = 1e-9  # by which a computed share may miss 0 or 1
PLAIN: dict[Any, tuple[type, ...]] = {
    int: (int,),
    float: (int, float),
    str: (str,),
    bool: (bool,),
    type(None): (type(None),),
}


def read_table(path: Path) -> dict[str, Any]:
    """The JSON object in a file."""
    values = read_json(path)
    if not isinstance(values, dict):
        raise BadInputError(f"{path}: must hold a JSON object")
    return values


def read_record(path: Path, kind: type[R], noun: str) -> R:
    """The record in a file; `noun` says what it should have been."""
    return record_of(read_table(path), path, kind, noun)


def read_versioned(path: Path, kind: type[R], noun: str, schema: int) -> R:
    """The same of a file with a schema, the schema before all else: of a later one, nothing else can be expected."""
    values = read_table(path)
    found = values.get("schema")
    if not isinstance(found, int) or found < 1:
        raise BadInputError(f"{path}: no schema version of this kind of file")
    if found > schema:
        raise BadInputError(f"{path}: of schema {found}, and this artfp reads up to {schema}; install a later one")
    return record_of(values, path, kind, noun)


def record_of(values: dict[str, Any], path: Path, kind: type[R], noun: str) -> R:
    """The record that a file's object is."""
    try:
        record = kind.from_dict(values)
    except (AttributeError, TypeError, ValueError) as error:
        raise BadInputError(f"{path}: not {noun} ({error})") from error
    if wrong := misfits(record):
        raise BadInputError(f"{path}: not {noun} ({', '.join(wrong)} cannot be)")
    return record


def are_shares(*values: float | None) -> bool:
    """Whether those that are there lie between nothing and all."""
    return all(value is None or -ROUNDING <= value <= 1 + ROUNDING for value in values)


def misfits(record: Record) -> list[str]:
    """The fields that hold something else than their annotations say, also those of records in fields."""
    hints = typing.get_type_hints(type(record))
    wrong = {name: value for name, hint in hints.items() if not _fits(hint, value := getattr(record, name))}
    return [place for name, value in wrong.items() for place in _places(name, value)]


def _places(name: str, value: Any) -> list[str]:
    """What in a field does not fit: of a record its own fields, else all of it."""
    inside = misfits(value) if isinstance(value, Record) else []
    return [f"{name}.{place}" for place in inside] or [name]


def _fits(hint: Any, value: Any) -> bool:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return any(_fits(arg, value) for arg in args)
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(args[0], item) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(args[1], each) for each in value.values())
    if hint is Any:
        return True
    if isinstance(hint, type) and issubclass(hint, Record):
        return isinstance(value, hint) and not misfits(value)
    if origin is list:
        return isinstance(value, list) and all(_fits(args[0], each) for each in value)
    if isinstance(value, int | float) and not abs(value) <= MOST:  # nor is NaN
        return False
    return isinstance(value, PLAIN[hint]) and (hint is bool or not isinstance(value, bool))
