"""`artfp verify`: exit codes, tables, JSON, CSV, and every error text.

Unmarked images match a key drawn at random at 1e-3 with a chance of 1e-3; the keys here are fixed, so luck is too.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from click.testing import CliRunner, Result

from artfp.cli.main import artfp
from artfp.codec.dct import DctCodec
from artfp.keys.fingerprint import CodecFacts
from artfp.keys.registry import Registry

Verify = Callable[..., Result]


@pytest.fixture
def folders(
    tmp_path: Path,
    clean_pixels: np.ndarray,
    mark: Callable[[np.ndarray, str], np.ndarray],
    write_pngs: Callable[[Path, np.ndarray], list[Path]],
) -> Path:
    """`marked` (24 images), `clean` (8) and a registry with the keys mine and other."""
    mark(clean_pixels[:1], "other")
    write_pngs(tmp_path / "marked", mark(clean_pixels, "mine"))
    write_pngs(tmp_path / "clean", clean_pixels[:8])
    return tmp_path


@pytest.fixture
def run_verify(registry_path: Path) -> Verify:
    """The command against this test's registry."""

    def run(*arguments: object, **options: Any) -> Result:
        command = ["verify", "--registry", str(registry_path), "--device", "cpu", *map(str, arguments)]
        return CliRunner().invoke(artfp, command, **options)

    return run


def test_a_match_is_exit_0_and_says_who(folders: Path, run_verify: Verify) -> None:
    done = run_verify(folders / "marked")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith(
        "MATCH\nThese 24 images carry the key mine: they are marked data or come from a model"
    )
    for words in ("64 of 64", "runner-up", "other", "clean calibration images", "000.png", "and 4 more images"):
        assert words in done.stdout
    assert "023.png" not in done.stdout


def test_no_match_is_exit_1(folders: Path, run_verify: Verify) -> None:
    done = run_verify(folders / "clean")
    assert done.exit_code == 1
    assert "NO MATCH" in done.stdout
    assert "this does not prove absence" in done.stdout


def test_inconclusive_is_exit_3(
    folders: Path, run_verify: Verify, registry: Registry, dct: DctCodec, clean_pixels: np.ndarray
) -> None:
    """Bits that agree with one clean image in 51 of 64 places: p about 1e-6, three keys."""
    from artfp.images import to_tensor

    bits = (dct.soft_bits(to_tensor(clean_pixels[0])).numpy()[0] > 0).astype(np.uint8)
    bits[:14] ^= 1
    registry.import_bits("close", dct.facts(), bits)
    done = run_verify(folders / "clean" / "000.png")
    assert done.exit_code == 3, done.stdout
    assert "INCONCLUSIVE" in done.stdout


def test_a_fast_verdict_says_that_it_is_one(folders: Path, run_verify: Verify) -> None:
    found = run_verify(folders / "marked", "--fast", "--json")
    assert found.exit_code == 0
    assert "may be missed" not in found.stderr
    assert json.loads(found.stdout)["fast"] is True
    assert json.loads(run_verify(folders / "marked", "--json").stdout)["fast"] is False
    missed = run_verify(folders / "clean", "--fast")
    assert missed.exit_code == 1
    assert "what was cut or turned may be missed" in missed.stderr


def test_json_holds_every_number_and_image(folders: Path, run_verify: Verify) -> None:
    done = run_verify(folders / "marked", "--json")
    verdict = json.loads(done.stdout)
    assert (verdict["outcome"], verdict["key"], verdict["trials"]) == ("match", "mine", 2)
    assert len(verdict["images"]) == 24
    assert verdict["images"][23]["name"].endswith("marked/023.png")
    assert verdict["bad_files"] == verdict["not_tried"] == []


def test_csv_has_a_line_for_every_image(folders: Path, run_verify: Verify) -> None:
    done = run_verify(folders / "marked", "--csv", folders / "out.csv")
    assert done.exit_code == 0
    with (folders / "out.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 24
    assert rows[3]["image"].endswith("003.png")
    assert {row["key"] for row in rows} == {"mine"}
    assert float(rows[0]["q"]) == pytest.approx(2 * float(rows[0]["p"]), rel=0.01)


def test_all_paths_are_one_set_and_each_image_counts_once(folders: Path, run_verify: Verify) -> None:
    with ZipFile(folders / "marked.zip", "w") as archive:
        archive.write(folders / "marked" / "000.png", "inside/a.png")
    done = run_verify(
        folders / "marked.zip", folders / "marked", f"{folders}/marked/00*.png", folders / "clean" / "001.png", "--json"
    )
    assert json.loads(done.stdout)["n_images"] == 1 + 24 + 1


def test_each_judges_the_paths_apart_and_the_worst_decides(folders: Path, run_verify: Verify) -> None:
    done = run_verify(folders / "marked", folders / "clean", "--each", "--json", "--csv", folders / "out.csv")
    found = {Path(v["path"]).name: v["outcome"] for v in json.loads(done.stdout)["verdicts"]}
    assert found == {"marked": "match", "clean": "no match"}
    assert done.exit_code == 1
    lines = (folders / "out.csv").read_text().splitlines()
    assert len(lines) == 1 + 24 + 8
    assert lines[-1].startswith(f"{folders}/clean,")
    assert run_verify(folders / "marked", folders / "marked" / "000.png", "--each").exit_code == 0
    table = run_verify(folders / "marked", folders / "clean", "--each").stdout
    assert [line.split()[0] for line in table.splitlines()] == ["verdict", "match", "no"]
    assert table.splitlines()[1].endswith(f"mine       {folders}/marked")


def test_a_list_of_paths_on_stdin(folders: Path, run_verify: Verify) -> None:
    listed = f"{folders}/marked/000.png\n\n{folders}/marked/001.png\n"
    assert json.loads(run_verify("-", "--json", input=listed).stdout)["n_images"] == 2
    nothing = run_verify("-", input="\n")
    assert nothing.exit_code == 2
    assert "stdin held no paths" in nothing.stderr


def test_bad_files_are_exit_4_and_all_are_listed(folders: Path, run_verify: Verify) -> None:
    (folders / "marked" / "torn\x1b[31m.png").write_bytes(b"\x89PNG")
    (folders / "clean" / "empty.png").write_bytes(b"")
    done = run_verify(folders / "marked", folders / "clean", "--json")
    assert done.exit_code == 4
    assert "2 of 34 files cannot be judged" in done.stderr
    assert "empty.png" in done.stderr
    assert "torn\\x1b[31m.png" in done.stderr
    assert "\x1b" not in done.stderr
    assert len(json.loads(done.stdout)["bad_files"]) == 2
    apart = run_verify(folders / "marked", folders / "clean", "--each")
    assert apart.exit_code == 4
    assert "2 of 34 files cannot be judged" in apart.stderr


def test_skipped_files_leave_the_verdict_and_its_exit_code_alone(folders: Path, run_verify: Verify) -> None:
    (folders / "marked" / "torn.png").write_bytes(b"\x89PNG")
    done = run_verify(folders / "marked", "--skip-bad", "--json")
    verdict = json.loads(done.stdout)
    assert done.exit_code == 0
    assert verdict["n_images"] == 24
    assert verdict["bad_files"][0]["name"].endswith("torn.png")
    assert "skipped" in done.stderr
    assert "torn.png" in done.stderr


def test_keys_whose_codec_is_missing_are_told(
    folders: Path, run_verify: Verify, registry: Registry, dct: DctCodec
) -> None:
    registry.pair("mine", CodecFacts("lost", "f" * 64, 64, dct.facts().consensus, dct.facts().calibration))
    done = run_verify(folders / "marked", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["not_tried"] == [{"codec_sha256": "f" * 64, "keys": 1}]
    assert "not tried: 1 recorded with codec ffffffffffff" in done.stderr


def test_keys_that_were_never_used_are_told(folders: Path, run_verify: Verify, registry: Registry) -> None:
    assert "never used" not in run_verify(folders / "marked").stderr
    registry.new("lonely")
    assert "not tried: 1 key(s) that were never used with a codec" in run_verify(folders / "marked").stderr
    assert "never used" not in run_verify(folders / "marked", "--key", "mine").stderr


def test_a_codec_that_no_key_was_used_with_is_told(registry: Registry, dct: DctCodec, folders: Path) -> None:
    facts = CodecFacts("lost", "f" * 64, 64, dct.facts().consensus, dct.facts().calibration)
    registry.new("lonely")
    registry.pair("lonely", facts)
    command = ["verify", str(folders / "clean"), "--registry", str(registry.path), "--key", "lonely", "--codec", "dct"]
    done = CliRunner().invoke(artfp, command)
    assert done.exit_code == 2
    assert "no codec file found for ffffffffffff" in done.stderr
    done = CliRunner().invoke(artfp, [*command[:4], "--codec", "dct"])
    assert "none of the keys" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{}/absent"], "no such file or folder"),
        (["{}/marked", "--key", "nobody"], "nobody"),
        (["{}/marked", "--codec", "nothing"], "no codec 'nothing'"),
        (["{}/marked", "--csv", "{}/no/where/out.csv"], "no such folder"),
        (["{}/marked", "--device", "abacus"], "--device abacus"),
        (["{}/empty"], "no images: give"),
        ([], "Missing argument"),
    ],
)
def test_what_cannot_be_done_is_exit_2(folders: Path, run_verify: Verify, arguments: list[str], words: str) -> None:
    (folders / "empty").mkdir()
    done = run_verify(*(argument.format(folders) for argument in arguments))
    assert done.exit_code == 2, done.stdout
    assert words in done.stderr
    assert done.stdout == ""


def test_without_a_registry_or_a_used_key_the_next_step_is_named(tmp_path: Path, registry_path: Path) -> None:
    command = ["verify", str(tmp_path), "--registry", str(registry_path)]
    none = CliRunner().invoke(artfp, command)
    assert none.exit_code == 2
    assert "artfp key new NAME" in none.stderr
    with Registry(registry_path) as registry:
        registry.new("fresh")
    unused = CliRunner().invoke(artfp, command)
    assert unused.exit_code == 2
    assert "embed-dataset" in unused.stderr


def test_help_describes_every_option_and_exit_code() -> None:
    words = CliRunner().invoke(artfp, ["verify", "--help"]).stdout
    for option in ("--key", "--codec", "--each", "--skip-bad", "--json", "--csv", "--registry", "--device"):
        assert option in words
    assert "3 inconclusive" in words
