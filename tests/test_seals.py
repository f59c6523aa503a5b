"""The canonical form of JSON, and documents with a digest of themselves."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artfp.errors import BadInputError
from artfp.files import json_text, write_json
from artfp.seals import broken_seal, canonical, is_sealed, parsed, rewritten, sealed

# RFC 8785, appendix B
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(("bits", "text"), NUMBERS.items())
def test_numbers_are_those_of_rfc_8785(bits: str, text: str) -> None:
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical(value) == text.encode()


def test_names_are_sorted_and_texts_escaped_as_in_rfc_8785() -> None:
    """Sections 3.2.2 and 3.2.3."""
    text = "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"\u002f"
    assert canonical({"string": text, "literals": [None, True, False]}) == (
        '{"literals":[null,true,false],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'.encode()
    )
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    found = json.loads(canonical(dict.fromkeys(names, 0)), object_pairs_hook=lambda pairs: [name for name, _ in pairs])
    assert found == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


@given(JSON)
def test_the_form_says_the_same_and_is_its_own(value: Any) -> None:
    form = canonical(value)
    assert canonical(json.loads(form)) == form
    assert json.loads(form) == value


def test_whole_numbers_are_written_out_in_full() -> None:
    """Where RFC 8785 would round to a double, two seeds would be one."""
    assert canonical([2**63 - 1, 2**63]) == b"[9223372036854775807,9223372036854775808]"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_of_json_has_no_form(value: float) -> None:
    with pytest.raises(BadInputError, match="no number of JSON"):
        canonical({"q": value})


def test_a_document_cannot_say_one_thing_twice() -> None:
    with pytest.raises(BadInputError, match=r"v\.json: .*'q' is there twice"):
        parsed(b'{"q": 1, "q": 2}', "v.json")
    for data in (b"[1]", b"{", b"\xff", b"[" * 10**6):
        with pytest.raises(BadInputError):
            parsed(data, "v.json")


def test_every_flipped_bit_of_a_sealed_document_shows(tmp_path: Path) -> None:
    """Of its content, of its digest and its name, of the space between: all bits of all bytes."""
    path = tmp_path / "document.json"
    write_json(path, sealed({"q": 1.1e-19, "numbers": [1, 2, 3], "names": {"ä": None, "b": True}}))
    data = path.read_bytes()
    document = parsed(data, path)
    assert is_sealed(document)
    assert (broken_seal(document), rewritten(data, document)) == (None, None)
    for place in range(len(data)):
        for bit in range(8):
            flipped = bytes([*data[:place], data[place] ^ (1 << bit), *data[place + 1 :]])
            try:
                found = parsed(flipped, path)
                assert is_sealed(found)
                assert broken_seal(found) or rewritten(flipped, found), (place, bit)
            except BadInputError:
                pass


def test_the_form_of_files_stays_what_it_is() -> None:
    """Audits compare sealed documents with it to the byte: if this fails, all that were ever written look altered."""
    value = {"a": 1.5e-7, "ü": [1, 2, 3], "mixed": [1, "x", None], "deep": [[1, 2], {"b": []}], "none": {}}
    assert json_text(value) == (
        '{\n  "a": 1.5e-07,\n  "ü": [1, 2, 3],\n  "mixed": [\n    1,\n    "x",\n    null\n  ],\n'
        '  "deep": [\n    [1, 2],\n    {\n      "b": []\n    }\n  ],\n  "none": {}\n}'
    )


def test_what_is_sealed_again_says_only_what_it_says_now() -> None:
    first = sealed({"q": 1}) | {"signature": {"value": "00"}}
    assert sealed(first | {"q": 2}) == sealed({"q": 2})
    assert not is_sealed({"q": 1, "sha256": "ab" * 32})
