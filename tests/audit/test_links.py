"""What an audit says of links: those that hold, that lead elsewhere, to nothing, or that nobody told."""

from __future__ import annotations

import shutil
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from artfp.artefacts import LIST, Provenance, write_list
from artfp.audit.findings import BROKEN, HOLDS, INCONCLUSIVE, MISSING, SILENT, Audit
from artfp.audit.kinds import audit
from artfp.codec.dct import DctCodec
from artfp.codec.learned import Architecture, LearnedCodec
from artfp.data.manifest import MANIFEST
from artfp.embed import EmbedSettings, embed_dataset
from artfp.errors import UsageError
from artfp.files import read_json, sha256_file, write_json
from artfp.keys.registry import Registry
from artfp.robustness import SETTINGS, SWEEP
from artfp.seals import sealed


def states(found: Audit, what: str) -> list[str]:
    """Of all findings on one thing, in their order."""
    return [each.state for each in found.findings if each.what == what]


@pytest.fixture
def own(run: Path, tmp_path: Path) -> Path:
    """A run of this test's own."""
    shutil.copytree(run, tmp_path / "own")
    return tmp_path / "own"


def test_a_dataset_alone_says_where_its_source_is_missing(run: Path) -> None:
    alone = audit(run / "data" / "marked")
    assert (alone.kind, alone.outcome) == ("dataset", INCONCLUSIVE)
    assert states(alone, "source") == [MISSING]
    both = audit(run / "data" / "marked" / MANIFEST, [run / "data" / "original"])
    assert (both.outcome, states(both, "source images")) == (HOLDS, [HOLDS])


def test_a_training_alone_takes_its_data_from_anywhere(run: Path) -> None:
    alone = audit(run / "model" / "generator.safetensors")
    assert (alone.kind, alone.outcome, states(alone, "data")) == ("training", INCONCLUSIVE, [MISSING])
    assert audit(run / "model", [run / "data" / "marked"]).outcome == HOLDS
    assert audit(run / "twin", [run / "data" / "original"]).outcome == HOLDS


def test_generated_images_alone_take_their_generator_from_anywhere(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run / "generated" / "model", tmp_path / "images")
    assert states(audit(tmp_path / "images"), "generator") == [MISSING]
    assert audit(tmp_path / "images", [run / "model"]).outcome == HOLDS
    assert states(audit(tmp_path / "images", [run / "twin"]), "generator") == [MISSING]
    (tmp_path / "images" / "strange.png").write_bytes(b"x")
    strange = audit(tmp_path / "images", [run / "model"])
    assert [each.file for each in strange.findings if each.state == BROKEN] == ["strange.png"]


def test_exchanged_parts_of_a_run_are_found(own: Path) -> None:
    """Each is whole by itself."""
    for one, other in (("model", "twin"), ("generated/model", "generated/twin")):
        (own / one).rename(own / "spare")
        (own / other).rename(own / one)
        (own / "spare").rename(own / other)
        found = audit(own)
        assert found.outcome == BROKEN
        broken = {each.what for each in found.findings if each.state == BROKEN}
        assert {"data", "generator"} & broken
        (own / one).rename(own / "spare")
        (own / other).rename(own / one)
        (own / "spare").rename(own / other)
    assert audit(own).outcome == HOLDS


def test_strangers_among_the_images_are_found_and_lost_ones_missed(own: Path) -> None:
    lost = own / "data" / "original" / "horizons-000003.png"
    data = lost.read_bytes()
    lost.unlink()
    assert audit(own).outcome == BROKEN  # the source's own hash is of all its names
    lost.write_bytes(data)
    stranger = own / "data" / "marked" / "00000" / "img00000900.png"
    stranger.write_bytes(data)
    found = audit(own)
    assert "data/marked/00000/img00000900.png" in {each.file for each in found.findings if each.state == BROKEN}
    stranger.unlink()
    (own / "model" / "state.safetensors").unlink()
    found = audit(own)
    assert (found.outcome, states(found, "files")[1:3]) == (INCONCLUSIVE, [HOLDS, MISSING])


def test_a_run_from_before_lists_is_read_and_said_to_say_nothing(own: Path) -> None:
    for path in own.rglob(LIST):
        path.unlink()
    for name in ("model/generator.json", "twin/generator.json", f"data/marked/{MANIFEST}"):
        document = read_json(own / name)
        for field in ("digest", "contents"):
            document.pop(field, None)
        write_json(own / name, document)
    manifest = sha256_file(own / "data" / "marked" / MANIFEST)
    card = read_json(own / "model" / "generator.json")
    card["recipe"]["manifest"] = manifest  # which now is another
    write_json(own / "model" / "generator.json", card)
    write_json(own / "model" / "recipe.json", card["recipe"])
    for path in (own / "verdicts").iterdir():
        verdict = read_json(path)
        del verdict["digest"]
        for image in verdict["images"]:
            del image["sha256"]
        write_json(path, verdict)
    found = audit(own)
    assert (found.outcome, states(found, "images")) == (INCONCLUSIVE, [HOLDS, SILENT, SILENT, SILENT])
    for what in ("list of files", "manifest", "card", "verdict", "files of the data"):
        assert set(states(found, what)) == {SILENT}, what
    for what in ("codec", "generator", "source", "tables"):
        assert set(states(found, what)) == {HOLDS}, what


def test_a_list_leads_nowhere_outside_its_folder(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "a").write_text("a")
    write_list(folder, Provenance("test", {}), ["a"])
    listed = read_json(folder / LIST)
    for name in ("../secret", str(tmp_path / "secret")):
        write_json(folder / LIST, sealed(listed | {"files": {name: "ab" * 32}}))
        found = audit(folder)
        assert found.kind == "folder"
        assert [each.note for each in found.findings if each.state == BROKEN] == ["leads out of its folder"]


def test_a_run_folder_with_a_sweep_in_it_holds_together(own: Path) -> None:
    card = read_json(own / "model" / "generator.json")
    codec = read_json(own / "embed.json")["codec_sha256"]
    folder = own / "robustness"
    folder.mkdir()
    write_json(folder / SWEEP, {"generator_sha256": card["sha256"], "twin_sha256": None, "codec_sha256": codec})
    write_json(folder / SETTINGS, {"images": card["recipe"]["data"], "clean": None, "source": None})
    made_from = {"generator": card["sha256"], "manifest": card["recipe"]["manifest"]}
    write_list(folder, Provenance("sweep", made_from), [SWEEP, SETTINGS])
    found = audit(own)
    assert found.outcome == HOLDS
    assert "robustness/sweep.json" in {each.file for each in found.findings}
    write_json(folder / SWEEP, {"generator_sha256": "ab" * 32, "codec_sha256": codec})
    assert audit(own).outcome == BROKEN


def test_verdicts_find_their_images_in_archives_and_where_one_stands(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = next((run / "generated" / "model").glob("*.png"))
    known = read_json(run / "verdicts" / "model.json")["images"][0]
    assert Path(known["name"]).name == "img00000000.png"
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        archive.write(image.with_name("img00000000.png"), "deep/a.png")
    shutil.copy(image.with_name("img00000000.png"), tmp_path / "b.png")
    names = {"images.zip/deep/a.png": HOLDS, "b.png": HOLDS, "c.png": MISSING, "images.zip/other.png": MISSING}
    images = [{"name": name, "sha256": known["sha256"]} for name in names]
    verdict = {"outcome": "match", "codec_sha256": DctCodec().sha256, "images": images}
    write_json(tmp_path / "verdict.json", sealed(verdict))
    monkeypatch.chdir(tmp_path)
    found = audit(Path("verdict.json"))
    assert (found.kind, found.outcome) == ("verdict", INCONCLUSIVE)
    assert [each.note for each in found.findings if each.what == "images"] == ["2 of 4", "2 of 4, the first c.png"]
    (tmp_path / "b.png").write_bytes(b"another")
    write_json(tmp_path / "each.json", sealed({"verdicts": [verdict, verdict]}))
    assert states(audit(Path("each.json")), "images").count(BROKEN) == 2


@pytest.mark.parametrize(
    "kind",
    [
        "zip",
        "tar",
        pytest.param("parquet", marks=pytest.mark.skipif(not find_spec("pyarrow"), reason="needs the extra `parquet`")),
    ],
)
def test_a_packed_dataset_is_read_where_it_lies(
    kind: str, run: Path, tmp_path: Path, registry: Registry, dct: DctCodec
) -> None:
    registry.new("owner")
    target = tmp_path / ("marked.zip" if kind == "zip" else "marked")
    embed_dataset(EmbedSettings(run / "data" / "original", target, "owner", format=kind), dct, registry)
    found = audit(target, [run / "data" / "original"])
    assert (found.kind, found.outcome, states(found, "images")) == ("dataset", HOLDS, [HOLDS])
    file = target if kind == "zip" else next(target.rglob(f"*.{kind}"))
    data = file.read_bytes()
    place = data.index(b"IDAT") + 20
    file.write_bytes(bytes([*data[:place], data[place] ^ 1, *data[place + 1 :]]))
    assert audit(target, [run / "data" / "original"]).outcome == BROKEN


def test_a_codec_hangs_on_its_card(tmp_path: Path) -> None:
    codec = LearnedCodec("mine", Architecture(8, 32, 8, 1), 30.0)
    codec.round_weights()
    codec.clean = {}
    path = tmp_path / "mine.safetensors"
    codec.save(path)
    assert [each.state for each in audit(path).findings] == [SILENT]
    card = {"sha256": codec.sha256, "recipe": {"start_sha256": "ab" * 32}}
    write_json(path.with_suffix(".json"), sealed(card))
    assert [each.state for each in audit(path).findings] == [HOLDS, HOLDS, MISSING]
    write_json(path.with_suffix(".json"), sealed(card | {"sha256": "ab" * 32}))
    assert audit(path.with_suffix(".json")).outcome == BROKEN


def test_the_shipped_codecs_hold() -> None:
    for name in ("artfp-64", "artfp-128"):
        found = audit(Path(name))
        assert (found.kind, found.outcome) == ("codec", HOLDS)


def test_what_no_audit_knows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>")
    for path, why in (
        (tmp_path, "nothing that an audit knows"),
        (tmp_path / "page.html", "nothing"),
        (tmp_path / "x", "neither"),
    ):
        with pytest.raises(UsageError, match=why):
            audit(path)
    (tmp_path / "torn.json").write_text("{")
    assert audit(tmp_path / "torn.json").outcome == BROKEN
    (tmp_path / "torn.zip").write_bytes(b"PK")
    assert audit(tmp_path / "torn.zip").outcome == BROKEN
