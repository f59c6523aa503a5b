"""Issuing: a copy of a keyed generator for one recipient, with the recipient's key in its weights.

    GENERATOR, bits of NAME's key --folded--> generator.safetensors   README.md   [model.pt2]
    its file --samples--> read for the key --match--> entry in the ledger --> the folder appears

The ledger comes before the folder, so that no copy is about which it does not know. An interruption leaves a key
without an entry, which is taken the next time, or an entry without a folder: the same command writes the same file
again, and finds its entry there. So it does for a folder that was lost. Where entry and folder are there, nothing is
left to do. A copy in whose samples its key is not found is not issued, and stops no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from artfp.artefacts import Provenance, files_below, write_list
from artfp.codec.base import Codec
from artfp.errors import ArtfpError, Exit, UsageError
from artfp.files import check_new, new_folder, sha256_file
from artfp.generators.base import Generator
from artfp.generators.export import complete
from artfp.generators.folder import FILE
from artfp.generators.keying import codec_of_keys
from artfp.generators.sampling import OnProgress, checkpoint_of, load_generator, read_generator, sample, save_generator
from artfp.generators.transfer import Transfer, transfer_of
from artfp.images import to_tensor
from artfp.keys.commitment import Commitment
from artfp.keys.fingerprint import pack
from artfp.keys.ledger import Entry, Issue, Ledger
from artfp.keys.records import Key, Origin, Pair, PairTable, check_name
from artfp.keys.registry import Registry
from artfp.results import Record
from artfp.statistics.decision import MATCH, MATCH_AT, decide
from artfp.statistics.evidence import Evidence

SEED = 0  # of the samples that are read
KEYS_AT_ONCE = 32  # are made: a registry waits for the disk at every write, as long as a copy takes
TRACED_AMONG = 1_000_000  # recipients at least, whether a ledger has so many already or not
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
    check: Transfer | None  # what was read in samples of it; which match alone if each by itself names the recipient

    @property
    def is_hard_to_trace(self) -> bool:
        """Whether fewer than half of the samples would name the recipient by themselves."""
        return self.check is not None and 2 * self.check.matching_images < self.check.images


@dataclass(frozen=True, eq=False)
class _Keyed:
    """The generator that copies are made of."""

    path: Path
    sha256: str
    generator: Generator
    config: dict[str, Any]
    codec: Codec
    single_at: float  # where one image names a recipient


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
    """The copy of every recipient, made now where it is not there; an UnreadError at the end tells who got none."""
    keyed = _opened(request, ledger, device)
    there = _there(request, _known(request, registry), ledger, keyed)
    yield from there
    done = {copy.entry.recipient for copy in there}
    left, unread = [name for name in request.folders if name not in done], []
    for number, given in enumerate(_all_given(left, request, registry, keyed)):
        on_progress(number, len(left), given.key.name)
        try:
            copy = _issue_one(request, ledger, keyed, given)
        except UnreadError as error:
            unread.append(str(error))
        else:
            yield copy
    if left:
        on_progress(len(left), len(left), "")
    if unread:
        raise UnreadError(
            f"nothing is issued to {'; '.join(unread)}. The generator does not follow keys well enough; train it "
            "longer, or guided"
        )


def _opened(request: Request, ledger: Ledger, device: str) -> _Keyed:
    path = checkpoint_of(request.source)
    generator, config = read_generator(path)
    if not generator.key_bits:
        raise UsageError(
            f"{path}: not a keyed generator: it has no place for a key. Train one with keyed = true, or give this one "
            "to everyone with `artfp export`"
        )
    codec = codec_of_keys(generator, request.codec).to(device)
    recipients = max(ledger.head().entries + len(request.folders), TRACED_AMONG)
    return _Keyed(path, sha256_file(path), generator, config, codec, MATCH_AT / recipients)


def _known(request: Request, registry: Registry) -> dict[str, Key]:
    """The recipients' keys that are there already; refuses those that are not for issuing."""
    known = registry.known(list(map(check_name, request.folders)))
    for name, key in known.items():
        if key.origin == Origin.IMPORTED_BITS:
            raise UsageError(f"key {name!r} is imported bits without a secret: nothing can be issued with it")
        if registry.image_uses(name):
            raise UsageError(
                f"key {name!r} is the secret behind the keys of single images (--key-per image), which whoever opens "
                "its commitment gives away: issue with another name"
            )
    return known


def _there(request: Request, known: Mapping[str, Key], ledger: Ledger, keyed: _Keyed) -> list[Issued]:
    """The copies that lie where they belong; refuses what else is in the way."""
    found = []
    for name, folder in request.folders.items():
        entries = ledger.of_key(keyed.codec.sha256, known[name].key_id) if name in known else []
        own = (entry for entry in entries if entry.source_sha256 == keyed.sha256 and _holds(folder, entry))
        if entry := next(own, None):
            found.append(Issued(str(folder), THERE, False, entry, None))
        else:
            check_new(folder)
    return found


def _holds(folder: Path, entry: Entry) -> bool:
    return (folder / FILE).is_file() and sha256_file(folder / FILE) == entry.issued_sha256


def _all_given(names: Sequence[str], request: Request, registry: Registry, keyed: _Keyed) -> Iterator[_Given]:
    """The recipients' keys, made where there are none, a few at a time: an interruption leaves few unused."""
    for start in range(0, len(names), KEYS_AT_ONCE):
        some = names[start : start + KEYS_AT_ONCE]
        new = set(some) - registry.known(some).keys()
        registry.new_many([name for name in some if name in new])
        promises, pairs = registry.commit_many(some), registry.pair_many(some, keyed.codec.facts())
        keys = registry.known(some)
        for name, promise, pair in zip(some, promises, pairs, strict=True):
            yield _Given(keys[name], promise, pair, request.folders[name], name in new)


def _issue_one(request: Request, ledger: Ledger, keyed: _Keyed, given: _Given) -> Issued:
    key, codec, family = given.key, keyed.codec, keyed.config["family"]
    shown = {"images_shown": keyed.config.get("images_shown", 0)}
    before = ledger.of_key(codec.sha256, key.key_id)
    with new_folder(given.folder) as stage:
        # Write the copy, and read it.
        copy = keyed.generator.folded(given.pair.bits)
        sha256 = save_generator(stage / FILE, copy, family, shown)
        found = _read(stage / FILE, keyed, given.pair, request.samples) if request.samples else None

        # Write its card.
        name, commitment = request.name or keyed.path.resolve().parent.name, given.commitment.digest
        fingerprint = {"codec_sha256": codec.sha256, "key_id": key.key_id, "commitment": commitment, "transfer": found}
        facts = {"name": name, "family": family, **shown, "fingerprint": fingerprint}
        complete(stage, copy, facts, program=request.program)
        made_from = {"generator": keyed.sha256, "codec": codec.sha256}
        write_list(stage, Provenance("copy", made_from), files_below(stage))

        # Tell the ledger; the folder appears after that.
        entry = ledger.record(Issue(key.name, key.key_id, commitment, keyed.sha256, sha256, codec.sha256))
    return Issued(str(given.folder), AGAIN if entry in before else ISSUED, given.key_is_new, entry, found)


def _read(checkpoint: Path, keyed: _Keyed, pair: Pair, samples: int) -> Transfer:
    """What `verify` would say of samples of the file, search included; unless that is a match, nothing is issued."""
    codec = keyed.codec
    generator = load_generator(checkpoint).to(codec.device)
    evidence = Evidence(codec.n_bits)
    for pixels in sample(generator, samples, SEED):
        evidence.add(codec.soft_bits(to_tensor(pixels)).cpu().numpy())
    decision = decide([(evidence, PairTable.of([pair], codec.n_bits), codec.facts())])
    if decision.outcome != MATCH:
        raise UnreadError(
            f"{pair.key}: {samples:,} samples of the copy end in {decision.outcome}, with "
            f"{100 * decision.best.bit_accuracy:.1f} % of the bits right"
        )
    return transfer_of(evidence, pack(pair.bits), keyed.single_at)
