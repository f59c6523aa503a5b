"""Rows as pieces of work: teaching a system, examining it, and writing down what came of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

import torch

from artfp import __version__
from artfp.attribution import SCHEMA, Cost, Entry, Mark
from artfp.contest.examining import candidate_of, examined
from artfp.contest.rows import Row
from artfp.contest.settings import NOBODY, ModelSpec, model_of
from artfp.contest.sources import MARKED
from artfp.contest.teaching import teach
from artfp.contest.work import Piece
from artfp.data.manifest import read_manifest
from artfp.data.readers import open_source
from artfp.files import read_json, write_json
from artfp.generators.folder import CARD
from artfp.passive.classes import TRAIN, VALIDATION, gathered
from artfp.passive.enrolment import DONE
from artfp.reading import Progress
from artfp.timing import spent


def pieces_of(row: Row) -> Iterator[Piece]:
    """Teaching, where there is something to learn, and examining."""
    taught, asked = (tuple(row.images(source) for source in sources) for sources in (row.taught, row.asked))
    learnt = () if row.proactive else (row.folder / DONE,)
    if learnt:
        before = (row.unimmunised.folder / DONE,) if row.attack else ()
        yield Piece(f"teach-{row.name}", *learnt, partial(teach, row), (*taught, *before))
    yield Piece(f"examine-{row.name}", row.entry, partial(write_entry, row), (*taught, *asked, *learnt))


def write_entry(row: Row, tell: Progress) -> None:
    """Examine, and write the row."""
    began, candidate = time.monotonic(), candidate_of(row)
    exams = tuple(examined(row, candidate, exam, tell) for exam in row.course.examinations)
    entry = Entry(
        schema=SCHEMA,
        contest=row.studio.contest.name,
        course=row.course.name,
        system=row.system,
        stamp=candidate.stamp,
        classes={name: row.course.classes[name] for name in candidate.classes},
        exams=exams,
        cost=_cost_of_marking(row) if row.proactive else _cost_of_teaching(row),
        examined_in=round(time.monotonic() - began, 1),
        data=_hashes(row),
        artfp=__version__,
        torch=torch.__version__,
        threads=torch.get_num_threads(),
        marks=_marks(row) if row.proactive else (),
    )
    row.entry.parent.mkdir(parents=True, exist_ok=True)
    write_json(row.entry, entry.to_dict())


def _cost_of_teaching(row: Row) -> Cost:
    with gathered(row.of_classes(row.course.classes)) as gathering:
        images = min(gathering.count(TRAIN, VALIDATION).values())
    found = [spent(journal) for journal in dict.fromkeys((row.unimmunised.journal, row.journal))]
    return Cost(images, **{name: round(sum(each[name] for each in found), 1) for name in found[0]})


def _cost_of_marking(row: Row) -> Cost:
    """Of one class's data, before anything is trained on them; no image of a generator is needed."""
    studio, models = row.studio, row.studio.contest.by_name
    names = [name for name in map(model_of, row.taught) if name is not None]
    found = [spent(studio.cost_of_marking(models[name].data, models[name].owner)) for name in names]
    return Cost(0, **{name: round(sum(each[name] for each in found) / len(found), 1) for name in found[0]})


def _marks(row: Row) -> tuple[Mark, ...]:
    """As those who made them noted it: `embed-dataset` of the data, the trainer of the model's images."""
    names = dict.fromkeys(filter(None, map(model_of, [*row.taught, *row.asked])))
    specs = (row.studio.contest.by_name[name] for name in names)
    return tuple(_mark(row, spec) for spec in specs if spec.owner != NOBODY)


def _mark(row: Row, spec: ModelSpec) -> Mark:
    studio = row.studio
    manifest = read_manifest(studio.data(spec.data, spec.owner)) or {}
    card = read_json(studio.model(spec.name, MARKED) / CARD)
    checked, carried = manifest["self_check"], card["transfer"]
    return Mark(
        model=spec.name,
        owner=spec.owner,
        codec_sha256=manifest["codec_sha256"],
        psnr=checked["psnr"],
        ssim=checked["ssim"],
        generator_sha256=card["sha256"],
        images=carried["images"],
        matching_images=carried["matching_images"],
        bit_accuracy=carried["bit_accuracy"],
    )


def _hashes(row: Row) -> dict[str, str]:
    """Of all images that taught or asked."""
    found = {}
    for source in sorted({*row.taught, *row.asked}):
        with open_source(row.images(source)) as images:
            found[source] = images.sha256
    return found
