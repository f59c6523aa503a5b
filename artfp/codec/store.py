"""Finding codecs: by name, by path, by image size, by hash."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from artfp.codec.base import MIN_SIDE, Codec
from artfp.codec.dct import DctCodec
from artfp.codec.learned import LearnedCodec
from artfp.data.survey import typical_side
from artfp.errors import UsageError
from artfp.files import sha256_file
from artfp.shipped import shipped_folder

SMALL, LARGE = "artfp-64", "artfp-128"
LARGE_FROM = 128  # pixels of the shorter side


def shipped() -> dict[str, Path]:
    """The codecs that come with the package, by name; ARTFP_CODECS adds a folder of one's own."""
    folders = [shipped_folder("checkpoints"), *map(Path, filter(None, [os.environ.get("ARTFP_CODECS")]))]
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.safetensors"))}


def suitable_for(side: int) -> str:
    """The name of the shipped codec for images of this shorter side."""
    return LARGE if side >= LARGE_FROM else SMALL


def codec_for(data: Path, spec: str) -> Codec:
    """The codec called `spec`, where "auto" goes by the images of a folder or zip.

    Where none of them can be read it is the small one: whoever reads them next says why.
    """
    return load_codec(suitable_for(typical_side(data) or MIN_SIDE) if spec == "auto" else spec)


def load_codec(spec: str) -> Codec:
    """The codec called `spec`: "dct", a shipped name, or a path to a .safetensors file."""
    if spec == "auto":
        raise UsageError('"auto" chooses a codec by images, and there are none here to go by: name one')
    return DctCodec() if spec == "dct" else LearnedCodec.load(codec_file(spec))


def codec_file(spec: str) -> Path:
    """The file of a learned codec: a shipped one's, or the path itself."""
    path = shipped().get(spec, Path(spec))
    if not path.is_file():
        known = ", ".join(["dct", *shipped()])
        raise UsageError(f"no codec {spec!r}: neither a file nor one of {known}")
    return path


def find_codec(sha256: str, extra: Sequence[str] = ()) -> Codec | None:
    """The codec with this hash among the closed-form, the shipped and the `extra` ones."""
    if sha256 == DctCodec().sha256:
        return DctCodec()
    paths = [*shipped().values(), *(Path(spec) for spec in extra if Path(spec).is_file())]
    match = next((path for path in paths if sha256_file(path) == sha256), None)
    return LearnedCodec.load(match) if match else None


def find_codecs(hashes: Sequence[str], extra: Sequence[str] = ()) -> list[Codec]:
    """The codecs with these hashes, as far as they are found; at least one."""
    found = [codec for sha256 in hashes if (codec := find_codec(sha256, extra))]
    if not found:
        raise UsageError(
            f"no codec file found for {', '.join(sha256[:12] for sha256 in hashes)}: give the file that "
            "marked the data with --codec"
        )
    return found
