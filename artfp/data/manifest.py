"""The tables of a dataset that this project writes, streamed from the journals in constant memory.

    dataset.json           {"classes": [...], "labels": [[file, label], ...] or null}: StyleGAN-family loaders
    metadata.jsonl         file_name, source_file, label, class_name, and the source's own columns: Hugging Face
    artfp-manifest.jsonl   one row a file: sha256, bytes, size, source, key id (null where unmarked), and for images
                           keyed one by one the public seed of each
    artfp-manifest.json    codec, key ids, settings, totals, self-check, skipped files, sha256 of the other tables

No table holds a key bit, a time or a path, so the same run gives the same bytes. A source's own column of one of
our names stays as it is; ours is then only in the manifest. The manifest tells marked files from unmarked ones:
with `--fraction`, keep it to yourself. `labels` is null unless every image has one, as loaders demand.
"""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from artfp.data.journal import Row
from artfp.data.listing import LABEL_FILE
from artfp.data.readers import Entry, Source
from artfp.data.writers import image_name, is_zip
from artfp.errors import BadInputError
from artfp.files import sha256_file, write_json
from artfp.results import Record

MANIFEST = "artfp-manifest.json"
MANIFEST_ROWS = "artfp-manifest.jsonl"
METADATA = "metadata.jsonl"
FORMAT = "artfp-dataset/1"
TABLES = (LABEL_FILE, METADATA, MANIFEST_ROWS, MANIFEST)
MOST_SIZES = 16  # listed in the totals, by frequency

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


def warnings(totals: Totals, source: Source) -> list[str]:
    """What a trainer might stumble on."""
    found = []
    if totals.distinct_sizes > 1:
        found.append(f"images of {totals.distinct_sizes} different sizes: StyleGAN-family loaders need one")
    if any(size.width != size.height or size.width & (size.width - 1) for size in totals.sizes):
        found.append("some images are not square with a power of two as side: StyleGAN-family trainers need that")
    if totals.with_alpha:
        found.append(f"{totals.with_alpha} of {totals.images} images keep their alpha channel: most trainers need RGB")
    if 0 < totals.labelled < totals.images:
        found.append(f"only {totals.labelled} of {totals.images} images have a label: dataset.json holds none")
    if source.columns.unmatched:
        found.append(f"{source.columns.unmatched} metadata rows of the source name no image of it")
    return found


def write_tables(folder: Path, rows: Iterable[Row], source: Source, mark_of: MarkOf, labelled: bool) -> None:
    """Write `dataset.json`, `metadata.jsonl` and the manifest's rows."""
    with ExitStack() as stack:
        labels, metadata, manifest = (
            stack.enter_context((folder / name).open("w", encoding="utf-8")) for name in TABLES[:3]
        )
        _open_labels(labels, source, labelled)
        separator = ""
        for row in rows:
            entry, name = source[row.image], image_name(row.image)
            if labelled:
                labels.write(f"{separator}\n{json.dumps([name, entry.label])}")
                separator = ","
            _line(metadata, _metadata_row(name, entry, source))
            _line(manifest, _manifest_row(name, entry, row) | mark_of(row.image))
        labels.write("\n]}\n" if labelled else "}\n")


def _open_labels(stream: IO[str], source: Source, labelled: bool) -> None:
    extras = dict(source.labels.extras)
    if source.labels.classes is not None:
        extras["classes"] = list(source.labels.classes)
    head = "".join(f"{json.dumps(name)}: {json.dumps(value)},\n" for name, value in extras.items())
    stream.write("{" + head + '"labels": ' + ("[" if labelled else "null"))


def _metadata_row(name: str, entry: Entry, source: Source) -> dict[str, Any]:
    row: dict[str, Any] = {"source_file": entry.name}
    if source.labels.by_index is not None:
        row |= {"label": entry.label, "class_name": entry.class_name}
    return {"file_name": name} | row | source.columns.row(entry.index)


def _manifest_row(name: str, entry: Entry, row: Row) -> dict[str, Any]:
    return {
        "file_name": name,
        "sha256": row.sha256,
        "bytes": row.bytes,
        "width": row.width,
        "height": row.height,
        "source_file": entry.name,
        "label": entry.label,
        "class_name": entry.class_name,
    }


def _line(stream: IO[str], value: dict[str, Any]) -> None:
    stream.write(json.dumps(value) + "\n")  # ASCII: a lone surrogate is legal JSON and no UTF-8


def write_manifest(folder: Path, content: Mapping[str, Any]) -> None:
    """Write `artfp-manifest.json`, the last file of a dataset, with the hashes of the other tables."""
    tables = {name: sha256_file(folder / name) for name in TABLES[:3]}
    write_json(folder / MANIFEST, {"format": FORMAT, **content, "tables": tables})


def read_manifest(dataset: Path) -> dict[str, Any] | None:
    """The manifest of a finished dataset; None if the path holds none of ours."""
    try:
        manifest = json.loads(_table(dataset, MANIFEST))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return None
    return manifest if isinstance(manifest, dict) and manifest.get("format") == FORMAT else None


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
    """A column of the manifest's rows, beside the files' names."""
    try:
        rows = [json.loads(line) for line in _table(dataset, MANIFEST_ROWS).splitlines()]
        return [(row["file_name"], row[name]) for row in rows]
    except (OSError, KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise BadInputError(f"{dataset}: its {MANIFEST_ROWS} holds no {what} ({error})") from error


def _table(dataset: Path, name: str) -> bytes:
    if not is_zip(dataset):
        return (dataset / name).read_bytes()
    with zipfile.ZipFile(dataset) as archive:
        return archive.read(name)
