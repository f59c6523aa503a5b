"""A single flipped bit in any artefact of a run is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from flips import flipped

from artfp.artefacts import LIST, files_below
from artfp.audit.findings import APART, BROKEN, HOLDS
from artfp.audit.kinds import audit
from artfp.data.manifest import MANIFEST
from artfp.seeds import numpy_generator

TRAINING = ("generator.safetensors", "generator.json", "recipe.json", "done.json", "state.safetensors", "stats.jsonl")
ARTEFACTS = (
    *(LIST, "run.json", "embed.json", "report.html"),
    *("data/original/*.png", "data/marked/00000/*.png"),
    *(f"data/marked/{name}" for name in (MANIFEST, "artfp-manifest.jsonl", "dataset.json", "metadata.jsonl")),
    *(f"{of}/{name}" for of in ("model", "twin") for name in (*TRAINING, LIST, "strip.png", "timing.jsonl")),
    *(f"{of}/samples/*.png" for of in ("model", "twin")),
    *(f"generated/{of}/{name}" for of in ("model", "twin") for name in (LIST, "*.png")),
    *(f"verdicts/{of}.json" for of in ("model", "twin", "data")),
    *("strips/original-*.png", "strips/marked-*.png"),
)
NO_ARTEFACTS = {"keys.sqlite"}  # private, and changes as keys are used
FLIPS = 3  # in each file that is there once, beside its last byte


def test_a_whole_run_holds(run: Path) -> None:
    found = audit(run)
    assert found.outcome == HOLDS
    apart = [each for each in found.findings if each.state == APART]
    assert [each.note for each in apart] == ["keys.sqlite"]


def test_every_file_of_a_run_is_an_artefact_or_named_as_none(run: Path) -> None:
    of_patterns = [path.relative_to(run).as_posix() for pattern in ARTEFACTS for path in run.glob(pattern)]
    assert len(ARTEFACTS) == 39
    assert sorted([*of_patterns, *NO_ARTEFACTS]) == sorted([LIST, *files_below(run)])


@pytest.mark.parametrize("pattern", ARTEFACTS)
def test_a_flipped_bit_is_found(run: Path, pattern: str) -> None:
    """Of images in two files of a folder, of all others in several places; the file is named."""
    paths = sorted(run.glob(pattern))
    for path in {paths[0], paths[-1]}:
        size, random = path.stat().st_size, numpy_generator("flips", pattern)
        for place in {size - 1, *random.integers(size, size=FLIPS if len(paths) == 1 else 1).tolist()}:
            with flipped(path, place):
                found = audit(run)
            assert found.outcome == BROKEN, (path, place)
            name = path.relative_to(run).as_posix()
            assert name in {each.file for each in found.findings if each.state == BROKEN}, (name, place)
    assert audit(run).outcome == HOLDS


@pytest.mark.parametrize(
    ("part", "file"),
    [
        ("data/marked", MANIFEST),
        ("verdicts/model.json", ""),
        ("model", "generator.json"),
        ("model", "done.json"),
        ("model", LIST),
        ("generated/twin", LIST),
    ],
)
def test_what_a_part_hangs_on_shows_by_itself_when_it_is_changed(run: Path, part: str, file: str) -> None:
    """Sixteen places of each, at random."""
    path = run / part / file if file else run / part
    for place in numpy_generator("alone", part, file).integers(path.stat().st_size, size=16).tolist():
        with flipped(path, place):
            assert audit(run / part).outcome == BROKEN, place
    assert audit(run / part).outcome != BROKEN
