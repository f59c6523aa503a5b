"""Records of what attribution measures: a system's evaluation, and the entries of a comparison of systems."""

from __future__ import annotations

from dataclasses import dataclass

from artfp.results import Record
from artfp.statistics.jackknife import Interval

SCHEMA = 1  # of an entry
ENTRIES = "rows"  # where a comparison's folder has them
CONTEST = "contest.json"  # what the folder is of


@dataclass(frozen=True)
class ClosedSet(Record):
    """Images of known classes, each taken for the class of its largest score."""

    confusion: tuple[tuple[int, ...], ...]  # truth in rows, answers in columns, in the order of the system's classes
    accuracy: Interval
    balanced_accuracy: Interval  # 1 / classes by chance
    macro_f1: Interval
    auc: Interval | None  # of margins, the mean of one class against the rest; none where all images are of one class
    eer: Interval | None  # where the system has two classes


@dataclass(frozen=True)
class OpenSet(Record):
    """Known against unknown images by their largest scores; the last two at the system's own threshold."""

    unknown: int  # images
    auroc: Interval
    fpr_at_95_tpr: Interval
    oscr: Interval
    known_kept: Interval
    unknown_refused: Interval


@dataclass(frozen=True)
class Evaluation(Record):
    """What was measured, of which system, on how many images."""

    system: str
    preset: str
    size: int
    classes: tuple[str, ...]
    part: str
    images: dict[str, int]
    closed_set: ClosedSet
    open_set: OpenSet | None


@dataclass(frozen=True)
class Exam(Record):
    """What a system of a comparison said of some images."""

    name: str
    attack: str | None  # what they had suffered
    sources: dict[str, list[str]]  # whose images, of each class
    unknown: tuple[str, ...]  # and of none
    images: dict[str, int]
    closed_set: ClosedSet
    open_set: OpenSet | None
    detection: ClosedSet | None  # the same answers as `generated` or `real`, where there are both and more classes


@dataclass(frozen=True)
class Cost(Record):
    """What it took to teach a course; one more class takes as many images, and for most systems all seconds again."""

    images: int  # of one class
    seconds: float
    processor_seconds: float


@dataclass(frozen=True)
class Mark(Record):
    """How the data of a model were marked, and how much of that its images carry."""

    model: str
    owner: str  # the model whose key it is
    codec_sha256: str
    psnr: float  # of marked photographs
    ssim: float
    generator_sha256: str
    images: int  # of the generator's that were read
    matching_images: int  # each on its own, at 1e-3
    bit_accuracy: float


@dataclass(frozen=True)
class Entry(Record):
    """A row of a comparison: one system taught one course, and examined."""

    schema: int
    contest: str
    course: str
    system: str  # as the course calls it
    stamp: str  # with its preset and size
    classes: dict[str, list[str]]  # whose images taught each
    exams: tuple[Exam, ...]
    cost: Cost
    examined_in: float  # seconds
    data: dict[str, str]  # the hash of each collection of images that was used
    artfp: str
    torch: str
    threads: int
    marks: tuple[Mark, ...] = ()  # of the models that artfp was shown

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.course}-{self.system}"
