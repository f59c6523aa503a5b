"""Tracing: recipients named from images, the best and everyone else, and nobody from clean images.

Keys are fixed (`fixed_secrets`), so is luck; over keys an innocent is named with the error that is asked for.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from artfp.codec.dct import DctCodec
from artfp.errors import BadInputError, UsageError
from artfp.images import LoadedImage, encode_png
from artfp.keys import ledger as ledgers
from artfp.keys.fingerprint import CodecFacts
from artfp.keys.ledger import START, Issue, Ledger
from artfp.keys.registry import Registry
from artfp.reading import BadFilesError, Item
from artfp.trace import Trace, issued_codecs, trace
from artfp.verify import verify

Pixels = np.ndarray
Mark = Callable[[Pixels, str], Pixels]
Issues = Callable[..., None]


def items_of(pixels: Pixels, prefix: str = "set") -> list[Item]:
    return [(f"{prefix}/{i}.png", lambda p=p: encode_png(LoadedImage(p))) for i, p in enumerate(pixels)]


@pytest.fixture
def issued(registry: Registry, ledger: Ledger, dct: DctCodec) -> Issues:
    """Records issues to these names, whose keys are made if they are new."""

    def record(*names: str, facts: CodecFacts | None = None) -> None:
        registry.new_many([name for name in names if name not in registry.known(names)])
        facts = facts or dct.facts()
        registry.pair_many(names, facts)
        promises = zip(names, registry.commit_many(names), strict=True)
        known = registry.known(names)
        ledger.record_many([Issue(n, known[n].key_id, p.digest, "a" * 64, "b" * 64, facts.sha256) for n, p in promises])

    return record


@pytest.fixture
def traced(registry: Registry, ledger: Ledger, dct: DctCodec) -> Callable[..., Trace]:
    """A trace of pixels or of items."""

    def run(images: Pixels | list[Item], **options: object) -> Trace:
        items = images if isinstance(images, list) else items_of(images)
        return trace(items, registry, ledger, [dct], **options)  # type: ignore[arg-type]

    return run


Traced = Callable[..., Trace]


def names(found: Trace) -> list[str]:
    return [recipient.recipient for recipient in found.recipients]


@pytest.mark.parametrize("count", [1, 8])
def test_marked_images_name_their_recipient(
    count: int, issued: Issues, traced: Traced, mark: Mark, ledger: Ledger, clean_pixels: Pixels
) -> None:
    issued("acme", "bits", "core")
    found = traced(mark(clean_pixels[:count], "bits"))
    assert (found.outcome, names(found), found.n_images, found.trials) == ("named", ["bits"], count, 3)
    [bits] = found.recipients
    assert bits.entries == tuple(entry for entry in ledger.entries() if entry.recipient == "bits")
    assert (bits.n_bits, bits.images) == (64, count)
    assert bits.matching_bits >= 63
    assert bits.q == found.least_q <= 1e-12
    assert bits.log10_q == pytest.approx(np.log10(bits.q))
    assert "carr" in found.statement
    assert "the key of bits: made by a copy that was issued with such a key, or put together of" in found.statement
    assert "on, this does not say" in found.statement
    assert Trace.from_dict(found.to_dict()) == found


def test_clean_images_name_nobody(issued: Issues, traced: Traced, clean_pixels: Pixels) -> None:
    issued("acme", "bits")
    for each_image in (False, True):
        found = traced(clean_pixels, each_image=each_image)
        assert (found.outcome, found.recipients, found.images) == ("nobody", (), ())
        assert found.least_q > 1e-6
        assert found.statement.endswith("this does not prove absence.")


def test_only_recipients_in_the_ledger_are_tried(
    issued: Issues, traced: Traced, mark: Mark, clean_pixels: Pixels
) -> None:
    issued("acme")
    found = traced(mark(clean_pixels, "a-publisher"))
    assert (found.outcome, found.trials) == ("nobody", 1)


def test_the_colluders_who_averaged_their_images_are_both_named(
    issued: Issues, traced: Traced, mark: Mark, clean_pixels: Pixels
) -> None:
    issued(*(f"r{number}" for number in range(30)))
    both = mark(clean_pixels, "r3").astype(int) + mark(clean_pixels, "r19")
    found = traced((both // 2).astype(np.uint8), error=1e-3)
    assert sorted(names(found)) == ["r19", "r3"]
    assert "carry keys of" in found.statement
    assert all(30 < recipient.matching_bits < 64 for recipient in found.recipients)


def test_images_of_several_recipients_are_counted_for_each(
    issued: Issues, traced: Traced, mark: Mark, clean_pixels: Pixels
) -> None:
    issued("acme", "bits", "core")
    mixed = clean_pixels.copy()
    mixed[:5], mixed[5:7] = mark(clean_pixels[:5], "core"), mark(clean_pixels[5:7], "acme")
    found = traced(mixed, each_image=True)
    assert (found.outcome, found.each_image) == ("named", True)
    assert [(recipient.recipient, recipient.images) for recipient in found.recipients] == [("core", 5), ("acme", 2)]
    assert {image.name: image.key for image in found.images} == {
        f"set/{i}.png": "core" if i < 5 else "acme" for i in range(7)
    }
    assert all(image.q == pytest.approx(24 * 3 * image.p / 0.999) for image in found.images)
    assert found.recipients[0].q == min(image.q for image in found.images if image.key == "core")
    assert set(names(traced(mixed))) == {"core", "acme"}  # as a set, by their best single images


def test_1500_recipients_are_told_apart(issued: Issues, traced: Traced, mark: Mark, clean_pixels: Pixels) -> None:
    issued(*(f"r{number}" for number in range(1500)))
    found = traced(mark(clean_pixels[:4], "r1234"))
    assert (names(found), found.trials) == (["r1234"], 1500)
    everyone = traced(np.concatenate([mark(clean_pixels[:1], f"r{number}") for number in range(7)]), each_image=True)
    assert sorted(names(everyone)) == [f"r{number}" for number in range(7)]
    assert everyone.statement.startswith("These 7 images carry keys of ")
    assert " and 2 more: made by" in everyone.statement


def test_an_error_beyond_reach_is_inconclusive_unless_someone_is_named(
    issued: Issues, traced: Traced, mark: Mark, clean_pixels: Pixels
) -> None:
    issued("acme", "bits")
    for each_image in (False, True):
        found = traced(clean_pixels, error=1e-19, each_image=each_image)
        assert found.outcome == "inconclusive"
        assert found.floor > 1e-19
        assert "even perfect agreement would have probability" in found.statement


def test_a_secret_that_was_made_elsewhere_is_said(
    issued: Issues, traced: Traced, mark: Mark, clean_pixels: Pixels, registry: Registry
) -> None:
    with Registry(registry.path.with_name("other.sqlite")) as other:
        other.new("acme")
        registry.import_key(other.export("acme"))
    issued("acme")
    found = traced(mark(clean_pixels, "acme"))
    assert found.recipients[0].key_origin == "imported-secret"
    assert "was made elsewhere: the probability holds if" in found.statement


def test_keys_and_codecs_that_are_missing_are_counted(
    issued: Issues, traced: Traced, mark: Mark, clean_pixels: Pixels, ledger: Ledger, dct: DctCodec
) -> None:
    issued("acme")
    ledger.record(Issue("gone", "0" * 16, "c" * 64, "a" * 64, "b" * 64, dct.sha256))
    lost = CodecFacts("lost", "f" * 64, 64, dct.facts().consensus, dct.facts().calibration)
    issued("acme", "bits", facts=lost)
    found = traced(mark(clean_pixels, "acme"))
    assert (names(found), found.trials, found.missing_keys) == (["acme"], 1, 1)
    assert [(missing.codec_sha256, missing.keys) for missing in found.not_tried] == [("f" * 64, 2)]
    assert [codec.sha256 for codec in issued_codecs(ledger)] == [dct.sha256]


def test_what_cannot_be_traced_is_said(
    issued: Issues, traced: Traced, clean_pixels: Pixels, registry: Registry, ledger: Ledger, dct: DctCodec
) -> None:
    with pytest.raises(UsageError, match="nothing has been issued yet"):
        issued_codecs(ledger)
    ledger.record(Issue("gone", "0" * 16, "c" * 64, "a" * 64, "b" * 64, dct.sha256))
    with pytest.raises(UsageError, match="holds no key of a recipient"):
        traced(clean_pixels)
    issued("acme")
    with pytest.raises(UsageError, match="no images"):
        traced([])
    with pytest.raises(BadFilesError, match="1 of 25 files"):
        traced([*items_of(clean_pixels), ("bad.png", lambda: b"\x89PNG")])
    skipped = traced([*items_of(clean_pixels), ("bad.png", lambda: b"\x89PNG")], skip_bad=True)
    assert (skipped.n_images, len(skipped.bad_files)) == (24, 1)


def test_an_entry_that_was_altered_names_nobody(
    issued: Issues, traced: Traced, mark: Mark, clean_pixels: Pixels, ledger: Ledger
) -> None:
    issued("acme", "bits")
    connection = sqlite3.connect(ledger.path, isolation_level=None)
    connection.execute("DROP TRIGGER no_change")
    connection.execute("UPDATE entries SET recipient = 'innocent' WHERE recipient = 'acme'")
    connection.close()
    with pytest.raises(BadInputError, match="entry 1 does not have the digest"):
        traced(mark(clean_pixels, "acme"))


@pytest.mark.parametrize("change", [{"recipient": "innocent"}, {"commitment": "f" * 64}])
@pytest.mark.parametrize(
    ("others", "words"), [((), "but not its name and commitment"), (("bits",), "entry 2 does not")]
)
def test_an_entry_that_was_altered_with_its_digest_names_nobody(
    change: dict[str, str],
    others: tuple[str, ...],
    words: str,
    issued: Issues,
    traced: Traced,
    mark: Mark,
    clean_pixels: Pixels,
    ledger: Ledger,
) -> None:
    """The entry after it tells, and for the last one the registry, which knows whose key it is."""
    issued("acme", *others)
    altered = replace(ledger.entries()[0], **change)
    digest = ledgers._digest(START, tuple(vars(altered).values())[:-1])
    connection = sqlite3.connect(ledger.path, isolation_level=None)
    connection.execute("DROP TRIGGER no_change")
    values = [altered.recipient, altered.commitment, digest]
    connection.execute("UPDATE entries SET recipient = ?, commitment = ?, digest = ? WHERE number = 1", values)
    connection.close()
    for each_image in (False, True):
        with pytest.raises(BadInputError, match=words):
            traced(mark(clean_pixels[:2], "acme"), each_image=each_image)


def test_no_bits_reach_the_record(
    issued: Issues, traced: Traced, mark: Mark, clean_pixels: Pixels, registry: Registry, dct: DctCodec
) -> None:
    issued("acme")
    text = str(traced(mark(clean_pixels, "acme")).to_dict())
    bits = registry.pair("acme", dct.facts()).bits
    assert np.packbits(bits).tobytes().hex() not in text
    assert "".join(map(str, bits.tolist())) not in text
    assert str(registry.export("acme")["secret"]) not in text


def test_verify_and_trace_read_alike(
    issued: Issues, traced: Traced, mark: Mark, clean_pixels: Pixels, registry: Registry, dct: DctCodec
) -> None:
    """What verify calls a match names the recipient, with the same q for a set."""
    issued("acme", "bits")
    pixels = mark(clean_pixels, "acme")
    assert traced(pixels).recipients[0].q == verify(items_of(pixels), registry, [dct]).q
