"""Imports point one way (DESIGN section 2), read from the source with `ast`."""

from __future__ import annotations

import ast
import functools
import gc
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "artfp"

# Lowest first; a module imports from its own layer's own folder and from lower layers only.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors", "seeds", "results", "timing", "iptc"),
    ("files", "limits", "recipe", "shipped"),
    ("statslog", "ownership", "records", "seals", "png"),
    ("artefacts",),
    ("statistics",),
    ("keys",),
    ("images", "checkpoints", "devices", "verdict", "robustness", "quality", "secrecy", "attribution", "perceptual"),
    ("similarity", "memory", "processes", "strips", "c2pa"),
    ("perturb", "data"),
    ("codec",),
    ("reading",),
    ("embed", "verify", "trace", "generators"),
    ("attacks",),
    ("evaluate", "passive", "engines"),
    ("contest",),
    ("report", "doctor"),
    ("pipeline",),
    ("audit", "serve"),
    ("cli",),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
TORCH_FREE = (
    "report",
    "keys",
    "statistics",
    "errors",
    "seeds",
    "files",
    "limits",
    "results",
    "records",
    "seals",
    "artefacts",
    "recipe",
    "verdict",
    "robustness",
    "quality",
    "secrecy",
    "attribution",
    "iptc",
    "c2pa",
)
NAMELESS = ("utils", "common", "helpers", "misc")


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    """The first folder or module below artfp."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@functools.cache
def parsed(path: Path) -> ast.Module:
    """Without the garbage collector: CPython 3.11.7 raises SystemError where it runs amid this (gh-106905)."""
    gc.disable()
    try:
        return ast.parse(path.read_text())
    finally:
        gc.enable()


def imports(path: Path) -> list[str]:
    """Dotted names a module imports anywhere, functions included, type checking excepted."""
    tree = parsed(path)
    skipped = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
        for node in ast.walk(branch)
    }
    found = []
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def test_every_module_has_a_layer() -> None:
    assert {room(path) for path in modules()} - set(RANK) == {"__init__", "__main__"}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    if room(path).startswith("__"):
        return
    for name in imports(path):
        package, _, rest = name.partition(".")
        if package != "artfp" or not rest or rest == "__version__":
            continue
        target = rest.split(".")[0]
        assert target == room(path) or RANK[target] < RANK[room(path)], f"{path} imports {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_rooms_without_tensors_import_no_torch(path: Path) -> None:
    if room(path) in TORCH_FREE:
        assert not [name for name in imports(path) if name.split(".")[0] in ("torch", "kornia", "safetensors")]


def test_no_module_is_called_after_nothing() -> None:
    assert not [path for path in modules() if path.stem in NAMELESS]


def test_help_loads_no_torch() -> None:
    probe = (
        "import sys; sys.argv = ['artfp', '--help']\n"
        "from artfp.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'kornia', 'scipy'} & set(sys.modules); sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "embed-dataset" in done.stdout
