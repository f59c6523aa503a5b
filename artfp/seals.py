"""JSON documents that show when they were changed: a digest of their content, in a form that every reader agrees on.

    digest = SHA-256(canonical form of the document without its `digest` and `signature`)

The canonical form is RFC 8785: sorted names, no space, numbers as ECMAScript prints them; but for whole numbers, which
are written out in full where RFC 8785 would round them to a double. A digest shows what happened by accident; against
who changes both content and digest stands the signature (`artfp.keys.signing`), or a hash written down elsewhere.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from artfp.errors import BadInputError
from artfp.files import json_text, sha256_bytes

DIGEST, SIGNATURE = "digest", "signature"
WRITTEN_OUT = 21  # digits before the point from which ECMAScript turns to exponents


def canonical(value: Any) -> bytes:
    """The RFC 8785 form of JSON values."""
    try:
        return _form(value).encode()
    except RecursionError:
        raise BadInputError("it is nested too deeply") from None
    except UnicodeEncodeError:  # a lone surrogate, which JSON can spell and UTF-8 cannot
        raise BadInputError("it holds text that is no Unicode") from None


def _form(value: Any) -> str:
    if isinstance(value, Mapping):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(f"{_form(name)}:{_form(value[name])}" for name in names) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_form, value)) + "]"
    return _number(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def _number(value: float) -> str:
    """Number::toString of ECMA-262, which has the digits of Python's repr."""
    if not math.isfinite(value):
        raise BadInputError(f"{value} is no number of JSON")
    if value == 0:
        return "0"
    sign, found, exponent = Decimal(repr(value)).normalize().as_tuple()
    digits = "".join(map(str, found))
    return "-" * sign + _placed(digits, len(digits) + int(exponent))


def _placed(digits: str, point: int) -> str:
    """Digits with the decimal point after so many of them."""
    if len(digits) <= point <= WRITTEN_OUT:
        return digits + "0" * (point - len(digits))
    if 0 < point <= WRITTEN_OUT:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    return f"{digits[0]}{'.' * (len(digits) > 1)}{digits[1:]}e{point - 1:+d}"


def content_digest(document: Mapping[str, Any]) -> str:
    """The digest of all that a document says."""
    return sha256_bytes(canonical({name: value for name, value in document.items() if name not in (DIGEST, SIGNATURE)}))


def sealed(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with the digest of its content; a signature of what it said before is gone."""
    content = {name: value for name, value in document.items() if name not in (DIGEST, SIGNATURE)}
    return content | {DIGEST: content_digest(content)}


def parsed(data: bytes, where: Path | str) -> dict[str, Any]:
    """The JSON object in a file's bytes; no name may come twice, or two readers could read two documents."""
    try:
        found = json.loads(data, object_pairs_hook=_each_name_once)
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{where}: not readable as JSON ({error})") from error
    if not isinstance(found, dict):
        raise BadInputError(f"{where}: must hold a JSON object")
    return found


def _each_name_once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name!r} is there twice")
        found[name] = value
    return found


def is_sealed(document: Mapping[str, Any]) -> bool:
    """Whether a document has a digest, be it under a name that was changed; those of earlier versions have none."""
    return DIGEST in document or any(_is_digest_of_rest(document, name) for name in document)


def _is_digest_of_rest(document: Mapping[str, Any], name: str) -> bool:
    value = document[name]
    is_hash = isinstance(value, str) and len(value) == len(sha256_bytes(b""))
    return is_hash and value == content_digest({other: document[other] for other in document if other != name})


def broken_seal(document: Mapping[str, Any]) -> str | None:
    """What is wrong with a document that should have a digest; None where nothing is."""
    try:
        if document.get(DIGEST) == content_digest(document):
            return None
    except BadInputError as error:
        return str(error)
    return "its content is not what its digest says"


def rewritten(data: bytes, document: Mapping[str, Any]) -> str | None:
    """Whether a file's bytes are others than artfp writes for its content, in words; None where they are the same."""
    is_same = data == f"{json_text(document)}\n".encode()
    return None if is_same else "says what it said, in other bytes than artfp writes"
