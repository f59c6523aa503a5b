"""A comparison holds together, and a bit that is flipped anywhere in it is found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from flips import flipped

from artfp.artefacts import LIST, files_below
from artfp.audit.findings import APART, BROKEN, HOLDS
from artfp.audit.kinds import audit
from artfp.files import read_json
from artfp.report.contest_page import write_contest_report

# Keys are private and change as they are used; of locks and seconds nothing follows.
APART_FROM_LISTS = ("keys.sqlite", "locks/*", "data/*/*.jsonl", "models/*.jsonl", "systems/*.jsonl")


@pytest.fixture(scope="module")
def reported(made: Path) -> Path:
    """The comparison with its page."""
    write_contest_report(made)
    return made


def kind_of(name: str) -> str:
    """What stands for all files that are made alike."""
    parts = Path(name).parts
    return "/".join((parts[0], Path(name).suffix if parts[-1].startswith(("0", "img", "step")) else parts[-1]))


def all_listed(root: Path) -> Iterator[str]:
    """The files that any list in a folder names, as the folder has them."""
    for path in root.rglob(LIST):
        yield from ((path.parent / name).relative_to(root).as_posix() for name in read_json(path)["files"])


def test_every_file_is_listed_or_named_as_none(reported: Path) -> None:
    found = audit(reported / "contest.json")
    assert (found.kind, found.outcome) == ("comparison", HOLDS)
    listed = set(all_listed(reported))
    apart = {path.relative_to(reported).as_posix() for each in APART_FROM_LISTS for path in reported.glob(each)}
    assert set(files_below(reported)) - listed == apart
    assert {"report.html", "contest.json", "rows/detection-residual.json"} <= listed
    assert sum(Path(name).name == LIST for name in listed) > 20
    assert any(each.state == APART for each in found.findings)


def test_a_flipped_bit_in_every_kind_of_file_is_found(reported: Path) -> None:
    """All at once, but for lists: a broken list tells nothing of its files."""
    chosen = {kind_of(name): name for name in sorted(all_listed(reported)) if Path(name).name != LIST}
    assert len(chosen) > 25
    with ExitStack() as stack:
        for name in chosen.values():
            stack.enter_context(flipped(reported / name, (reported / name).stat().st_size // 2))
        found = audit(reported)
    assert set(chosen.values()) <= {each.file for each in found.findings if each.state == BROKEN}


@pytest.mark.parametrize("folder", [".", "models/one-marked", "images/two-clean", "systems/attribution-attnet"])
def test_a_flipped_bit_in_a_list_is_found(reported: Path, folder: str) -> None:
    path = reported / folder / LIST
    with flipped(path, path.stat().st_size // 2):
        assert audit(path).outcome == BROKEN
        assert audit(reported).outcome == BROKEN
    assert audit(reported).outcome == HOLDS
