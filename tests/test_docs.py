"""The commands that the README shows are run, in its order, on small data."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from artfp.cli.main import artfp
from artfp.data.procedural import generate
from artfp.images import LoadedImage, encode_png

README = (Path(__file__).parent.parent / "README.md").read_text()


def shown() -> list[list[str]]:
    """Every `artfp ...` line of the README's shell blocks, without its comment."""
    blocks = re.findall(r"```sh\n(.*?)```", README, flags=re.S)
    lines = [line.strip().removeprefix(".venv/bin/") for block in blocks for line in block.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("artfp ")]


@pytest.fixture
def small_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARTFP_REGISTRY", str(tmp_path / "keys.sqlite"))
    for folder in ("photos", "generated"):
        (tmp_path / folder).mkdir()
    for index, pixels in enumerate(generate("horizons", 8, 64, 4)):
        (tmp_path / "photos" / f"{index}.png").write_bytes(encode_png(LoadedImage(np.asarray(pixels))))
        (tmp_path / "generated" / f"{index}.png").write_bytes(encode_png(LoadedImage(np.asarray(pixels))))


def test_the_readme_shows_the_path_from_key_to_verdict() -> None:
    assert {words[0] for words in shown()} >= {"key", "embed-dataset", "train-gan", "sample", "verify", "run"}


def test_shown_commands_run(small_world: None) -> None:
    """Trainings only as plans, and no samples of what was not trained."""
    for words in shown():
        if words[0] == "sample":
            continue
        plan = ["--dry-run"] if words[0] in ("run", "train-gan") or words[:2] == ["codec", "train"] else []
        done = CliRunner().invoke(artfp, [*words, *plan])
        expected = (0, 1, 3) if words[0] == "verify" else (0,)
        assert done.exit_code in expected, (words, done.stderr)


def test_every_command_is_in_the_readme_and_has_help() -> None:
    for name, command in artfp.commands.items():
        assert f"`artfp {name}" in README or f"artfp {name} " in README, name
        assert command.help, name
        for sub in getattr(command, "commands", {}).values():
            assert sub.help, (name, sub.name)
        for option in command.params:
            assert option.param_type_name == "argument" or option.help, (name, option.name)
