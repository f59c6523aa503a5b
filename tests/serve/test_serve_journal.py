"""The audit log: private, bounded, whole lines, and no answer without its entry."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest
from detectors import Serve, World

from artfp.errors import UsageError
from artfp.files import sha256_bytes
from artfp.serve.answers import Answer, Answers, ImageAnswer
from artfp.serve.inquiries import Failed, Inquiry, Unreadable, Upload
from artfp.serve.journal import Journal

INQUIRY = Inquiry((Upload("secret name.png", b"the image itself", "a" * 64), Upload("b.png", b"another", "b" * 64)))
NO_MATCH = Answer("no match", 1e-6, 1.0, None, None, "words", 2)
MATCH = Answer("match", None, 1e-6, "mine", "id", "words", 1)
ANSWERS = Answers(NO_MATCH, (ImageAnswer("secret name.png", "a" * 64, MATCH),), 2, False, 2)


def entries(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_an_entry_says_who_asked_what_and_was_told_what(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "audit.jsonl", 10_000, lambda: "2026-01-01T00:00:00.000+00:00")
    for reply in (ANSWERS, Unreadable(("secret name.png: torn",)), Failed("inside")):
        journal.note("192.0.2.7", INQUIRY, reply)
    judged, unreadable, failed = entries(journal.path)
    assert judged == {
        "time": "2026-01-01T00:00:00.000+00:00",
        "client": "192.0.2.7",
        "verdict": "no match",
        "key": None,
        "images": [{"sha256": "a" * 64, "verdict": "match", "key": "mine"}, {"sha256": "b" * 64}],
    }
    assert (unreadable["refused"], failed["refused"]) == ("unreadable", "failed")
    assert "secret name" not in journal.path.read_text()
    assert "image itself" not in journal.path.read_text()


def test_it_is_private_even_where_it_was_not(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_text("{}\n")
    path.chmod(0o644)
    Journal(path, 10_000).note("a", INQUIRY, ANSWERS)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(entries(path)) == 2


def test_it_never_takes_more_than_twice_its_bound(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "audit.jsonl", 1000)
    for _ in range(40):
        journal.note("192.0.2.7", INQUIRY, ANSWERS)
        assert all(path.stat().st_size <= 1000 for path in tmp_path.iterdir())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audit.jsonl", "audit.jsonl.1"]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    assert entries(tmp_path / "audit.jsonl.1")


def test_where_it_cannot_be_written_the_server_does_not_start(tmp_path: Path) -> None:
    for path in (tmp_path / "no" / "folder.jsonl", tmp_path):
        with pytest.raises(UsageError, match="--audit"):
            Journal(path, 1000)


def test_of_an_entry_for_which_there_is_no_room_nothing_stays(tmp_path: Path) -> None:
    """The kernel writes what fits under the limit on a file's size, and says so: a short write."""
    journal = Journal(tmp_path / "audit.jsonl", 10_000)
    journal.note("192.0.2.7", INQUIRY, ANSWERS)
    before = journal.path.read_bytes()
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, usual[1]))
    try:
        with pytest.raises(OSError, match="10 of"):
            journal.note("192.0.2.7", INQUIRY, ANSWERS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert journal.path.read_bytes() == before
    journal.note("192.0.2.7", INQUIRY, ANSWERS)
    assert len(entries(journal.path)) == 2


def test_what_cannot_be_written_down_is_not_told(
    serve: Serve, world: World, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Journal, "note", full)
    found = serve().post("/api/v1/verdicts", files={"images": world.marked[0]})
    assert found.status_code == 503
    assert "match" not in found.text
    assert "No space left" in capfd.readouterr().err


def test_requests_leave_the_hash_of_each_file(serve: Serve, world: World, tmp_path: Path) -> None:
    client = serve()
    client.post("/api/v1/verdicts", files={"images": world.marked[0]})
    (entry,) = entries(tmp_path / "audit.jsonl")
    assert (entry["client"], entry["verdict"], entry["key"]) == ("192.0.2.7", "match", "mine")
    assert entry["images"] == [{"sha256": sha256_bytes(world.marked[0])}]
