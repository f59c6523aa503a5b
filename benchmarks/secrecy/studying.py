"""One study, from photographs to the rows that are kept."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

from artfp.codec.store import load_codec
from artfp.errors import UsageError
from artfp.evaluate.gallery import Request
from artfp.evaluate.pictures import pictures_of
from artfp.evaluate.secrecy import ROWS, STUDY, run
from artfp.keys.registry import Registry
from artfp.secrecy import CONTROL
from benchmarks.measuring.data import COLLECTIONS
from benchmarks.measuring.marking import Marks
from benchmarks.measuring.preparing import Prepared, prepare
from benchmarks.measuring.progress import teller
from benchmarks.secrecy.questions import DATA, MOST, PSNR, SIDE, TEST, Question
from benchmarks.secrecy.tables import rows_of


def is_kept(question: Question, codecs: Mapping[str, str], kept: Path) -> bool:
    """Whether there are rows of this question; rows of other codecs that were given as the same are an error."""
    rows = rows_of(kept)
    his = load_codec(codecs[question.codec]).sha256
    if any(row.codec_sha256 not in (None, his) and not row.attacker.endswith(CONTROL) for row in rows):
        raise UsageError(f"{kept}: rows of another codec; remove them to measure with {codecs[question.codec]}")
    return bool(rows)


def study(question: Question, data: Path, codecs: Mapping[str, str], scratch: Path, kept: Path, device: str) -> None:
    """Carry it out, or go on with it, and keep its rows."""
    scratch.mkdir(parents=True, exist_ok=True)
    marked = _marked(question, data, codecs[question.marks], scratch)
    pictures = pictures_of(marked.marked, marked.clean, seed=0)
    request = Request(pictures, question.attackers, codecs[question.codec], TEST, MOST, 0, device)
    made = scratch / question.name
    run(request, made, lambda stage: nullcontext(teller(f"{question.name}, {stage}")))
    shutil.copytree(made / ROWS, kept / ROWS, dirs_exist_ok=True)
    shutil.copy(made / STUDY, kept)


def _marked(question: Question, data: Path, codec: str, scratch: Path) -> Prepared:
    collection, marks = COLLECTIONS[DATA], Marks(question.data, SIDE, PSNR, key_per=question.key_per)
    with Registry(scratch / "keys.sqlite") as registry:
        tell = teller(question.data)
        return prepare(data / collection.file, DATA, collection, marks, scratch, load_codec(codec), registry, tell)
