"""The registry: private, unique names, nothing secret in sight, idempotent pairs, documents that come back."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artfp.errors import ArtfpError, BadInputError, UsageError
from artfp.keys import database, queries
from artfp.keys.fingerprint import CodecFacts, derive_bits, fingerprint
from artfp.keys.queries import key_row
from artfp.keys.registry import Key, Origin, Pair, PairTable, Registry


def facts(n_bits: int = 64, sha256: str = "ab" * 32, name: str = "made-up") -> CodecFacts:
    consensus = np.random.default_rng(n_bits).integers(-256, 257, n_bits)
    return CodecFacts(name, sha256, n_bits, consensus, np.zeros((4, n_bits), np.uint8))


OTHER = facts(100, "cd" * 32, "other")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def secret_of(registry: Registry, name: str) -> bytes:
    return bytes.fromhex(registry.export(name)["secret"])


class TestFile:
    def test_it_is_private_from_the_start(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Seen at the moment of creation, before SQLite has touched the file, under the most careless umask."""
        seen = []
        connect, path = sqlite3.connect, tmp_path / "a" / "b" / "a #1?.sqlite"

        def spy(address: str, **options: Any) -> sqlite3.Connection:
            seen.append(mode(path))
            return connect(address, **options)

        monkeypatch.setattr(database.sqlite3, "connect", spy)
        before = os.umask(0)
        try:
            with Registry(path) as registry:
                registry.new("acme")
        finally:
            os.umask(before)
        assert seen == [0o600]
        assert [mode(path), mode(path.parent), mode(path.parent.parent)] == [0o600, 0o700, 0o700]

    def test_folders_that_exist_keep_their_permissions(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o755)
        Registry(tmp_path / "keys.sqlite").close()
        assert mode(tmp_path) == 0o755

    def test_one_open_to_others_is_closed_to_them_and_says_so(self, registry_path: Path) -> None:
        Registry(registry_path).close()
        registry_path.chmod(0o644)
        with Registry(registry_path) as registry:
            assert registry.was_open_to_others
        assert mode(registry_path) == 0o600
        with Registry(registry_path) as registry:
            assert not registry.was_open_to_others

    def test_one_open_to_others_that_is_not_ours_is_refused(
        self, registry_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Registry(registry_path).close()
        registry_path.chmod(0o640)
        monkeypatch.setattr(database.os, "geteuid", lambda: registry_path.stat().st_uid + 1)
        with pytest.raises(BadInputError, match="chmod 600"):
            Registry(registry_path)

    def test_a_missing_one_is_only_made_where_asked(self, registry_path: Path) -> None:
        with pytest.raises(UsageError, match="artfp key new"):
            Registry(registry_path, create=False)
        assert not registry_path.parent.exists()

    def test_a_folder_is_no_registry(self, tmp_path: Path) -> None:
        with pytest.raises(BadInputError, match="not a file"):
            Registry(tmp_path)

    @pytest.mark.parametrize("content", [b"not a database " * 100, b"SQLite format 3\x00" + b"\xff" * 4096])
    def test_a_corrupt_file_is_named(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "keys.sqlite"
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(BadInputError, match=r"keys\.sqlite: not a key registry, or a damaged one"):
            Registry(path)

    def test_damage_inside_is_named(self, registry_path: Path) -> None:
        with Registry(registry_path) as registry:
            registry.new_many([f"k{index}" for index in range(400)])
        data = bytearray(registry_path.read_bytes())
        data[4096:] = b"\xa5" * (len(data) - 4096)
        registry_path.write_bytes(data)
        with Registry(registry_path) as registry, pytest.raises(BadInputError, match="damaged"):
            registry.names()

    def test_a_file_of_another_program_is_refused_untouched(self, tmp_path: Path) -> None:
        path = tmp_path / "photos.sqlite"
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE photos (name TEXT)")
        connection.close()
        path.chmod(0o600)
        before = path.read_bytes()
        with pytest.raises(BadInputError, match="something else"):
            Registry(path)
        assert path.read_bytes() == before

    def test_another_schema_version_is_refused(self, registry_path: Path) -> None:
        Registry(registry_path).close()
        connection = sqlite3.connect(registry_path)
        connection.execute("PRAGMA user_version = 7")
        connection.close()
        with pytest.raises(BadInputError, match="schema 7; this artfp knows 2"):
            Registry(registry_path)

    def test_one_of_the_schema_before_is_brought_up_to_date(self, registry_path: Path) -> None:
        with Registry(registry_path) as registry:
            secret = registry.export(registry.new("acme").name)["secret"]
        connection = sqlite3.connect(registry_path)
        connection.execute("DROP TABLE image_uses")
        connection.execute("PRAGMA user_version = 1")
        connection.close()
        with Registry(registry_path) as registry:
            assert registry.export("acme")["secret"] == secret
            assert registry.image_uses("acme") == []
        connection = sqlite3.connect(registry_path)
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        connection.close()

    def test_a_lock_held_too_long_is_explained(self, registry_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
        with Registry(registry_path) as registry:
            blocker = sqlite3.connect(registry_path, isolation_level=None)
            blocker.execute("BEGIN IMMEDIATE")
            with pytest.raises(ArtfpError, match="in use by another process") as caught:
                registry.new("acme")
            assert not isinstance(caught.value, BadInputError | UsageError)
            blocker.execute("ROLLBACK")
            blocker.close()
            registry.new("acme")

    def test_an_interrupted_change_leaves_nothing(self, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
        registry.new("acme")

        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(queries, "insert_pairs", interrupted)
        with pytest.raises(KeyboardInterrupt):
            registry.pair("acme", facts())
        monkeypatch.undo()
        assert registry.codecs() == []
        assert registry.pair("acme", facts()).key == "acme"

    def test_lost_fingerprints_are_noticed(self, registry: Registry, registry_path: Path) -> None:
        registry.new_many(["a", "b"])
        registry.pair_many(["a", "b"], facts())
        connection = sqlite3.connect(registry_path, isolation_level=None)
        connection.execute("UPDATE pages SET bits = substr(bits, 1, 8)")
        connection.close()
        with pytest.raises(BadInputError, match="lost or gained"):
            registry.pairs(facts().sha256)
        registry.new("c")
        with pytest.raises(BadInputError, match="lost or gained"):
            registry.pair("c", facts())


class TestKeys:
    def test_a_new_key_is_generated_and_found_again(self, registry: Registry) -> None:
        made = registry.new("acme")
        assert registry.get("acme") == made
        assert (made.name, made.origin, made.beacon, made.commitment) == ("acme", Origin.GENERATED, None, None)
        assert len(made.key_id) == 16
        assert len(secret_of(registry, "acme")) == 32

    def test_secrets_differ(self, registry: Registry) -> None:
        registry.new_many([f"k{index}" for index in range(50)])
        assert len({secret_of(registry, name) for name in registry.names()}) == 50

    def test_keys_come_in_the_order_of_registration(self, registry: Registry) -> None:
        for name in ("b", "a", "c/x"):
            registry.new(name)
        keys = registry.keys()
        assert registry.names() == [key.name for key in keys] == ["b", "a", "c/x"]

    def test_those_that_exist_are_known(self, registry: Registry) -> None:
        made = registry.new("acme")
        registry.new("else")
        assert registry.known(["acme", "nobody"]) == {"acme": made}
        assert registry.known([]) == {}

    def test_those_that_are_missing_are_made_once(self, registry: Registry, registry_path: Path) -> None:
        made = registry.new("acme")
        with Registry(registry_path) as other:
            other.ensure(["acme", "b", "a"])
            registry.ensure(["a", "b", "c"])
            assert registry.names() == other.names() == ["acme", "b", "a", "c"]
        assert registry.get("acme") == made

    def test_names_are_unique(self, registry: Registry) -> None:
        registry.new("acme")
        with pytest.raises(UsageError, match="'acme' exists already"):
            registry.new("acme")
        with pytest.raises(UsageError, match="'twice' exists already"):
            registry.new_many(["once", "twice", "twice"])
        assert registry.names() == ["acme"]

    @pytest.mark.parametrize("name", ["a", "A-b_c.d/e", "0", "x" * 128, "acme/class 1".replace(" ", "_")])
    def test_good_names(self, registry: Registry, name: str) -> None:
        assert registry.new(name).name == name

    @pytest.mark.parametrize("name", ["", " ", ".a", "/a", "-a", "a b", "a\n", "ä", "x" * 129, "a;b", "[red]"])
    def test_bad_names(self, registry: Registry, name: str) -> None:
        with pytest.raises(UsageError, match="no name for a key"):
            registry.new(name)

    def test_an_unknown_key_is_named_with_a_hint(self, registry: Registry) -> None:
        with pytest.raises(UsageError, match=r"no key 'acme': the registry is empty.*artfp key new"):
            registry.get("acme")
        registry.new("other")
        for ask in (
            registry.get,
            registry.export,
            registry.commit,
            registry.opening,
            registry.uses,
            lambda name: registry.pair(name, facts()),
            lambda name: registry.pairs(facts().sha256, [name]),
            lambda name: registry.codecs([name]),
            lambda name: registry.set_beacon(name, "x"),
        ):
            with pytest.raises(UsageError, match="no key 'acme': the latest are other"):
                ask("acme")

    def test_nothing_shows_a_secret(self, registry: Registry, registry_path: Path) -> None:
        key = registry.new("acme")
        registry.commit("acme")
        pair = registry.pair("acme", facts())
        connection = sqlite3.connect(registry_path)
        row = key_row(connection, "acme")
        connection.close()
        objects = [registry, key, registry.get("acme"), pair, registry.pairs(facts().sha256), row, registry.keys()]
        shown = "".join(map(repr, objects))
        secret = secret_of(registry, "acme")
        salt = registry.export("acme")["commitment"]["salt"]
        for hidden in (secret.hex(), repr(secret), salt, repr(pair.bits), "".join(map(str, pair.bits))):
            assert hidden not in shown

    def test_origins_say_what_they_mean(self) -> None:
        assert "chosen by their owner" in Origin.IMPORTED_BITS.meaning
        assert all(origin.meaning for origin in Origin)


class TestPairs:
    def test_a_pair_is_the_fingerprint_and_is_recorded_once(self, registry: Registry) -> None:
        registry.new("acme")
        first, again = registry.pair("acme", facts()), registry.pair("acme", facts())
        bits, counter = fingerprint(secret_of(registry, "acme"), facts(), None)
        for pair in (first, again):
            np.testing.assert_array_equal(pair.bits, bits)
            assert (pair.key, pair.codec_sha256, pair.counter, pair.origin) == (
                "acme",
                facts().sha256,
                counter,
                Origin.GENERATED,
            )
        assert len(registry.pairs(facts().sha256)) == 1
        assert registry.uses("acme") == [("made-up", facts().sha256)]

    def test_a_table_has_rows_in_order_with_names_and_origins(self, registry: Registry) -> None:
        names = [f"k{index}" for index in range(20)]
        registry.new_many(names)
        made = {pair.key: pair for pair in registry.pair_many(names[10:] + names[:10], facts())}
        table = registry.pairs(facts().sha256)
        assert (len(table), table.n_bits) == (20, 64)
        assert list(table.names) == table.names[:] == names[10:] + names[:10]
        assert set(table.origins) == {"generated"}
        assert table.names[np.intp(3)] == table.names[3] == "k13"
        for row in range(20):
            np.testing.assert_array_equal(table.bits(row), made[table.names[row]].bits)
        with pytest.raises(IndexError):
            table.names[20]

    def test_fingerprints_of_many_pages_stay_in_order(
        self, registry: Registry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whatever is appended in whatever steps, across the seams of pages; 100 bits are no whole bytes."""
        monkeypatch.setattr(queries, "PAGE", 4)
        names = [f"k{index}" for index in range(23)]
        registry.new_many(names)
        made: list[Pair] = []
        for first, last in ((0, 1), (1, 4), (4, 8), (8, 9), (9, 20), (20, 23)):
            made += registry.pair_many(names[first:last], OTHER)
        table = registry.pairs(OTHER.sha256)
        assert list(table.names) == names
        np.testing.assert_array_equal(np.stack([table.bits(row) for row in range(23)]), [pair.bits for pair in made])
        np.testing.assert_array_equal(registry.pair("k17", OTHER).bits, made[17].bits)

    def test_a_table_can_be_limited_to_some_keys(self, registry: Registry) -> None:
        names = [f"k{index}" for index in range(6)]
        registry.new_many(names)
        registry.pair_many(names, facts())
        table = registry.pairs(facts().sha256, ["k4", "k1"])
        assert list(table.names) == ["k1", "k4"]
        np.testing.assert_array_equal(table.bits(1), registry.pair("k4", facts()).bits)
        assert len(registry.pairs(facts().sha256, [])) == 0

    def test_a_table_can_be_limited_to_ids(self, registry: Registry) -> None:
        names = [f"k{index}" for index in range(6)]
        ids = {key.name: key.key_id for key in registry.new_many(names)}
        registry.pair_many(names[:5], facts())
        wanted = [ids["k4"], "nobody's", ids["k1"], ids["k5"]]  # k5 was never used with the codec
        table = registry.pairs_of_ids(facts().sha256, wanted)
        assert list(table.names) == ["k1", "k4"]
        np.testing.assert_array_equal(table.bits(0), registry.pair("k1", facts()).bits)
        assert len(registry.pairs_of_ids(facts().sha256, [])) == 0
        assert len(registry.pairs_of_ids(OTHER.sha256, wanted)) == 0

    def test_names_stay_right_while_others_append(self, registry: Registry, registry_path: Path) -> None:
        registry.new_many(["z", "a"])
        registry.pair("a", facts())
        table = registry.pairs(facts().sha256)
        with Registry(registry_path) as other:
            other.pair("z", facts())
        assert (len(table), table.names[0]) == (1, "a")

    def test_codecs_are_those_with_pairs(self, registry: Registry) -> None:
        registry.new_many(["a", "b", "c"])
        assert registry.codecs() == []
        assert len(registry.pairs(facts().sha256)) == 0
        registry.pair_many(["a", "b"], facts())
        registry.pair("b", OTHER)
        assert registry.codecs() == [facts().sha256, OTHER.sha256]
        assert registry.codecs(["a"]) == [facts().sha256]
        assert registry.codecs(["c"]) == []

    def test_a_codec_cannot_change_its_length(self, registry: Registry) -> None:
        registry.new_many(["a", "b"])
        registry.pair("a", facts())
        with pytest.raises(BadInputError, match="another number of bits"):
            registry.pair("b", facts(32, facts().sha256))

    def test_none_of_several_is_recorded_where_one_is_unknown(self, registry: Registry) -> None:
        registry.new("a")
        with pytest.raises(UsageError, match="no key 'b'"):
            registry.pair_many(["a", "b"], facts())
        assert registry.codecs() == []
        assert registry.pair_many([], facts()) == []

    def test_a_table_of_given_pairs(self) -> None:
        bits = np.random.default_rng(0).integers(0, 2, (2, 10), np.uint8)
        pairs = [Pair(name, "ab", own, 0, Origin.GENERATED) for name, own in zip("ab", bits, strict=True)]
        table = PairTable.of(pairs, 10)
        assert (len(table), list(table.names), list(table.origins)) == (2, ["a", "b"], ["generated"] * 2)
        np.testing.assert_array_equal(table.bits(1), bits[1])
        assert PairTable.of([], 10).packed.shape == (0, 2)


class TestDocuments:
    def test_a_key_comes_back_elsewhere_as_imported(self, registry: Registry, tmp_path: Path) -> None:
        registry.new("acme")
        registry.commit("acme")
        made = registry.set_beacon("acme", "drand 7")
        pair = registry.pair("acme", facts())
        document = registry.export("acme")
        assert document["codecs"] == [{"name": "made-up", "sha256": facts().sha256}]
        with Registry(tmp_path / "elsewhere.sqlite") as elsewhere:
            imported = elsewhere.import_key(document)
            assert imported == Key(
                "acme", made.key_id, made.created, Origin.IMPORTED_SECRET, "drand 7", made.commitment
            )
            assert elsewhere.commit("acme") == made.commitment
            assert elsewhere.export("acme") == document | {"codecs": []}
            there = elsewhere.pair("acme", facts())
        assert there.origin == Origin.IMPORTED_SECRET
        np.testing.assert_array_equal(there.bits, pair.bits)

    def test_a_secret_is_registered_once(self, registry: Registry) -> None:
        registry.new("acme")
        document = registry.export("acme")
        with pytest.raises(UsageError, match="'acme' exists already"):
            registry.import_key(document)
        with pytest.raises(UsageError, match="registered already, as 'acme'"):
            registry.import_key(document | {"name": "alias"})

    def test_bits_come_back_elsewhere_without_a_secret(self, registry: Registry, tmp_path: Path) -> None:
        registry.new("acme")
        document = registry.export_bits("acme", facts())
        assert secret_of(registry, "acme").hex() not in str(document)
        with Registry(tmp_path / "elsewhere.sqlite") as elsewhere:
            imported = elsewhere.import_key(document)
            assert imported.origin == Origin.IMPORTED_BITS
            table = elsewhere.pairs(facts().sha256)
            assert (table.names[0], table.origins[0]) == ("acme", "imported-bits")
            np.testing.assert_array_equal(table.bits(0), registry.pair("acme", facts()).bits)
            assert elsewhere.export("acme") == document
            assert elsewhere.pair("acme", facts()).origin == Origin.IMPORTED_BITS

    def test_the_id_of_bits_tells_nothing_of_them(self, registry: Registry, tmp_path: Path) -> None:
        """A hash of 64 bits can be searched through, so it is no hash."""
        bits = np.zeros(64, np.uint8)
        first = registry.import_bits("mine", facts(), bits)
        with Registry(tmp_path / "elsewhere.sqlite") as elsewhere:
            assert elsewhere.import_bits("mine", facts(), bits).key_id != first.key_id

    def test_bits_serve_one_codec(self, registry: Registry) -> None:
        registry.import_bits("mine", facts(), np.zeros(64, np.uint8))
        with pytest.raises(UsageError, match="without a secret: they are not for codec other"):
            registry.pair("mine", OTHER)
        assert registry.uses("mine") == [("made-up", facts().sha256)]

    def test_bits_are_registered_once_for_a_codec(self, registry: Registry) -> None:
        bits = np.ones(64, np.uint8)
        registry.import_bits("mine", facts(), bits)
        with pytest.raises(UsageError, match="registered already, as 'mine'"):
            registry.import_bits("again", facts(), bits)
        with pytest.raises(UsageError, match="'mine' exists already"):
            registry.import_bits("mine", facts(), 1 - bits)
        assert registry.names() == ["mine"]
        assert len(registry.pairs(facts().sha256)) == 1

    @pytest.mark.parametrize("shape", [(63,), (1, 64)])
    def test_bits_must_fit_the_codec(self, registry: Registry, shape: tuple[int, ...]) -> None:
        with pytest.raises(BadInputError, match="carries 64 bits"):
            registry.import_bits("mine", facts(), np.zeros(shape, np.uint8))


class TestCommitments:
    def test_a_commitment_is_made_once(self, registry: Registry, registry_path: Path) -> None:
        registry.new("acme")
        promise = registry.commit("acme")
        assert registry.commit("acme") == promise == registry.get("acme").commitment
        with Registry(registry_path) as again:
            assert again.commit("acme") == promise
        assert len(promise.digest) == 64

    def test_many_are_made_at_once_or_none(self, registry: Registry) -> None:
        registry.new_many(["a", "b", "c"])
        first = registry.commit("b")
        registry.import_bits("bare", facts(), np.zeros(64, np.uint8))
        with pytest.raises(UsageError, match="nothing to commit to"):
            registry.commit_many(["a", "bare"])
        assert registry.get("a").commitment is None
        promises = registry.commit_many(["c", "b", "a"])
        assert promises[1] == first
        assert [registry.get(name).commitment for name in "cba"] == promises

    def test_no_opening_without_a_commitment(self, registry: Registry) -> None:
        registry.new("acme")
        with pytest.raises(UsageError, match=r"no commitment.*artfp key commit acme"):
            registry.opening("acme")

    def test_bits_cannot_be_committed_to(self, registry: Registry) -> None:
        registry.import_bits("mine", facts(), np.zeros(64, np.uint8))
        for ask in (registry.commit, registry.opening, lambda name: registry.set_beacon(name, "x")):
            with pytest.raises(UsageError, match="mine"):
                ask("mine")

    def test_a_beacon_changes_the_fingerprint(self, registry: Registry) -> None:
        registry.new("acme")
        registry.commit("acme")
        assert registry.set_beacon("acme", "drand 7").beacon == registry.get("acme").beacon == "drand 7"
        pair = registry.pair("acme", facts())
        expected = derive_bits(secret_of(registry, "acme"), facts().sha256, 64, "drand 7", pair.counter)
        np.testing.assert_array_equal(pair.bits, expected)

    def test_a_beacon_comes_after_the_commitment_before_the_first_use_and_once(self, registry: Registry) -> None:
        registry.new_many(["acme", "used"])
        with pytest.raises(UsageError, match="artfp key commit acme"):
            registry.set_beacon("acme", "drand 7")
        registry.commit("acme")
        with pytest.raises(UsageError, match="empty"):
            registry.set_beacon("acme", " ")
        registry.set_beacon("acme", "drand 7")
        registry.pair("acme", facts())
        assert registry.set_beacon("acme", "drand 7").beacon == "drand 7"
        with pytest.raises(UsageError, match="has a beacon already"):
            registry.set_beacon("acme", "drand 8")
        registry.commit("used")
        registry.pair("used", facts())
        with pytest.raises(UsageError, match="has been used with a codec"):
            registry.set_beacon("used", "drand 7")
        assert registry.get("used").beacon is None
