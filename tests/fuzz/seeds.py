"""Valid files to begin with, made by the product's own writers, in the folders that they lie in; kilobytes each."""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import contest_rows
import kinds
import numpy as np
import sweeps
import torch
from PIL import Image

from artfp.artefacts import Provenance, write_list
from artfp.codec.dct import DctCodec
from artfp.codec.learned import Architecture, LearnedCodec
from artfp.contest.settings import Contest, Course, Examination, ModelSpec
from artfp.embed import EmbedSettings, embed_dataset
from artfp.files import sha256_file, write_json
from artfp.generators.dcgan import DcganGenerator
from artfp.generators.sampling import save_generator
from artfp.images import LoadedImage, encode_png
from artfp.keys.fingerprint import fingerprint
from artfp.keys.registry import Registry
from artfp.keys.signing import new_key
from artfp.robustness import GENERATED, IMAGE, UNTOUCHED
from artfp.seals import sealed
from artfp.seeds import numpy_generator
from artfp.shipped import find_recipe

Files = Sequence[bytes]
ENCODED = {  # modes by format, each with what its file needs beside its name
    "PNG": ("RGB", "RGBA", "LA", "P", "1", "I;16"),
    "JPEG": ("RGB", "L", "CMYK"),
    "WEBP": ("RGB", "RGBA"),
    "BMP": ("RGB", "P"),
    "TIFF": ("RGB", "F", "CMYK", "I;16"),
    "GIF": ("P",),
    "PPM": ("RGB", "L"),
}
COMPARISON = b"""name = "small"
size = 64
[[models]]
name = "m"
recipe = "dcgan-cpu"
[[courses]]
name = "attribution"
systems = ["artfp", "dct"]
classes = { real = ["real"], m = ["m"] }
[[courses.examinations]]
name = "closed"
attack = "jpeg"
"""


def pixels(side: int = 20) -> Image.Image:
    """A picture with some of everything in it."""
    return Image.fromarray(numpy_generator("fuzz", side).integers(0, 256, (side, side, 3), np.uint8))


def encoded(mode: str, kind: str, **options: Any) -> bytes:
    """That picture, in a mode and a format."""
    image = _wide() if mode == "I;16" else pixels().convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _wide() -> Image.Image:
    return Image.fromarray(np.arange(400, dtype=np.uint16).reshape(20, 20) * 160)


def images() -> Files:
    """Every mode of every format, and what may lie beside the pixels."""
    plain = [encoded(mode, kind) for kind, modes in ENCODED.items() for mode in modes]
    exif = Image.Exif()
    exif[0x0112] = 6
    others = [encoded("RGB", "JPEG", exif=exif, progressive=True), encoded("RGB", "TIFF", compression="tiff_lzw")]
    return [*plain, *others, encoded("RGB", "GIF", save_all=True, append_images=[pixels().rotate(90)])]


def samples() -> list[kinds.Sample]:
    """Three images in two classes."""
    image = encode_png(LoadedImage(np.asarray(pixels())))
    return [kinds.Sample(f"{kinds.CLASSES[i % 2]}/{i}.png", image, i % 2, f"text {i}") for i in range(3)]


def _made(make: Callable[[Path, Sequence[kinds.Sample]], Path]) -> Files:
    """The file that a builder of `kinds` writes."""
    with tempfile.TemporaryDirectory() as folder:
        return [make(Path(folder) / "made", samples()).read_bytes()]


def zips() -> Files:
    """A zip with folders, one with tables of labels and columns, one that is compressed."""
    tabled, packed = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(tabled, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("dataset.json", json.dumps({"labels": [["0.png", 1]], "classes": ["cat", "dog"]}))
        archive.writestr("metadata.jsonl", '{"file_name": "0.png", "text": "x"}\n')
        archive.writestr("0.png", samples()[0].data)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("0.png", samples()[0].data)
    return [*_made(kinds.zipped), tabled.getvalue(), packed.getvalue()]


def tars() -> Files:
    """POSIX and GNU, with fields of samples, tables, a link and a long name."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in (("é.png", b"png"), ("é.cls", b"1"), ("x" * 150 + ".png", b""), ("dataset.json", b"{}")):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link)
    return [*_made(kinds.tar), *_made(kinds.tar_of_folder), buffer.getvalue()]


def parquets() -> Files:
    """As Hugging Face writes them."""
    return _made(kinds.parquet)


def lists() -> Files:
    """Paths of images."""
    return [b"cat/0.png\ndog/1.png\n", "\ufeffcat/0.png\r\n/etc/hostname\r\n".encode()]


def folder_of_images(folder: Path) -> None:
    """What a table or a list may tell of."""
    kinds.folder(folder, samples())
    (folder / "metadata.csv").unlink()


def registry(folder: Path) -> Registry:
    """One with a committed key that was used with the dct codec."""
    opened = Registry(folder / "keys.sqlite")
    if "owner" not in opened.names():
        opened.new("owner")
        opened.commit("owner")
        opened.set_beacon("owner", "a headline")
        opened.pair("owner", DctCodec().facts())
    return opened


def keys() -> Files:
    """A secret, its opening, and bits."""
    with tempfile.TemporaryDirectory() as folder, registry(Path(folder)) as opened:
        facts = DctCodec().facts()
        found = [opened.export("owner"), opened.opening("owner"), opened.export_bits("owner", facts)]
    return [json.dumps(document).encode() for document in found]


def bits() -> Files:
    """A fingerprint as people write them."""
    found = fingerprint(b"secret", DctCodec().facts(), None)[0].tolist()
    return [json.dumps(each).encode() for each in ({"name": "a", "bits": found}, "".join(map(str, found)), found)]


def signing_keys() -> Files:
    """Both halves of a key for signatures."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "key.pem"
        new_key(path)
        return [path.read_bytes(), path.with_suffix(".pub.pem").read_bytes()]


def recipes() -> Files:
    """One of each kind."""
    shipped = [find_recipe(name).read_bytes() for name in ("quickstart", "codec-artfp-64", "diffusion-cpu")]
    return [*shipped, COMPARISON]


def codecs() -> Files:
    """The smallest that there can be."""
    torch.manual_seed(0)
    codec = LearnedCodec("tiny", Architecture(8, 32, 8, 1), 38.0)
    codec.sure = 1.0
    codec.round_weights()
    codec.clean = {"consensus": torch.zeros(8, dtype=torch.int64), "calibration": torch.ones(4, 8, dtype=torch.uint8)}
    with tempfile.TemporaryDirectory() as folder:
        codec.save(Path(folder) / "tiny.safetensors")
        return [(Path(folder) / "tiny.safetensors").read_bytes()]


def generators() -> Files:
    """A small one."""
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "generator.safetensors"
        save_generator(path, DcganGenerator(16, 2, 2, 2), "dcgan", {"images_shown": 10})
        return [path.read_bytes()]


def dataset(folder: Path) -> None:
    """Two marked images with their tables."""
    kinds.folder(folder / "source", samples()[:2])
    with registry(folder) as opened:
        embed_dataset(EmbedSettings(folder / "source", folder / "marked", "owner", key_per="image"), DctCodec(), opened)


def generated(folder: Path) -> None:
    """A list of generated images."""
    kinds.folder(folder, samples()[:2])
    write_list(folder, Provenance("generated", {"generator": "ab" * 32}, {"seed": 0}), ["cat/0.png", "dog/1.png"])


def verdict() -> dict[str, Any]:
    """A match."""
    told = {"outcome": "match", "statement": "These 2 images carry the key owner.", "key": "owner", "key_id": "ab" * 8}
    return sealed(
        told
        | {"key_origin": "generated", "key_origin_words": "drawn here", "codec": "dct", "codec_sha256": "ab" * 32}
        | {"n_bits": 64, "n_images": 2, "p_mean": 1e-15, "p_single": 1e-9, "q": 2e-15, "log10_q": -14.7, "trials": 2}
        | {"floor": 1e-19, "runner_up_key": "other", "runner_up_q": 0.5, "margin": 0.3, "matching_bits": 60}
        | {"bit_accuracy": 0.93, "share": 1.0, "share_low": 0.3, "share_high": 1.0, "calibration_share": 0.0}
        | {"calibration_images": 1000, "bad_files": [{"name": "a", "reason": "b"}], "not_tried": []}
        | {"images": [{"name": "0.png", "key": "owner", "matching_bits": 60, "n_bits": 64, "p": 1e-9, "q": 1e-8}]}
    )


def run(folder: Path) -> None:
    """What a report of a run reads."""
    for name in ("verdicts", "model"):
        (folder / name).mkdir()
    write_json(folder / "run.json", {"name": "r", "artfp_version": "0.1.0", "recipe": {"key": "owner", "seed": 1}})
    check = {"psnr": 38.1, "ssim": 0.98, "bit_accuracy": 0.99, "images": 40}
    write_json(folder / "embed.json", {"codec": "dct", "strength": 1.0, "self_check": check})
    write_json(folder / "verdicts/model.json", verdict())
    lines = ({"images_shown": shown, "matching_bits": 60, "total_bits": 64, "p": 1e-9} for shown in (100, 200))
    (folder / "model/stats.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    write_json(folder / "model/generator.json", {"sha256": "ab" * 32, "recipe": {"data": "cd" * 32}})


def sweep(folder: Path) -> None:
    """Few rows of a robustness sweep."""
    rows = [sweeps.row(IMAGE, name, 0.5, GENERATED, sweeps.read(0.9, 4)) for name in (UNTOUCHED, "jpeg")]
    sweeps.write_sweep(folder, rows, thumbs=False, images=4)


def comparison(folder: Path) -> None:
    """Two systems asked about two classes."""
    examination = Examination("closed", {"real": ["real"], "m": ["m"]}, ("other",), None)
    course = Course("attribution", {"real": ["real"], "m": ["m"]}, ("artfp", "dct"), (examination,))
    contest_rows.write_contest(folder, contest=Contest("small", (ModelSpec("m", "dcgan-cpu"),), (course,)))


def labels() -> Files:
    """A `dataset.json` with and without labels."""
    return [b'{"labels": [["cat/0.png", 1], ["dog/1.png", [0.5, 1]]], "classes": ["a", "b"]}', b'{"labels": null}']


def columns() -> Files:
    """A `metadata.jsonl`."""
    return [b'{"file_name": "cat/0.png", "text": "x", "n": 1.5}\n{"file_name": "dog/1.png", "file_names": []}\n']


def csv_columns() -> Files:
    """A `metadata.csv`."""
    return [kinds.metadata(samples()).encode()]


def carded(folder: Path) -> None:
    """A codec with its card."""
    (folder / "x.safetensors").write_bytes(codecs()[0])
    write_json(folder / "x.json", {"sha256": sha256_file(folder / "x.safetensors"), "recipe": {"at": 32}})
