"""Drafts of C2PA manifests: their fields against what C2PA 2.3 asks for, who gets one, and what is never in one.

Unmarked images match a key drawn at random at the strictness of drafts with a chance of 1e-6; the keys here are fixed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from artfp.artefacts import Provenance, write_list
from artfp.c2pa import ALG, LISTED, STATED, SUFFIX, draft, file_names
from artfp.cli.main import artfp
from artfp.codec.dct import DctCodec
from artfp.iptc import EDITED, TRAINED, uri
from artfp.keys.fingerprint import pack
from artfp.keys.records import Key, Origin
from artfp.keys.registry import Registry
from artfp.verdict import ImageVerdict

# Field: what it holds, with ! where C2PA 2.3 requires it (sections 10, 18.10, 18.15). Its byte strings (value,
# alg-params, pad) are text here: JSON has none, and c2patool makes text of text.
MAPS: dict[str, dict[str, str]] = {
    "manifest": {"claim_generator_info": "generator[]!", "title": "text", "assertions": "assertion[]!"},
    "generator": {"name": "text!", "version": "text"},
    "assertion": {"label": "text!", "data": "any!"},
    "c2pa.soft-binding": {
        "alg": "name!",
        "blocks": "block[]!",
        "alg-params": "text",
        "name": "text",
        "bindingMetadata": "metadata",
        "pad": "text",
        "pad2": "text",
    },
    "block": {"scope": "scope!", "value": "text!"},
    "scope": {"timespan": "any", "region": "any"},  # none: the whole asset
    "metadata": {"description": "text", "contact": "text", "informationalUrl": "text", "*": "text"},
    "c2pa.actions.v2": {"actions": "action[]!"},
    "action": {"action": "text!", "digitalSourceType": "source", "description": "text"},
}
NAME = r"[A-Za-z]{2,63}(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+"  # of algorithms, and of one's own fields
TEXTS = {"text": r"(?s).+", "name": NAME, "source": re.escape(uri("")) + r"\w+"}


def problems(value: Any, kind: str, where: str = "") -> list[str]:
    """What is wrong with a value that should be of a kind."""
    if kind == "any":
        return []
    if kind.endswith("[]"):
        wrong = [] if isinstance(value, list) and value else [f"{where}: not a list of at least one"]
        return wrong or [each for item in value for each in problems(item, kind[:-2], where)]
    if kind in TEXTS:
        fits = isinstance(value, str) and re.fullmatch(TEXTS[kind], value)
        return [] if fits else [f"{where}: {value!r} is no {kind}"]
    if not isinstance(value, dict):
        return [f"{where}: no map"]
    fields = MAPS[kind]
    wrong = [f"{where}.{name}: missing" for name, what in fields.items() if what.endswith("!") and name not in value]
    for name, inner in value.items():
        own = fields.get("*") if re.fullmatch(NAME, name) else None
        what = fields.get(name, own)
        wrong += [f"{where}.{name}: unknown"] if what is None else problems(inner, what.rstrip("!"), f"{where}.{name}")
    return wrong


def wrong_in(manifest: dict[str, Any]) -> list[str]:
    """All that is wrong with a manifest definition."""
    found = problems(manifest, "manifest")
    return found + [
        each for one in manifest["assertions"] for each in problems(one["data"], one["label"], one["label"])
    ]


KEY = Key("studio", "0123456789abcdef", "2026-11-22T00:00:00+00:00", Origin.GENERATED)
IMAGE = ImageVerdict("some/where/a.png", "studio", 64, 64, 1e-19, 1e-19, "ab" * 32, "cd" * 32)


def test_the_table_finds_what_is_wrong() -> None:
    good = draft(IMAGE, KEY, TRAINED)
    assert wrong_in(good) == []
    binding = good["assertions"][0]["data"]
    for broken, words in (
        (binding | {"alg": "phash"}, "is no name"),
        (binding | {"blocks": []}, "at least one"),
        (binding | {"blocks": [{"value": "x"}]}, ".scope: missing"),
        (binding | {"blocks": [{"scope": {}, "value": b"x"}]}, "is no text"),
        (binding | {"url": "x"}, ".url: unknown"),
        (binding | {"bindingMetadata": {"q": "1e-19"}}, ".q: unknown"),
    ):
        assert any(words in each for each in problems(broken, "c2pa.soft-binding")), words


def test_a_draft_says_that_it_is_one_and_that_its_algorithm_is_unregistered() -> None:
    binding = draft(IMAGE, KEY)["assertions"][0]["data"]
    assert binding["blocks"] == [{"scope": {}, "value": KEY.key_id}]
    assert binding["alg"].split(".")[0] == "invalid"
    assert "unregistered" in binding["alg"]
    assert "UNREGISTERED" in binding["bindingMetadata"]["description"]
    assert "nobody has signed" in binding["bindingMetadata"]["description"]


def test_images_of_one_name_get_drafts_of_different_names() -> None:
    other = ImageVerdict("else/where/a.png", "studio", 64, 64, 1e-19, 1e-19, "ef" * 32)
    deep = ImageVerdict("x.zip/" + "ä" * 300, "studio", 64, 64, 1e-19, 1e-19)
    first, second, third = file_names([IMAGE, other, deep])
    assert (first, second) == ("a.png.abababababab.c2pa.json", "a.png.efefefefefef.c2pa.json")
    assert len(third.encode()) <= 255
    assert file_names([IMAGE]) == ["a.png.c2pa.json"]


@pytest.fixture
def mixed(
    tmp_path: Path,
    clean_pixels: np.ndarray,
    mark: Callable[[np.ndarray, str], np.ndarray],
    write_pngs: Callable[[Path, np.ndarray], list[Path]],
) -> Path:
    """Four marked images, two of another key, and two clean ones."""
    pixels = np.concatenate([mark(clean_pixels[:4], "mine"), mark(clean_pixels[4:6], "other"), clean_pixels[6:8]])
    write_pngs(tmp_path / "mixed", pixels)
    return tmp_path / "mixed"


@pytest.fixture
def verify(registry_path: Path, tmp_path: Path) -> Callable[..., tuple[Result, dict[str, Any]]]:
    """The command with --c2pa, and the drafts that it wrote."""

    def run(*arguments: object) -> tuple[Result, dict[str, Any]]:
        given = ["verify", "--registry", registry_path, "--device", "cpu", "--c2pa", tmp_path / "drafts", *arguments]
        done = CliRunner().invoke(artfp, list(map(str, given)))
        found = (tmp_path / "drafts").glob("*")
        return done, {path.name.removesuffix(SUFFIX): json.loads(path.read_text()) for path in sorted(found)}

    return run


def test_images_that_match_alone_get_a_draft_of_their_own_key_and_others_none(
    mixed: Path, verify: Callable[..., tuple[Result, dict[str, Any]]], registry: Registry, dct: DctCodec
) -> None:
    digest = registry.commit("mine").digest
    done, found = verify(mixed)
    assert done.exit_code == 0, done.stderr
    assert "unsigned C2PA drafts for 6 of 8 images" in done.stderr
    assert list(found) == [f"{index:03d}.png" for index in range(6)]
    for index, manifest in enumerate(found.values()):
        assert wrong_in(manifest) == []
        key = registry.get("mine" if index < 4 else "other")
        binding = manifest["assertions"][0]["data"]
        assert (binding["alg"], binding["blocks"][0]["value"]) == (ALG, key.key_id)
        assert binding["alg-params"] == f"codec-sha256:{dct.sha256}"
        assert (digest in json.dumps(binding)) == (key.name == "mine")
        assert [each["label"] for each in manifest["assertions"]] == ["c2pa.soft-binding"]


def test_no_draft_holds_bits_names_or_numbers_of_the_evidence(
    mixed: Path, verify: Callable[..., tuple[Result, dict[str, Any]]], registry: Registry, dct: DctCodec
) -> None:
    _, found = verify(mixed)
    text = json.dumps(found)
    bits = registry.pair("mine", dct.facts()).bits
    for secret in (pack(bits).tobytes().hex(), "".join(map(str, bits)), '"mine"', "e-1"):
        assert secret not in text


def test_a_source_type_is_written_where_somebody_states_it(
    mixed: Path, verify: Callable[..., tuple[Result, dict[str, Any]]]
) -> None:
    done, found = verify(mixed, "--digital-source-type", "digitalCapture", "--each")
    assert done.exit_code == 0, done.stderr
    for manifest in found.values():
        assert wrong_in(manifest) == []
        assert [each["label"] for each in manifest["assertions"]] == ["c2pa.soft-binding", "c2pa.actions.v2"]
        assert manifest["assertions"][1]["data"]["actions"] == [
            {"action": "c2pa.created", "digitalSourceType": uri("digitalCapture"), "description": STATED}
        ]


@pytest.mark.parametrize(("made_from", "term"), [({}, TRAINED), ({"source": "ab" * 32}, EDITED)])
def test_a_list_of_generated_images_is_believed_for_the_bytes_that_it_names(
    mixed: Path, verify: Callable[..., tuple[Result, dict[str, Any]]], made_from: dict[str, str], term: str
) -> None:
    write_list(mixed, Provenance("generated", {"generator": "cd" * 32, **made_from}), ["000.png", "001.png"])
    (mixed / "001.png").write_bytes((mixed / "002.png").read_bytes())
    _, found = verify(mixed)
    assert [len(manifest["assertions"]) for manifest in found.values()] == [2, 1, 1, 1, 1, 1]
    action = found["000.png"]["assertions"][1]["data"]["actions"][0]
    assert (action["digitalSourceType"], action["description"]) == (uri(term), LISTED)


@pytest.mark.parametrize("damage", ["dataset", "changed", "unreadable"])
def test_other_lists_and_damaged_ones_say_nothing(
    mixed: Path, verify: Callable[..., tuple[Result, dict[str, Any]]], damage: str
) -> None:
    write_list(mixed, Provenance("dataset" if damage == "dataset" else "generated", {}), ["000.png"])
    listed = (mixed / "artefacts.json").read_text()
    broken = {"dataset": listed, "changed": listed.replace("000.png", "001.png"), "unreadable": '{"files": 3'}
    (mixed / "artefacts.json").write_text(broken[damage])
    done, found = verify(mixed)
    assert done.exit_code == 0
    assert {len(manifest["assertions"]) for manifest in found.values()} == {1}


def test_where_no_image_matches_alone_there_is_no_folder(
    tmp_path: Path,
    clean_pixels: np.ndarray,
    mark: Callable[[np.ndarray, str], np.ndarray],
    write_pngs: Callable[[Path, np.ndarray], list[Path]],
    verify: Callable[..., tuple[Result, dict[str, Any]]],
) -> None:
    mark(clean_pixels[:1], "mine")
    write_pngs(tmp_path / "clean", clean_pixels[:3])
    done, found = verify(tmp_path / "clean")
    assert (done.exit_code, found) == (1, {})
    assert "no draft: none of 3 images matches by itself" in done.stderr
    assert not (tmp_path / "drafts").exists()


def test_what_could_not_be_written_is_refused_before_images_are_read(
    mixed: Path, registry_path: Path, verify: Callable[..., tuple[Result, dict[str, Any]]]
) -> None:
    command = ["verify", str(mixed), "--registry", str(registry_path), "--digital-source-type", TRAINED]
    done = CliRunner().invoke(artfp, command)
    assert (done.exit_code, "is for the drafts that --c2pa writes" in done.stderr) == (2, True)
    verify(mixed)
    again, _ = verify(mixed)
    assert (again.exit_code, "drafts: exists; choose a new folder" in again.stderr) == (2, True)


def test_help_says_what_a_draft_is_not() -> None:
    words = " ".join(re.sub(r"[^\x20-\x7e]", " ", CliRunner().invoke(artfp, ["verify", "--help"]).stdout).split())
    for phrase in ("Nobody has signed it", "unregistered", "A soft binding is about one file", "--digital-source-type"):
        assert phrase in words
