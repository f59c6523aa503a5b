"""Drafts of C2PA manifests: what a verdict may say of a single image in the words of Content Credentials.

    Verdict --> the images that match by themselves --> for each a manifest definition: c2pa.soft-binding
                                                        and, where somebody states a source type, c2pa.actions.v2

Somebody else completes, signs and embeds them. What goes in, what never does, and why: docs/standards.md.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from artfp import __version__, iptc
from artfp.artefacts import read_list
from artfp.errors import BadInputError
from artfp.keys.records import Key
from artfp.statistics.decision import MATCH, MATCH_AT
from artfp.verdict import ImageVerdict, Verdict

# Reversed domain names name algorithms. No domain stands behind artfp, and nobody can ever have .invalid (RFC 2606).
NAMESPACE = "invalid.artfp.unregistered"
ALG = f"{NAMESPACE}.1"
SUFFIX = ".c2pa.json"
NAME_BYTES = 200  # of 255 that file systems allow
DRAFT = (
    f"DRAFT that nobody has signed. The algorithm name {ALG} is UNREGISTERED: it is in no C2PA list. The value is the "
    "public id of a key; who can read the mark, and whose key it is, only the key's owner can say."
)
STATED = "Stated by whoever ran artfp verify; the mark does not show it."
LISTED = "Stated by the artefacts.json beside the image, which lists its SHA-256; the mark does not show it."

Listed = tuple[Mapping[str, str], Mapping[str, str]]  # what generated images were made from; their hashes by name


def alone(verdicts: Sequence[Verdict]) -> list[ImageVerdict]:
    """The images of matching sets that match by themselves, as strictly as a set does: over all images and all keys."""
    total = sum(verdict.n_images for verdict in verdicts)
    matching = (image for verdict in verdicts if verdict.outcome == MATCH for image in verdict.images)
    return [image for image in matching if image.q * total <= MATCH_AT]


def drafts(images: Sequence[ImageVerdict], keys: Mapping[str, Key], stated: str | None = None) -> dict[str, Any]:
    """A manifest definition for each image, by the name of its file; `stated` is a term of IPTC's for all of them."""
    folders = set() if stated else {Path(image.name).parent for image in images}
    lists = {folder: _generated(folder) for folder in folders}
    return {
        name: draft(image, keys[image.key], *_source_type(image, stated, lists))
        for name, image in zip(file_names(images), images, strict=True)
    }


def draft(image: ImageVerdict, key: Key, term: str | None = None, who: str = STATED) -> dict[str, Any]:
    """One manifest definition, as c2patool and c2pa-python take them.

    Without a term it says nothing of how the image came to be: a match alone does not tell generated from marked.
    """
    assertions = [{"label": "c2pa.soft-binding", "data": soft_binding(image, key)}]
    if term is not None:
        created = {"action": "c2pa.created", "digitalSourceType": iptc.uri(term), "description": who}
        assertions.append({"label": "c2pa.actions.v2", "data": {"actions": [created]}})
    return {
        "claim_generator_info": [{"name": "artfp", "version": __version__}],
        "title": os.path.basename(image.name),  # noqa: PTH119 - names of members are no paths
        "assertions": assertions,
    }


def soft_binding(image: ImageVerdict, key: Key) -> dict[str, Any]:
    """The assertion's data: which key the whole image carries, by its public id, and none of its bits."""
    metadata = {"description": DRAFT}
    if key.commitment:
        metadata[f"{NAMESPACE}.commitment"] = key.commitment.digest
    return {
        "alg": ALG,
        "alg-params": f"codec-sha256:{image.codec_sha256}",
        "blocks": [{"scope": {}, "value": key.key_id}],
        "name": "DRAFT: the whole image",
        "bindingMetadata": metadata,
    }


def _source_type(image: ImageVerdict, stated: str | None, lists: Mapping[Path, Listed]) -> tuple[str | None, str]:
    """What is known of how an image came to be, and from whom: a list counts for the very bytes that it names."""
    if stated:
        return stated, STATED
    made_from, files = lists[Path(image.name).parent]
    if image.sha256 is None or files.get(Path(image.name).name) != image.sha256:
        return None, LISTED
    return iptc.made_by_model(reads_images="source" in made_from), LISTED


def _generated(folder: Path) -> Listed:
    """What the images of a folder of generated ones were made from, and their hashes; a damaged list says nothing."""
    try:
        found = read_list(folder)
    except (BadInputError, OSError):
        found = None
    if found is None or found.get("kind") != "generated" or not isinstance(found.get("made_from"), dict):
        return {}, {}
    return found["made_from"], found["files"]


def file_names(images: Sequence[ImageVerdict]) -> list[str]:
    """NAME.c2pa.json for each image; with a part of the file's hash where several images are called NAME."""
    names = [_short(image.name) for image in images]
    seen = Counter(names)
    return [
        f"{name}.{(image.sha256 or '')[:12]}{SUFFIX}" if seen[name] > 1 else f"{name}{SUFFIX}"
        for name, image in zip(names, images, strict=True)
    ]


def _short(name: str) -> str:
    """The last part of an image's name, as a file's name can begin."""
    last = os.path.basename(name).replace("\0", "")  # noqa: PTH119 - names of members are no paths
    return last.encode("utf-8", "backslashreplace")[:NAME_BYTES].decode("utf-8", "ignore")
