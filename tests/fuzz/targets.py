"""What is fuzzed: a file that anybody may have written, in a folder where it matters, and what of artfp reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from artfp.audit.kinds import audit as audit_path
from artfp.cli.key_files import import_bits, import_document
from artfp.codec.settings import CodecRecipe
from artfp.codec.store import load_codec
from artfp.contest.run import contest_of
from artfp.data.manifest import read_manifest, read_marked, read_seeds, read_sources
from artfp.data.readers import open_source
from artfp.errors import ArtfpError, BadInputError
from artfp.generators.sampling import read_generator
from artfp.generators.settings import GanRecipe
from artfp.images import load_image
from artfp.keys.signing import load_public, load_signer
from artfp.pipeline import RunRecipe
from artfp.recipe import load
from artfp.report.compare_page import write_comparison
from artfp.report.comparison import compare
from artfp.report.contest_page import write_contest_report
from artfp.report.page import write_report
from artfp.report.robustness_page import write_robustness_report

from . import seeds

Read = Callable[[Path], None]


@dataclass(frozen=True)
class Target:
    """A place in a folder, what else is there, and what reads it; `made` gives files to begin with."""

    place: str
    read: Read
    made: Callable[[], seeds.Files] = tuple
    prepare: Callable[[Path], None] | None = None

    def begin(self, folder: Path) -> list[bytes]:
        """Fill an empty folder; the files to begin with, that of the folder itself among them."""
        if self.prepare:
            self.prepare(folder)
        path = folder / self.place
        return [*([path.read_bytes()] if path.is_file() else []), *self.made()]

    def feed(self, folder: Path, data: bytes) -> str:
        """Have these bytes read; what artfp says against them, which has to name the file."""
        (folder / self.place).write_bytes(data)
        try:
            self.read(folder)
        except ArtfpError as error:
            if Path(self.place).name not in str(error) and str(folder) not in str(error):
                raise NamelessError(str(error)) from error
            return str(error)
        return ""


class NamelessError(Exception):
    """An error of artfp's that does not say which file is meant."""


def image(folder: Path) -> None:
    """Decode it."""
    load_image((folder / "x.png").read_bytes(), "x.png")


def collection(path: Path) -> None:
    """List it, read its labels, its columns and every image."""
    with open_source(path) as source:
        _ = source.sha256, [source.place(index) for index in range(len(source))]
        _ = source.labels.count(), list(source)
        _ = [source.columns.row(index) for index in range(len(source))]
        for index in range(len(source)):
            try:
                source.read_at(index)
            except BadInputError as error:
                if source.names[index] not in str(error):
                    raise NamelessError(str(error)) from error


def key(folder: Path) -> None:
    """Import a document into a new registry."""
    (folder / "keys.sqlite").unlink(missing_ok=True)
    import_document(folder / "key.json", None, None, folder / "keys.sqlite")


def bits(folder: Path) -> None:
    """Import bits for the dct codec."""
    (folder / "keys.sqlite").unlink(missing_ok=True)
    import_bits(folder / "bits.json", "dct", "name", folder / "keys.sqlite")


def signing_key(folder: Path) -> None:
    """As either half."""
    each(folder / "key.pem", load_public, load_signer)


def recipe(folder: Path) -> None:
    """As every kind of recipe."""
    kinds = (partial(load, schema=schema) for schema in (RunRecipe, GanRecipe, CodecRecipe))
    each(folder / "recipe.toml", contest_of, *kinds)


def manifest(folder: Path) -> None:
    """Whatever is asked of it, and an audit."""
    audit_path(folder / "marked", [folder / "source"])
    each(folder / "marked", read_manifest, read_seeds, read_marked, read_sources)


def each(path: Path, *readers: Callable[[Path], object]) -> None:
    """All of them, whatever one says; then the last word of artfp's."""
    said: ArtfpError | None = None
    for read in readers:
        try:
            read(path)
        except ArtfpError as error:
            said = error
    if said:
        raise said


def report(folder: Path) -> None:
    """Its page, and an audit."""
    audit_path(folder)
    write_report(folder)


def sweep(folder: Path) -> None:
    """Its page, a comparison with itself, and an audit."""
    audit_path(folder)
    write_robustness_report(folder)
    write_comparison(folder / "page.html", compare(folder, folder))


def contest(folder: Path) -> None:
    """Its page."""
    write_contest_report(folder)


TARGETS: dict[str, Target] = {
    "image": Target("x.png", image, seeds.images),
    "zip": Target("x.zip", lambda folder: collection(folder / "x.zip"), seeds.zips),
    "tar": Target("x.tar", lambda folder: collection(folder / "x.tar"), seeds.tars),
    "parquet": Target("x.parquet", lambda folder: collection(folder / "x.parquet"), seeds.parquets),
    "list": Target("x.txt", lambda folder: collection(folder / "x.txt"), seeds.lists, seeds.folder_of_images),
    "labels": Target("dataset.json", collection, seeds.labels, seeds.folder_of_images),
    "columns": Target("metadata.jsonl", collection, seeds.columns, seeds.folder_of_images),
    "columns-csv": Target("metadata.csv", collection, seeds.csv_columns, seeds.folder_of_images),
    "key": Target("key.json", key, seeds.keys),
    "bits": Target("bits.json", bits, seeds.bits),
    "signing-key": Target("key.pem", signing_key, seeds.signing_keys),
    "recipe": Target("recipe.toml", recipe, seeds.recipes),
    "codec": Target("x.safetensors", lambda folder: _unused(load_codec(str(folder / "x.safetensors"))), seeds.codecs),
    "card": Target("x.json", lambda folder: _unused(load_codec(str(folder / "x.safetensors"))), tuple, seeds.carded),
    "generator": Target(
        "x.safetensors", lambda folder: _unused(read_generator(folder / "x.safetensors")), seeds.generators
    ),
    "manifest": Target("marked/artfp-manifest.json", manifest, prepare=seeds.dataset),
    "manifest-rows": Target("marked/artfp-manifest.jsonl", manifest, prepare=seeds.dataset),
    "artefacts": Target("artefacts.json", lambda folder: _unused(audit_path(folder)), prepare=seeds.generated),
    "verdict": Target("verdicts/model.json", report, prepare=seeds.run),
    "run": Target("run.json", report, prepare=seeds.run),
    "embed": Target("embed.json", report, prepare=seeds.run),
    "transfer": Target("model/stats.jsonl", report, prepare=seeds.run),
    "sweep": Target("sweep.json", sweep, prepare=seeds.sweep),
    "sweep-row": Target("rows/image.jpeg.0.5.generated.json", sweep, prepare=seeds.sweep),
    "contest": Target("contest.json", contest, prepare=seeds.comparison),
    "contest-row": Target("rows/attribution-dct.json", contest, prepare=seeds.comparison),
}


def _unused(_: object) -> None:
    """What was read is all right; nobody wants it."""
