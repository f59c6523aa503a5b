"""A secrecy study, from two sets of images to a folder of rows; the same command again goes on with what is missing.

    OUT/settings.json   whose the folder is                        OUT/secrecy.json, rows/    (`artfp.secrecy`)
    OUT/artefacts.json  the hashes of all these
    OUT/cache/          every image, decoded once; may be deleted

Pictures --examples--> look, learn from so many --> scores of the test images --> detection: a row
         --suspects--> mark again, learn from that --> scores of the suspects --> detection: a row, and one of a control

The control is the same attacker on clean images, half of which the closed-form codec marks, with that codec and other
keys in his hands: where he fails there, failing elsewhere says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from artfp import __version__
from artfp.artefacts import Provenance, write_list
from artfp.attacks.adversary import OnProgress
from artfp.attacks.detectors.artificial import COUNTS
from artfp.attacks.detectors.registry import UNLABELLED
from artfp.codec.base import Codec
from artfp.codec.dct import DctCodec
from artfp.data.readers import open_source
from artfp.errors import BadInputError, UsageError
from artfp.evaluate.gallery import CACHE, Gallery, Request
from artfp.files import working_alone, write_json
from artfp.ownership import check_owner
from artfp.records import read_record
from artfp.secrecy import CONTROL, LABELLED, OTHER_CODEC, SCHEMA, SUSPECTS, Row, Study, address_of, file_name
from artfp.seeds import derive_seed, numpy_generator
from artfp.statistics.detection import Detection, detection

SETTINGS, STUDY, ROWS = "settings.json", "secrecy.json", "rows"
KIND = "secrecy study"  # of its list
FEWEST = 8  # suspects; examples of each kind: a quarter

Watch = Callable[[str], AbstractContextManager[OnProgress]]


@dataclass(frozen=True)
class Task:
    """A row to be made."""

    name: str  # of the attacker
    given: int
    control: bool = False

    @property
    def attacker(self) -> str:
        """As the row calls him."""
        return f"{self.name}-{CONTROL}" if self.control else self.name

    @property
    def address(self) -> str:
        """Of the row."""
        return address_of(self.attacker, self.given)


@dataclass(frozen=True)
class Outcome:
    """What a study made."""

    study: Study
    rows: tuple[Row, ...]


def check(request: Request, folder: Path) -> dict[str, Any]:
    """The plan of a study, after all that can be checked without decoding; changes nothing."""
    gallery = Gallery(request, folder)
    planned = tasks(gallery)
    check_owner(folder, SETTINGS, _settings(gallery), "a secrecy study", apart=("artfp_version",))
    return {
        "out": str(folder),
        "pictures": len(request.pictures.order),
        "pairs": request.pictures.pairs,
        "test images of each kind": len(gallery.test),
        "examples of each kind": len(gallery.examples),
        "suspects": 2 * len(gallery.suspects),
        "attacker's codec": gallery.codec.name,
        "rows": len(planned),
        "rows made": sum(_row_path(folder, task).exists() for task in planned),
    }


def tasks(gallery: Gallery) -> list[Task]:
    """Every row that is asked for, an attacker's with the fewest images first."""
    known = (*UNLABELLED, *gallery.detectors)
    asked = gallery.request.attackers or known
    if unknown := sorted(set(asked) - set(known)):
        raise UsageError(f"no attacker {unknown[0]!r}: one of {', '.join(known)}")
    if min(len(gallery.test), len(gallery.examples)) < FEWEST // 4 or 2 * len(gallery.suspects) < FEWEST:
        raise UsageError(f"{len(gallery.request.pictures.order)} pictures are too few to learn from and to judge by")
    return [task for name in known if name in asked for task in _tasks_of(gallery, name)]


def _tasks_of(gallery: Gallery, name: str) -> Iterator[Task]:
    if name not in UNLABELLED:
        yield from (Task(name, count) for count in _counts(gallery.detectors[name].counts, len(gallery.examples)))
        return
    for control, given in ((True, gallery.controls), (False, gallery.suspects)):
        yield from (Task(name, count, control) for count in _counts(COUNTS, 2 * len(given)))


def _counts(wanted: Sequence[int], there: int) -> list[int]:
    """Those of which there are enough; where that leaves some out, all that there are."""
    return [*(count for count in wanted if count < there), min(there, wanted[-1])]


def run(request: Request, folder: Path, watch: Watch) -> Outcome:
    """Carry out a study, or go on with it."""
    check(request, folder)
    folder.mkdir(parents=True, exist_ok=True)
    with working_alone(folder, (ROWS, CACHE)):
        for part in (ROWS, CACHE):
            (folder / part).mkdir(exist_ok=True)
        gallery = Gallery(request, folder)
        if not (folder / SETTINGS).exists():
            write_json(folder / SETTINGS, _settings(gallery))
        with watch("images") as advance:
            side = gallery.side()
            advance(1, 1, "")
        planned = tasks(gallery)
        made = _make(gallery, planned, watch)
        study = _study(gallery, side, planned)
        write_json(folder / STUDY, study.to_dict())
        _list_files(gallery, made)
    return Outcome(study, tuple(_read_row(_row_path(folder, task)) for task in planned))


def _make(gallery: Gallery, planned: Sequence[Task], watch: Watch) -> list[Task]:
    """The rows that are not there yet; which they were."""
    missing = [task for task in planned if not _row_path(gallery.folder, task).exists()]
    with watch("rows") as advance:
        for done, task in enumerate(missing):
            tell = partial(_within, advance, done, len(missing))
            tell(0, 0, task.address)
            write_json(_row_path(gallery.folder, task), _row(gallery, task, tell).to_dict())
        advance(len(missing), len(missing), "")
    return missing


def _list_files(gallery: Gallery, made: Sequence[Task]) -> None:
    """List what the study holds, but for its cache; the rows that are there from before stay as they were listed."""
    folder, settings = gallery.folder, _settings(gallery)
    made_from = {"codec": settings["codec_sha256"]} | {name: settings[name] for name in ("marked", "clean")}
    rows = (path.relative_to(folder).as_posix() for path in (folder / ROWS).glob("*.json"))
    remade = {STUDY, *(_row_path(folder, task).relative_to(folder).as_posix() for task in made)}
    write_list(folder, Provenance(KIND, made_from), [SETTINGS, STUDY, *rows], remade)


def _within(advance: OnProgress, rows: int, of_rows: int, done: int, total: int, note: str) -> None:
    """Progress of a row as a note on that of all rows."""
    advance(rows, of_rows, f"{note} ({done:,} of {total:,})" if total else note)


def _row(gallery: Gallery, task: Task, tell: OnProgress) -> Row:
    unlabelled = task.name in UNLABELLED
    codec = _codec(gallery, task)
    found = (_of_suspects if unlabelled else _of_test)(gallery, task, tell)
    return Row(
        schema=SCHEMA,
        address=task.address,
        attacker=task.attacker,
        given=task.given,
        unit=SUSPECTS if unlabelled else LABELLED,
        knows=UNLABELLED[task.name].knows if unlabelled else gallery.detectors[task.name].knows,
        codec=None if codec is None else codec.name,
        codec_sha256=None if codec is None else codec.sha256,
        detection=found,
        finding=found.finding,
    )


def _codec(gallery: Gallery, task: Task) -> Codec | None:
    """The attacker's, if he has one."""
    if task.control:
        return DctCodec()
    return gallery.codec if task.name in (*UNLABELLED, OTHER_CODEC) else None


def _of_test(gallery: Gallery, task: Task, tell: OnProgress) -> Detection:
    """Learn from the first examples, score the test images."""
    marked, clean, judged = gallery.looked(task.name, tell)
    seed = derive_seed(gallery.request.seed, "secrecy", task.address)
    score = gallery.detectors[task.name].learned(marked[: task.given], clean[: task.given], seed, tell)
    truth = np.arange(len(judged)) < len(gallery.test.marked)
    return detection(score(judged), truth, gallery.test.pictures, numpy_generator(seed, "bootstrap"))


def _of_suspects(gallery: Gallery, task: Task, tell: OnProgress) -> Detection:
    """Score suspects without a label; every other one is marked, and all are of different pictures."""
    rounds = gallery.rounds(control=task.control, tell=tell).first(task.given)
    seed = derive_seed(gallery.request.seed, "secrecy", task.address)
    scores = UNLABELLED[task.name].score(rounds, seed)
    places = np.arange(len(scores))
    return detection(scores, places % 2 == 0, places.tolist(), numpy_generator(seed, "bootstrap"))


def _row_path(folder: Path, task: Task) -> Path:
    return folder / ROWS / f"{file_name(task.address)}.json"


def _read_row(path: Path) -> Row:
    try:
        return read_record(path, Row, "a row")
    except BadInputError as error:
        raise BadInputError(f"{error}; remove it and run the same command again") from error


def _study(gallery: Gallery, side: tuple[int, int], planned: Sequence[Task]) -> Study:
    """With the rows that are asked for now, and those that were before."""
    pictures = gallery.request.pictures
    addresses = {task.address for task in planned}
    made = (_read_row(path).address for path in sorted((gallery.folder / ROWS).glob("*.json")))
    return Study(
        schema=SCHEMA,
        artfp_version=__version__,
        seed=gallery.request.seed,
        side=side,
        marked=sum(picture.marked is not None for picture in pictures.order),
        clean=sum(picture.clean is not None for picture in pictures.order),
        pairs=pictures.pairs,
        test=len(gallery.test),
        publishers_codec=pictures.codec_sha256,
        addresses=tuple(sorted(addresses | set(made))),
    )


def _settings(gallery: Gallery) -> dict[str, Any]:
    """All that rows follow from, by hashes: what is studied may be moved."""
    request = gallery.request
    return {
        "artfp_version": __version__,
        "schema": SCHEMA,
        "seed": request.seed,
        "test": len(gallery.test),
        "most": request.most,
        "codec_sha256": gallery.codec.sha256,
        "marked": _identity(request.pictures.marked),
        "clean": _identity(request.pictures.clean),
    }


def _identity(path: Path) -> str:
    with open_source(path) as source:
        return source.sha256
