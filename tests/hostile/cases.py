"""Every hostile input, by its entrance; in the order of the table."""

from __future__ import annotations

import tarfile
import zipfile

from . import archives, documents, images
from .case import Build, Case

EMBED = "embed-dataset {} marked-again --key owner --codec dct"
VERIFY = "verify {} --key owner"


def _image(what: str, data: bytes, name: str = "bad.png", theirs: bool = False) -> Case:
    return Case("image", what, VERIFY.format(name), images.put(name, data), theirs=theirs)


def _dataset(entrance: str, what: str, path: str, build: Build, more: str = "", theirs: bool = False) -> Case:
    return Case(entrance, what, EMBED.format(path) + more, build, theirs=theirs)


def _table(what: str, name: str, content: bytes, theirs: bool = True) -> Case:
    return _dataset("table of a dataset", what, "in", archives.beside(name, content), theirs=theirs)


def _key(what: str, build: Build, theirs: bool = False) -> Case:
    return Case("key file", what, "key import key.json --registry other.sqlite", build, theirs=theirs)


def _checkpoint(what: str, build: Build, theirs: bool = False) -> Case:
    return Case("checkpoint", what, "sample g.safetensors samples --count 2", build, theirs=theirs)


def _recipe(what: str, content: bytes, theirs: bool = False) -> Case:
    return Case("recipe", what, "run r.toml --dry-run --out run", documents.text("r.toml", content), theirs=theirs)


def _report(what: str, build: Build, theirs: bool = False) -> Case:
    return Case("record", what, "report in", build, theirs=theirs)


IMAGES = [
    _image("a 400-megapixel PNG in 50 kB", images.bomb()),
    _image("a header of 1 x 100,000 pixels", images.says_size(1, 100_000)),
    _image("a header of 30,000 x 30,000 pixels", images.says_size(30_000, 30_000)),
    _image("a header of 0 x 0 pixels", images.says_size(0, 0), theirs=True),
    _image("a header larger than its pixels", images.says_size(640, 640), theirs=True),
    _image("cut in half", images.good()[:6000], theirs=True),
    _image("an empty file", b""),
    _image("a text", b"this is a text"),
    _image("5,000 frames in a GIF", images.frames(), "bad.gif"),
    _image("20,000 pages in a TIFF", images.pages(), "bad.tif"),
    _image("1,000 scans in a JPEG of 64 x 64 pixels", images.scans(), "bad.jpg"),
    _image("a PostScript program called .png", images.postscript()),
    _image("floating point (TIFF), all NaN", images.float_tiff(), "bad.tif"),
    _image("CMYK (JPEG)", images.as_mode("CMYK", "JPEG"), "odd.jpg"),
    _image("palette", images.as_mode("P"), "odd.png"),
    _image("16 bits", images.sixteen_bits(), "odd.png"),
    _image("one bit", images.as_mode("1"), "odd.png"),
    _image("8 x 8 pixels", images.encoded(images.picture(8, 8)), "bad.png"),
    Case("image", "over a lower limit", VERIFY.format("a.png"), images.put("a.png"), {"ARTFP_MAX_PIXELS": "1000"}),
    Case("image", "a limit that is none", VERIFY.format("a.png"), images.put("a.png"), {"ARTFP_MAX_PIXELS": "many"}),
    Case("image", "a file without end", VERIFY.format("/dev/zero"), images.put("a"), {"ARTFP_MAX_FILE_BYTES": "999"}),
]

FOLDERS = [
    _dataset("folder", "a link to a file outside", "in", archives.linked("a.png", "../../outside/secret.png")),
    _dataset("folder", "a link to a folder outside", "in", archives.linked("a", "../../outside")),
    _dataset("folder", "a link to itself", "in", archives.linked("a.png", "a.png")),
    _dataset("folder", "a link to its own folder", "in", archives.linked("a", ".")),
    _dataset("folder", "a pipe called .png", "in", archives.pipe),
    _dataset("folder", "a name that is no UTF-8", "in", archives.folder(b"\xff\xfe.png", b"a.png")),
    _dataset("folder", "names that differ in case alone", "in", archives.folder(b"a.png", b"A.png")),
    _dataset("folder", "names that differ after the first dot", "in", archives.folder(b"a.b.png", b"a.c.png")),
    _dataset("folder", "a name that steers terminals", "in", archives.folder(b"\x1b[2J.png", b"a.png")),
    _dataset("folder", "an empty folder", "in", lambda world: (world / "in").mkdir()),
    Case("folder", "more images than a limit", EMBED.format("photos"), images.put("x"), {"ARTFP_MAX_ENTRIES": "1"}),
    _dataset("list", "a file outside, by the list's author", "in.txt", archives.listed(b"../outside/secret.png")),
    _dataset("list", "a device", "in.txt", archives.listed(b"/dev/zero")),
    _dataset("list", "bytes that are no paths", "in.txt", archives.listed(b"a\0b")),
]

GOOD = images.good()
TWIN = (("a.b.png", GOOD), ("a.c.png", GOOD))
DEVICES = (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE)
ZIPS = [
    _dataset("zip", "`../` in a name", "in.zip", archives.zipped(("../outside/slip.png", GOOD))),
    _dataset("zip", "an absolute name", "in.zip", archives.zipped(("/tmp/slip.png", GOOD))),
    _dataset(
        "zip",
        "the same, images left out",
        "in.zip",
        archives.zipped(("../x.png", GOOD), ("a.png", GOOD)),
        " --skip-bad",
    ),
    _dataset("zip", "a link to a file outside", "in.zip", archives.linked_zip),
    _dataset("zip", "128 MB in a member that says 1,000 bytes", "in.zip", archives.lying_zip, theirs=True),
    _dataset("zip", "a member that says 4 GB", "in.zip", archives.large_zip),
    _dataset("zip", "one name twice", "in.zip", archives.zipped(("a.png", GOOD), ("a.png", GOOD[:-1]))),
    _dataset(
        "zip", "one name twice, once with a backslash", "in.zip", archives.zipped(("a/b.png", GOOD), ("a\\b.png", GOOD))
    ),
    _dataset("zip", "two `dataset.json`", "in.zip", archives.zipped(("a.png", GOOD), *[("dataset.json", b"{}")] * 2)),
    _dataset("zip", "encrypted", "in.zip", archives.encrypted_zip, theirs=True),
    _dataset("zip", "packed as LZMA", "in.zip", archives.zipped(("a.png", GOOD), compress_type=zipfile.ZIP_LZMA)),
    _dataset("zip", "cut in half", "in.zip", archives.cut_zip, theirs=True),
    _dataset("zip", "a member without a name", "in.zip", archives.nameless_zip, theirs=True),
    _dataset("tar", "`../` in a name", "in.tar", archives.tar(("../outside/slip.png", GOOD))),
    _dataset("tar", "an absolute name", "in.tar", archives.tar(("/tmp/slip.png", GOOD))),
    _dataset("tar", "links, hard and soft", "in.tar", archives.odd_tar(tarfile.LNKTYPE, tarfile.SYMTYPE)),
    _dataset("tar", "devices and a pipe", "in.tar", archives.odd_tar(*DEVICES)),
    _dataset("tar", "one name twice", "in.tar", archives.tar(("a.png", GOOD), ("a.png", GOOD[:-1]))),
    _dataset("tar", "a header that says 8 GB", "in.tar", archives.large_tar),
    _dataset("tar", "cut in half", "in.tar", archives.cut_tar),
    _dataset("tar", "a text", "in.tar", documents.text("in.tar", b"text" * 500)),
    _dataset("tar", "names that differ after the first dot", "in.tar", archives.tar(*TWIN)),
    _dataset("Parquet", "cut in half", "in.parquet", archives.parquet(2000), theirs=True),
    _dataset("Parquet", "an empty file", "in.parquet", archives.parquet(0), theirs=True),
]

TABLES = [
    _table("JSON 100,000 deep", "dataset.json", documents.DEEP),
    _table("JSON 100,000 deep, in a line", "metadata.jsonl", documents.DEEP),
    _table("a label of 5,000 digits", "dataset.json", b'{"labels": [["a.png", %s]]}' % (b"1" * 5000)),
    _table("labels of no images", "dataset.json", b'{"labels": [["../outside/secret.png", 1]]}'),
    _table("a label that is a text", "dataset.json", b'{"labels": [["a.png", "<script>"]]}', theirs=False),
    _table("no UTF-8", "metadata.jsonl", b"\xff\xfe\xff"),
    _table("a field of 200 kB", "metadata.csv", b"file_name,text\na.png," + b"x" * 200_000 + b"\n"),
]

KEYS = [
    _key("a checksum that is wrong", documents.key(key_id="ab" * 8)),
    _key("a secret too short", documents.key(secret="ab" * 31)),
    _key("a name that leads elsewhere", documents.key(name="../../owner")),
    _key("a text that steers terminals", documents.key(commitment=None, beacon="\x1b[2J")),
    _key("another version", documents.key(version=2)),
    _key("JSON 100,000 deep", documents.text("key.json", documents.DEEP), theirs=True),
    _key("a list", documents.text("key.json", b"[]")),
    _key("an empty file", documents.text("key.json", b""), theirs=True),
    Case("key file", "a registry that others can read", "key list", documents.key_open_to_others),
    Case(
        "key file", "a registry that is none", "key list --registry x", documents.text("x", b"text" * 500), theirs=True
    ),
]

CHECKPOINTS = [
    _checkpoint("NaN in a tensor", documents.poisoned(float("nan"))),
    _checkpoint("infinity in a tensor", documents.poisoned(float("inf"))),
    _checkpoint("of another architecture", documents.shaped(latent=4)),
    _checkpoint("settings for 10^10 weights", documents.shaped(latent=10**5, most=10**4, width=10**4)),
    _checkpoint("settings of another type", documents.shaped(size="64"), theirs=True),
    _checkpoint("a setting too many", documents.shaped(depth=3), theirs=True),
    _checkpoint("cut in half", documents.cut_generator, theirs=True),
    _checkpoint("a header that says 2^62 bytes", documents.long_header, theirs=True),
    _checkpoint("a pickle", documents.pickled, theirs=True),
    Case("checkpoint", "a generator for a codec", "codec evaluate g.safetensors photos", documents.generator),
]

RECIPES = [
    _recipe("no TOML", b"= 1", theirs=True),
    _recipe("a text for a number", b'name = "r"\nkey = "k"\nsamples = "many"\n'),
    _recipe("10^400 for a share", b'name = "r"\nkey = "k"\n[embed]\nfraction = 1' + b"0" * 400),
    _recipe("a number of 20,000 digits", b'name = "r"\nkey = "k"\nsamples = 0x' + b"f" * 20_000),
    _recipe("NaN for a share", b'name = "r"\nkey = "k"\n[embed]\nfraction = nan\n'),
    _recipe("brackets 10,000 deep", b"a = " + b"[" * 10_000, theirs=True),
    _recipe("a name twice", b'name = "r"\nname = "s"\n', theirs=True),
    _recipe("no UTF-8", b"\xff\xfe", theirs=True),
]

RECORDS = [
    Case("manifest", "a table outside", "audit marked", documents.manifest(tables={"../outside/secret.png": "ab"})),
    Case("manifest", "a table without end", "audit marked", documents.manifest(tables={"/dev/zero": "ab"})),
    Case("manifest", "tables that are a list", "audit marked", documents.manifest(tables=["x"])),
    Case("manifest", "a name of 5,000 characters", "audit in", documents.lists_files("x" * 5000)),
    Case("manifest", "files outside", "audit in", documents.lists_files("../outside/secret.png", "/dev/zero")),
    Case("manifest", "a name twice", "audit in", documents.text("in/artefacts.json", b'{"files": {}, "files": {}}')),
    _report("script in its name", documents.renamed_sweep("<script>alert(1)</script>")),
    _report("a row that is another", documents.sweep(attack="blur")),
    _report("NaN for a strength", documents.sweep(strength=float("nan"))),
    _report("10^400 for a strength", documents.sweep(strength=10**400)),
    _report("a schema of tomorrow", documents.sweep(schema=99)),
    _report("JSON 100,000 deep", documents.text("in/sweep.json", documents.DEEP), theirs=True),
    Case("record", "a row that is another", "compare in in", documents.sweep(attack="blur")),
]

CASES: list[Case] = [*IMAGES, *FOLDERS, *ZIPS, *TABLES, *KEYS, *CHECKPOINTS, *RECIPES, *RECORDS]
