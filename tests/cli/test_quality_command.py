"""`artfp quality`."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from eyes import Corners

from artfp.cli import quality as command
from artfp.cli.main import artfp
from artfp.data.procedural import generate
from artfp.evaluate import pairs, quality
from artfp.quality import Quality

DOCUMENT = (Path(__file__).parents[2] / "docs" / "quality.md").read_text()
Write = Callable[[Path, np.ndarray], list[Path]]


@pytest.fixture
def small_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_pngs: Write) -> Path:
    """The folders that the document names, and eyes that need no weights."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARTFP_REGISTRY", str(tmp_path / "keys.sqlite"))
    monkeypatch.setattr(quality, "what_is_missing", lambda: None)
    monkeypatch.setattr(quality, "Perceptual", lambda device: Corners())
    images = np.stack(list(generate("photo-like", 80, 64, seed=8)))
    sets = {"photos": images[:20], "held-out": images[20:40], "generated": images[40:60], "of-twin": images[60:]}
    for name, pixels in sets.items():
        write_pngs(tmp_path / name, pixels)
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(artfp, words)


def test_the_documents_commands_run_in_its_order(small_world: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", DOCUMENT, flags=re.S)
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    commands = [words[1:] for words in lines if words[:1] == ["artfp"]]
    assert sum(words[0] == "quality" for words in commands) >= 4
    for words in commands:
        done = run(*words)
        assert done.exit_code == 0, (words, done.stderr)


def test_the_table_is_the_result_and_what_is_missing_goes_to_stderr(small_world: Path) -> None:
    done = run("quality", "held-out", "generated", "--twin", "of-twin")
    assert done.exit_code == 0
    head, *lines = done.stdout.splitlines()
    assert head.split()[:2] == ["measure", "value"]
    assert "difference" in head
    assert [line.split()[0] for line in lines] == ["fd-squeeze", "kd-squeeze", "precision-squeeze", "recall-squeeze"]
    assert all(line.endswith("20, 20") for line in lines)
    assert "left out: pairs: no manifest" in done.stderr


def test_json_is_the_record_on_stdout_and_in_a_new_file(small_world: Path) -> None:
    words = ("quality", "photos", "generated", "--pairs", "yes", "--json", "--out", "quality.json")
    done = run(*words)
    found = json.loads(done.stdout)
    assert json.loads((small_world / "quality.json").read_text()) == found
    record = Quality.from_dict(found)
    assert (record.paired_by, record.real.name, record.other.name) == ("names", "photos", "generated")
    again = run(*words)
    assert again.exit_code == 2
    assert "exists already" in again.stderr
    nowhere = run("quality", "photos", "generated", "--out", "no/such/file.json")
    assert nowhere.exit_code == 2
    assert "its folder is not there" in nowhere.stderr


def test_errors_have_their_codes(small_world: Path) -> None:
    assert run("quality", "photos", "absent").exit_code == 2
    assert run("quality", "photos", "generated", "--pairs", "perhaps").exit_code == 2
    assert run("quality", "photos", "generated", "--inception", "absent.pth").exit_code == 4
    (small_world / "generated" / "003.png").write_bytes(b"no image")
    bad = run("quality", "photos", "generated")
    assert bad.exit_code == 4
    assert "003.png: not a readable image" in bad.stderr


def test_choices_are_those_of_the_modules_that_are_not_imported_for_help() -> None:
    assert command.WISHES == pairs.WISHES
    assert command.FEATURES == quality.FEATURES
