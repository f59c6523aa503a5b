"""Teaching a passive system a course, and immunising one that was taught."""

from __future__ import annotations

from artfp.contest.rows import Row
from artfp.files import working_in, write_json
from artfp.passive.base import Course
from artfp.passive.classes import gathered
from artfp.passive.enrolment import DONE, FILE, Enrolment, enrol, list_files, settings_of
from artfp.passive.immunity import Immunisation, immunise
from artfp.passive.open_set import threshold_of
from artfp.passive.store import Enrolled, load_system, save_system
from artfp.reading import Progress
from artfp.timing import timed


def teach(row: Row, tell: Progress) -> None:
    """Train the system, or go on with it."""
    row.folder.parent.mkdir(parents=True, exist_ok=True)
    with timed(row.journal):
        (immunised if row.attack else trained)(row, tell)


def trained(row: Row, tell: Progress) -> None:
    """From the beginning."""
    contest, sources = row.studio.contest, row.of_classes(row.course.classes)
    enrolment = Enrolment(row.plain, settings_of(row.plain, contest.preset), sources, seed=contest.seed)
    enrol(enrolment, row.folder, tell, row.studio.device)


def immunised(row: Row, tell: Progress) -> None:
    """From the system that is not, as `enrol` goes on where it is asked for both."""
    seed, device = row.studio.contest.seed, row.studio.device
    before = load_system(row.unimmunised.folder / FILE, device)
    with gathered(row.of_classes(row.course.classes)) as gathering, working_in(row.folder):
        lessons = gathering.lessons(before.preparation, row.folder, tell)
        immunise(before.system, Immunisation(row.attack), lessons, Course(seed, device, row.folder, tell))
        threshold = threshold_of(before.system.scores_of(lessons.validation.pixels))
        found = Enrolled(before.system, before.preparation, threshold, before.trained_on)
        write_json(row.folder / DONE, {"sha256": save_system(row.folder / FILE, found)})
        list_files(row.folder, gathering)
