"""The wheel carries checkpoints, recipes and the page's template, and works outside the clone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, unpacked into a folder of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--no-index", "--target", folder / "site", wheel], check=True)
    return folder / "site"


def run_installed(installed: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-m", "artfp", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_installed_package_is_the_one_that_runs(installed: Path, tmp_path: Path) -> None:
    probe = [sys.executable, "-c", "import artfp; print(artfp.__file__)"]
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    found = subprocess.run(probe, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.startswith(str(installed))


def test_checkpoints_and_recipes_come_along(installed: Path, tmp_path: Path) -> None:
    described = run_installed(installed, tmp_path, "codec", "info", "artfp-64", "--json")
    assert described.returncode == 0, described.stderr
    assert json.loads(described.stdout)["card"]["name"] == "artfp-64"
    planned = run_installed(installed, tmp_path, "run", "quickstart", "--dry-run")
    assert planned.returncode == 0, planned.stderr


def test_the_template_comes_along(installed: Path) -> None:
    assert list((installed / "artfp" / "report").glob("*.j2"))


def test_the_detectors_page_comes_along(installed: Path) -> None:
    found = {path.name for path in (installed / "artfp" / "serve" / "page").iterdir()}
    assert found == {"page.html.j2", "page.css", "page.js"}
