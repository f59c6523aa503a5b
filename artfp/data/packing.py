"""From staged images to what a dataset is to be: a zip, WebDataset tars, Parquet files.

It is read back before it gets its name. Nothing in it says when or by whom it was made: the same images give the same
bytes.
"""

from __future__ import annotations

import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from itertools import islice, zip_longest
from pathlib import Path

from artfp.data.contents import Contents, Sample
from artfp.data.listing import unicode_name
from artfp.data.manifest import tables_of
from artfp.data.outputs import sample_key
from artfp.data.parquet_writer import pack_parquet
from artfp.data.readers import open_source
from artfp.data.survey import evenly_spaced
from artfp.data.tar import BLOCK, END
from artfp.errors import ArtfpError
from artfp.files import sha256_bytes

ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the zip format's epoch
READ_BACK = 64  # images; of Parquet files each takes a group of rows
TOLD_EVERY = 64  # images

OnPacked = Callable[[int], None]


def pack(contents: Contents, root: Path, on_packed: OnPacked) -> Path:
    """What is to get the dataset's name: the staged folder itself, or something new in `root`."""
    if contents.output.kind == "folder":
        return contents.staged
    packed = root / "packed"
    _clear(packed)
    PACKERS[contents.output.kind](contents, _told(contents, on_packed), packed)
    if contents.output.is_sharded:
        for name in tables_of(contents.output):
            shutil.copyfile(contents.staged / name, packed / name)
    _check(contents, packed)
    return packed


def _clear(packed: Path) -> None:
    """Remove what an earlier attempt has left."""
    if packed.is_dir():
        shutil.rmtree(packed)
    else:
        packed.unlink(missing_ok=True)


def _told(contents: Contents, on_packed: OnPacked) -> Iterator[Sample]:
    for done, sample in enumerate(contents):
        if done % TOLD_EVERY == 0:
            on_packed(done)
        yield sample


def _pack_zip(contents: Contents, samples: Iterator[Sample], path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for sample in samples:
            archive.writestr(_member(sample.name), contents.read(sample))
        for name in sorted(tables_of(contents.output)):
            info = _member(name)
            info.file_size = (contents.staged / name).stat().st_size
            with (contents.staged / name).open("rb") as source, archive.open(info, "w") as member:
                shutil.copyfileobj(source, member)


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, ZIP_TIME)
    info.create_system, info.external_attr = 3, 0o644 << 16
    return info


def _pack_tars(contents: Contents, samples: Iterator[Sample], folder: Path) -> None:
    folder.mkdir()
    for file in contents.files:
        with (folder / file.name).open("wb") as stream:
            for sample in islice(samples, file.images):
                for suffix, data in _fields(contents, sample):
                    stream.write(_tar_header(f"{sample_key(sample.row.image)}.{suffix}", len(data)))
                    stream.write(data + bytes(-len(data) % BLOCK))
            stream.write(END + END)


def _fields(contents: Contents, sample: Sample) -> Iterator[tuple[str, bytes]]:
    """The files of a sample, side by side as readers of streams need them; all samples have the same ones."""
    if contents.label_kinds == {"class"}:
        yield "cls", str(sample.entry.label).encode()
    yield "json", json.dumps(contents.columns(sample)).encode()
    yield "png", contents.read(sample)


def _tar_header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.USTAR_FORMAT)


PACKERS: dict[str, Callable[[Contents, Iterator[Sample], Path], None]] = {
    "zip": _pack_zip,
    "tar": _pack_tars,
    "parquet": pack_parquet,
}


def _check(contents: Contents, packed: Path) -> None:
    """Refuse it unless a reader finds all images there, and some of them what was marked and checked."""
    with open_source(packed) as source:
        chosen = set(evenly_spaced(len(source), READ_BACK))
        places = map(source.place, range(len(source)))
        for index, (sample, place) in enumerate(zip_longest(contents, places)):
            is_there = sample is not None and place == f"{unicode_name(str(packed))}/{sample.name}"
            if not is_there or (index in chosen and sha256_bytes(source.read_at(index)) != sample.row.sha256):
                advice = f"Run the same command again, and if it stays so, remove {packed.parent} to start over"
                raise ArtfpError(f"{packed}: not what was written; is the disk sound? {advice}")
