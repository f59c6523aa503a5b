"""A codec by its name."""

from __future__ import annotations

from pathlib import Path

from artfp.codec.base import Codec
from artfp.codec.store import load_codec, shipped


def codec_file(name: str) -> str | None:
    """What `load_codec` takes for a codec by name: shipped, in ARTFP_CODECS, or where `artfp codec train` leaves it."""
    trained = Path("runs") / f"codec-{name}" / f"{name}.safetensors"
    if name == "dct" or name in shipped():
        return name
    return str(trained) if trained.is_file() else None


def load(name: str) -> Codec | None:
    """The codec of this name; None where its file is missing."""
    spec = codec_file(name)
    return load_codec(spec) if spec else None
