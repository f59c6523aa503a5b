"""The ledger: private, only ever longer, and whatever is altered in it shows."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from artfp.errors import ArtfpError, BadInputError, UsageError
from artfp.keys.ledger import START, Entry, Head, Issue, Ledger
from artfp.keys.registry import Registry

CODEC = "d" * 64


def given(name: str = "acme", number: int = 0, codec: str = CODEC) -> Issue:
    return Issue(name, f"{number:016x}", f"{number:064x}", "a" * 64, f"{number + 1:064x}", codec)


def tampered(path: Path, *statements: str) -> None:
    """By someone who drops the triggers first."""
    connection = sqlite3.connect(path, isolation_level=None)
    for trigger in ("no_change", "no_removal", "only_at_the_end"):
        connection.execute(f"DROP TRIGGER {trigger}")
    for statement in statements:
        connection.execute(statement)
    connection.close()


@pytest.fixture
def path(ledger: Ledger) -> Path:
    """A ledger of five entries."""
    ledger.record_many([given(f"r{number}", number) for number in range(5)])
    return ledger.path


# What it keeps


def test_an_entry_comes_back_and_is_made_once(ledger: Ledger) -> None:
    entry = ledger.record(given())
    assert (entry.number, entry.recipient, entry.issue) == (1, "acme", given())
    assert ledger.record(given()) == entry
    other = ledger.record(replace(given(), issued_sha256="e" * 64))
    assert (other.number, ledger.entries()) == (2, [entry, other])
    assert ledger.of_key(CODEC, entry.key_id) == [entry, other]
    assert ledger.of_key("f" * 64, entry.key_id) == ledger.of_key(CODEC, "0") == []
    assert Entry.from_dict(entry.to_dict()) == entry


def test_keys_and_codecs_are_told_once(ledger: Ledger) -> None:
    assert (ledger.codecs(), ledger.key_ids(CODEC)) == ([], [])
    ledger.record_many([given("a", 1), replace(given("a", 1), source_sha256="0" * 64), given("b", 2)])
    ledger.record(given("a", 1, "f" * 64))
    assert sorted(ledger.codecs()) == [CODEC, "f" * 64]
    assert ledger.key_ids(CODEC) == [given("a", 1).key_id, given("b", 2).key_id]


def test_thousands_of_entries_are_recorded_at_once_or_none(ledger: Ledger) -> None:
    many = [given(f"r{number}", number) for number in range(2000)]
    with pytest.raises(UsageError, match="no name for a key"):
        ledger.record_many([*many, given("[red]", 9999)])
    assert ledger.entries() == []
    assert [entry.number for entry in ledger.record_many(many)] == list(range(1, 2001))
    assert ledger.check().entries == len(ledger.key_ids(CODEC)) == 2000


def test_it_is_private_and_holds_no_secret(registry: Registry, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    key = registry.new("acme")
    promise = registry.commit("acme")
    with Ledger(path) as ledger:
        ledger.record(Issue("acme", key.key_id, promise.digest, "a" * 64, "b" * 64, CODEC))
    document, data = registry.export("acme"), path.read_bytes()
    assert promise.digest.encode() in data
    for hidden in (document["secret"], document["commitment"]["salt"]):
        assert hidden.encode() not in data
        assert bytes.fromhex(hidden) not in data


def test_one_open_to_others_is_closed_to_them(path: Path) -> None:
    path.chmod(0o644)
    with Ledger(path) as ledger:
        assert ledger.was_open_to_others
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_missing_one_and_a_file_of_something_else_are_refused(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no ledger here; `artfp issue GENERATOR --to NAME` makes one"):
        Ledger(tmp_path / "absent.sqlite", create=False)
    with pytest.raises(BadInputError, match="of something else, not a ledger"):
        Ledger(registry.path)


# What cannot be changed


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET recipient = 'else' WHERE number = 2",
        "DELETE FROM entries WHERE number = 5",
        "INSERT OR REPLACE INTO entries SELECT * FROM entries WHERE number = 3",
        "INSERT INTO entries SELECT number + 7, recipient, key_id, commitment, source_sha256, issued_sha256,"
        " codec_sha256, issued, artfp, digest FROM entries WHERE number = 1",
    ],
)
def test_triggers_refuse_all_but_the_next_entry(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    with pytest.raises(sqlite3.IntegrityError, match="added at its end, and never changed or removed"):
        connection.execute(statement)
    connection.close()
    with Ledger(path) as ledger:
        assert ledger.check().entries == 5


COLUMNS = ("recipient", "key_id", "commitment", "source_sha256", "issued_sha256", "codec_sha256", "issued", "artfp")


@pytest.mark.parametrize("column", [*COLUMNS, "digest"])
def test_an_altered_field_is_found(path: Path, column: str) -> None:
    tampered(path, f"UPDATE entries SET {column} = replace({column}, substr({column}, -1), '~') WHERE number = 3")
    with Ledger(path) as ledger, pytest.raises(BadInputError, match="entry 3 does not have the digest of its content"):
        ledger.check()


def test_an_altered_entry_is_not_handed_out(path: Path) -> None:
    key_id = given("", 2).key_id
    tampered(path, "UPDATE entries SET recipient = 'else' WHERE number = 3")
    with Ledger(path) as ledger:
        with pytest.raises(BadInputError, match="entry 3 does not have the digest"):
            ledger.of_key(CODEC, key_id)
        assert ledger.of_key(CODEC, given("", 3).key_id)[0].recipient == "r3"


def test_an_entry_with_an_altered_one_behind_it_is_not_handed_out(path: Path) -> None:
    """Which of the two was altered, nobody knows: a digest can be made for either."""
    tampered(path, "UPDATE entries SET recipient = 'else' WHERE number = 3")
    with Ledger(path) as ledger, pytest.raises(BadInputError, match="entry 3 does not .*: one of the two was altered"):
        ledger.of_key(CODEC, given("", 1).key_id)


def test_entries_that_are_missing_are_found(path: Path) -> None:
    tampered(path, "DELETE FROM entries WHERE number = 3")
    with Ledger(path) as ledger, pytest.raises(BadInputError, match="entry 3 is missing"):
        ledger.check()


def test_entries_that_changed_places_are_found(path: Path) -> None:
    tampered(path, *(f"UPDATE entries SET number = {to} WHERE number = {of}" for of, to in ((2, 99), (3, 2), (99, 3))))
    with Ledger(path) as ledger, pytest.raises(BadInputError, match="entry 2 does not have the digest"):
        ledger.check()


def test_a_ledger_that_was_cut_is_found_by_whoever_knows_its_last_digest(path: Path) -> None:
    with Ledger(path) as ledger:
        head = ledger.check()
        before = ledger.entries()[2].digest
        assert head == Head(5, ledger.entries()[4].digest)
        assert ledger.check(since=before) == ledger.check(since=START) == ledger.check(since=head.digest) == head
        assert ledger.check(since=f" {before.upper()}\n") == ledger.head() == head
    tampered(path, "DELETE FROM entries WHERE number > 3")
    with Ledger(path) as ledger:
        assert ledger.check(since=before).entries == 3
        with pytest.raises(BadInputError, match="entries are missing at its end"):
            ledger.check(since=head.digest)


@pytest.mark.parametrize("since", ["", "5", "~" * 64, START + "0"])
def test_what_is_no_digest_is_no_sign_of_a_missing_entry(path: Path, since: str) -> None:
    with Ledger(path) as ledger, pytest.raises(UsageError, match="is no digest of an entry: .* 64 .* `artfp ledger"):
        ledger.check(since=since)


def test_what_is_no_digest_is_said_before_what_is_wrong_with_the_ledger(path: Path) -> None:
    tampered(path, "DELETE FROM entries WHERE number = 2")
    with Ledger(path) as ledger, pytest.raises(UsageError, match="is no digest of an entry"):
        ledger.check(since="5")


def test_a_flipped_bit_anywhere_is_found_or_changes_nothing(path: Path) -> None:
    """Every 37th byte of the file; in unused space a flip does no harm."""
    with Ledger(path) as ledger:
        sound = ledger.entries()
    data, errors = path.read_bytes(), []
    places = range(0, len(data), 37)
    for place in places:
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        try:
            with Ledger(path) as ledger:
                ledger.check()
                assert ledger.entries() == sound, place
        except ArtfpError as error:
            errors.append(str(error))
    assert len(errors) > 20
    assert all("ledger" in error for error in errors)


def test_an_empty_ledger_is_sound(ledger: Ledger) -> None:
    assert ledger.check() == Head(0, START)


# Several writers

WRITER = """
import sys, time
from pathlib import Path
from artfp.keys.ledger import Issue, Ledger

path, me, start = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
(start / me).touch()
while len(list(start.iterdir())) < 2:
    time.sleep(0.001)
for index in range(25):
    with Ledger(path) as ledger:
        ledger.record(Issue(f"{me}{index}", f"{me}{index}", "c" * 64, "a" * 64, "b" * 64, "d" * 64))
        ledger.record(Issue(f"shared{index}", f"shared{index}", "c" * 64, "a" * 64, "b" * 64, "d" * 64))
"""


def test_two_writers_make_one_chain(tmp_path: Path) -> None:
    """They start on a missing file at the same moment; what both record is there once."""
    path, start = tmp_path / "new" / "ledger.sqlite", tmp_path / "start"
    start.mkdir()
    command = [sys.executable, "-W", "error", "-c", WRITER, str(path)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    writers = [
        subprocess.Popen([*command, me, str(start)], stderr=subprocess.PIPE, env=environment) for me in ("a", "b")
    ]
    results = [writer.communicate(timeout=60) for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0], results
    with Ledger(path) as ledger:
        assert ledger.check().entries == 75
        assert len(ledger.key_ids("d" * 64)) == 75
