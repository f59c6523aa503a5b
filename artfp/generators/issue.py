"""Issuing: a copy of a keyed generator for one recipient, with the recipient's key in its weights.

    GENERATOR, bits of NAME's key --folded--> generator.safetensors   README.md   [model.pt2]
    its file --samples--> read for the key --match--> entry in the ledger --> the folder appears

The ledger comes before the folder, so that no copy is about which it does not know. An interruption leaves a key
without an entry, which is taken the next time, or an entry without a folder: the same command writes the same file
again, and finds its entry there. So it does for a folder that was lost. Where entry and folder are there, it refuses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from artfp.codec.base import Codec
from artfp.errors import ArtfpError, Exit, UsageError
from artfp.files import check_new, new_folder, sha256_file
from artfp.generators.base import Generator
from artfp.generators.export import complete
from artfp.generators.folder import FILE
from artfp.generators.keying import SINGLE_AT, codec_of_keys
from artfp.generators.sampling import OnProgress, checkpoint_of, load_generator, read_generator, sample, save_generator
from artfp.generators.transfer import Transfer, transfer_of
from artfp.images import to_tensor
from artfp.keys.commitment import Commitment
from artfp.keys.fingerprint import pack
from artfp.keys.ledger import Entry, Issue, Ledger
from artfp.keys.records import Key, Origin, Pair, PairTable, check_name
from artfp.keys.registry import Registry
from artfp.results import Record
from artfp.statistics.decision import MATCH, decide
from artfp.statistics.evidence import Evidence

SEED = 0  # of the samples that are read
ISSUED, AGAIN, THERE = "issued", "written again", "there already"  # with a new entry; an old one; an old one and folder


class UnreadError(ArtfpError):
    """A copy in whose samples its key is not found."""

    exit_code = Exit.NO_MATCH


@dataclass(frozen=True)
class Request:
    """What is to be issued, and to whom."""

    source: Path  # the folder of a finished keyed training, or its generator's file
    folders: Mapping[str, Path]  # of each recipient's copy
    codec: str | None = None  # where it is not a shipped one
    name: str | None = None  # of the model, on the cards
    samples: int = 256  # read before a copy is issued
    program: bool = False  # also write a torch program, which takes longer than all the rest


@dataclass(frozen=True)
class Issued(Record):
    """A copy that lies in its folder, and in the ledger."""

    folder: str
    state: str  # ISSUED, AGAIN or THERE
    key_is_new: bool
    entry: Entry
    check: Transfer | None  # what was read in samples of it


@dataclass(frozen=True, eq=False)
class _Keyed:
    """The generator that copies are made of."""

    path: Path
    sha256: str
    generator: Generator
    config: dict[str, Any]
    codec: Codec


@dataclass(frozen=True, eq=False)
class _Given:
    """With what, and where, one copy is made."""

    key: Key
    commitment: Commitment
    pair: Pair
    folder: Path
    key_is_new: bool


def folders_for(recipients: Sequence[str], parent: Path) -> dict[str, Path]:
    """A folder for each in `parent`, side by side: the / of a name becomes a -."""
    folders = {name: parent / check_name(name).replace("/", "-") for name in recipients}
    if len(set(folders.values())) < len(recipients):
        raise UsageError("two of the recipients have the same name, or names of the same folder")
    return folders


def issue(
    request: Request, registry: Registry, ledger: Ledger, device: str, on_progress: OnProgress
) -> Iterator[Issued]:
    """Issue a copy to every recipient who has none yet, one after another."""
    keyed = _opened(request, device)
    known = registry.known(list(map(check_name, request.folders)))
    if bare := [name for name, key in known.items() if key.origin == Origin.IMPORTED_BITS]:
        raise UsageError(f"key {bare[0]!r} is imported bits without a secret: nothing can be issued with it")
    there = _there(request, known, ledger, keyed)
    yield from there
    done = {copy.entry.recipient for copy in there}
    left = [name for name in request.folders if name not in done]
    registry.new_many([name for name in left if name not in known])
    promises, pairs = registry.commit_many(left), registry.pair_many(left, keyed.codec.facts())
    keys = registry.known(left)
    for number, (name, promise, pair) in enumerate(zip(left, promises, pairs, strict=True)):
        on_progress(number, len(left), name)
        given = _Given(keys[name], promise, pair, request.folders[name], name not in known)
        yield _issue_one(request, ledger, keyed, given)
    on_progress(len(left), len(left), "")


def _opened(request: Request, device: str) -> _Keyed:
    path = checkpoint_of(request.source)
    generator, config = read_generator(path)
    if not generator.key_bits:
        raise UsageError(
            f"{path}: not a keyed generator: it has no place for a key. Train one with keyed = true, or give this one "
            "to everyone with `artfp export`"
        )
    return _Keyed(path, sha256_file(path), generator, config, codec_of_keys(generator, request.codec).to(device))


def _there(request: Request, known: Mapping[str, Key], ledger: Ledger, keyed: _Keyed) -> list[Issued]:
    """The copies that lie where they belong; refuses what else is in the way, and where nothing is left to do."""
    found = []
    for name, folder in request.folders.items():
        entries = ledger.of_key(keyed.codec.sha256, known[name].key_id) if name in known else []
        own = (entry for entry in entries if entry.source_sha256 == keyed.sha256 and _holds(folder, entry))
        if entry := next(own, None):
            found.append(Issued(str(folder), THERE, False, entry, None))
        else:
            check_new(folder)
    if len(found) == len(request.folders):
        entry = found[0].entry
        raise UsageError(
            f"{entry.recipient} was issued this generator before: entry {entry.number} of {entry.issued}, and "
            f"{found[0].folder} holds the copy"
        )
    return found


def _holds(folder: Path, entry: Entry) -> bool:
    return (folder / FILE).is_file() and sha256_file(folder / FILE) == entry.issued_sha256


def _issue_one(request: Request, ledger: Ledger, keyed: _Keyed, given: _Given) -> Issued:
    key, codec, family = given.key, keyed.codec, keyed.config["family"]
    shown = {"images_shown": keyed.config.get("images_shown", 0)}
    before = ledger.of_key(codec.sha256, key.key_id)
    with new_folder(given.folder) as stage:
        # Write the copy, and read it.
        copy = keyed.generator.folded(given.pair.bits)
        sha256 = save_generator(stage / FILE, copy, family, shown)
        found = _read(stage / FILE, codec, given.pair, request.samples) if request.samples else None

        # Write its card.
        name, commitment = request.name or keyed.path.resolve().parent.name, given.commitment.digest
        fingerprint = {"codec_sha256": codec.sha256, "key_id": key.key_id, "commitment": commitment, "transfer": found}
        facts = {"name": name, "family": family, **shown, "fingerprint": fingerprint}
        complete(stage, copy, facts, program=request.program)

        # Tell the ledger; the folder appears after that.
        entry = ledger.record(Issue(key.name, key.key_id, commitment, keyed.sha256, sha256, codec.sha256))
    return Issued(str(given.folder), AGAIN if entry in before else ISSUED, given.key_is_new, entry, found)


def _read(checkpoint: Path, codec: Codec, pair: Pair, samples: int) -> Transfer:
    """What `verify` would say of samples of the file, search included; unless that is a match, nothing is issued."""
    generator = load_generator(checkpoint).to(codec.device)
    evidence = Evidence(codec.n_bits)
    for pixels in sample(generator, samples, SEED):
        evidence.add(codec.soft_bits(to_tensor(pixels)).cpu().numpy())
    decision = decide([(evidence, PairTable.of([pair], codec.n_bits), codec.facts())])
    if decision.outcome != MATCH:
        raise UnreadError(
            f"nothing is issued to {pair.key}: {samples:,} samples of the copy end in {decision.outcome}, with "
            f"{100 * decision.best.bit_accuracy:.1f} % of the bits right. The generator does not follow keys well "
            "enough; train it longer, or guided"
        )
    return transfer_of(evidence, pack(pair.bits), SINGLE_AT)
