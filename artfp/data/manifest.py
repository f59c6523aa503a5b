"""The tables of a dataset that this project writes, streamed from the journals in constant memory.

    dataset.json           {"classes": [...], "labels": [[file, label], ...] or null}: StyleGAN-family loaders
    metadata.jsonl         file_name, source_file, label, class_name, and the source's own columns: Hugging Face
    artfp-manifest.jsonl   one row a file: sha256, bytes, size, source and its sha256, key id (null where unmarked),
                           and for images keyed one by one the public seed of each
    artfp-manifest.json    codec, key ids, settings, totals, self-check, skipped files, sha256 of the other tables, and
                           a digest of itself

Beside tars and Parquet files, which hold labels and columns themselves, lie the last two only; files are called as
`open_source` calls the images in them. No table holds a key bit, a time or a path, so the same run gives the same
bytes. A source's own column of one of our names stays as it is; ours is then only in the manifest. The manifest tells
marked files from unmarked ones: with `--fraction`, keep it to yourself. `labels` is null unless every image has one, as
loaders demand.
"""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from artfp.data.contents import Contents, Sample
from artfp.data.journal import Row
from artfp.data.listing import LABEL_FILE, SHARDS, unicode_name
from artfp.data.outputs import PARQUET_FOLDER, Kind, Output
from artfp.data.readers import Source, shards_at
from artfp.data.source import reason
from artfp.data.zips import is_zip, open_member
from artfp.errors import BadInputError
from artfp.files import sha256_bytes, sha256_file, write_json
from artfp.results import Record
from artfp.seals import sealed

MANIFEST = "artfp-manifest.json"
MANIFEST_ROWS = "artfp-manifest.jsonl"
METADATA = "metadata.jsonl"
FORMAT = "artfp-dataset/1"
TABLES = (LABEL_FILE, METADATA, MANIFEST_ROWS, MANIFEST)
MOST_SIZES = 16  # listed in the totals, by frequency
NONE_IN_TABLE = "dataset.json holds none"
PARTLY_LABELLED: dict[Kind, str] = {
    "folder": NONE_IN_TABLE,
    "zip": NONE_IN_TABLE,
    "tar": "there are no .cls files",
    "parquet": "the others have null",
}

KeyOf = Callable[[int], str | None]
MarkOf = Callable[[int], dict[str, str | None]]  # the columns that say how an image is marked


@dataclass(frozen=True)
class SizeCount(Record):
    """How many images have one size."""

    width: int
    height: int
    images: int


@dataclass(frozen=True)
class Totals(Record):
    """Counts over all images written."""

    images: int
    marked: int
    labelled: int
    with_alpha: int
    bytes: int
    distinct_sizes: int
    sizes: tuple[SizeCount, ...]


def count(rows: Iterable[Row], source: Source, key_of: KeyOf) -> Totals:
    """One pass over the rows."""
    images = marked = labelled = with_alpha = size_in_bytes = 0
    sizes: Counter[tuple[int, int]] = Counter()
    for row in rows:
        images += 1
        marked += key_of(row.image) is not None
        labelled += source.labels.label(row.image) is not None
        with_alpha += row.alpha
        size_in_bytes += row.bytes
        sizes[row.width, row.height] += 1
    most = tuple(SizeCount(*size, number) for size, number in sizes.most_common(MOST_SIZES))
    return Totals(images, marked, labelled, with_alpha, size_in_bytes, len(sizes), most)


def warnings(totals: Totals, contents: Contents) -> list[str]:
    """What a trainer might stumble on."""
    found, kind = [], contents.output.kind
    if not contents.output.is_sharded:
        found += _style_gan_warnings(totals)
    if totals.with_alpha:
        found.append(f"{totals.with_alpha} of {totals.images} images keep their alpha channel: most trainers need RGB")
    if 0 < totals.labelled < totals.images:
        found.append(f"only {totals.labelled} of {totals.images} images have a label: {PARTLY_LABELLED[kind]}")
    if contents.output.is_sharded and "other" in contents.label_kinds:
        found.append("labels that are no class numbers: they are a column among others, called label")
    if unmatched := contents.source.columns.unmatched:
        found.append(f"{unmatched} metadata rows of the source name no image of it")
    return found


def _style_gan_warnings(totals: Totals) -> list[str]:
    found = []
    if totals.distinct_sizes > 1:
        found.append(f"images of {totals.distinct_sizes} different sizes: StyleGAN-family loaders need one")
    if any(size.width != size.height or size.width & (size.width - 1) for size in totals.sizes):
        found.append("some images are not square with a power of two as side: StyleGAN-family trainers need that")
    return found


def write_tables(contents: Contents, mark_of: MarkOf, labelled: bool) -> None:
    """Write the manifest's rows and, where the images themselves lie in folders, what loaders look for beside them."""
    with ExitStack() as open_files:
        open_table = partial(_open_table, contents.staged, open_files)
        rows = open_table(MANIFEST_ROWS)
        metadata = None if contents.output.is_sharded else open_table(METADATA)
        for sample in contents:
            _line(rows, _manifest_row(sample) | mark_of(sample.row.image))
            if metadata:
                _line(metadata, {"file_name": sample.name} | contents.columns(sample))
        if metadata:
            _write_labels(open_table(LABEL_FILE), contents, labelled)


def _open_table(staged: Path, open_files: ExitStack, name: str) -> IO[str]:
    return open_files.enter_context((staged / name).open("w", encoding="utf-8"))


def _write_labels(stream: IO[str], contents: Contents, labelled: bool) -> None:
    labels = contents.source.labels
    extras = dict(labels.extras)
    if labels.classes is not None:
        extras["classes"] = list(labels.classes)
    head = "".join(f"{json.dumps(name)}: {json.dumps(value)},\n" for name, value in extras.items())
    stream.write("{" + head + '"labels": ' + ("[" if labelled else "null"))
    separator = ""
    for sample in contents if labelled else ():
        stream.write(f"{separator}\n{json.dumps([sample.name, sample.entry.label])}")
        separator = ","
    stream.write("\n]}\n" if labelled else "}\n")


def _manifest_row(sample: Sample) -> dict[str, Any]:
    return {
        "file_name": sample.name,
        "sha256": sample.row.sha256,
        "bytes": sample.row.bytes,
        "width": sample.row.width,
        "height": sample.row.height,
        "source_file": sample.entry.name,
        "source_sha256": sample.row.source_sha256,
        "label": sample.entry.label,
        "class_name": sample.entry.class_name,
    }


def _line(stream: IO[str], value: dict[str, Any]) -> None:
    stream.write(json.dumps(value) + "\n")  # ASCII: a lone surrogate is legal JSON and no UTF-8


def write_manifest(contents: Contents, content: Mapping[str, Any]) -> None:
    """Write `artfp-manifest.json`, the last file of a dataset, with the hashes of the other tables."""
    names = [name for name in tables_of(contents.output) if name != MANIFEST]
    tables = {name: sha256_file(contents.staged / name) for name in names}
    write_json(contents.staged / MANIFEST, sealed({"format": FORMAT, **content, "tables": tables}))


def made_from(content: Mapping[str, Any]) -> dict[str, str]:
    """What a manifest says that its dataset was made from."""
    return {"codec": content["codec_sha256"], "source": content["settings"]["source"]}


def tables_of(output: Output) -> tuple[str, ...]:
    """The tables that lie beside the images; tars and Parquet files hold labels and columns themselves."""
    return TABLES[2:] if output.is_sharded else TABLES


def read_manifest(dataset: Path) -> dict[str, Any] | None:
    """The manifest of a finished dataset, or of the one that shards belong to; None if there is none of ours."""
    try:
        return _parsed(_table(dataset, MANIFEST))
    except (OSError, KeyError, ValueError, BadInputError):
        return None


def manifest_sha256(dataset: Path) -> str | None:
    """The hash of the manifest's file; None if there is none."""
    try:
        return sha256_bytes(_table(dataset, MANIFEST))
    except (FileNotFoundError, NotADirectoryError, KeyError, ValueError):
        return None


def read_table(dataset: Path, name: str) -> bytes:
    """The bytes of one of the tables, in a dataset of any kind."""
    try:
        return _table(dataset, name)
    except (OSError, KeyError, ValueError) as error:
        raise BadInputError(f"{dataset}: its {name} is not readable ({error})") from error


def read_seeds(dataset: Path) -> dict[str, str | None]:
    """The seed of every image keyed on its own, by file name; None where it is unmarked."""
    return dict(_column(dataset, "key_seed", "seeds of images"))


def read_marked(dataset: Path) -> dict[str, str]:
    """The key id of every image that is marked, by file name."""
    return {name: key_id for name, key_id in _column(dataset, "key_id", "ids of keys") if key_id is not None}


def read_sources(dataset: Path) -> dict[str, str]:
    """The file of the source that every image was made from, by file name."""
    return dict(_column(dataset, "source_file", "files that images were made from"))


def _column(dataset: Path, name: str, what: str) -> list[tuple[str, Any]]:
    """A column of the manifest's rows, beside the images' names as `open_source` has them."""
    prefix = f"{unicode_name(dataset.name)}/" if dataset.is_file() and dataset.suffix.lower() == ".tar" else ""
    try:
        rows = [json.loads(line) for line in _table(dataset, MANIFEST_ROWS).splitlines()]
        named = [(str(row["file_name"]), row[name]) for row in rows]
    except (OSError, KeyError, ValueError, TypeError, RecursionError) as error:
        raise BadInputError(f"{dataset}: its {MANIFEST_ROWS} holds no {what} ({error})") from error
    return [(image[len(prefix) :], value) for image, value in named if image.startswith(prefix)]


def _table(dataset: Path, name: str) -> bytes:
    """One of our tables, of a folder, of a zip, or of shards."""
    if dataset.is_file() and dataset.suffix.lower() not in SHARDS and is_zip(dataset):
        return _of_zip(dataset, name)
    return (_home(dataset) / name).read_bytes()


def _of_zip(dataset: Path, name: str) -> bytes:
    """One of a zip; a KeyError where it has none."""
    try:
        with zipfile.ZipFile(dataset) as archive, open_member(archive, archive.getinfo(name), dataset) as stream:
            return stream.read()
    except (BadInputError, KeyError, MemoryError):
        raise
    except Exception as error:  # a damaged or crafted one raises zlib.error, NotImplementedError, EOFError ...
        raise ValueError(f"not a readable zip ({reason(error)})") from error


def _home(dataset: Path) -> Path:
    """A dataset's own folder; of shards the one that we wrote them into, if its manifest knows every one of them."""
    if dataset.is_dir() and dataset.name != PARQUET_FOLDER:
        return dataset
    of_folder = dataset / "*.parquet" if dataset.is_dir() else dataset
    shards = [path.absolute() for path in shards_at(of_folder).values()]
    for root in shards[0].parents[:2] if shards else ():
        manifest = _parsed((root / MANIFEST).read_bytes()) if (root / MANIFEST).is_file() else None
        if manifest and {root / name for name in _files_of(manifest)}.issuperset(shards):
            return root
    return dataset


def _files_of(manifest: dict[str, Any]) -> list[str]:
    files = manifest.get("files")
    named = [file.get("name") for file in files if isinstance(file, dict)] if isinstance(files, list) else []
    return [name for name in named if isinstance(name, str)]


def _parsed(manifest: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(manifest)
    except RecursionError as error:
        raise ValueError(str(error)) from error
    return found if isinstance(found, dict) and found.get("format") == FORMAT else None
