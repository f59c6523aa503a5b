"""Folders with parts: that of a run with all that it made, that of a robustness sweep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from artfp.artefacts import LIST
from artfp.audit.datasets import HASHES, of_dataset, of_generated
from artfp.audit.documents import of_list, read, text_at
from artfp.audit.findings import Finding
from artfp.audit.ground import Ground
from artfp.audit.networks import of_training
from artfp.audit.verdicts import of_verdict
from artfp.files import sha256_file
from artfp.generators.folder import FILE
from artfp.pipeline import RUN
from artfp.robustness import SETTINGS, SWEEP

MODELS = {"generator": "model", "twin": "twin"}  # what a sweep calls them, and a run
OF_SWEEP = {"codec": "codec_sha256", "generator": "generator_sha256", "twin": "twin_sha256"}


def of_run(folder: Path, ground: Ground) -> Iterator[Finding]:
    """A folder of `artfp run`, link by link."""
    recipe = read(folder / RUN).get("recipe")
    named, others = text_at(recipe, "data", "path"), (text_at(recipe, "gan", name) for name in ("source", "start"))
    ground.look_in([Path(other) for other in others if other])
    yield from of_list(folder, ground)
    original, marked = Path(named) if named else folder / "data" / "original", folder / "data" / "marked"
    yield from of_dataset(marked, ground, original)
    has_twin = not isinstance(recipe, dict) or recipe.get("twin") is not False
    for name, data in {"model": marked, **({"twin": original} if has_twin else {})}.items():
        yield from of_training(folder / name, ground, data)
        yield from of_generated(folder / "generated" / name, ground, folder / name / FILE)
    for path in sorted((folder / "verdicts").glob("*.json")):
        yield from of_verdict(path, ground, folder)
    networks = {what: folder / name / FILE for what, name in MODELS.items()}
    places = {"images": marked, "manifest": marked, "clean": original} | networks
    for path in sorted(folder.glob(f"*/{SWEEP}")):
        yield from of_sweep(path.parent, ground, places)


def of_sweep(folder: Path, ground: Ground, places: Mapping[str, Path] | None = None) -> Iterator[Finding]:
    """The folder of a robustness sweep: its list, and the links to all that was swept."""
    yield from of_list(folder, ground)
    path = folder / SWEEP
    settings = read(folder / SETTINGS)
    said = {what: text_at(read(path), name) for what, name in OF_SWEEP.items()}
    said |= {what: text_at(settings, what) for what in ("images", "clean", "source")}
    said["manifest"] = text_at(read(folder / LIST), "made_from", "manifest")
    for what, sha256 in said.items():
        if sha256 is not None:
            yield ground.link(what, path, sha256, (places or {}).get(what), HASHES.get(what, sha256_file))
