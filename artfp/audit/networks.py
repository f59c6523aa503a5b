"""Codecs and generators: weights against cards, cards against the trainings that they came from and their data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from artfp.audit.datasets import HASHES
from artfp.audit.documents import of_document, of_list, read, text_at
from artfp.audit.findings import BROKEN, HOLDS, MISSING, SILENT, Finding
from artfp.audit.ground import Ground, contents_sha256, identity
from artfp.codec import training as codecs
from artfp.codec.learned import card_path
from artfp.data.manifest import manifest_sha256
from artfp.files import sha256_file
from artfp.generators.folder import CARD, DONE, FILE, RECIPE


def of_codec(path: Path, ground: Ground) -> Iterator[Finding]:
    """A codec's file and the card beside it."""
    card = card_path(path)
    if not card.is_file():
        yield Finding("codec", SILENT, ground.shown(path), f"has no card {card.name}")
        return
    yield from of_document("card", ground.shown(card), card.read_bytes(), ground)
    ground.cover(card)
    yield _weights("codec", path, text_at(read(card), "sha256"), ground)
    if start := text_at(read(card), "recipe", "start_sha256"):
        yield ground.link("start", card, start)


def of_codec_training(folder: Path, ground: Ground) -> Iterator[Finding]:
    """The folder of a finished codec training."""
    yield from of_list(folder, ground)
    recipe = read(folder / codecs.RECIPE)
    weights = folder / f"{text_at(recipe, 'name')}.safetensors"
    yield _weights("codec", weights, text_at(read(folder / codecs.DONE), "sha256"), ground)
    if start := text_at(recipe, "start_sha256"):
        yield ground.link("start", folder / codecs.RECIPE, start)


def of_training(folder: Path, ground: Ground, data: Path | None = None) -> Iterator[Finding]:
    """The folder of a finished generator training, and the links to its data and codec."""
    yield from of_list(folder, ground)
    path = folder / CARD
    if not path.is_file():
        yield Finding("card", MISSING, ground.shown(path))
        return
    yield from of_document("card", ground.shown(path), path.read_bytes(), ground)
    ground.cover(path)
    card = read(path)
    yield _weights("generator", folder / FILE, text_at(card, "sha256"), ground)
    done = {name: card.get(name) for name in ("sha256", "images_shown")}
    yield from _copies({RECIPE: card.get("recipe"), DONE: done}, folder, ground)
    yield from _data(card, path, ground, data)
    for what, names in {"codec": ("monitor", "codec_sha256"), "start": ("start",), "source": ("source",)}.items():
        if said := text_at(card, "recipe", *names):
            yield ground.link(what, path, said, of=HASHES.get(what, sha256_file))


def _weights(what: str, path: Path, said: str | None, ground: Ground) -> Finding:
    """Weights against the hash that is told of them."""
    file = ground.shown(path)
    ground.cover(path)
    if not path.is_file():
        return Finding(what, MISSING, file)
    if sha256_file(path) == said:
        return Finding(what, HOLDS, file, "as on its card")
    return Finding(what, BROKEN, file, "does not have the hash on its card")


def _copies(contents: dict[str, object], folder: Path, ground: Ground) -> Iterator[Finding]:
    """Files that repeat what is on the card."""
    for name, content in contents.items():
        path, file = folder / name, ground.shown(folder / name)
        ground.cover(path)
        if not path.is_file():
            yield Finding("copy", MISSING, file)
        elif read(path) != content:
            yield Finding("copy", BROKEN, file, "is not as on the card")


def _data(card: dict[str, object], path: Path, ground: Ground, data: Path | None) -> Iterator[Finding]:
    """The images of a training: by names and sizes, by their manifest where they have one, file by file."""
    known_as = text_at(card, "recipe", "data")
    data = data or ground.images_known_as(known_as)
    yield ground.link("data", path, known_as, data, identity)
    if manifest := text_at(card, "recipe", "manifest"):
        yield ground.link("manifest of the data", path, manifest, data, manifest_sha256)
    if data is not None and data.exists():
        yield ground.link("files of the data", path, text_at(card, "contents"), data, contents_sha256)
