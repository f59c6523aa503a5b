"""Tracing: images in, the recipients out to whom a generator with these images' key was issued.

    files --reading--> Evidence of every codec --suspects--> keys --ledger--> recipients
                                           or, each image by itself --judge_images-->

Only keys of the ledger are tried; every one of them is a trial.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from artfp.codec.base import Codec
from artfp.codec.store import find_codecs
from artfp.errors import BadInputError, UsageError
from artfp.keys.ledger import RESTORE, Entry, Ledger
from artfp.keys.records import Key
from artfp.keys.registry import Registry
from artfp.reading import Item, Judged, Progress, Reading, image_verdicts, listed, read_images, silent
from artfp.results import Record
from artfp.statistics.calibration import matching_bits, matching_share
from artfp.statistics.decision import IMAGE_AT, MATCH_AT, corrected
from artfp.statistics.evidence import Evidence
from artfp.statistics.tracing import suspects
from artfp.verdict import (
    BadFile,
    ImageVerdict,
    NotTried,
    statement_of_no_match,
    statement_of_no_power,
    statement_of_trace,
)

NAMED, NOBODY, INCONCLUSIVE = "named", "nobody", "inconclusive"


@dataclass(frozen=True)
class Recipient(Record):
    """Someone whose key the images carry, and what was issued to them."""

    recipient: str
    key_id: str
    key_origin: str
    codec: str
    codec_sha256: str
    n_bits: int
    matching_bits: int  # of the set's vote; with `each_image` of the best image
    images: int  # that match this key on their own at 1e-3; with `each_image` those that name the recipient
    q: float  # corrected for all keys tried, and with `each_image` for all images
    log10_q: float
    entries: tuple[Entry, ...]  # of the ledger


@dataclass(frozen=True)
class Trace(Record):
    """What a set of images says about the recipients in a ledger."""

    outcome: str  # "named", "nobody" or "inconclusive"
    statement: str
    error: float  # the chance, at most, that any innocent is named
    each_image: bool  # whether every image was judged by itself
    n_images: int
    trials: int  # recipients' keys tried
    floor: float  # the least q that the test could reach
    least_q: float  # of all keys, named or not
    recipients: tuple[Recipient, ...]  # the surest first
    missing_keys: int  # of recipients, that this registry does not have
    not_tried: tuple[NotTried, ...] = ()
    bad_files: tuple[BadFile, ...] = ()
    images: tuple[ImageVerdict, ...] = ()  # with `each_image`, those that name a recipient


@dataclass(frozen=True, eq=False)
class _Findings:
    """What one codec read."""

    recipients: list[Recipient]
    least_q: float
    floor: float
    images: list[ImageVerdict]


def trace(
    items: Iterable[Item],
    registry: Registry,
    ledger: Ledger,
    codecs: Sequence[Codec],
    error: float = MATCH_AT,
    each_image: bool = False,
    skip_bad: bool = False,
    on_progress: Progress = silent,
) -> Trace:
    """Everyone in the ledger whose key the items carry: all items as one set, or with `each_image` any by itself."""
    unique = listed(items)
    readings, missing = _readings(registry, ledger, codecs)
    judged, bad = read_images(unique, readings, skip_bad, on_progress)
    inquiry = _Inquiry(registry, ledger, sum(len(reading.pairs) for reading in readings), error)
    found = [inquiry.by_image(reading, judged) if each_image else inquiry.by_set(reading) for reading in readings]
    recipients = sorted(
        (r for one in found for r in one.recipients), key=_images_first if each_image else _surest_first
    )
    floor = max(one.floor for one in found)
    outcome = NAMED if recipients else INCONCLUSIVE if floor > error else NOBODY
    return Trace(
        outcome=outcome,
        statement=_statement(recipients, len(judged), inquiry, floor),
        error=error,
        each_image=each_image,
        n_images=len(judged),
        trials=inquiry.trials,
        floor=floor,
        least_q=min(one.least_q for one in found),
        recipients=tuple(recipients),
        missing_keys=missing,
        not_tried=_not_tried(ledger, {codec.sha256 for codec in codecs}),
        bad_files=tuple(bad),
        images=tuple(image for one in found for image in one.images),
    )


def issued_codecs(ledger: Ledger, extra: Sequence[str] = ()) -> list[Codec]:
    """The codecs for which something was issued, as far as their files are found here or among `extra`."""
    issued = ledger.codecs()
    if not issued:
        raise UsageError(f"{ledger.path}: nothing has been issued yet: there is nobody to trace images to")
    return find_codecs(issued, extra)


def _readings(registry: Registry, ledger: Ledger, codecs: Sequence[Codec]) -> tuple[list[Reading], int]:
    """Each codec with its recipients' keys, and how many recipients' keys are not in the registry."""
    wanted = {codec.sha256: ledger.key_ids(codec.sha256) for codec in codecs}
    tables = [registry.pairs_of_ids(sha256, key_ids) for sha256, key_ids in wanted.items()]
    missing = sum(map(len, wanted.values())) - sum(map(len, tables))
    found = zip(codecs, tables, strict=True)
    readings = [Reading(codec, pairs, Evidence(codec.n_bits)) for codec, pairs in found if len(pairs)]
    if not readings:
        raise UsageError(f"{registry.path}: holds no key of a recipient in the ledger {ledger.path}; name its registry")
    return readings, missing


def _not_tried(ledger: Ledger, tried: set[str]) -> tuple[NotTried, ...]:
    missing = [sha256 for sha256 in ledger.codecs() if sha256 not in tried]
    return tuple(NotTried(sha256, len(ledger.key_ids(sha256))) for sha256 in missing)


@dataclass(frozen=True, eq=False)
class _Inquiry:
    """Who is asked about, and how sure an answer must be."""

    registry: Registry
    ledger: Ledger
    trials: int
    error: float

    def by_set(self, reading: Reading) -> _Findings:
        """Everyone whose key the images carry as a set."""
        found = suspects(reading.evidence, reading.pairs.packed, self.trials, self.error)
        named = zip(found.rows.tolist(), found.q.tolist(), strict=True)
        return _Findings([self._of_set(reading, row, q) for row, q in named], found.least, found.floor, [])

    def by_image(self, reading: Reading, judged: Sequence[Judged]) -> _Findings:
        """Everyone whose key any image carries by itself; images are trials, too."""
        verdicts = image_verdicts(judged, [reading], self.trials)
        verdicts = tuple(replace(verdict, q=min(1.0, len(judged) * verdict.q)) for verdict in verdicts)
        naming: dict[str, list[ImageVerdict]] = {}
        for verdict in verdicts:
            if verdict.q <= self.error:
                naming.setdefault(verdict.key, []).append(verdict)
        recipients = [self._of_images(reading, key, images) for key, images in naming.items()]
        floor = float(corrected(len(judged) * 2.0**-reading.codec.n_bits, self.trials))
        return _Findings(recipients, min(v.q for v in verdicts), floor, [i for group in naming.values() for i in group])

    def _of_set(self, reading: Reading, row: int, q: float) -> Recipient:
        key, n_bits, evidence = reading.pairs.packed[row], reading.codec.n_bits, reading.evidence
        matches = int(matching_bits(evidence.vote[None], key, n_bits)[0])
        alone = matching_share(evidence.hard, key, n_bits, IMAGE_AT).count
        return self._recipient(reading, reading.pairs.names[row], matches, alone, q)

    def _of_images(self, reading: Reading, key: str, images: Sequence[ImageVerdict]) -> Recipient:
        best = min(images, key=lambda image: image.q)
        return self._recipient(reading, key, best.matching_bits, len(images), best.q)

    def _recipient(self, reading: Reading, name: str, matches: int, images: int, q: float) -> Recipient:
        key, codec = self.registry.get(name), reading.codec
        return Recipient(
            recipient=key.name,
            key_id=key.key_id,
            key_origin=str(key.origin),
            codec=codec.name,
            codec_sha256=codec.sha256,
            n_bits=codec.n_bits,
            matching_bits=matches,
            images=images,
            q=q,
            log10_q=math.log10(q),
            entries=tuple(self._entries(codec, key)),
        )

    def _entries(self, codec: Codec, key: Key) -> list[Entry]:
        """What was issued with the key; the registry knows whose it is, whatever an altered ledger says."""
        entries = self.ledger.of_key(codec.sha256, key.key_id)
        promise = key.commitment.digest if key.commitment else None
        for entry in entries:
            if (entry.recipient, entry.commitment) != (key.name, promise):
                raise BadInputError(
                    f"{self.ledger.path}: entry {entry.number} has the id of the key {key.name} in "
                    f"{self.registry.path}, but not its name and commitment: one of the two was altered, or is not the "
                    f"other's; {RESTORE}"
                )
        return entries


def _surest_first(recipient: Recipient) -> tuple[float, int]:
    return recipient.q, -recipient.images


def _images_first(recipient: Recipient) -> tuple[int, float]:
    return -recipient.images, recipient.q


def _statement(recipients: Sequence[Recipient], n_images: int, inquiry: _Inquiry, floor: float) -> str:
    if recipients:
        origins = [recipient.key_origin for recipient in recipients]
        names = [recipient.recipient for recipient in recipients]
        return statement_of_trace(n_images, names, origins, inquiry.trials, inquiry.error)
    if floor > inquiry.error:
        return statement_of_no_power(inquiry.trials, floor, inquiry.error)
    return statement_of_no_match(n_images, inquiry.trials)
