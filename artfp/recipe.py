"""Recipes: TOML to validated, frozen dataclasses, with every error reported at once.

A stage declares its settings as a dataclass of `setting(...)` fields; this module knows none of them.
"""

from __future__ import annotations

import dataclasses
import json
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, Union

from artfp.errors import UsageError

T = TypeVar("T")
MOST = 2**63 - 1  # of a number: JSON and TOML know no largest, all that computes does
MOST_BITS = 512  # of a key for one codec
LONGEST = 200  # characters of a value in an error


def setting(
    default: Any = dataclasses.MISSING,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[Any] | None = None,
    multiple: int | None = None,
) -> Any:
    """A dataclass field with the limits that `parse` checks."""
    limits = {"low": low, "high": high, "choices": choices, "multiple": multiple}
    return dataclasses.field(default=default, metadata=limits)


def load(path: Path, schema: type[T]) -> T:
    """The recipe in a TOML file, or one error naming everything that is wrong with it."""
    return parse(read_toml(path), schema, str(path))


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot read the recipe ({error.strerror})") from error
    except (ValueError, RecursionError) as error:  # of other texts, numbers of thousands of digits, deep brackets
        raise UsageError(f"{path}: not TOML ({error})") from error


def parse(values: Mapping[str, Any], schema: type[T], where: str) -> T:
    """The dataclass `schema` filled from `values`; all problems in one UsageError."""
    problems: list[str] = []
    recipe = _build(values, schema, "", problems)
    if problems:
        raise UsageError(f"{where}: {len(problems)} problem(s)\n  " + "\n  ".join(problems))
    return typing.cast(T, recipe)


def to_dict(recipe: Any) -> dict[str, Any]:
    """The recipe as JSON would give it back, for run folders and cards."""
    plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(recipe), default=str))
    return plain


def _build(values: Mapping[str, Any], schema: type[Any], prefix: str, problems: list[str]) -> Any:
    hints = typing.get_type_hints(schema)
    fields = {field.name: field for field in dataclasses.fields(schema)}
    unknown = sorted(values.keys() - fields.keys())
    problems.extend(f"{prefix}{name}: unknown; known here: {', '.join(fields)}" for name in unknown)
    chosen: dict[str, Any] = {}
    for name, field in fields.items():
        if name in values:
            chosen[name] = _checked(values[name], hints[name], field, f"{prefix}{name}", problems)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            problems.append(f"{prefix}{name}: missing")
    return None if problems else schema(**chosen)


def _checked(value: Any, hint: Any, field: dataclasses.Field[Any], where: str, problems: list[str]) -> Any:
    if value is None and types.NoneType in typing.get_args(hint):  # JSON's null: TOML has none
        return None
    hint = _without_none(hint)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if isinstance(value, Mapping):
            return _build(value, hint, f"{where}.", problems)
        problems.append(f"{where}: must be a table")
        return None
    wanted = typing.get_origin(hint) or hint
    if isinstance(value, int) and abs(value) > MOST:
        problems.append(f"{where}: a number of more than 64 bits")
        return None
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if wanted is Path and isinstance(value, str):
        value = Path(value)
    if wanted is tuple and isinstance(value, list):
        value = _members(value, hint, where, problems)
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        problems.append(f"{where}: must be {wanted.__name__}, not {_shown(value)}")
        return None
    if not _holds(value, hint):
        problems.append(f"{where}: holds something else than {hint}, {_shown(value)}")
        return None
    problems.extend(f"{where}: {complaint}" for complaint in _complaints(value, field.metadata))
    return value


def _members(values: Sequence[Any], hint: Any, where: str, problems: list[str]) -> tuple[Any, ...]:
    """A list as a tuple; one of tables as one of dataclasses."""
    schema: Any = typing.get_args(hint)[0]
    if not (isinstance(schema, type) and dataclasses.is_dataclass(schema)):
        return tuple(values)
    if strange := [place for place, value in enumerate(values) if not isinstance(value, Mapping)]:
        problems.append(f"{where}[{strange[0]}]: must be a table")
        return ()
    return tuple(_build(value, schema, f"{where}[{place}].", problems) for place, value in enumerate(values))


def _holds(value: Any, hint: Any) -> bool:
    """Whether a list or table of plain values has only such as the hint says."""
    inner = [each for each in typing.get_args(hint) if each is not Ellipsis]
    if isinstance(value, dict) and inner:
        return all(isinstance(name, inner[0]) and _is(each, inner[1]) for name, each in value.items())
    if isinstance(value, list | tuple) and inner:
        return all(_is(each, inner[0]) for each in value)
    return True


def _is(value: Any, hint: Any) -> bool:
    wanted = typing.get_origin(hint) or hint
    if wanted is float and isinstance(value, int):
        return not isinstance(value, bool)
    return not isinstance(wanted, type) or (isinstance(value, wanted) and _holds(value, hint))


def _without_none(hint: Any) -> Any:
    if typing.get_origin(hint) in (Union, types.UnionType):
        return next(arg for arg in typing.get_args(hint) if arg is not type(None))
    return hint


def _shown(value: Any) -> str:
    """A value as an error tells of it: not all of a long one, and numbers can be too long to be written at all."""
    try:
        text = repr(value)
    except ValueError:
        return "a number of thousands of digits"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _complaints(value: Any, limits: Mapping[str, Any]) -> list[str]:
    """What the limits object to; a NaN is outside every range."""
    low, high, choices, multiple = (limits.get(name) for name in ("low", "high", "choices", "multiple"))
    found = []
    if low is not None and not value >= low:
        found.append(f"must be at least {low}, not {_shown(value)}")
    if high is not None and not value <= high:
        found.append(f"must be at most {high}, not {_shown(value)}")
    if multiple is not None and value % multiple:
        found.append(f"must be a multiple of {multiple}, not {_shown(value)}")
    if choices is not None and value not in choices:
        found.append(f"must be one of {', '.join(map(str, choices))}, not {_shown(value)}")
    return found
