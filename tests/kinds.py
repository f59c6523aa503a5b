"""The same images as datasets of every kind that artfp reads."""

from __future__ import annotations

import csv
import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

CLASSES = ("cat", "dog")
PER_SHARD = 4


@dataclass(frozen=True)
class Sample:
    """An image, its label and what is said of it."""

    name: str  # below the folder of its class
    data: bytes
    label: int
    text: str


def pyarrow() -> Any:
    """The library and its Parquet part, where it is installed."""
    pytest.importorskip("pyarrow.parquet", reason="needs the extra `parquet`")
    import pyarrow

    return pyarrow


def part_of_several() -> bytes:
    """The end of a zip of two parts: `zipfile.is_zipfile` raises BadZipFile for it, whatever the file is called."""
    return struct.pack("<4sLQL", b"PK\6\7", 0, 0, 2) + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0, 0, 0, 0, 0)


def metadata(samples: Iterable[Sample]) -> str:
    """A `metadata.csv` of them."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerows([("file_name", "text"), *((sample.name, sample.text) for sample in samples)])
    return text.getvalue()


def folder(root: Path, samples: Sequence[Sample]) -> Path:
    """A folder for each class, and a metadata file."""
    for sample in samples:
        (root / sample.name).parent.mkdir(parents=True, exist_ok=True)
        (root / sample.name).write_bytes(sample.data)
    (root / "metadata.csv").write_text(metadata(samples))
    return root


def zipped(root: Path, samples: Sequence[Sample]) -> Path:
    """A zip of the same, in another order."""
    with zipfile.ZipFile(root.with_suffix(".zip"), "w") as archive:
        archive.writestr("metadata.csv", metadata(samples))
        for sample in reversed(samples):
            archive.writestr(sample.name, sample.data)
    return root.with_suffix(".zip")


def write_tar(path: Path, members: Iterable[tuple[str, bytes]], **options: Any) -> Path:
    """A tar of regular files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", **options) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def members_of(samples: Iterable[Sample]) -> list[tuple[str, bytes]]:
    """The files of WebDataset samples, without labels: those are in the folders."""
    found = []
    for sample in samples:
        found.append((sample.name, sample.data))
        found.append((str(Path(sample.name).with_suffix(".json")), json.dumps({"text": sample.text}).encode()))
    return found


def tar(root: Path, samples: Sequence[Sample]) -> Path:
    """One tar, in another order."""
    return write_tar(root.with_suffix(".tar"), reversed(members_of(samples)))


def tar_shards(root: Path, samples: Sequence[Sample]) -> Path:
    """A folder of tars."""
    for number, part in enumerate(parts(samples)):
        write_tar(root / f"part-{number:06d}.tar", members_of(part))
    return root


def tar_pattern(root: Path, samples: Sequence[Sample]) -> Path:
    """A pattern that matches tars."""
    return tar_shards(root, samples) / "part-*.tar"


def tar_of_folder(root: Path, samples: Sequence[Sample]) -> Path:
    """What `tar -C folder -c .` makes."""
    path = root.with_suffix(".tar")
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        archive.add(folder(root, samples), ".")
    return path


def write_parquet(path: Path, samples: Sequence[Sample], group: int = 3) -> Path:
    """A file as Hugging Face's `push_to_hub` writes it, in groups of a few rows."""
    pa = pyarrow()
    images = [{"bytes": sample.data, "path": sample.name} for sample in samples]
    columns = {
        "image": pa.array(images, pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        "label": pa.array([sample.label for sample in samples], pa.int64()),
        "text": pa.array([sample.text for sample in samples]),
    }
    features = {"image": {"_type": "Image"}, "label": {"names": list(CLASSES), "_type": "ClassLabel"}}
    notes = {"huggingface": json.dumps({"info": {"features": features}})}
    path.parent.mkdir(parents=True, exist_ok=True)
    pa.parquet.write_table(pa.table(columns).replace_schema_metadata(notes), path, row_group_size=group)
    return path


def parquet(root: Path, samples: Sequence[Sample]) -> Path:
    """One file."""
    return write_parquet(root.with_suffix(".parquet"), samples)


def parquet_shards(root: Path, samples: Sequence[Sample]) -> Path:
    """A repository's folder with its shards in `data`."""
    shards = parts(samples)
    for number, part in enumerate(shards):
        write_parquet(root / "data" / f"train-{number:05d}-of-{len(shards):05d}.parquet", part)
    (root / "README.md").write_text("# Cats and dogs")
    return root


def parquet_pattern(root: Path, samples: Sequence[Sample]) -> Path:
    """A pattern that matches those of one split."""
    return parquet_shards(root, samples) / "data" / "train-*.parquet"


def path_list(root: Path, samples: Sequence[Sample]) -> Path:
    """A list in the folder of the images."""
    path = folder(root, samples) / "all.txt"
    path.write_text("".join(f"{sample.name}\n" for sample in samples))
    return path


KINDS: dict[str, Callable[[Path, Sequence[Sample]], Path]] = {
    made.__name__: made
    for made in (
        folder,
        zipped,
        tar,
        tar_shards,
        tar_pattern,
        tar_of_folder,
        parquet,
        parquet_shards,
        parquet_pattern,
        path_list,
    )
}


def parts(samples: Sequence[Sample]) -> list[Sequence[Sample]]:
    """A few at a time."""
    return [samples[start : start + PER_SHARD] for start in range(0, len(samples), PER_SHARD)]
