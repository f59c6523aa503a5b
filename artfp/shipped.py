"""Files that come with artfp: in the wheel under `artfp/_shipped`, in a clone at its top level."""

from __future__ import annotations

from pathlib import Path

from artfp.errors import UsageError

PACKAGE = Path(__file__).parent


def shipped_folder(name: str) -> Path:
    """The folder `checkpoints` or `recipes`, wherever this installation has it."""
    installed = PACKAGE / "_shipped" / name
    return installed if installed.is_dir() else PACKAGE.parent / name


def find_recipe(spec: str) -> Path:
    """The recipe at a path, or the shipped one of that name."""
    by_name = shipped_folder("recipes") / f"{spec.removesuffix('.toml')}.toml"
    for path in (Path(spec), by_name):
        if path.is_file():
            return path
    known = ", ".join(sorted(path.stem for path in shipped_folder("recipes").glob("*.toml")))
    raise UsageError(f"no recipe {spec!r}: neither a file nor one of {known}")
