"""Key documents and commitments: what was altered or damaged is refused, and no error repeats a secret."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from artfp.errors import BadInputError, UsageError
from artfp.keys.commitment import Opening, check_digest, commitment_digest, new_salt
from artfp.keys.documents import parse_bits, public_id, read_key, read_opening, write_bits
from artfp.keys.registry import Registry


@pytest.fixture
def document(registry: Registry) -> dict[str, Any]:
    """The export of a committed key with a beacon."""
    registry.new("acme")
    registry.commit("acme")
    registry.set_beacon("acme", "drand 7")
    return registry.export("acme")


@pytest.fixture
def opening(registry: Registry) -> dict[str, Any]:
    """The opening of a key's commitment."""
    registry.new("acme")
    registry.commit("acme")
    return registry.opening("acme")


def flip(digits: str) -> str:
    """The same hexadecimal with another last digit."""
    return digits[:-1] + ("0" if digits[-1] != "0" else "1")


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (["kind"], "artfp-key-ring", "'kind'"),
        (["version"], 2, "'version'"),
        (["name"], "../x", "field 'name' must be 1 to 128 letters"),
        (["name"], None, "'name' must be a text"),
        (["name"], "other", "'commitment' does not open"),
        (["secret"], "zz", "'secret' must be 64"),
        (["secret"], "00" * 31, "'secret' must be 64"),
        (["secret"], "00" * 32, "'key_id' does not belong"),
        (["key_id"], "00" * 8, "'key_id' does not belong"),
        (["created"], 5, "'created' must be a text"),
        (["created"], None, "'created' must be a text"),
        (["created"], "[/b]", "'created' must be a date"),
        (["beacon"], "\x1b]0;title\x07", "'beacon' holds characters"),
        (["beacon"], 5, "'beacon' must be a text"),
        (["commitment"], None, "'beacon' without a commitment"),
        (["commitment"], "x", "'commitment' must be a table"),
        (["commitment", "salt"], "00" * 32, "'commitment' does not open"),
        (["commitment", "salt"], "00", "'salt' must be 64"),
        (["commitment", "digest"], "00" * 32, "'commitment' does not open"),
        (["commitment", "created"], None, "'created' must be a text"),
    ],
)
def test_an_altered_key_document_is_refused(document: dict[str, Any], path: list[str], value: Any, words: str) -> None:
    secret, changed = document["secret"], copy.deepcopy(document)
    target = changed if len(path) == 1 else changed[path[0]]
    target[path[-1]] = value
    with pytest.raises((BadInputError, UsageError), match=words) as caught:
        read_key(changed)
    assert secret not in str(caught.value)


def test_a_damaged_secret_is_noticed(document: dict[str, Any]) -> None:
    with pytest.raises(BadInputError, match="key_id"):
        read_key(document | {"secret": flip(document["secret"])})


@pytest.mark.parametrize("value", [None, [], "text", 5, {}, {"kind": ["artfp-key"]}])
def test_what_is_no_document_is_refused(value: Any) -> None:
    with pytest.raises(BadInputError, match="'kind'"):
        read_key(value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bits": "01" * 31}, "as long as 'n_bits'"),
        ({"bits": "02" * 32}, "string or a list of 0 and 1"),
        ({"bits": None}, "string or a list of 0 and 1"),
        ({"codec": None}, "'codec' must be a table"),
        ({"codec": {"name": "dct", "sha256": "ab"}}, "'sha256' must be 64"),
        ({"codec": {"sha256": "ab" * 32}}, "'name' must be a text"),
    ],
)
def test_an_altered_bits_document_is_refused(change: dict[str, Any], words: str) -> None:
    bits = write_bits("acme", "dct", "ab" * 32, np.tile([0, 1], 32).astype(np.uint8), "2026-01-01T00:00:00+00:00")
    with pytest.raises(BadInputError, match=words):
        read_key(bits | change)


@pytest.mark.parametrize("value", ["0110", [0, 1, 1, 0], ["0", "1", "1", "0"], {"bits": "0110"}])
def test_bits_may_be_written_in_several_ways(value: Any) -> None:
    np.testing.assert_array_equal(parse_bits(value), [0, 1, 1, 0])


@pytest.mark.parametrize("value", ["", [], "012", [0.5], [[0]], [2], 5, None, {}, [None]])
def test_what_is_no_bits_is_refused(value: Any) -> None:
    with pytest.raises(BadInputError, match="0 and 1"):
        parse_bits(value)


def test_an_opening_opens_its_commitment_and_no_other(opening: dict[str, Any]) -> None:
    parsed, digest = read_opening(opening), opening["commitment"]["digest"]
    assert parsed.opens(digest)
    assert parsed.opens(f"  {digest.upper()}\n")
    assert not parsed.opens(flip(digest))
    for field, value in (("name", "other"), ("secret", flip(opening["secret"]))):
        assert not read_opening(opening | {field: value}).opens(digest)
    salt = {"commitment": opening["commitment"] | {"salt": flip(opening["commitment"]["salt"])}}
    assert not read_opening(opening | salt).opens(digest)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"kind": "artfp-key"}, "'kind'"), ({"secret": "x"}, "'secret'"), ({"commitment": None}, "'commitment'")],
)
def test_a_damaged_opening_is_refused(opening: dict[str, Any], change: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        read_opening(opening | change)


@pytest.mark.parametrize("text", ["", "ab", "g" * 64, "0" * 65])
def test_what_is_no_commitment_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="64 hexadecimal digits"):
        check_digest(text)


def test_equal_secrets_commit_differently() -> None:
    """The salt hides even whether two keys are the same."""
    assert commitment_digest(new_salt(), b"s" * 32, "a") != commitment_digest(new_salt(), b"s" * 32, "a")


def test_fields_cannot_flow_into_each_other() -> None:
    assert commitment_digest(b"ab", b"c", "d") != commitment_digest(b"a", b"bc", "d")


def test_nothing_shows_a_secret() -> None:
    secret = bytes(range(32))
    shown = repr(Opening("acme", secret, secret, None))
    assert secret.hex() not in shown
    assert repr(secret) not in shown
    assert public_id(secret) not in secret.hex()
