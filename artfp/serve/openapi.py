"""The API in the words of OpenAPI 3.1: what may be sent, every answer, every refusal. A test holds answers to it."""

from __future__ import annotations

from typing import Any

from artfp import __version__
from artfp.serve.settings import UNIT, Limits
from artfp.serve.uploads import EACH, IMAGES, JUDGE, MULTIPART, TOGETHER, WAYS
from artfp.verdict import OUTCOMES

Schema = dict[str, Any]

ABOUT = """Says whether images carry a key that is registered here: marked data, or images of a model trained on them.

A *match* says that the images agree with the key better than all but one in a million keys drawn at random would. It
does not say who put the key there, when, or which model made the images. *No match* does not prove that no key is
there. Answers are coarse on purpose: numbers would let whoever asks often find a key (artfp, docs/threats.md).
"""
BUSY = {"Retry-After": {"description": "Seconds after which to try again.", "schema": {"type": "integer"}}}
TEXT: Schema = {"type": "string"}
HASH: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


def described(limits: Limits, three_words: bool) -> Schema:
    """The description of a server with these limits."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "artfp: a detector of keys in images", "version": __version__, "description": ABOUT},
        "paths": {
            "/api/v1/verdicts": {"post": _verdicts(limits)},
            "/healthz": {"get": _health()},
            "/openapi.json": {"get": _own()},
        },
        "components": {"schemas": _schemas(three_words)},
    }


def _verdicts(limits: Limits) -> Schema:
    return {
        "operationId": "judge",
        "summary": "Judge images, as one set, each by itself, or both",
        "description": f"At most {limits.images} images of at most {limits.pixels:,} pixels each and "
        f"{limits.request_bytes:,} bytes in all; at most {limits.per_minute:,} images a minute and {limits.per_day:,} "
        f"a day of one client. {_sets(limits)}An image that is sent twice counts once, in whatever files. "
        "If one image cannot be read, none is judged.",
        "requestBody": {"required": True, "content": {MULTIPART: {"schema": _form(limits)}}},
        "responses": _responses(),
    }


def _sets(limits: Limits) -> str:
    if limits.least_images == 1:
        return ""
    return f"Sets alone are judged, by their mean, of at least {limits.least_images} images that differ as decoded. "


def _form(limits: Limits) -> Schema:
    ways = WAYS if limits.least_images == 1 else (TOGETHER,)
    return {
        "type": "object",
        "required": [IMAGES],
        "additionalProperties": False,
        "properties": {
            IMAGES: {
                "type": "array",
                "minItems": limits.least_images,
                "maxItems": limits.images,
                "items": {"type": "string", "contentMediaType": "application/octet-stream"},
                "description": "PNG, JPEG, WebP, GIF, BMP, TIFF or PPM; single pictures, no animations.",
            },
            JUDGE: {
                "type": "string",
                "enum": list(ways),
                "default": TOGETHER,
                "description": f"{TOGETHER!r}: one verdict on all images as a set, which is the stronger test. "
                f"{EACH!r}: one on every image by itself, not corrected for the number of images.",
            },
        },
    }


def _responses() -> Schema:
    refusals = {
        "400": "Not a form as it has to be, or not the number of images.",
        "403": "Asked under a name that is not this server's, or by a page of another site.",
        "408": "The upload took too long, or was too slow.",
        "413": "More bytes or images than a request may hold.",
        "415": "Not a multipart form.",
        "422": "An image cannot be judged: unreadable, too large, too small, an animation; or too few of them differ. "
        "`problems` names each.",
        "500": "Something failed here.",
    }
    later = {
        "429": "This client has asked for as many images as it may, or has as many requests under way.",
        "503": "The server is busy.",
    }
    return {
        "200": {"description": "The verdicts.", "content": _json("Answers")},
        **{status: {"description": words, "content": _json("Error")} for status, words in refusals.items()},
        **{s: {"description": words, "headers": BUSY, "content": _json("Error")} for s, words in later.items()},
    }


def _health() -> Schema:
    schema = {"type": "object", "required": ["status"], "properties": {"status": {"enum": ["ok", "stopping"]}}}
    content = {"application/json": {"schema": schema}}
    return {
        "operationId": "health",
        "summary": "Whether the server judges",
        "responses": {
            "200": {"description": "It does.", "content": content},
            "503": {"description": "It does not, or not any more.", "content": content},
        },
    }


def _own() -> Schema:
    content = {"application/json": {"schema": {"type": "object"}}}
    return {
        "operationId": "description",
        "summary": "This description",
        "responses": {"200": {"description": "OpenAPI 3.1.", "content": content}},
    }


def _json(name: str) -> Schema:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _schemas(three_words: bool) -> Schema:
    return {
        "Answers": _record(
            together={
                "oneOf": [{"$ref": "#/components/schemas/Answer"}, {"type": "null"}],
                "description": "On all images as one set, where that was asked.",
            },
            each={"type": "array", "items": {"$ref": "#/components/schemas/ImageAnswer"}},
            keys_tried={
                "type": "integer",
                "minimum": 1,
                "description": "Pairs of key and codec that were tried. Every p is corrected for them.",
            },
            fast={"type": "boolean", "description": "Whether cuts and turns were not looked for."},
            cost={
                "type": "integer",
                "minimum": 1,
                "description": f"Images that this counts as: one for every {UNIT:,} pixels of an image, begun or full.",
            },
        ),
        "ImageAnswer": _record(
            name=TEXT | {"description": "The file's name as it was sent, made printable."},
            sha256=HASH | {"description": "Of the file."},
            answer={"$ref": "#/components/schemas/Answer"},
        ),
        "Answer": _answer(three_words),
        "Error": _record(
            error={
                "type": "object",
                "required": ["code", "message"],
                "additionalProperties": False,
                "properties": {
                    "code": TEXT | {"description": "A word for programs."},
                    "message": TEXT | {"description": "A sentence for people."},
                    "problems": {"type": "array", "items": TEXT, "description": "What is wrong with which image."},
                },
            }
        ),
    }


def _answer(three_words: bool) -> Schema:
    between = "p lies between 1e-6 and 1e-3, or " if three_words else ""
    return _record(
        verdict={
            "enum": list(OUTCOMES),
            "description": f"`inconclusive`: {between}the keys tried are so many or so short that nothing could match.",
        },
        p_above={
            "type": ["number", "null"],
            "description": "p is more than this; null: how small it is, is not told.",
        },
        p_at_most={
            "type": "number",
            "description": "p, the chance that a random key would agree as well, is at most this.",
        },
        key={"type": ["string", "null"], "description": "The public name of the key that is proved."},
        key_id={"type": ["string", "null"], "description": "A hash by which the key's owner knows which one it is."},
        statement=TEXT | {"description": "The verdict in a sentence, which claims no more than it proves."},
        images={"type": "integer", "minimum": 1, "description": "How many different images this is about."},
    )


def _record(**properties: Schema) -> Schema:
    return {"type": "object", "required": list(properties), "additionalProperties": False, "properties": properties}
