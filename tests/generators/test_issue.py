"""Issuing: a plain generator with one key in its weights, in the ledger before it is anywhere else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

from artfp.codec.dct import DctCodec
from artfp.errors import ArtfpError, BadInputError, Exit, UsageError
from artfp.files import sha256_file
from artfp.generators import issue as issuing
from artfp.generators.base import Shape
from artfp.generators.families import FAMILIES, new_learner
from artfp.generators.issue import AGAIN, ISSUED, THERE, Issued, Request, UnreadError, folders_for, issue
from artfp.generators.sampling import load_generator, sample, save_generator
from artfp.generators.settings import GanRecipe
from artfp.images import LoadedImage, encode_png
from artfp.keys.ledger import Ledger
from artfp.keys.records import Pair
from artfp.keys.registry import Registry
from artfp.trace import trace

KEYED = [name for name, family in FAMILIES.items() if family.keyed]
Painter = Callable[..., Path]
Give = Callable[..., list[Issued]]


class StopError(Exception):
    """Stands for whatever ends a process."""


@pytest.fixture
def run(painter: Painter, tmp_path: Path) -> Path:
    """A keyed generator that follows any key."""
    return painter(tmp_path / "run")


@pytest.fixture
def give(run: Path, registry: Registry, ledger: Ledger, tmp_path: Path) -> Give:
    """Issues `run`, or another, to these recipients in tmp_path/issued."""

    def work(*recipients: str, **options: Any) -> list[Issued]:
        request = Request(run, folders_for(recipients, tmp_path / "issued"), samples=32)
        return list(issue(replace(request, **options), registry, ledger, "cpu", lambda *_: None))

    return work


def folder_of(copy: Issued) -> Path:
    return Path(copy.folder)


def hidden(folder: Path) -> list[Path]:
    return list(folder.glob(".*")) if folder.exists() else []


# What is issued


def test_a_copy_carries_its_recipients_key_and_is_in_the_ledger(
    give: Give, run: Path, registry: Registry, ledger: Ledger, dct: DctCodec, tmp_path: Path
) -> None:
    [copy] = give("acme")
    assert (folder_of(copy), copy.state, copy.key_is_new) == (tmp_path / "issued" / "acme", ISSUED, True)
    assert sorted(path.name for path in folder_of(copy).iterdir()) == [
        "README.md",
        "artefacts.json",
        "generator.safetensors",
    ]
    key, [entry] = registry.get("acme"), ledger.entries()
    assert copy.entry == entry
    assert key.commitment is not None
    assert (entry.recipient, entry.key_id, entry.commitment) == ("acme", key.key_id, key.commitment.digest)
    assert entry.codec_sha256 == dct.sha256
    for path, sha256 in ((run, entry.source_sha256), (folder_of(copy), entry.issued_sha256)):
        assert sha256_file(path / "generator.safetensors") == sha256
    assert copy.check is not None
    assert (copy.check.images, copy.check.single_at) == (32, 1e-12)
    assert copy.check.matching_images >= 30
    assert copy.check.bit_accuracy > 0.98
    assert Issued.from_dict(copy.to_dict()) == copy

    pixels = np.concatenate(list(sample(load_generator(folder_of(copy)), 8, seed=5)))
    items = [(str(i), lambda p=p: encode_png(LoadedImage(p))) for i, p in enumerate(pixels)]
    give("other")
    assert [named.recipient for named in trace(items, registry, ledger, [dct]).recipients] == ["acme"]


def contents(path: Path) -> tuple[dict[str, Any], dict[str, tuple[int, ...]]]:
    """Metadata, and names and shapes of the tensors."""
    with safe_open(path / "generator.safetensors", framework="pt") as archive:
        shapes = {name: tuple(archive.get_tensor(name).shape) for name in archive.keys()}  # noqa: SIM118
        return json.loads(archive.metadata()["artfp"]), shapes


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("family", KEYED)
def test_the_file_is_that_of_a_plain_generator_of_its_family(
    family: str, classes: int, give: Give, dct: DctCodec, registry: Registry, tmp_path: Path
) -> None:
    recipe = GanRecipe(family=family, batch=4, latent=8, generator_width=4, generator_most=8, discriminator_most=8)
    for name, shape in (("keyed", Shape(16, classes + 64, 64)), ("plain", Shape(16, classes))):
        generator = new_learner(recipe, shape, "cpu").averaged
        generator.codec_sha256 = dct.sha256
        (tmp_path / name).mkdir()
        save_generator(tmp_path / name / "generator.safetensors", generator, family, {"images_shown": 7})
    [copy] = give("acme", source=tmp_path / "keyed", samples=0)
    assert contents(folder_of(copy)) == contents(tmp_path / "plain")
    sizes = [(path / "generator.safetensors").stat().st_size for path in (folder_of(copy), tmp_path / "plain")]
    assert sizes[0] == sizes[1]
    assert contents(tmp_path / "keyed") != contents(tmp_path / "plain")
    data = (folder_of(copy) / "generator.safetensors").read_bytes()
    key = registry.get("acme")
    assert key.commitment is not None
    for word in (dct.sha256, key.key_id, key.commitment.digest, "acme"):
        assert word.encode() not in data


def test_the_card_says_that_there_is_a_key_and_neither_its_bits_nor_its_owner(
    give: Give, registry: Registry, dct: DctCodec
) -> None:
    [copy] = give("acme", name="tulips")
    card = (folder_of(copy) / "README.md").read_text()
    key, bits = registry.get("acme"), registry.pair("acme", dct.facts()).bits
    assert card.startswith("---\nlibrary_name: artfp\n")
    assert key.commitment is not None
    for words in (
        "# tulips",
        "The images that this copy of the model makes carry an artificial fingerprint.",
        f"key: id `{key.key_id}`; its bits are not published",
        f"commitment to the key: `{key.commitment.digest}`",
        "artfp verify IMAGES",
        "were read in 32 images of this model",
        copy.entry.issued_sha256,
        "parameters | 61,440",
    ):
        assert words in card
    for words in (
        "acme",
        "seed",
        "model.pt2",
        "training data",
        "".join(map(str, bits)),
        np.packbits(bits).tobytes().hex(),
    ):
        assert words not in card
    [unread] = give("other", samples=0)
    assert unread.check is None
    assert "were read" not in (folder_of(unread) / "README.md").read_text()


def test_a_program_comes_along_where_it_is_asked_for(give: Give) -> None:
    [copy] = give("acme", program=True, samples=0)
    program = torch.export.load(folder_of(copy) / "model.pt2").module()
    assert program(torch.randn(3, 4)).shape == (3, 3, 64, 64)
    assert "model.pt2 | sha256" in (folder_of(copy) / "README.md").read_text()


def test_a_key_that_exists_is_taken(give: Give, registry: Registry) -> None:
    made = registry.new("acme")
    promise = registry.commit("acme")
    [copy] = give("acme")
    assert (copy.key_is_new, copy.entry.key_id, copy.entry.commitment) == (False, made.key_id, promise.digest)


def test_several_recipients_get_copies_of_their_own(give: Give, ledger: Ledger) -> None:
    copies = give("acme", "labs/east", "labs/west")
    assert [folder_of(copy).name for copy in copies] == ["acme", "labs-east", "labs-west"]
    assert len({copy.entry.issued_sha256 for copy in copies}) == 3
    assert ledger.check().entries == 3


# What is refused


def test_a_copy_that_does_not_match_is_not_issued(
    give: Give, painter: Painter, registry: Registry, ledger: Ledger, tmp_path: Path
) -> None:
    """It does not listen to its key: the samples match with a chance of 1e-6."""
    with pytest.raises(
        UnreadError, match=r"nothing is issued to acme: 32 samples .* end in no match, with .* %"
    ) as caught:
        give("acme", source=painter(tmp_path / "deaf", 0.0))
    assert caught.value.exit_code == Exit.NO_MATCH
    assert ledger.entries() == []
    assert not (tmp_path / "issued" / "acme").exists()
    assert hidden(tmp_path / "issued") == []
    assert give("acme")[0].key_is_new is False  # the key is there, and is taken


@pytest.fixture
def misread(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lets the copies of these recipients be read for other keys than their own."""
    honest = issuing._read

    def of(names: str) -> None:
        def read(checkpoint: Path, keyed: Any, pair: Pair, samples: int) -> Any:
            pair = replace(pair, bits=1 - pair.bits) if pair.key in names else pair
            return honest(checkpoint, keyed, pair, samples)

        monkeypatch.setattr(issuing, "_read", read)

    return of


def test_a_copy_that_does_not_match_stops_no_other(
    misread: Callable[[str], None], run: Path, registry: Registry, ledger: Ledger, tmp_path: Path
) -> None:
    misread("bd")
    request, copies = Request(run, folders_for("abcde", tmp_path / "issued"), samples=8), []
    with pytest.raises(UnreadError, match=r"nothing is issued to b: 8 samples .* right; d: 8 .* right\. The generator"):
        copies.extend(copy.entry.recipient for copy in issue(request, registry, ledger, "cpu", lambda *_: None))
    assert copies == [entry.recipient for entry in ledger.entries()] == ["a", "c", "e"]


@pytest.mark.parametrize("listens", [0.25, 1.0])
def test_copies_that_one_image_seldom_gives_away_are_told(
    listens: float, give: Give, painter: Painter, tmp_path: Path
) -> None:
    """They match all the same: as a set, against one key."""
    [copy] = give("acme", source=painter(tmp_path / "faint", listens))
    assert copy.check is not None
    assert copy.check.p < 1e-9
    assert copy.is_hard_to_trace == (copy.check.matching_images < 16) == (listens < 1)
    assert not give("other", samples=0)[0].is_hard_to_trace  # nobody knows


def test_a_larger_ledger_asks_more_of_an_image(give: Give, monkeypatch: pytest.MonkeyPatch) -> None:
    give("a", "b", samples=0)
    monkeypatch.setattr(issuing, "TRACED_AMONG", 3)
    checks = [copy.check for copy in (*give("c"), *give("d", "e"))]
    assert [check and check.single_at for check in checks] == pytest.approx([1e-6 / 3, 1e-6 / 5, 1e-6 / 5])


def test_keys_are_made_a_few_at_a_time(give: Give, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuing, "KEYS_AT_ONCE", 2)
    with pytest.MonkeyPatch.context() as context:
        stopping(context, issuing, "save_generator")
        with pytest.raises(StopError):
            give("a", "b", "c", "d", "e")
    assert registry.names() == ["a", "b"]
    copies = give("e", "d", "c", "b", "a", samples=0)
    assert [(copy.entry.recipient, copy.key_is_new) for copy in copies] == [
        *((name, True) for name in "edc"),
        *((name, False) for name in "ba"),
    ]
    assert registry.names() == ["a", "b", "e", "d", "c"]


def test_a_copy_that_is_there_is_left_alone_and_one_that_is_gone_written_again(
    give: Give, ledger: Ledger, painter: Painter, tmp_path: Path
) -> None:
    [copy] = give("acme")
    assert give("acme") == [replace(copy, state=THERE, key_is_new=False, check=None)]
    data = (folder_of(copy) / "generator.safetensors").read_bytes()
    folder_of(copy).rename(tmp_path / "given-away")
    [again] = give("acme")
    assert (again.state, again.entry, again.key_is_new) == (AGAIN, copy.entry, False)
    assert (folder_of(again) / "generator.safetensors").read_bytes() == data
    [elsewhere] = give("acme", source=painter(tmp_path / "second", 0.9), folders={"acme": tmp_path / "elsewhere"})
    assert (elsewhere.state, elsewhere.entry.number, elsewhere.entry.key_id) == (ISSUED, 2, copy.entry.key_id)
    assert ledger.check().entries == 2


def test_those_who_have_theirs_are_passed_over(give: Give, ledger: Ledger) -> None:
    give("acme")
    assert [copy.state for copy in give("acme", "bits")] == [THERE, ISSUED]
    assert [copy.state for copy in give("acme", "bits")] == [THERE, THERE]
    assert ledger.check().entries == 2


def test_what_is_in_the_way_is_left_alone(
    give: Give, painter: Painter, registry: Registry, ledger: Ledger, tmp_path: Path
) -> None:
    (tmp_path / "issued" / "bits").mkdir(parents=True)
    (tmp_path / "issued" / "bits" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="bits: exists; choose a new folder"):
        give("acme", "bits")
    assert (registry.names(), ledger.entries()) == ([], [])  # nothing was begun
    give("acme")
    with pytest.raises(UsageError, match="acme: exists"):  # of another generator
        give("acme", source=painter(tmp_path / "second", 0.9))


def test_where_nothing_can_be_written_nothing_is_begun(
    give: Give, registry: Registry, ledger: Ledger, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match=r"acme: nothing can be written there: .*file is no folder"):
        give("acme", folders={"acme": tmp_path / "file" / "deep" / "acme"})
    assert (registry.names(), ledger.entries()) == ([], [])


def test_what_appears_meanwhile_is_left_alone(give: Give, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of another process with the same list."""
    honest, folder = Ledger.record, tmp_path / "issued" / "acme"

    def record(ledger: Ledger, given: Any) -> Any:
        folder.mkdir()
        (folder / "mine.txt").write_text("mine")
        return honest(ledger, given)

    monkeypatch.setattr(Ledger, "record", record)
    with pytest.raises(UsageError, match="acme: appeared meanwhile; choose a new folder"):
        give("acme")
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]
    assert hidden(folder.parent) == []


def test_what_cannot_be_issued_is_said(
    give: Give, run: Path, registry: Registry, dct: DctCodec, painter: Painter, tmp_path: Path
) -> None:
    def refused(words: str, *names: str, kind: type[ArtfpError] = UsageError, **options: Any) -> None:
        with pytest.raises(kind, match=words):
            give(*names, **options)

    [copy] = give("acme")
    refused("not a keyed generator: it has no place for a key", "bits", source=folder_of(copy))
    refused("holds no generator", "bits", source=tmp_path)
    refused("no such checkpoint", "bits", source=tmp_path / "absent", kind=BadInputError)
    refused("follows keys of the codec 4c04f66d5841, not of artfp-64", "bits", codec="artfp-64")
    refused("is no name for a key", "[red]")
    refused("is no name for a key", "bits", folders={"../bits": tmp_path / "x"})
    refused("the same name, or names of the same folder", "a/b", "a-b")
    refused("the same name, or names of the same folder", "a", "a")
    registry.import_bits("bare", dct.facts(), np.zeros(64, np.uint8))
    refused("'bare' is imported bits without a secret: nothing can be issued", "new", "bare")
    registry.new("secret")
    registry.image_bits("secret", dct.facts(), ["one", "two"])
    refused("'secret' is the secret behind the keys of single images", "new", "secret")
    assert registry.names() == ["acme", "bare", "secret"]


# Whatever happens in between


def stopping(monkeypatch: pytest.MonkeyPatch, owner: object, name: str, *, after: bool = False) -> None:
    """Ends the process at the first call of this function, or behind it."""
    honest = getattr(owner, name)

    def stop(*arguments: Any, **options: Any) -> Any:
        if after:
            honest(*arguments, **options)
        raise StopError

    monkeypatch.setattr(owner, name, stop)


@pytest.mark.parametrize(
    ("owner", "name", "after", "entries", "state"),
    [
        (Registry, "new_many", True, 0, ISSUED),
        (Registry, "commit_many", True, 0, ISSUED),
        (Registry, "pair_many", True, 0, ISSUED),
        (issuing, "save_generator", True, 0, ISSUED),
        (issuing, "_read", False, 0, ISSUED),
        (issuing, "complete", True, 0, ISSUED),
        (Ledger, "record", False, 0, ISSUED),
        (Ledger, "record", True, 1, AGAIN),
        (Path, "rename", False, 1, AGAIN),
    ],
)
def test_the_same_command_finishes_whatever_was_interrupted(
    give: Give,
    registry: Registry,
    ledger: Ledger,
    tmp_path: Path,
    owner: object,
    name: str,
    after: bool,
    entries: int,
    state: str,
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        stopping(monkeypatch, owner, name, after=after)
        with pytest.raises(StopError):
            give("acme")
    assert len(ledger.entries()) == entries
    assert hidden(tmp_path / "issued") == []
    assert not (tmp_path / "issued" / "acme").exists()
    assert registry.names() == ["acme"]
    [copy] = give("acme")
    assert (copy.state, copy.key_is_new) == (state, False)
    assert ledger.check().entries == 1
    assert sha256_file(folder_of(copy) / "generator.safetensors") == ledger.entries()[0].issued_sha256


def test_many_go_on_where_they_stopped(give: Give, ledger: Ledger) -> None:
    honest = issuing._read

    def at_the_third(*arguments: Any) -> Any:
        if len(ledger.entries()) == 2:
            raise KeyboardInterrupt
        return honest(*arguments)

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(issuing, "_read", at_the_third)
        with pytest.raises(KeyboardInterrupt):
            give("a", "b", "c")
    copies = give("a", "b", "c")
    assert [(copy.entry.recipient, copy.state) for copy in copies] == [("a", THERE), ("b", THERE), ("c", ISSUED)]
    assert ledger.check().entries == 3


def test_no_folder_is_there_before_the_ledger_knows_of_it(
    give: Give, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, seen = Ledger.record, []

    def spy(ledger: Ledger, given: Any) -> Any:
        seen.append((tmp_path / "issued" / "acme").exists())
        return honest(ledger, given)

    monkeypatch.setattr(Ledger, "record", spy)
    assert give("acme")[0].state == ISSUED
    assert seen == [False]
