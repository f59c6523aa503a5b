"""A sweep's folder: read in its own order, whole or in part, and refused by name where it cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sweeps import change, full_rows, put, read, row, write_sweep

from artfp.errors import BadInputError, UsageError
from artfp.report.sweep_folder import is_sweep, read_sweep
from artfp.robustness import DATA, GENERATED, IMAGE, UNTOUCHED, WEIGHTS, file_name

ADDRESS = "image/jpeg/80/generated"


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    return write_sweep(tmp_path / "sweep", full_rows(), thumbs=False)


def change_readout(folder: Path, **values: Any) -> None:
    path = folder / f"rows/{file_name(ADDRESS)}.json"
    change(path, readout=json.loads(path.read_text())["readout"] | values)


def test_all_rows_come_back_equal_in_the_order_asked_for(sweep: Path) -> None:
    assert is_sweep(sweep)
    found = read_sweep(sweep)
    assert found.rows == tuple(full_rows())
    assert (found.missing, found.thumbs, found.table) == ((), {}, True)
    assert found.subjects == (GENERATED, DATA)


def test_fields_of_other_versions_are_ignored(sweep: Path) -> None:
    """Earlier ones counted the clean images of the threshold beside their histogram."""
    thresholds = json.loads((sweep / "sweep.json").read_text())["thresholds"]
    change(sweep / "sweep.json", thresholds={**thresholds, "clean_images": sum(thresholds["clean_matches"])})
    assert read_sweep(sweep).rows == tuple(full_rows())


def test_what_is_measured_leaves_out_failures_and_the_untouched(sweep: Path) -> None:
    found = read_sweep(sweep)
    assert {each.attack for each, _ in found.measured(WEIGHTS)} == {"rounding", "weight-noise"}
    assert UNTOUCHED not in {each.attack for each, _ in found.measured(IMAGE)}
    before = found.untouched(GENERATED)
    assert before is not None
    assert before.address == "image/untouched/0/generated"


def test_rows_and_thumbs_may_be_missing(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path, full_rows())
    (sweep / f"rows/{file_name(ADDRESS)}.json").unlink()
    (sweep / "thumbs/image.jpeg.90.generated.png").unlink()
    (sweep / "rows.csv").unlink()
    found = read_sweep(sweep)
    assert found.missing == (ADDRESS,)
    assert ADDRESS not in found.thumbs
    assert "image/jpeg/90/generated" not in found.thumbs
    assert "image/jpeg/50/generated" in found.thumbs
    assert not found.table


def test_rows_of_an_earlier_larger_sweep_are_left_alone(sweep: Path) -> None:
    change(sweep / "sweep.json", addresses=[ADDRESS])
    assert [each.address for each in read_sweep(sweep).rows] == [ADDRESS]


def test_a_folder_without_a_sweep_is_a_wrong_request(tmp_path: Path) -> None:
    assert not is_sweep(tmp_path)
    with pytest.raises(UsageError, match="no robustness sweep here"):
        read_sweep(tmp_path)


@pytest.mark.parametrize("name", ["sweep.json", "rows/image.jpeg.80.generated.json"])
def test_a_later_schema_is_refused_before_anything_else(sweep: Path, name: str) -> None:
    put(sweep / name, {"schema": 2, "all": "else may be new"})
    with pytest.raises(BadInputError, match=r"json: of schema 2, .* install a later one"):
        read_sweep(sweep)


@pytest.mark.parametrize("schema", [None, 0, "1"])
def test_what_has_no_schema_is_not_of_this_kind(sweep: Path, schema: object) -> None:
    change(sweep / "sweep.json", schema=schema)
    with pytest.raises(BadInputError, match="no schema version"):
        read_sweep(sweep)


@pytest.mark.parametrize(
    "values",
    [
        {"n_bits": 0},
        {"n_bits": "64"},
        {"images": True},
        {"seed": None},
        {"addresses": ["a b"]},
        {"addresses": [ADDRESS, ADDRESS]},
        {"addresses": "all"},
        {"thresholds": None},
        {"thresholds": {"theoretical": 51}},
        {"n_bits": 65},
    ],
)
def test_a_sweep_that_cannot_be_is_named(sweep: Path, values: dict[str, Any]) -> None:
    change(sweep / "sweep.json", **values)
    with pytest.raises(BadInputError, match=r"sweep\.json: not a sweep"):
        read_sweep(sweep)


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "wish"},
        {"strength": float("nan")},
        {"aim": "fun"},
        {"readout": 3},
        {"readout": None},
        {"failure": "beside a readout"},
        {"damage": {"psnr": "high", "lpips": None, "frechet": None}},
        {"damage": {"psnr": float("inf"), "lpips": None, "frechet": None}},
        {"notes": [1]},
    ],
)
def test_a_row_that_cannot_be_is_named(sweep: Path, values: dict[str, Any]) -> None:
    change(sweep / f"rows/{file_name(ADDRESS)}.json", **values)
    with pytest.raises(BadInputError, match=r"image\.jpeg\.80\.generated\.json: "):
        read_sweep(sweep)


@pytest.mark.parametrize(
    "values",
    [
        {"images": 0},
        {"matching_bits": 10**9},
        {"matching_bits": 1},
        {"total_bits": 32 * 65},
        {"single_empirical": {"count": 33, "total": 32, "low": 0, "high": 1, "upper": 1}},
        {"accuracy": {"value": 0.9, "low": 0.95, "high": 0.2}},
        {"accuracy": {"value": 1.1, "low": 0.9, "high": 1.0}},
        {"accuracy": {"value": 0.7, "low": 0.8, "high": 0.9}},
        {"log10_p": 1.0},
        {"single": {"count": 40, "total": 32, "low": 0, "high": 1, "upper": 1}},
        {"matches": [1, 2]},
        {"matches": [65] * 32},
    ],
)
def test_a_readout_that_contradicts_itself_is_named(sweep: Path, values: dict[str, Any]) -> None:
    change_readout(sweep, **values)
    with pytest.raises(BadInputError, match=r"image\.jpeg\.80\.generated\.json: not a row of this sweep"):
        read_sweep(sweep)


def test_what_is_no_number_is_named_by_its_field(sweep: Path) -> None:
    change_readout(sweep, log10_p=float("-inf"))
    with pytest.raises(BadInputError, match=r"not a row of a sweep \(readout\.log10_p cannot be\)"):
        read_sweep(sweep)


@pytest.mark.parametrize("place", ["clean", "twin"])
@pytest.mark.parametrize("name", ["single", "single_empirical"])
def test_a_control_that_counts_more_than_there_are_is_named(sweep: Path, place: str, name: str) -> None:
    shares = {
        each: {"count": 0, "total": 32, "low": 0, "high": 1, "upper": 1} for each in ("single", "single_empirical")
    }
    shares[name]["count"] = 33
    change(sweep / f"rows/{file_name(ADDRESS)}.json", **{place: shares})
    with pytest.raises(BadInputError, match=rf"not a row of this sweep \({place}\.{name} cannot be\)"):
        read_sweep(sweep)


def test_readouts_without_bits_of_single_images_are_read(sweep: Path) -> None:
    change_readout(sweep, matches=[])
    assert read_sweep(sweep).missing == ()


def test_a_file_under_the_name_of_another_row_is_refused(sweep: Path) -> None:
    put(sweep / f"rows/{file_name(ADDRESS)}.json", row(IMAGE, "jpeg", 90, GENERATED, read(0.9)).to_dict())
    with pytest.raises(BadInputError, match=r"is of another row, image/jpeg/90/generated"):
        read_sweep(sweep)


def test_an_address_cannot_lead_out_of_the_folder() -> None:
    assert file_name("../../etc/passwd") == "......etc.passwd"


@pytest.mark.parametrize("content", ["{", "[]", "1"])
def test_broken_json_is_named(sweep: Path, content: str) -> None:
    (sweep / "sweep.json").write_text(content)
    with pytest.raises(BadInputError, match=r"sweep\.json: "):
        read_sweep(sweep)
