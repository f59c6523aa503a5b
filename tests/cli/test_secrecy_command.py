"""`artfp secrecy`: what it takes, prints and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from artfp.attacks.detectors.registry import UNLABELLED, supervised
from artfp.cli.main import artfp
from artfp.codec.dct import DctCodec

Pixels = np.ndarray


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(artfp, ["secrecy", *map(str, words), "--device", "cpu"])


@pytest.fixture
def images(
    tmp_path: Path,
    mark: Callable[[Pixels, str], Pixels],
    clean_pixels: Pixels,
    write_pngs: Callable[[Path, Pixels], list[Path]],
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[str, ...]:
    """Options that name a folder of marked images and one of their originals."""
    monkeypatch.chdir(tmp_path)
    write_pngs(tmp_path / "clean", clean_pixels)
    write_pngs(tmp_path / "marked", mark(clean_pixels, "mine"))
    return ("--marked", "marked", "--clean", "clean", "--codec", "dct", "--test", "6")


def test_the_table_and_the_json_tell_the_same(images: tuple[str, ...], tmp_path: Path) -> None:
    done = call(*images, "--attacker", "other-codec")
    assert done.exit_code == 0, done.stderr
    head, *rows, last = done.stdout.splitlines()
    assert head.split() == ["attacker", "given", "AUC", "95", "%", "accuracy", "95", "%", "finding"]
    assert [row.split()[:2] for row in rows] == [["other-codec", "9"]]
    assert last == "runs/secrecy-marked  1 rows"
    again = call(*images, "--attacker", "other-codec", "--json")
    found = json.loads(again.stdout)
    assert found["rows"][0] == json.loads((tmp_path / "runs/secrecy-marked/rows/other-codec.9.json").read_text())
    assert f"{found['rows'][0]['detection']['auc']['value']:.3f}" == rows[0].split()[2]


def test_a_plan_changes_nothing(images: tuple[str, ...], tmp_path: Path) -> None:
    done = call(*images, "--dry-run", "--json")
    assert done.exit_code == 0, done.stderr
    plan = json.loads(done.stdout)
    assert (plan["pictures"], plan["pairs"], plan["test images of each kind"], plan["suspects"]) == (24, 24, 6, 24)
    assert (plan["attacker's codec"], plan["rows made"]) == ("dct", 0)
    assert not (tmp_path / "runs").exists()
    assert "attacker's codec" in call(*images, "--dry-run").stdout


def test_the_help_names_every_attacker() -> None:
    text = call("--help").stdout
    for name in (*UNLABELLED, *supervised(DctCodec(), "cpu")):
        assert name in text


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--marked", "marked"), "Missing option '--clean'"),
        (("--marked", "gone", "--clean", "clean"), "gone: no such folder or zip"),
        (("--marked", "marked", "--clean", "clean", "--attacker", "spy"), "no attacker 'spy'"),
        (("--marked", "marked", "--clean", "clean", "--codec", "nonesuch"), "no codec 'nonesuch'"),
        (("--marked", "marked", "--clean", "clean", "--out", "clean"), "exists and is not a secrecy study"),
        (("--marked", "marked", "--clean", "clean", "--test", "1"), "1 is not in the range"),
    ],
)
def test_what_cannot_be_studied_is_said_in_a_line(images: tuple[str, ...], words: tuple[str, ...], text: str) -> None:
    done = call(*words)
    assert done.exit_code == 2, done.stderr
    assert text in " ".join(done.stderr.replace("│", " ").split())


def test_originals_that_are_not_there_are_warned_of(small_run: Path, images: tuple[str, ...]) -> None:
    """Marked images whose manifest names others than the clean ones."""
    done = call("--marked", small_run / "data" / "marked", "--clean", "clean", "--dry-run", "--codec", "dct")
    assert "none of the originals is among the clean images" in " ".join(done.stderr.split())
