"""Inputs that once broke artfp, made small: found by fuzzing, or by reading beside it."""

from __future__ import annotations

import io
import json
import math
import struct
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from kinds import part_of_several
from safetensors.torch import load, save

from . import seeds
from .mutations import changed, without
from .targets import TARGETS

Build = Callable[[], bytes]


def nameless_member() -> bytes:
    """zipfile asks for the last character of the name: an IndexError."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.png", b"")
        archive.filelist[0].filename = ""
    return buffer.getvalue()


def zip_with(name: str, data: bytes, **options: Any) -> bytes:
    """A zip of this member and an image."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as archive:
        archive.writestr(name, data)
        archive.writestr("image.png", b"")
    return buffer.getvalue()


def cut_table() -> bytes:
    """A table that goes on beyond the archive's end, as its directory has it."""
    made = bytearray(zip_with("dataset.json", b"{}"))
    place = made.index(b"PK\1\2") + 20
    made[place : place + 8] = struct.pack("<II", 1 << 20, 1 << 20)
    return bytes(made)


def odd_json(place: str, path: tuple[Any, ...], value: Any = None) -> bytes:
    """The valid file of a target with another value at one place; without it where there is none."""
    document = json.loads(_valid(place))
    return json.dumps(without(document, path) if value is None else changed(document, path, value)).encode()


def _valid(name: str) -> bytes:
    """The first file that a target begins with."""
    with tempfile.TemporaryDirectory() as folder:
        return TARGETS[name].begin(Path(folder))[0]


def sweep_of_many_bits() -> bytes:
    """One whose p-values underflow."""
    document = json.loads(_valid("sweep"))
    thresholds = document["thresholds"] | {"clean_matches": [0] * 2000 + [5], "twin_matches": None, "empirical": None}
    return json.dumps(document | {"n_bits": 2000, "addresses": [], "thresholds": thresholds}).encode()


def retyped() -> bytes:
    """A generator with a tensor of eight-bit floats, for which torch has hardly any arithmetic."""
    data = seeds.generators()[0]
    notes = json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])["__metadata__"]
    tensors = {name: tensor.to(torch.float8_e4m3fn) for name, tensor in load(data).items()}
    return save(tensors, notes)


def reshaped(**shape: Any) -> bytes:
    """A generator whose settings ask for other networks."""
    data = seeds.generators()[0]
    notes = json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])["__metadata__"]
    config = json.loads(notes["artfp"])
    return save(load(data), {"artfp": json.dumps(config | {"shape": config["shape"] | shape})})


def unreadable_settings() -> bytes:
    """Brackets without end where the settings are."""
    return save(load(seeds.generators()[0]), {"artfp": "[" * 100_000})


DEEP = b'{"a":' * 100_000
RECIPE = b'name = "r"\nkey = "k"\n'
LONE = "\ud800"

REGRESSIONS: dict[str, dict[str, Build]] = {
    "image": {"a float image had no name": lambda: seeds.encoded("F", "TIFF")},
    "zip": {
        "a member without a name": nameless_member,
        "a table that is cut": cut_table,
        "a table of one backslash": lambda: zip_with("a\\metadata.csv", b"file_name\n"),
        "an image packed as LZMA": lambda: zip_with("a.png", b"x", compression=zipfile.ZIP_LZMA),
        "a table packed with bzip2": lambda: zip_with("dataset.json", b"{}", compression=zipfile.ZIP_BZIP2),
        "a table of half characters": lambda: zip_with("metadata.jsonl", b"\xff\n"),
    },
    "list": {"a zip of several parts": part_of_several},
    "key": {"deep": lambda: DEEP, "a name of another kind": lambda: odd_json("key", ("name",), "<script>")},
    "bits": {"63 of 64": lambda: json.dumps("1" * 63).encode(), "deep": lambda: DEEP},
    "signing-key": {
        "the number of another curve": lambda: seeds.signing_keys()[0].replace(b"MC4CAQAwBQYDK2Vw", b"MC4CAQAwBQYDK2Vv")
    },
    "recipe": {
        "deep": lambda: b"a = " + b"[" * 10_000,
        "digits": lambda: RECIPE + b"samples = " + b"1" * 5000,
        "digits for a share": lambda: RECIPE + b"[embed]\nfraction = 1" + b"0" * 400,
    },
    "generator": {
        "settings without end": unreadable_settings,
        "more weights than memory": lambda: reshaped(latent=10**5, width=10**4, most=10**4),
        "a side of none": lambda: reshaped(size=0),
        "eight-bit floats": retyped,
    },
    "artefacts": {"half a character": lambda: odd_json("artefacts", ("kind",), LONE)},
    "manifest": {"half a character": lambda: odd_json("manifest", ("format",), LONE), "deep": lambda: DEEP},
    "manifest-rows": {
        "a name that is a number": lambda: b'{"file_name": 1, "key_id": 1, "key_seed": 1, "source_file": 1}\n'
    },
    "verdict": {
        "no number": lambda: odd_json("verdict", ("q",), math.nan),
        "a share without end": lambda: odd_json("verdict", ("calibration_share",), -1e308),
        "bits without end": lambda: odd_json("verdict", ("n_bits",), 10**9),
        "the least number there is": lambda: odd_json("verdict", ("q",), 5e-324),
        "half a character": lambda: odd_json("verdict", ("statement",), LONE),
        "deep": lambda: DEEP,
    },
    "run": {"half a character": lambda: odd_json("run", ("name",), LONE), "deep": lambda: DEEP},
    "embed": {
        "a check that is a list": lambda: odd_json("embed", ("self_check",), [1]),
        "a measure that is text": lambda: odd_json("embed", ("self_check", "psnr"), "x"),
    },
    "transfer": {
        "the least number there is": lambda: b'{"images_shown": 1, "matching_bits": 1, "total_bits": 2, "p": 5e-324}\n',
        "images without end": lambda: b'{"images_shown": Infinity, "matching_bits": 1, "total_bits": 2, "p": 1}\n',
        "images of 400 digits": lambda: (
            b'{"images_shown": 1%s, "matching_bits": 1, "total_bits": 2, "p": 1}\n' % (b"0" * 400)
        ),
    },
    "sweep": {
        "bits beyond all tails": sweep_of_many_bits,
        "deep": lambda: DEEP,
        "a path too long": lambda: odd_json("sweep", ("addresses", 0), "x" * 300),
        "counts of 400 digits": lambda: odd_json("sweep", ("thresholds", "clean_matches", 0), 10**400),
    },
    "contest": {
        "a path too long": lambda: odd_json("contest", ("courses", "attribution", "systems", 0), "x" * 300),
        "a class of no list": lambda: odd_json("contest", ("courses", "attribution", "classes", "m"), 1.5),
        "half a character": lambda: odd_json("contest", ("models", "m", "recipe"), LONE),
    },
    "contest-row": {"a hash that is a number": lambda: odd_json("contest-row", ("data", "real"), 1)},
    "sweep-row": {
        "a strength of 400 digits": lambda: odd_json("sweep-row", ("strength",), 10**400),
        "a damage beyond all axes": lambda: odd_json("sweep-row", ("damage", "psnr"), 1e308),
    },
}
