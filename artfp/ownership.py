"""Whose a run folder is: its settings lie in it, and a folder belongs to one run."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from artfp.errors import BadInputError, UsageError
from artfp.files import read_json

SHOWN = 20  # characters of a value in an error message


def check_owner(
    folder: Path,
    marker: str,
    settings: Mapping[str, Any],
    what: str,
    apart: Collection[str] = (),
    untold: Collection[str] = (),
) -> None:
    """Refuse a folder of another run, or of something else; changes nothing.

    `marker` is the file in it that holds the settings; those named in `apart` may differ, the values of those in
    `untold` are nobody's business.
    """
    if (folder / marker).is_file():
        earlier = read_json(folder / marker)
        if not isinstance(earlier, Mapping):
            raise BadInputError(f"{folder / marker}: holds no settings")
        changed = list(_changes(_flat(earlier), _flat(settings), apart, untold))
        if changed:
            raise UsageError(
                f"{folder}: holds {what} with other settings ({'; '.join(changed)}); choose another folder (--out)"
            )
    elif folder.exists() and (not folder.is_dir() or _occupied(folder)):
        raise UsageError(f"{folder}: exists and is not {what}; choose another folder (--out)")


def _changes(
    earlier: Mapping[str, Any], now: Mapping[str, Any], apart: Collection[str], untold: Collection[str]
) -> Iterator[str]:
    for name in sorted(now.keys() | earlier.keys()):
        if name not in apart and earlier.get(name) != now.get(name):
            told = "another" if name in untold else f"{_short(earlier.get(name))}, now {_short(now.get(name))}"
            yield f"{name}: {told}"


def _flat(settings: Any, prefix: str = "") -> dict[str, Any]:
    """Nested tables as dotted names."""
    if not isinstance(settings, Mapping):
        return {prefix.removesuffix("."): settings}
    return {name: value for key, inner in settings.items() for name, value in _flat(inner, f"{prefix}{key}.").items()}


def _occupied(folder: Path) -> bool:
    """Whether a folder holds more than the half-written settings of a run that ended before it could sign."""
    return any(not (path.name.startswith(".") and path.name.endswith(".tmp")) for path in folder.iterdir())


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
