"""An audit of whatever a path leads to."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from artfp.artefacts import LIST, files_below
from artfp.attribution import CONTEST
from artfp.audit.datasets import of_dataset, of_generated, of_origin
from artfp.audit.documents import of_document, of_list, read, text_at
from artfp.audit.findings import APART, SILENT, Audit, Finding, outcome_of
from artfp.audit.ground import Ground
from artfp.audit.networks import of_codec, of_codec_training, of_training
from artfp.audit.runs import of_run, of_sweep
from artfp.audit.verdicts import is_verdict, of_verdict
from artfp.codec.store import shipped
from artfp.codec.training import RECIPE
from artfp.data.manifest import MANIFEST
from artfp.errors import UsageError
from artfp.evaluate import secrecy
from artfp.generators.folder import CARD, FILE
from artfp.passive import enrolment as passive
from artfp.pipeline import RUN
from artfp.reading import Progress, silent
from artfp.robustness import SWEEP
from artfp.seals import SIGNATURE

FEW = 3  # files that are named in a finding
HOMES = (LIST, MANIFEST, CARD, FILE, RUN, SWEEP, CONTEST, secrecy.STUDY, passive.FILE)  # of which a folder tells
PARTS_OF_CONTEST = ("data/*/*", "models/*", "images/*", "systems/*")

Findings = Iterator[Finding]
Check = Callable[[Path, Ground], Findings]


def audit(path: Path, others: Sequence[Path] = (), signer: str | None = None, tell: Progress = silent) -> Audit:
    """Every finding about what lies at a path; `signer` is the fingerprint of who should have signed it."""
    path = path if path.exists() else shipped().get(str(path), path)
    place = _home(path)
    kind, check = _kind(place)
    ground = Ground(place, others, signer, tell)
    findings = [*check(place, ground), *_unsigned(place, ground), *_rest(place, ground)]
    return Audit(str(path), kind, outcome_of(findings), tuple(findings))


def _home(path: Path) -> Path:
    """The folder that a file's hash is told in, if there is one; else the path itself."""
    if not path.exists():
        raise UsageError(f"{path}: neither a file, nor a folder, nor a shipped codec")
    return path.parent if path.name in HOMES else path


def _kind(path: Path) -> tuple[str, Check]:
    found = next(_kinds(path), None)
    if found is None:
        raise UsageError(
            f"{path}: nothing that an audit knows: give the folder of a run, a training, a dataset, generated images, "
            "a sweep, a comparison or a study, a dataset's zip, the file of a codec, a generator or a verdict"
        )
    return found


def _kinds(path: Path) -> Iterator[tuple[str, Check]]:
    """What a path may be taken for, the most likely first."""
    yield from ((name, check) for name, fits, check in (FOLDERS if path.is_dir() else FILES) if fits(path))


def _is_codec_training(folder: Path) -> bool:
    name = text_at(read(folder / RECIPE), "name")
    return name is not None and (folder / f"{name}.safetensors").is_file()


def _is_packed(path: Path) -> bool:
    """Whether it is a dataset's zip, be it a damaged one."""
    try:
        with zipfile.ZipFile(path) as archive:
            return MANIFEST in archive.namelist()
    except zipfile.BadZipFile:
        return path.suffix.lower() == ".zip"


def _has_list(folder: Path) -> bool:
    return (folder / LIST).is_file()


def _of_listed(folder: Path, ground: Ground) -> Findings:
    yield from of_list(folder, ground)
    if _has_list(folder):
        yield from of_origin(folder, ground, {})


def _of_contest(folder: Path, ground: Ground) -> Findings:
    """A comparison: its own files, and every part by what it is."""
    parts = sorted(path for pattern in PARTS_OF_CONTEST for path in folder.glob(pattern) if path.is_dir())
    ground.look_in(parts)
    yield from _of_listed(folder, ground)
    for part in parts:
        for _, check in islice(_kinds(part), 1):  # plain photographs are of no kind
            yield from check(part, ground)


def _of_card(path: Path, ground: Ground) -> Findings:
    yield from of_codec(path.with_suffix(".safetensors"), ground)


def _of_document(path: Path, ground: Ground) -> Findings:
    yield from of_document("document", ground.shown(path), path.read_bytes(), ground)


FOLDERS: tuple[tuple[str, Callable[[Path], bool], Check], ...] = (
    ("run", lambda folder: (folder / RUN).is_file(), of_run),
    ("sweep", lambda folder: (folder / SWEEP).is_file(), of_sweep),
    ("dataset", lambda folder: (folder / MANIFEST).is_file(), of_dataset),
    ("training", lambda folder: (folder / CARD).is_file(), of_training),
    ("codec training", _is_codec_training, of_codec_training),
    ("comparison", lambda folder: (folder / CONTEST).is_file(), _of_contest),
    ("images", lambda folder: text_at(read(folder / LIST), "kind") == "generated", of_generated),
    (secrecy.KIND, lambda folder: (folder / secrecy.STUDY).is_file(), _of_listed),
    (passive.KIND, lambda folder: (folder / passive.FILE).is_file(), _of_listed),
    ("folder", _has_list, _of_listed),
)
FILES: tuple[tuple[str, Callable[[Path], bool], Check], ...] = (
    ("codec", lambda path: path.suffix == ".safetensors", of_codec),
    ("codec", lambda path: path.with_suffix(".safetensors").is_file(), _of_card),
    ("dataset", _is_packed, of_dataset),
    ("verdict", lambda path: is_verdict(read(path)), of_verdict),
    ("document", lambda path: path.suffix == ".json", _of_document),
)


def _unsigned(place: Path, ground: Ground) -> Findings:
    """What should be signed, and is not: the file itself, or that of a folder which all others hang on."""
    roots = (place / LIST, place / MANIFEST) if place.is_dir() else (place,)
    root = next((path for path in roots if path.is_file()), place)
    if ground.signer and SIGNATURE not in (read(root) if root.is_file() else {}):
        yield Finding("signature", SILENT, ground.shown(root), "is not signed")


def _rest(place: Path, ground: Ground) -> Findings:
    """The files that nothing names, as keys and seconds that nobody is to repeat."""
    left = [name for name in files_below(place) if not ground.covers(place / name)] if place.is_dir() else []
    left = [name for name in left if name != LIST]
    if left:
        more = f" and {len(left) - FEW:,} more" if len(left) > FEW else ""
        yield Finding("files that nothing names", APART, str(place), ", ".join(left[:FEW]) + more)
